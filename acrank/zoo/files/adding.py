"""Add models to a zoo file, for ``acrank zoo add``."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from acrank.errors import ConfigError, ZooError
from acrank.utils.files import check_writable
from acrank.utils.paths import user_path
from acrank.utils.visible import brief
from acrank.utils.yaml_text import RefusedYamlError, parse
from acrank.zoo.entries import ZooEntry
from acrank.zoo.files.appending import appended, new_file
from acrank.zoo.files.checking import Checked, Checker
from acrank.zoo.files.editing import save
from acrank.zoo.files.reading import ZooFile, open_zoo, packaged_zoo
from acrank.zoo.hub.client import Hub
from acrank.zoo.sources.registry import source_of
from acrank.zoo.weights import seen_from

# Fields that are text, whatever YAML makes of it.
_TEXT = ("note", "classifier", "sha256", "key")
# Fields that have options of their own.
_OWN = ("name", "source", "arch", "weights", "tags", "license", "factory")


@dataclass(frozen=True)
class Request:
    """The models to add to a zoo file, and their fields.

    Attributes:
        models: timm names or wildcards, or models of other sources behind a prefix.
        name: of the one model.
        arch: of one model with ``weights``.
        weights: a checkpoint.
        words: fields of every model added; None for none.
        settings: more of them, as ``field=value`` in YAML.
    """

    models: tuple[str, ...] = ()
    name: str | None = None
    arch: str | None = None
    weights: str | None = None
    words: Mapping[str, Any] = field(default_factory=dict)
    settings: tuple[str, ...] = ()


def add_entries(
    path: Path, request: Request, hub: Hub, *, pin: bool, tell: Callable[[str], None]
) -> str:
    """Check models and add them at the end of a zoo file, or leave it as it is.

    Args:
        path: of the file; it is made if it is not there.
        request: the models.
        hub: asked for what its local cache does not have.
        pin: whether to name the commits and SHA-256 that are there now.
        tell: is told what should be mended, and if the hub does not answer.

    Returns:
        The lines that were added.

    Raises:
        ConfigError: the request is not clear, or the file cannot be written.
        ZooError: the file cannot be used, has such a name already, or a model has an error.
    """
    path = user_path(path)
    if packaged_zoo(str(path)):
        raise ConfigError(
            f"{str(path)!r} is a zoo that comes with acrank.", hint="Name a file of your own."
        )
    check_writable(path)
    file = open_zoo(str(path)) if path.exists() else None
    wanted = requested(request, path.absolute().parent)
    _refuse_known(file, wanted)
    entries = _read(path, file, wanted)
    silent = hub.preflight(entries)
    if silent:
        tell(silent)
    checker = Checker(hub)
    checks = [checker(entry) for entry in entries]
    _refuse_errors(checks)
    if pin:
        changes = [checked.pins(entry) for checked, entry in zip(checks, entries, strict=True)]
        wanted = [{**old, **new} for old, new in zip(wanted, changes, strict=True)]
        checks = [checker(entry) for entry in _read(path, file, wanted)]
    for checked in checks:
        for warning in checked.warnings:
            tell(f"{checked.name}: {warning}")
    text, added = _written(file, wanted)
    save(path, text)
    return added


def requested(request: Request, folder: Path) -> list[dict[str, Any]]:
    """The fields of the entries that are asked for.

    Args:
        request: the models.
        folder: of the zoo file; paths are seen from the current one.

    Raises:
        ConfigError: the request is not clear.
        ZooError: timm does not know a name.
    """
    settings = {key: value for key, value in request.words.items() if value}
    for text in request.settings:
        settings.update(_setting(text))
    if request.arch or request.weights:
        if request.models or not (request.arch and request.weights):
            raise ConfigError("--arch and --weights go together, and without other models.")
        weights = seen_from(folder, request.weights)
        name = request.name or Path(weights).name.partition(".")[0]
        return [{"name": name, "arch": request.arch, "weights": weights, **settings}]
    asked = ((source_of(ZooEntry(name=model)), model) for model in request.models)
    found = [fields for source, model in asked for fields in source.added(model, folder)]
    if not found:
        raise ConfigError("No model is named.", hint="Name models, or give --arch and --weights.")
    if request.name:
        if len(found) > 1:
            raise ConfigError(f"--name is for one model; these are {len(found)}.")
        source = found[0].get("source", found[0]["name"])
        found = [{"name": request.name, "source": source}]
    return [{**fields, **settings} for fields in found]


def _setting(text: str) -> dict[str, Any]:
    """One ``field=value``."""
    key, equals, value = text.partition("=")
    if not equals or key in _OWN:
        hint = "Its own option does it." if key in _OWN else "Such as: --set input_size=96"
        raise ConfigError(f"--set {brief(text)!r} is not FIELD=VALUE of another field.", hint=hint)
    if key in _TEXT:
        return {key: value}
    try:
        return {key: parse(value)[1]}
    except RefusedYamlError as error:
        raise ConfigError(f"--set {brief(text)!r} is {error.reason}", hint=error.hint) from error


def _refuse_known(file: ZooFile | None, wanted: Sequence[Mapping[str, Any]]) -> None:
    known = {} if file is None else {e.name: i for i, e in enumerate(file.entries())}
    for fields in wanted:
        name = fields["name"]
        if file is not None and name in known:
            place = f"{file.label} (line {file.line(known[name])})"
            hint = "Give another --name."
            raise ZooError(f"{brief(name)!r} is already the name of a model in {place}.", hint=hint)


def _read(
    path: Path, file: ZooFile | None, wanted: Sequence[Mapping[str, Any]]
) -> tuple[ZooEntry, ...]:
    """The new entries, as they would be read back."""
    text, _ = _written(file, wanted)
    return ZooFile(text, str(path), path.absolute().parent).entries()[-len(wanted) :]


def _written(file: ZooFile | None, wanted: Sequence[Mapping[str, Any]]) -> tuple[str, str]:
    """The whole text, and what is new in it."""
    if file is not None:
        return appended(file, wanted)
    text = new_file(wanted)
    return text, text.rstrip("\n")


def _refuse_errors(checks: Sequence[Checked]) -> None:
    faults = [f"{checked.name}: {error}" for checked in checks for error in checked.errors]
    if faults:
        raise ZooError("\n".join(["Nothing is added.", *faults]))
