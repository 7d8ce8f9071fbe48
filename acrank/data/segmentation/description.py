"""Read ``dataset.json`` of the Decathlon and of nnU-Net: classes and channels."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

from acrank.data.segmentation.classmap import IGNORE, ClassMap
from acrank.errors import DataError
from acrank.utils.regular import read_regular
from acrank.utils.visible import brief

MOST_BYTES = 20_000_000
_LARGEST = 65535
_EXAMPLE = 'Write, for example: "labels": {"background": 0, "tumour": 1}.'


@dataclass(frozen=True)
class Description:
    """The contents of the file.

    Attributes:
        class_map: the classes.
        channels: how many each image has; None if the file does not say.
    """

    class_map: ClassMap
    channels: int | None


def read_description(file: Path) -> Description:
    """Read the classes (``labels``) and the channels (``channel_names`` or ``modality``).

    The Decathlon gives each value its name (``{"0": "background"}``), nnU-Net each name its value
    (``{"background": 0}``); both are read. A label that nnU-Net calls ``ignore`` is no class.

    Raises:
        DataError: the file cannot be read, or says something else.
    """
    content = _content(file)
    labels = content.get("labels")
    if not isinstance(labels, dict) or not labels:
        _fail(file, "it has no 'labels'", _EXAMPLE)
    codes = _codes(file, labels)
    ignore = codes.pop("ignore", None)
    if not 2 <= len(codes) <= IGNORE:
        _fail(file, f"it names {len(codes)} class(es)", f"Name 2 to {IGNORE} classes.")
    if len({*codes.values(), ignore}) <= len(codes):
        _fail(file, "some of its labels have the same value", "Give each its own.")
    return Description(ClassMap(tuple(codes), tuple(codes.values()), ignore), _channels(content))


def _content(file: Path) -> dict[str, Any]:
    try:
        content = json.loads(read_regular(file, MOST_BYTES))
    except OSError as error:
        _fail(file, error.strerror or str(error), None)
    except (ValueError, RecursionError) as error:
        _fail(file, f"it is not JSON: {brief(str(error))}", None)
    if not isinstance(content, dict):
        _fail(file, "it is not a JSON object", _EXAMPLE)
    return content


def _fail(file: Path, reason: str, hint: str | None) -> NoReturn:
    raise DataError(f"{file} cannot be used: {reason}.", hint=hint)


def _codes(file: Path, labels: dict[str, Any]) -> dict[str, int]:
    """The value of each class, by its name."""
    by_value = all(key.isdecimal() for key in labels)
    pairs = [(v, k) if by_value else (k, v) for k, v in labels.items()]
    codes: dict[str, int] = {}
    for name, value in pairs:
        if isinstance(value, list):
            _fail(
                file,
                f"{brief(repr(name))} is a region of several values",
                "Regions overlap and cannot be used: give each value its own class.",
            )
        if not isinstance(name, str) or not name.strip() or name in codes:
            _fail(file, f"{brief(repr(name))} is not a unique class name", _EXAMPLE)
        codes[name] = _value(file, name, value)
    return codes


def _value(file: Path, name: str, value: Any) -> int:
    whole = isinstance(value, int) and not isinstance(value, bool)
    if whole or (isinstance(value, str) and value.isdecimal()):
        number = int(value) if len(str(value)) <= len(str(_LARGEST)) else -1
        if 0 <= number <= _LARGEST:
            return number
    return _fail(
        file,
        f"{brief(repr(name))} has the value {brief(repr(value))}",
        f"Give a whole number from 0 to {_LARGEST}.",
    )


def _channels(content: dict[str, Any]) -> int | None:
    named = content.get("channel_names") or content.get("modality")
    return len(named) if isinstance(named, dict | list) else None
