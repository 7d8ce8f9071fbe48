"""Find the differences between two runs that their numbers depend on."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from acrank.config import RunConfig
from acrank.utils.described import described

PRECISION = "the device (precision)"


@dataclass(frozen=True)
class Difference:
    """One thing in which two runs are not alike.

    Attributes:
        what: in words.
        first: of the first run.
        second: of the second.
    """

    what: str
    first: Any
    second: Any


def differences(first: Mapping[str, Any], second: Mapping[str, Any]) -> Iterator[Difference]:
    """List the differences that keep the scores of two runs from being compared.

    Versions of libraries and times are no part of it, nor is how a run was carried out. A setting
    that was added after a run has its default in it.

    Args:
        first: a run's record: ``dataset``, ``config``, ``device`` of its JSON file.
        second: the other's.
    """

    def pair(part: str, name: str) -> tuple[Any, Any]:
        return first[part].get(name), second[part].get(name)

    def setting(name: str) -> tuple[Any, Any]:
        field = RunConfig.model_fields.get(name)
        usual = None if field is None or field.is_required() else field.default
        usual = list(usual) if isinstance(usual, tuple) else usual  # as JSON has it
        return first["config"].get(name, usual), second["config"].get(name, usual)

    settings = described(RunConfig)
    free = {name for name, one in settings.items() if not one.effect.held_equal}
    compared = [
        *((f"the dataset ({name})", *pair("dataset", name)) for name in _OF_DATASET),
        *(
            (f"the setting {name}", *setting(name))
            for name in sorted({*first["config"], *second["config"]} - free)
        ),
        ("the device (type)", *pair("device", "type")),
        (PRECISION, *pair("device", "precision")),
    ]
    return (Difference(*found) for found in compared if found[1] != found[2])


_OF_DATASET = ("fingerprint", "classes", "batches")
