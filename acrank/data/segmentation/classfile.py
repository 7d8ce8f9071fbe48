"""Read ``classes.yaml``: names of classes with their values or colours in the masks."""

from collections import Counter
from pathlib import Path
from typing import Any, NamedTuple, NoReturn

from acrank.data.segmentation.classmap import IGNORE, ClassMap
from acrank.errors import DataError
from acrank.utils.visible import brief
from acrank.utils.yaml_text import MOST_BYTES, RefusedYamlError, parse, read_text

_KEYS = ("classes", "ignore")
_LARGEST = 65535
_EXAMPLE = "Write, for example: classes: {background: 0, vessel: 255}"
_CODE = f"Give a value from 0 to {_LARGEST}, or a colour as [red, green, blue]."


class _Entry(NamedTuple):
    """The class that a value, or a colour, stands for."""

    name: str
    code: int
    colour: bool = False


def read_class_map(file: Path) -> ClassMap:
    """Read the classes and what pixels to ignore.

    ``classes`` is a list of names, for the values 0, 1, 2 and so on, or gives each name its value
    or its colour. ``ignore`` is a value, or a colour, that counts for nothing.

    Raises:
        DataError: the file cannot be read, or says something else.
    """
    content = _content(file)
    if not isinstance(content, dict) or content.get("classes") is None:
        _fail(file, "it has no 'classes'", _EXAMPLE)
    for key in content:
        if key not in _KEYS:
            _fail(
                file,
                f"it has the unknown key {_quoted(key)}",
                f"Its keys are {' and '.join(_KEYS)}.",
            )
    classes = _classes(file, content["classes"])
    ignored = content.get("ignore")
    ignore = None if ignored is None else _entry(file, "ignore", ignored)
    _check(file, classes, ignore)
    return ClassMap(
        names=tuple(entry.name for entry in classes),
        codes=tuple(entry.code for entry in classes),
        ignore=ignore.code if ignore else None,
        colour=classes[0].colour,
    )


def _content(file: Path) -> Any:
    try:
        return parse(read_text(file))[1]
    except RefusedYamlError as error:
        line = "" if error.line is None else f"line {error.line}: "
        reason, hint = f"{line}{error.reason.rstrip('.')}", error.hint
    except OSError as error:
        reason = error.strerror or str(error)
        hint = f"It must be YAML text of at most {MOST_BYTES // 10**6} MB."
    return _fail(file, reason, hint)


def _fail(file: Path, reason: str, hint: str | None) -> NoReturn:
    raise DataError(f"{file} cannot be used: {reason}.", hint=hint)


def _quoted(value: object) -> str:
    return repr(brief(value)) if isinstance(value, str) else brief(value)


def _classes(file: Path, classes: Any) -> list[_Entry]:
    if isinstance(classes, dict):
        return [_entry(file, _name(file, name), code) for name, code in classes.items()]
    if not isinstance(classes, list):
        _fail(file, f"'classes' is {_quoted(classes)}, neither a list nor a mapping", _EXAMPLE)
    names = [_name(file, name) for name in classes]
    doubled = [name for name, count in Counter(names).items() if count > 1]
    if doubled:
        _fail(file, f"class {_quoted(doubled[0])} is given twice", "Give each class its own name.")
    return [_Entry(name, value) for value, name in enumerate(names)]


def _name(file: Path, name: Any) -> str:
    if isinstance(name, bool) or not isinstance(name, str | int) or not str(name).strip():
        _fail(file, f"{_quoted(name)} is not a class name", "Give each class a name, in quotes.")
    return str(name)


def _entry(file: Path, name: str, code: Any) -> _Entry:
    """Read a value, or a colour."""
    if _is_number(code, _LARGEST):
        return _Entry(name, code)
    if isinstance(code, list) and len(code) == 3 and all(_is_number(part, 255) for part in code):
        return _Entry(name, int.from_bytes(bytes(code), "big"), colour=True)
    return _fail(file, f"{_quoted(name)} is given as {_quoted(code)}", _CODE)


def _is_number(value: Any, most: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= most


def _check(file: Path, classes: list[_Entry], ignore: _Entry | None) -> None:
    if not 2 <= len(classes) <= IGNORE:
        _fail(file, f"it names {len(classes)} class(es)", f"Name 2 to {IGNORE} classes.")
    entries = [*classes, ignore] if ignore else classes
    if len({entry.colour for entry in entries}) > 1:
        _fail(file, "some of its entries are values and some are colours", "Use one of the two.")
    for place, entry in enumerate(entries):
        for other in entries[:place]:
            if other.code == entry.code:
                both = f"{_quoted(other.name)} and {_quoted(entry.name)}"
                _fail(file, f"{both} have the same value or colour", "Give each its own.")
