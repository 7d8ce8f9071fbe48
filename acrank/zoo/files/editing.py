"""Change values in the text of a zoo file; every other byte of it stays.

A YAML library's round trip keeps comments, but sets spaces, line ends and indentation as it likes.
Here only the characters of a value are replaced, and the result is read again: if it does not
say what it should, nothing is changed.
"""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from acrank.errors import ZooError
from acrank.utils.files import write_whole
from acrank.utils.yaml_text import RefusedYamlError, parse
from acrank.zoo.files.reading import ZooFile

# Names, sources and paths without anything that YAML gives a meaning.
_PLAIN = re.compile(r"\w[\w./@:+-]*\w", re.ASCII)


@dataclass(frozen=True, order=True)
class Edit:
    """Characters ``start`` to ``end`` of a text give way to others."""

    start: int
    end: int
    text: str


def apply(text: str, edits: Sequence[Edit]) -> str:
    """The text with all edits made; the same one twice is made once."""
    for edit in sorted(set(edits), reverse=True):
        text = text[: edit.start] + edit.text + text[edit.end :]
    return text


def pinned(file: ZooFile, changes: Mapping[int, Mapping[str, str]]) -> str:
    """The text of a zoo file with entries pinned.

    Args:
        file: as it is.
        changes: by number of the entry, the fields to change and what they are to say.

    Returns:
        The new text: a field keeps its quotes, and a new one follows ``weights`` or ``name``.

    Raises:
        ZooError: an entry is written so that it cannot be changed alone, for example in an alias.
    """
    edits: list[Edit] = []
    wanted = copy.deepcopy(file.content)
    for number, fields in changes.items():
        edits += _edits(file, number, fields)
        item = wanted["models"][number]
        item = {"name": item} if isinstance(item, str) else item
        # a copy for itself: an alias makes two entries one object
        wanted["models"][number] = {**item, **fields}
    text = apply(file.text, edits)
    refuse_other(text, wanted, file)
    return text


def _edits(file: ZooFile, number: int, changes: Mapping[str, str]) -> list[Edit]:
    node = models_node(file).value[number]
    if isinstance(node, yaml.ScalarNode):
        start, end = _span(node)
        fields = {"name": node.value, **changes}
        return [Edit(start, end, flow_mapping(fields))]
    return [_field_edit(file, number, node, key, value) for key, value in changes.items()]


def _field_edit(file: ZooFile, number: int, node: Any, key: str, value: str) -> Edit:
    found = [child for name, child in node.value if name.value == key]
    if not found:
        return _new_field(file, number, node, key, value)
    start, end = _span(found[-1])  # of a key that is merged in as well the last one counts
    old = found[-1].value
    place = file.text.find(old, start, end)
    if place < 0 or file.text.find(old, place + 1, end) >= 0:
        line = file.line(number)
        message = f"{file.label} line {line}: {key} cannot be changed as it is written."
        raise ZooError(message, hint="Write it on one line, without escapes.")
    return Edit(place, place + len(old), value)


def _new_field(file: ZooFile, number: int, node: Any, key: str, value: str) -> Edit:
    """A field more: behind the one it belongs to."""
    start, end = _span(node)
    # what is merged in, or an alias, stands elsewhere in the text
    own = {
        name.value: (name, child)
        for name, child in node.value
        if start <= name.start_mark.index <= child.start_mark.index < end
        and isinstance(child, yaml.ScalarNode)
        and child.style not in ("|", ">")
    }
    before = next((own[name] for name in ("weights", "name", *own) if name in own), None)
    if before is None:
        line = file.line(number)
        message = f"{file.label} line {line}: {key} cannot be added to the entry as it is written."
        raise ZooError(message, hint=f"Add it by hand: {key}: {value}")
    name, child = before
    after = child.end_mark.index
    if node.flow_style:
        return Edit(after, after, f", {key}: {scalar(value)}")
    line_end = end_of_line(file.text, after)
    indent = " " * name.start_mark.column
    return Edit(line_end, line_end, f"{newline(file.text)}{indent}{key}: {scalar(value)}")


def refuse_other(text: str, wanted: object, file: ZooFile) -> None:
    """Refuse a new text that does not say what it should.

    Raises:
        ZooError: it does not; nothing has been written.
    """
    try:
        _, content = parse(text)
    except RefusedYamlError:
        content = None
    if content != wanted:
        raise ZooError(
            f"{file.label} cannot be changed without touching other values.",
            hint="They may be shared by anchors (&, *, <<), or be a block of text (|) at the end "
            "of a file without a last line end. Change it by hand.",
        )


def save(path: Path, text: str) -> None:
    """Write a zoo file whole, or leave what was there; its permissions stay.

    Raises:
        ConfigError: it cannot be written.
    """
    mode = path.stat().st_mode if path.exists() else None
    write_whole(path, text)
    if mode is not None:
        path.chmod(mode)


def scalar(value: object) -> str:
    """A value as YAML on one line, quoted where it must be, for any place in a file."""
    if isinstance(value, str) and _PLAIN.fullmatch(value) and parse(f"[{value}]")[1] == [value]:
        return value  # PyYAML would quote any with a colon
    text = yaml.safe_dump([value], default_flow_style=True, width=10**9, allow_unicode=True)
    line = text.strip()[1:-1]
    return json.dumps(value, ensure_ascii=False) if "\n" in line else line


def flow_mapping(fields: Mapping[str, object], padding: str = "") -> str:
    """Fields as ``{name: value}``."""
    inner = ", ".join(f"{key}: {scalar(value)}" for key, value in fields.items())
    return f"{{{padding}{inner}{padding}}}"


def newline(text: str) -> str:
    """The line end that a text has."""
    first = text.find("\n")
    return "\r\n" if first > 0 and text[first - 1] == "\r" else "\n"


def end_of_line(text: str, place: int) -> int:
    """Find the end of the line of a place, before its line break."""
    end = text.find("\n", place)
    end = len(text) if end < 0 else end
    return end - 1 if end > place and text[end - 1] == "\r" else end


def models_node(file: ZooFile) -> Any:
    """The node of the list of models."""
    return next(value for key, value in file.root.value if key.value == "models")


def _span(node: Any) -> tuple[int, int]:
    return node.start_mark.index, node.end_mark.index
