"""Read a zoo file, and place every error by file, line and field."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NoReturn

import yaml
from pydantic import ValidationError

from acrank.errors import ConfigError, ZooError
from acrank.utils.nearest import nearest
from acrank.utils.paths import user_path
from acrank.utils.visible import brief, visible
from acrank.utils.yaml_text import MOST_BYTES, RefusedYamlError, parse, read_text
from acrank.zoo.entries import Zoo, ZooEntry
from acrank.zoo.hub.repository import WeightsNameError
from acrank.zoo.sources.registry import source_of

VERSION = 1
_FILE_KEYS = ("version", "models")
_ENTRY_KEYS = tuple(k for k, about in ZooEntry.model_fields.items() if not about.exclude)
_SAY = {
    "string_type": "must be text (quote it if it looks like a number)",
    "string_too_short": "must not be empty",
    "tuple_type": "must be a list",
    "dict_type": "must be a mapping of names to values",
    "float_parsing": "must be a number",
    "float_type": "must be a number",
    "bool_parsing": "must be true or false",
    "bool_type": "must be true or false",
    "missing": "is missing",
}

_Place = tuple[str | int, ...]


def read_zoo(spec: str) -> Zoo:
    """Read the list of candidates.

    Args:
        spec: ``default``, ``demo``, or the path of a zoo file.

    Returns:
        The zoo, its names checked by their sources.

    Raises:
        ZooError: the file cannot be read or says something wrong, and where.
    """
    return Zoo(open_zoo(spec).entries(), spec)


def open_zoo(spec: str) -> ZooFile:
    """Read the text of a zoo file; its entries are not looked at yet.

    Raises:
        ZooError: the file cannot be read, is no YAML or no zoo, and where.
    """
    try:
        path = packaged_zoo(spec) or user_path(spec)
    except ConfigError as error:
        raise ZooError(error.message, hint=error.hint) from error
    label = path.name if packaged_zoo(spec) else spec
    try:
        text = read_text(path)
    except FileNotFoundError as error:
        hint = "Give 'default', 'demo' or the path of a zoo file."
        raise ZooError(f"There is no zoo file {spec!r}.", hint=hint) from error
    except RefusedYamlError as error:
        message = f"The zoo file {spec!r} cannot be read: it is {error.reason}."
        raise ZooError(message, hint=error.hint) from error
    except OSError as error:
        reason = error.strerror or str(error)
        hint = f"A zoo file is YAML text of at most {MOST_BYTES // 10**6} MB."
        raise ZooError(f"The zoo file {spec!r} cannot be read: {reason}.", hint=hint) from error
    return ZooFile(text, label, path.absolute().parent)


def packaged_zoo(spec: str) -> Path | None:
    """The file of a zoo that comes with the package, or None for a user's own."""
    here = Path(__file__).parents[1]
    if spec == "demo":
        return here / "demo" / "zoo.yaml"
    if spec == "default":
        packaged = here / "default.yaml"  # where the wheel puts the repository's zoo.yaml
        return packaged if packaged.is_file() else here.parents[1] / "zoo.yaml"
    return None


class ZooFile:
    """The text of a zoo file, and what it says.

    Attributes:
        text: as it is written.
        label: what messages call it.
        base: the folder that relative paths start from.
        root: the node of the whole, for places in the text.
        content: what it says, in plain values.
    """

    def __init__(self, text: str, label: str, base: Path) -> None:
        self.text = text
        self.label = label
        self.base = base
        self.root, self.content = self._parse(text)
        self._check_head()

    def _parse(self, text: str) -> tuple[yaml.Node, Any]:
        try:
            root, content = parse(text)
        except RefusedYamlError as error:
            where = "is" if error.line is None else f"line {error.line}:"
            message = f"{self.label} {where} {_quoted(error.reason)}"
            raise ZooError(message, hint=error.hint) from error
        if root is None:
            raise ZooError(f"{self.label} is empty.", hint="Start it with: version: 1")
        return root, content

    def fail(self, path: _Place, message: str, hint: str | None = None) -> NoReturn:
        """Raise an error placed at a field, given by its path from the root."""
        line = _line(self.root, path)
        where = f", {_quoted(_dotted(path))}" if path else ""
        raise ZooError(f"{self.label} line {line}{where}: {_quoted(message)}", hint=hint)

    def entries(self) -> tuple[ZooEntry, ...]:
        """Every entry of the file, checked.

        Raises:
            ZooError: the first fault, and where it is.
        """
        entries = []
        for item in self.each():
            if isinstance(item, ZooError):
                raise item
            entries.append(item)
        return tuple(entries)

    def each(self) -> Iterator[ZooEntry | ZooError]:
        """Every entry of the file, or what is wrong with it."""
        first: dict[str, int] = {}
        for number, item in enumerate(self.content["models"]):
            try:
                entry = self._entry(("models", number), item)
                self._refuse_doubled_name(number, first.setdefault(entry.name, number))
                yield entry
            except ZooError as error:
                yield error

    def says_name(self, number: int) -> str | None:
        """The name that an entry seems to have, whatever else is wrong with it."""
        item = self.content["models"][number]
        name = item.get("name") if isinstance(item, dict) else item
        return name if isinstance(name, str) else None

    def line(self, number: int) -> int:
        """The line of an entry, from 1."""
        return _line(self.root, ("models", number))

    def _check_head(self) -> None:
        content = self.content
        if not isinstance(content, dict):
            self.fail((), "not a mapping.", "A zoo file has the keys version and models.")
        for key in content:
            if key not in _FILE_KEYS:
                self.fail((key,), "unknown field.", nearest(str(key), _FILE_KEYS) or None)
        if "version" not in content:
            self.fail((), "version is missing.", f"Add the line: version: {VERSION}")
        if content["version"] != VERSION or isinstance(content["version"], bool):
            self.fail(
                ("version",), f"unknown version {brief(content['version'])}; this reads {VERSION}."
            )
        if not isinstance(content.get("models"), list) or not content["models"]:
            self.fail(("models",), "must be a list of at least one model.")

    def _entry(self, path: _Place, item: object) -> ZooEntry:
        fields = {"name": item} if isinstance(item, str) else item
        if not isinstance(fields, dict):
            self.fail(path, f"must be a name or a mapping, got {brief(item)}.")
        for key in fields:
            if key not in _ENTRY_KEYS:
                self.fail((*path, key), "unknown field.", nearest(str(key), _ENTRY_KEYS) or None)
        try:
            entry = ZooEntry.model_validate({**fields, "base": self.base})
        except ValidationError as error:
            self._field_error(path, error)
        self._check_names(path, entry)
        return entry

    def _field_error(self, path: _Place, error: ValidationError) -> NoReturn:
        first = error.errors(include_url=False)[0]
        said = str(first["msg"]).removeprefix("Value error, ")
        self.fail((*path, *first["loc"]), f"{_SAY.get(first['type'], said)}.")

    def _check_names(self, path: _Place, entry: ZooEntry) -> None:
        source = source_of(entry)
        try:
            source.check(entry)
        except WeightsNameError as error:
            self.fail((*path, "weights"), error.message, error.hint)
        except ZooError as error:
            self.fail((*path, source.field(entry)), error.message, error.hint)

    def _refuse_doubled_name(self, number: int, earlier: int) -> None:
        if earlier != number:
            name = self.says_name(number)
            message = f"{name!r} is already the name of models[{earlier}]"
            self.fail(
                ("models", number, "name"),
                f"{message} (line {self.line(earlier)}).",
                "Give one of them another name.",
            )


def _line(node: yaml.Node, path: _Place) -> int:
    """The line (from 1) of the field that a path leads to, or of the nearest one above it."""
    line = node.start_mark.line
    for step in path:
        found = _child(node, step)
        if found is None:
            break
        line, node = found
    return int(line) + 1


def _child(node: yaml.Node, step: str | int) -> tuple[int, yaml.Node] | None:
    if isinstance(node, yaml.SequenceNode) and isinstance(step, int) and step < len(node.value):
        return node.value[step].start_mark.line, node.value[step]
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            if key.value == str(step):
                return key.start_mark.line, value
    return None


def _dotted(path: _Place) -> str:
    """``("models", 3, "mean")`` as ``models[3].mean``."""
    text = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path)
    return text.lstrip(".")


def _quoted(text: str) -> str:
    """Quote text of the file on one line of bounded length."""
    return brief(visible(text), 400)
