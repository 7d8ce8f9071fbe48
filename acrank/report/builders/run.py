"""Report the facts about a run: data, device, time, and the command that repeats it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Protocol

from acrank.report.document import Block, Code, Group, Section, Table, Text, table_of
from acrank.report.repeat import Repeat
from acrank.utils.duration import duration_text


class Recorded(Protocol):
    """A result that has a record of the run that it is from."""

    @property
    def record(self) -> Mapping[str, Any]:
        """Configuration, versions, dataset and device of the run."""


def dataset_name(result: Recorded) -> str:
    """Name the target as it was given, without the folders above it."""
    name = str(part_of(result, "dataset").get("name", "unknown data"))
    return name.rstrip("/").rpartition("/")[2] or name


def part_of(result: Recorded, name: str) -> Mapping[str, Any]:
    """Read a part of the record; empty where the result has none."""
    part = result.record.get(name)
    return part if isinstance(part, Mapping) else {}


def items_name(dataset: Mapping[str, Any]) -> str:
    """Name the items of a dataset: ``images`` or ``volumes``.

    Args:
        dataset: of a run's record.
    """
    return "volumes" if "spacing" in dataset else "images"


def run_facts(result: Recorded, found: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    """List data, findings, device and time of a run as names and values.

    Args:
        result: with the record of a run.
        found: what stands between data and device, by name.
    """
    dataset, device = part_of(result, "dataset"), part_of(result, "device")
    classes = dataset.get("classes")
    seconds = result.record.get("seconds")
    facts = {
        items_name(dataset): _of(dataset.get("sampled"), dataset.get("images")),
        "classes": len(classes) if isinstance(classes, list) else None,
        **found,
        "device": " ".join(str(device[name]) for name in ("type", "precision") if name in device),
        "run": _moment(result.record.get("created")),
        "took": duration_text(seconds) if isinstance(seconds, int | float) else None,
    }
    return tuple((name, str(value)) for name, value in facts.items() if value not in (None, ""))


def _moment(created: Any) -> str | None:
    """Write a time to the minute, or as it is where it cannot be read."""
    try:
        return f"{datetime.fromisoformat(str(created)).astimezone(UTC):%Y-%m-%d %H:%M} UTC"
    except ValueError:
        return None if created is None else str(created)


def _of(part: Any, whole: Any) -> str | None:
    return None if part is None else f"{part}" if whole is None else f"{part} of {whole}"


def images_section(gallery: tuple[Block, ...]) -> tuple[Section, ...]:
    """Make the section of sample images; empty where there are none."""
    title = "Images of the sample"
    return (Section(title, "images", gallery, link="Images"),) if gallery else ()


def run_section(result: Recorded, repeat: Repeat) -> Section:
    """Make the section of the command that repeats a run, its settings, data and versions.

    Everything is in it that the result has, whatever version of acrank wrote it.

    Args:
        result: with the record of a run.
        repeat: the command.
    """
    how = Section("How to repeat it", "repeat", tuple(_repeated(repeat)))
    return Section("The run", "run", (how, Group(tuple(_tables(result)), "tables")))


def _repeated(found: Repeat) -> list[Block]:
    blocks: list[Block] = [Code(found.command, "Command", "sh")] if found.words else []
    return blocks + ([Text(found.note)] if found.note else [])


def _tables(result: Recorded) -> list[Table]:
    titles = {
        "config": "Settings",
        "dataset": "Dataset",
        "device": "Device",
        "versions": "Versions",
    }
    tables = [_listed(title, part_of(result, name)) for name, title in titles.items()]
    budget = part_of(result, "budget")
    rest = {name: value for name, value in budget.items() if name != "rounds"}
    tables.append(_listed("Budget", rest))
    tables.append(_objects("Rounds of the budget", budget.get("rounds")))
    tables.append(_objects("Merged files", result.record.get("merged")))
    return [table for table in tables if table.rows]


def _listed(title: str, part: Mapping[str, Any]) -> Table:
    columns = ("name", "value")
    return table_of(title, columns, ([str(k), _shown(v)] for k, v in part.items()), words=columns)


def _objects(title: str, objects: Any) -> Table:
    """Tabulate records of the same fields, a row each."""
    rows = [found for found in objects if isinstance(found, Mapping)] if objects else []
    columns = list(dict.fromkeys(str(name) for row in rows for name in row)) or ["name"]
    cells = ([_shown(row.get(name)) for name in columns] for row in rows)
    return table_of(title, columns, cells, words=columns)


def _shown(value: Any) -> str:
    if value is None:
        return "not set"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, Mapping):
        return ", ".join(f"{name}: {_shown(part)}" for name, part in value.items())
    if isinstance(value, Sequence) and not isinstance(value, str):
        return ", ".join(map(_shown, value)) or "none"
    return str(value)
