"""Make the tables of a choice: its arms for people and programs, times, measures, the look."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from acrank.race.ranked import interval_of
from acrank.race.result import Choice, Rung, Standing
from acrank.race.standings import BEST_EXPECTED
from acrank.report.builders.choice_words import interval_text, points_text, task_of, value_text
from acrank.report.builders.ranking_words import chance_text
from acrank.report.document import Cell, Column, Records, Table, Tone, table_of, tabulate
from acrank.utils.duration import duration_text

# Rows of the table on a terminal.
SHOWN = 20
# Parts that took fewer seconds are not shown.
SHORTEST = 0.05
PARTS = {
    "look": "ranking the candidates",
    "race": "the race",
    "final": "full fine-tunings",
    "judge": "judging the chosen one",
}
_TONES: dict[str, Tone] = {"failed": "failed", "skipped": "quiet", "out": "quiet"}

Field = tuple[Column, Callable[[Standing], str | Cell]]


def arms_table(choice: Choice, standings: Sequence[Standing], *, reasons: bool = False) -> Table:
    """Tabulate arms in the order of the choice.

    Args:
        choice: that they are of.
        standings: the arms to show.
        reasons: whether the reasons of their status are told.
    """
    fields: list[Field] = [
        (Column("place"), lambda one: str(one.place or "")),
        (Column("model", words=True), lambda one: one.arm.model),
        (Column("regime"), lambda one: one.arm.method),
        (Column("lr"), lambda one: f"{one.arm.lr:g}"),
        *(_rung_field(rung) for rung in choice.rungs),
        (Column("expected", note=choice.measure_words), lambda one: value_text(one.expected)),
        (Column("95 % interval", priority=3), lambda one: interval_text(interval_of(one))),
        (Column("behind", note="in points"), lambda one: points_text(one.behind)),
        (Column("its interval", priority=2, note="95 %, in points"), _behind_interval),
        (Column("P(best)", priority=1), lambda one: chance_text(one.p_best)),
        (Column("time", priority=5), lambda one: _time(one.seconds)),
        (Column("status", words=True), _status_field(reasons)),
        (Column("entered as", words=True, detail=True), lambda one: one.entered),
    ]
    things = task_of(choice).things
    caption = f"Arms of the race, by {choice.measure_words} on the validation {things}"
    return tabulate(caption, fields, standings, tone=_tone, header=1, silent=True)


def ran(choice: Choice) -> list[Standing]:
    """Return the arms that ran, or failed; those that were skipped have nothing to show."""
    return [one for one in choice.standings if one.status != "skipped"]


def skipped_table(choice: Choice) -> Table | None:
    """Tabulate the arms that did not run; None where all did."""
    rows = [
        (one.arm.model, one.arm.method, f"{one.arm.lr:g}", one.entered, one.reason)
        for one in choice.standings
        if one.status == "skipped"
    ]
    columns = ("model", "regime", "lr", "entered as", "reason")
    words = ("model", "regime", "entered as", "reason")
    return table_of("Arms that did not run", columns, rows, words=words) if rows else None


def _rung_field(rung: Rung) -> Field:
    def value(one: Standing) -> str:
        return next((value_text(lap.value) for lap in one.laps if lap.rung == rung.number), "")

    name = "full" if rung.full else f"rung {rung.number}"
    return Column(name, priority=4, note=rung.words), value


def _behind_interval(one: Standing) -> str:
    """Write the interval of an arm that is compared with the chosen one."""
    if one.status == "chosen":
        return ""
    return interval_text((one.behind_low, one.behind_high), 1)


def _time(seconds: float | None) -> str:
    return duration_text(round(seconds, 1)) if seconds else ""


def status_word(one: Standing) -> str:
    """Name the status of an arm, and whether it cannot be told apart from the chosen one."""
    if not one.alike or one.status == "chosen":
        return one.status
    return "alike" if one.status == "raced" else f"{one.status}, alike"


def _status_field(reasons: bool) -> Callable[[Standing], str]:
    def status(one: Standing) -> str:
        told = status_word(one)
        needed = reasons and one.reason and one.reason != BEST_EXPECTED
        return f"{told}: {one.reason}" if needed else told

    return status


def _tone(one: Standing) -> Tone:
    return "best" if one.status == "chosen" or one.alike else _TONES.get(one.status, "")


def arm_records(choice: Choice) -> Records:
    """Make a CSV row for each arm; columns of rungs are as many as there were."""
    rungs = [rung.number for rung in choice.rungs]
    rows = [_arm_record(one, rungs, one is choice.chosen) for one in choice.standings]
    before = ("place", "status", "model", "method", "lr", "expected", "low", "high", "p_best")
    behind = ("behind", "behind_low", "behind_high", "alike")
    values = tuple(f"value_rung_{number}" for number in rungs)
    after = ("seconds", "full_seconds", "params_m", "license", "entered", "reason", "chosen")
    return Records((*before, *behind, *values, *after), rows)


def _arm_record(one: Standing, rungs: Sequence[int], chosen: bool) -> dict[str, Any]:
    low, high = interval_of(one) or (None, None)
    values = {lap.rung: lap.value for lap in one.laps}
    return {
        "place": one.place,
        "status": one.status,
        "model": one.arm.model,
        "method": one.arm.method,
        "lr": one.arm.lr,
        "expected": one.expected,
        "low": low,
        "high": high,
        "p_best": one.p_best,
        "behind": one.behind,
        "behind_low": one.behind_low,
        "behind_high": one.behind_high,
        "alike": one.alike,
        **{f"value_rung_{number}": values.get(number) for number in rungs},
        "seconds": round(one.seconds, 3),
        "full_seconds": None if one.full_seconds is None else round(one.full_seconds, 3),
        "params_m": None if one.params is None else one.params / 1e6,
        "license": one.license,
        "entered": one.entered or None,
        "reason": one.reason or None,
        "chosen": chosen,
    }


def times_table(choice: Choice) -> Table | None:
    """Tabulate the time by part; None where none is known."""
    parts = {PARTS.get(name, name): seconds for name, seconds in choice.times.items()}
    took = choice.record.get("seconds")
    if isinstance(took, int | float):
        parts["all else: opening the data, timing the network"] = took - sum(parts.values())
    parts = {name: seconds for name, seconds in parts.items() if seconds >= SHORTEST}
    whole = sum(parts.values())
    if not whole:
        return None
    rows = [
        (name, duration_text(round(seconds, 1)), f"{100 * seconds / whole:.0f} %")
        for name, seconds in parts.items()
    ]
    rows.append(("together", duration_text(round(whole, 1)), "100 %"))
    return table_of("Time by part", ("part", "time", "share"), rows)


def measures_table(choice: Choice) -> Table | None:
    """Tabulate the measures that the chosen network is judged by; None where there are none."""
    known = {name: value for name, value in choice.judged.measures.items() if value is not None}
    if not known:
        return None
    unit = "mm" if task_of(choice).dimensions == 3 else "pixels"
    rows = [
        (f"{name.replace('_', ' ')}{f', {unit}' if 'hd95' in name else ''}", f"{value:.4g}")
        for name, value in known.items()
    ]
    return table_of("Measures of the chosen network", ("measure", "value"), rows)


def latency_table(choice: Choice) -> Table | None:
    """Tabulate latency and memory on this machine; None where they were not measured."""
    if not choice.latency:
        return None
    return _listed("Latency and memory on this machine", _measured(choice.latency))


def _measured(record: Mapping[str, Any]) -> dict[str, Any]:
    """Give latency and memory with their units; what is not known by name stays as it is."""
    left = dict(record)
    thing, told = left.pop("thing", "image"), {}
    plural = {"image": "images", "patch": "patches"}.get(thing, thing)
    if left.get("shape"):
        told[thing] = " x ".join(map(str, left.pop("shape")))
    if left.get("median_ms") is not None:
        told[f"one {thing}, median"] = f"{left.pop('median_ms'):.3g} ms"
    if None not in (left.get("p10_ms"), left.get("p90_ms")):
        ends = left.pop("p10_ms"), left.pop("p90_ms")
        runs = f" of {left.pop('runs')} runs" if left.get("runs") else ""
        told[f"80 %{runs}"] = f"{ends[0]:.3g} to {ends[1]:.3g} ms"
    if left.get("per_second") is not None:
        size = f", in batches of {left.pop('batch_size')}" if left.get("batch_size") else ""
        told["throughput"] = f"{left.pop('per_second'):.3g} {plural} a second{size}"
    if left.get("memory_bytes") is not None:
        told["memory"] = f"{left.pop('memory_bytes') / 2**20:.0f} MiB: {left.pop('memory', '')}"
    if left.get("parameters") is not None:
        told["parameters"] = f"{left.pop('parameters') / 1e6:.3g} million"
    if left.get("file_bytes") is not None:
        told["files of weights"] = f"{left.pop('file_bytes') / 2**20:.3g} MiB"
    return {**told, **{name: value for name, value in left.items() if value is not None}}


def export_tables(choice: Choice) -> Iterator[Table]:
    """Tabulate each export of the network."""
    for one in choice.exported:
        yield _listed(f"Export as {one.get('format', 'a file')}", one)


def _listed(caption: str, record: Mapping[str, Any]) -> Table:
    """Tabulate a record; records in it are listed with it."""
    flat: dict[str, Any] = {}
    for name, value in record.items():
        if isinstance(value, Mapping):
            flat.update({f"{name} {inner}": one for inner, one in value.items()})
        else:
            flat[name] = value
    rows = [(name.replace("_", " "), _shown(value)) for name, value in flat.items()]
    return table_of(caption, ("what", "value"), rows, words=("value",))


def _shown(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, list | tuple):
        return ", ".join(map(_shown, value))
    return "" if value is None else str(value)
