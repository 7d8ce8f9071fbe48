"""What reports say of a run in words: the outcome, guards and flags, settings and versions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Protocol

from acrank.metrics.guards import GUARDS
from acrank.metrics.registry import CONSENSUS, METRICS
from acrank.report.ranking_text import (
    any_compared,
    better,
    interval_text,
    metric_text,
    millions_text,
    norms_text,
    number_text,
    places_text,
    probability_text,
    ranked,
    score_text,
    seconds_of,
    status_text,
    uncertainty_texts,
)
from acrank.report.tables import Table, make_table
from acrank.results import RankedModel, Ranking
from acrank.utils.duration import duration_text

CAVEAT = (
    "A transferability score is a cheap indicator. None predicts fine-tuned accuracy everywhere; "
    "intervals and P(best) speak of the images drawn, not of that."
)


def heading(ranking: Ranking) -> str:
    """What the page is about."""
    count = len(ranking.rows)
    return f"{count} pretrained {'model' if count == 1 else 'models'} for {dataset_name(ranking)}"


class Recorded(Protocol):
    """What has a record of the run that it is from."""

    @property
    def record(self) -> Mapping[str, Any]:
        """Configuration, versions, dataset and device."""


def dataset_name(ranking: Recorded) -> str:
    """The target as it was given, without the folders above it."""
    name = str(part_of(ranking, "dataset").get("name", "unknown data"))
    return name.rstrip("/").rpartition("/")[2] or name


def part_of(ranking: Recorded, name: str) -> Mapping[str, Any]:
    """A part of the record; empty where the result has none."""
    part = ranking.record.get(name)
    return part if isinstance(part, Mapping) else {}


def items_name(dataset: Mapping[str, Any]) -> str:
    """What a dataset is of: ``images`` or ``volumes``.

    Args:
        dataset: of a run's record.
    """
    return "volumes" if "spacing" in dataset else "images"


def outcome(ranking: Ranking) -> list[str]:
    """Who is first, how sure that is, and what became of the others; a sentence each."""
    best = ranking.best
    lines = [_first(ranking, best)] if best else ["No model could be ranked."]
    if best and best.tie_group is not None:
        tied = [row for row in ranked(ranking)[1:] if row.tie_group == best.tie_group]
        names = ", ".join(row.result.model for row in tied[:5])
        more = f" and {len(tied) - 5} more" if len(tied) > 5 else ""
        lines += [f"It cannot be told apart from {names}{more}."] if tied else []
    elif best and any_compared(ranking.rows):
        lines.append("Whether it can be told apart from the others is unknown.")
    counts = {status: ranking.count(status) for status in ("dropped", "unranked", "failed")}
    rest = [f"{count} {status}" for status, count in counts.items() if count]
    lines += [f"Not ranked: {', '.join(rest)}; the table says why."] if rest else []
    return lines


def _first(ranking: Ranking, best: RankedModel) -> str:
    parts = [f"{better(ranking.rank_by)}"]
    parts += [f"95 % interval {interval_text(best)}"] if best.low is not None else []
    chance = probability_text(best)
    parts += [f"probability of being best {chance}"] if chance else []
    score = number_text(best.score)
    return f"{best.result.model} is first by {ranking.rank_by}: {score} ({'; '.join(parts)})."


def summary(ranking: Ranking) -> list[tuple[str, str]]:
    """The run at a glance."""
    ranks = f"{len(ranked(ranking))} of {len(ranking.rows)} models"
    return run_summary(ranking, {"ranked": ranks, "ranked by": ranking.rank_by})


def run_summary(ranking: Recorded, found: Mapping[str, str]) -> list[tuple[str, str]]:
    """A run at a glance: its data, what was found, where and when.

    Args:
        ranking: or another result with the record of a run.
        found: what stands between data and device, by name.
    """
    dataset, device = part_of(ranking, "dataset"), part_of(ranking, "device")
    classes = dataset.get("classes")
    seconds = ranking.record.get("seconds")
    facts = {
        items_name(dataset): _of(dataset.get("sampled"), dataset.get("images")),
        "classes": len(classes) if isinstance(classes, list) else None,
        **found,
        "device": " ".join(str(device[name]) for name in ("type", "precision") if name in device),
        "run": _moment(ranking.record.get("created")),
        "took": duration_text(seconds) if isinstance(seconds, int | float) else None,
    }
    return [(name, str(value)) for name, value in facts.items() if value not in (None, "")]


def _moment(created: Any) -> str | None:
    """A time to the minute; as it is where it cannot be read."""
    try:
        return f"{datetime.fromisoformat(str(created)).astimezone(UTC):%Y-%m-%d %H:%M} UTC"
    except ValueError:
        return None if created is None else str(created)


def _of(part: Any, whole: Any) -> str | None:
    return None if part is None else f"{part}" if whole is None else f"{part} of {whole}"


def ranking_table(ranking: Ranking) -> Table:
    """Every row with what is always reported; its reason where it has no rank."""
    by = ranking.rank_by
    places = ["places"] if by == CONSENSUS else []
    columns = ["rank", "model", by, "95 % interval", "P(best)", "tie", *places]
    columns += ["params M", "norm layers", "seconds", "licence", "status"]
    rows, compared = [], any_compared(ranking.rows)
    for row in ranking.rows:
        layers = row.result.norm_layers
        rows.append(
            [
                str(row.rank or ""),
                row.result.model,
                score_text(row, by),
                *uncertainty_texts(row, compared),
                *([places_text(row)] if places else []),
                millions_text(row.result.params),
                "" if layers is None else f"{layers}{norms_text(row)}",
                f"{seconds_of(row):.1f}",
                row.result.license or "",
                status_text(row),
            ]
        )
    caption = f"Every model, ordered by {by} ({better(by)})"
    return make_table(caption, columns, rows, header="model", text=("licence", "status"))


def metrics_table(ranking: Ranking) -> Table:
    """Every value of every metric."""
    rows = [
        [row.result.model, *(metric_text(row, metric) for metric in ranking.metrics)]
        for row in ranking.rows
        if row.result.scores
    ]
    return make_table("Values of every metric", ["model", *ranking.metrics], rows)


def metrics_legend(ranking: Ranking) -> Table:
    """What the metrics are."""
    rows = [
        [name, better(name), METRICS[name].summary, METRICS[name].distrust]
        for name in ranking.metrics
    ]
    columns = ("metric", "direction", "measures", "when to distrust it")
    return make_table("What the metrics measure", columns, rows, text=columns)


def guards_table(ranking: Ranking) -> Table | None:
    """The guards that fired: what each means, and for which metrics; None if none did."""
    rows = []
    for guard, meaning in GUARDS.items():
        counts = {
            metric: sum(guard in row.result.guards.get(metric, {}) for row in ranking.rows)
            for metric in ranking.metrics
        }
        fired = [f"{metric} ({count})" for metric, count in counts.items() if count]
        if fired:
            rows.append([guard, meaning, ", ".join(fired)])
    columns = ("guard", "what it means", "metrics (models)")
    return make_table("Guards that fired", columns, rows, text=columns) if rows else None


def particulars_table(ranking: Ranking) -> Table | None:
    """Guards and flags model by model; None if there are none."""
    rows = []
    for row in ranking.rows:
        model = row.result.model
        rows += [[model, "model", name, text] for name, text in row.result.flags.items()]
        for metric in ranking.metrics:
            found = row.result.guards.get(metric, {})
            rows += [[model, metric, name, text] for name, text in found.items()]
    columns = ("model", "of", "guard or flag", "particulars")
    return (
        make_table("Guards and flags of each model", columns, rows, text=columns) if rows else None
    )


def run_tables(ranking: Recorded) -> list[Table]:
    """Settings, dataset, device and versions; rounds of a budget and merged files where there are.

    Everything is in it that the result has, whatever version of acrank wrote it.
    """
    titles = {
        "config": "Settings",
        "dataset": "Dataset",
        "device": "Device",
        "versions": "Versions",
    }
    tables = [_listed(title, part_of(ranking, name)) for name, title in titles.items()]
    budget = part_of(ranking, "budget")
    rest = {name: value for name, value in budget.items() if name != "rounds"}
    tables.append(_listed("Budget", rest))
    tables.append(_objects("Rounds of the budget", budget.get("rounds")))
    tables.append(_objects("Merged files", ranking.record.get("merged")))
    return [table for table in tables if table.rows]


def _listed(title: str, part: Mapping[str, Any]) -> Table:
    columns = ("name", "value")
    return make_table(title, columns, ([str(k), _shown(v)] for k, v in part.items()), text=columns)


def _objects(title: str, objects: Any) -> Table:
    """Records of the same fields, a row each."""
    rows = [found for found in objects if isinstance(found, Mapping)] if objects else []
    columns = list(dict.fromkeys(str(name) for row in rows for name in row)) or ["name"]
    cells = ([_shown(row.get(name)) for name in columns] for row in rows)
    return make_table(title, columns, cells, text=columns)


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
