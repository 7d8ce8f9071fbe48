"""Put a ranking into words and short numbers, for every form of report."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from acrank.metrics.guards import GUARDS
from acrank.metrics.registry import (
    AC_CORR,
    CONSENSUS,
    METRICS,
    NO_CLASSIFIER,
    higher_is_better,
    is_fine_tuned,
    is_metric,
)
from acrank.norm.types import NORM_NAMES, is_generalised
from acrank.results import RankedModel, Ranking

# Follows a number that a guard speaks against.
MARK = "!"
# Follows a score of norm affines that is not of BatchNorm.
GENERALISED = "*"
# Stands for what is not known of a model beside others of which it is.
UNKNOWN = "?"
# Heads the probability of having the highest score.
TOP = "P(top)"
# Names in a note before it says how many more.
NAMED = 5


def ranked(ranking: Ranking) -> list[RankedModel]:
    """Select the rows that have a place and a score, best first."""
    return [row for row in ranking.rows if row.rank is not None and row.score is not None]


def better(metric: str) -> str:
    """Say in which direction a metric is better."""
    return "higher is better" if higher_is_better(metric) else "lower is better"


def arrow(metric: str) -> str:
    """Point in the direction in which a metric is better."""
    return "↑" if higher_is_better(metric) else "↓"


def reading_notes(ranking: Ranking) -> list[str]:
    """Explain intervals, ties, dropped models and missing scores, but not guards."""
    lines = uncertainty_notes(ranking)
    dropped = any(row.result.status == "dropped" and row.result.scores for row in ranking.rows)
    if dropped and not is_fine_tuned(ranking.rank_by):
        lines.append(
            "Dropped models: their numbers come from fewer images than those of ranked models."
        )
    if ranking.interrupted:
        lines.append("The run was interrupted: only models that had finished are ranked.")
    return [*lines, *norm_notes(ranking), *head_notes(ranking)]


def norm_notes(ranking: Ranking) -> list[str]:
    """Name models whose AC-Corr is a generalisation, and say why others have none."""
    generalised: dict[str, list[str]] = {}
    without: dict[str, list[str]] = {}
    for row in ranking.rows:
        result, reason = row.result, row.result.undefined.get(AC_CORR[0], "")
        if is_generalised(result.norm_kind) and any(_is_affine(name) for name in result.scores):
            generalised.setdefault(NORM_NAMES[str(result.norm_kind)], []).append(result.model)
        elif result.status == "ok" and reason and not result.layers:
            without.setdefault(reason, []).append(result.model)
    kinds = "; ".join(f"{kind} of {listed(names)}" for kind, names in generalised.items())
    marked = (
        f"{GENERALISED} AC-Corr of {kinds}: a generalisation that is not comparable with "
        "BatchNorm's AC-Corr."
    )
    return [
        *([marked] if kinds else []),
        *(f"No AC-Corr of {listed(names)}: {why}" for why, names in without.items()),
    ]


def head_notes(ranking: Ranking) -> list[str]:
    """Name models without the source classifier that some metrics need."""
    of_heads = [n for n in ranking.metrics if n in METRICS and "source_probs" in METRICS[n].needs]
    without: dict[str, list[str]] = {}
    for row in ranking.rows:
        given = (row.result.undefined.get(name, "") for name in of_heads)
        reason = next((why for why in given if NO_CLASSIFIER in why), "")
        if row.result.status == "ok" and reason:
            without.setdefault(reason, []).append(row.result.model)
    what = ", ".join(of_heads)
    return [f"No {what} of {listed(names)}: {why}." for why, names in without.items()]


def listed(names: Sequence[str], most: int = NAMED) -> str:
    """List names in a sentence, the first few of many."""
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more


def _is_affine(metric: str) -> bool:
    return metric in METRICS and METRICS[metric].of_norms


def uncertainty_notes(ranking: Ranking) -> list[str]:
    """Explain the intervals and tie groups; empty where there are none."""
    if not any_compared(ranking.rows):
        return []
    if is_fine_tuned(ranking.rank_by):
        return [
            f"{ranking.rank_by}: what the race expects of a model's best arm. Rank 1 is what was "
            "chosen. Interval: 95 %, over the validation images. tie: models of one group cannot "
            f"be told apart from what was chosen. {UNKNOWN}: the model is behind that; such models "
            "are not compared with each other."
        ]
    partly = any(row.tie_group is None for row in ranked(ranking))
    unknown = f" {UNKNOWN}: not known; the rest are compared without these." if partly else ""
    if ranking.rank_by == CONSENSUS:
        return [
            "Consensus: mean rank by several metrics, from 0 (last by all) to 1 (first by all). "
            "Interval: 95 % of draws of every metric. places: best and worst rank by any of them."
            + unknown
        ]
    if not METRICS[ranking.rank_by].needs_network:
        over = "random parts of the sample"
    else:
        steps = ranking.record.get("config", {}).get("steps", 1)
        over = "batches of the sample" if steps == 1 else "repeated trainings"
    return [
        f"Interval: Student's 95 % over {over}. {TOP}: probability of the highest score, which is "
        "not that of the highest accuracy. tie: by their scores, models of one group cannot be "
        f"told apart from its first (paired t test).{unknown}"
    ]


def guard_notes(ranking: Ranking) -> list[str]:
    """Explain each guard that fired, with its metrics and the number of models."""
    fired: dict[str, dict[str, int]] = {}
    for row in ranking.rows:
        for metric in ranking.metrics:
            for guard in row.result.guards.get(metric, {}):
                counts = fired.setdefault(guard, {})
                counts[metric] = counts.get(metric, 0) + 1
    return [
        f"{MARK} {guard}: {GUARDS[guard]} ("
        + ", ".join(f"{metric} of {count}" for metric, count in fired[guard].items())
        + (" models)." if max(fired[guard].values()) > 1 else " model).")
        for guard in GUARDS
        if guard in fired
    ]


def score_text(row: RankedModel, by: str) -> str:
    """Write the value that a row is ranked by, or would be if it had a rank."""
    return metric_text(row, by) if is_metric(by) else number_text(row.score)


def metric_text(row: RankedModel, metric: str) -> str:
    """Write a metric's value with its marks; empty where there is none."""
    return number_text(row.result.value(metric)) + mark_text(row, metric)


def mark_text(row: RankedModel, metric: str) -> str:
    """Give the marks of a value: a guard warns of it, or it is not of BatchNorm."""
    if metric not in row.result.scores:
        return ""
    generalised = is_generalised(row.result.norm_kind) and _is_affine(metric)
    mark = MARK if row.result.guards.get(metric) else ""
    return (GENERALISED if generalised else "") + mark


def places_text(row: RankedModel) -> str:
    """Write the best and the worst rank by any metric of a consensus."""
    return "" if row.places is None else f"{row.places[0]}-{row.places[1]}"


def any_compared(rows: Iterable[RankedModel]) -> bool:
    """Check whether any row has a tie group."""
    return any(row.tie_group is not None for row in rows)


class Uncertainty(NamedTuple):
    """Short texts on the uncertainty of a row's place."""

    interval: str
    p_best: str
    tie: str


def uncertainty(row: RankedModel, compared: bool) -> Uncertainty:
    """Write interval, probability and tie group; ``?`` for what only other rows have.

    Args:
        row: of a ranking.
        compared: whether any of its rows :func:`has <any_compared>` a tie group.
    """
    texts = interval_text(row), probability_text(row), str(row.tie_group or "")
    missing = UNKNOWN if compared and row.rank is not None else ""
    return Uncertainty(*(text or missing for text in texts))


def interval_text(row: RankedModel) -> str:
    """Write both ends of the interval; empty where there is none."""
    if row.low is None or row.high is None:
        return ""
    return f"{number_text(row.low)} … {number_text(row.high)}"


def chance_heading(by: str) -> str:
    """Name the column of the probability of being first: in accuracy of a race, else in score."""
    return "P(best)" if is_fine_tuned(by) else TOP


def probability_text(row: RankedModel) -> str:
    """Write the probability of being first as :func:`chance_text` does."""
    return chance_text(row.p_best)


def chance_text(chance: float | None) -> str:
    """Write a probability with two digits; never as a certainty, which no draws can show."""
    if chance is None:
        return ""
    if chance < 0.005:
        return "<0.01"
    return ">0.99" if chance > 0.995 else f"{chance:.2f}"


def status_text(row: RankedModel) -> str:
    """Write the status with its reason or, without one, with the model's flags."""
    flags = [f"{name} ({text})" for name, text in row.result.flags.items()]
    if row.result.reason:
        return f"{row.result.status}: {row.result.reason}"
    return ", ".join([row.result.status, *flags])


def seconds_of(row: RankedModel) -> float:
    """Round seconds as a result file does, so that its report is the same."""
    return round(row.result.seconds, 3)


def norms_text(row: RankedModel) -> str:
    """Name the kind of a model's norm layers; empty for BatchNorm or none."""
    kind = row.result.norm_kind
    return f" {NORM_NAMES[str(kind)]}" if is_generalised(kind) else ""


def millions_text(count: int | None) -> str:
    """Write a number of parameters in millions."""
    return "" if count is None else f"{count / 1e6:.2f}"


def number_text(value: float | None) -> str:
    """Write four significant digits, in plain notation where that is readable."""
    if value is None or value != value:
        return ""
    if abs(value) >= 1e5 and value == int(value):
        return f"{value:.0f}"
    return f"{value:.4g}" if abs(value) < 1e-3 or abs(value) >= 1e5 else f"{value:#.4g}".rstrip(".")
