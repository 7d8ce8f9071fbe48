"""Find the differences between two runs that their numbers depend on."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from acrank.config import RunConfig
from acrank.results.file import CHOICE
from acrank.tasks.registry import loaded
from acrank.utils.described import described
from acrank.utils.settings import Settings

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


def settings_of(record: Mapping[str, Any]) -> type[Settings]:
    """Return what the configuration of a run is described by: a race has its own.

    Args:
        record: a run's record.
    """
    if record.get("schema") == CHOICE:
        kind: type[Settings] = loaded("acrank.race.config:ChooseConfig")
        return kind
    return RunConfig


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

    kinds = [settings_of(record) for record in (first, second)]
    fields = {name: one for kind in kinds for name, one in kind.model_fields.items()}
    settings = {name: one for kind in kinds for name, one in described(kind).items()}

    def setting(name: str) -> tuple[Any, Any]:
        field = fields.get(name)
        known = field is not None and not field.is_required()
        usual = field.get_default(call_default_factory=True) if field and known else None
        usual = list(usual) if isinstance(usual, tuple) else usual  # as JSON has it
        return first["config"].get(name, usual), second["config"].get(name, usual)

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
