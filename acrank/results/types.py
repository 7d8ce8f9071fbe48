"""Describe the result of a run: one result a model, their ranking, and its columns."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal

from acrank.metrics.estimate import Estimate
from acrank.metrics.registry import AC_CORR, is_relative
from acrank.norm.types import LayerCorrelation, NormKind
from acrank.results.outlook import Beforehand, Outlook

if TYPE_CHECKING:
    import pandas as pd

# The flag of a model whose features could not be written where they were asked for.
NOT_WRITTEN = "features-not-written"
# The flag of a result that could not be kept for a later run; it becomes a warning of the run.
NOT_KEPT = "not-kept"

Status = Literal["ok", "dropped", "unranked", "failed"]


@dataclass(frozen=True)
class ModelResult:
    """The result of scoring one model.

    Attributes:
        model: its name in the zoo.
        status: ``ok``; ``dropped`` where a budget had no time for the full sample, so that scores
            are of a smaller one or missing; ``unranked`` where the score ranked by is undefined;
            ``failed``.
        reason: why it is not ok; empty otherwise.
        scores: by metric; those that are undefined are missing.
        undefined: why, by metric.
        guards: by metric, the guards that fired and why: its number means less than it seems.
        flags: what is wrong with the model as a whole, such as ``tied-affines``.
        layers: AC-Corr layer by layer, averaged over the trials.
        feature_layers: whose maps the scores of features saw; empty where they saw the network's
            pooled features.
        params: number of parameters, the source's head included; None if unknown.
        imagenet_top1: published top-1 accuracy in per cent; None if unknown.
        norm_kind: kind of the layers that AC-Corr covers: ``batch``, ``layer``, ``group`` or
            ``instance``; None where it is of none, or it is not known.
        norm_layers: number of affine layers of that kind; of BatchNorm where there is none.
        norm_channels: number of their channels.
        input_size: channels, height, width; of volumes channels and three sides.
        license: licence of the weights.
        revision: commit or hash of the weights.
        seconds: wall time of load, probe and metrics.
        loading: those of them that went into finding, fetching and loading the network.
        kept: whether it was scored by an earlier run; no part of its record.
        beforehand: what is known of it without these images; None where nobody asked.
    """

    model: str
    status: Status
    reason: str = ""
    scores: dict[str, Estimate] = field(default_factory=dict)
    undefined: dict[str, str] = field(default_factory=dict)
    guards: dict[str, dict[str, str]] = field(default_factory=dict)
    flags: dict[str, str] = field(default_factory=dict)
    layers: tuple[LayerCorrelation, ...] = ()
    feature_layers: tuple[str, ...] = ()
    params: int | None = None
    imagenet_top1: float | None = None
    norm_layers: int | None = None
    norm_channels: int | None = None
    input_size: tuple[int, ...] | None = None
    license: str | None = None
    revision: str | None = None
    seconds: float = 0.0
    loading: float = field(default=0.0, compare=False, repr=False)
    kept: bool = False
    norm_kind: NormKind | None = None
    # it may be another with other published numbers, of the same network with the same scores
    beforehand: Beforehand | None = field(default=None, compare=False, repr=False)

    @classmethod
    def failed(cls, model: str, reason: str) -> ModelResult:
        """The row of a model that could not be scored."""
        return cls(model, "failed", reason)

    def with_seconds(self, seconds: float, loading: float = 0.0) -> ModelResult:
        """The same result with its wall time, and how much of that was loading."""
        return replace(self, seconds=seconds, loading=loading)

    def dropped(self, reason: str) -> ModelResult:
        """The same scores, of a model that is not ranked with those of the full sample."""
        return replace(self, status="dropped", reason=reason)

    def value(self, metric: str) -> float:
        """A metric's value; NaN where it has none."""
        return self.scores[metric].value if metric in self.scores else math.nan

    def judged_by(self, metric: str, *, known_zoo: bool = True) -> ModelResult:
        """The same result, unranked if it has no value of a metric.

        Args:
            metric: the one ranked by.
            known_zoo: whether metrics that need the other models have been computed.
        """
        pending = is_relative(metric)
        if self.status == "failed" or metric in self.scores or (pending and not known_zoo):
            return self
        reason = self.undefined.get(metric) or self.reason or "not computed"
        return replace(self, status="unranked", reason=reason)


@dataclass(frozen=True)
class RankedModel:
    """One row of the ranking.

    Attributes:
        result: result of scoring the model.
        rank: place, from 1; None for a model that is not ok.
        score: value of the metric ranked by; None likewise.
        low: lower end of the 95 % interval; None where there is none.
        high: upper end.
        p_best: probability of having the best score.
        tie_group: models in one group cannot be told apart from its first.
        places: best and worst rank by any metric that votes, in a consensus; None otherwise.
        expected: accuracy that is expected after fine-tuning, given prior and score, in standard
            deviations as the prior's; None where neither is known.
        expected_deviation: its standard deviation; None likewise.
        p_best_accuracy: probability of the highest accuracy after fine-tuning among the ranked
            models; None where that is not known of all of them.
        points_lost: points of accuracy that one expects to lose by taking it; None likewise.
    """

    result: ModelResult
    rank: int | None = None
    score: float | None = None
    low: float | None = None
    high: float | None = None
    p_best: float | None = None
    tie_group: int | None = None
    places: tuple[int, int] | None = None
    expected: float | None = None
    expected_deviation: float | None = None
    p_best_accuracy: float | None = None
    points_lost: float | None = None


@dataclass(frozen=True)
class Ranking:
    """A finished (or interrupted) run.

    Attributes:
        rows: best first, then dropped, unranked and failed models.
        rank_by: the metric that orders the rows.
        warnings: sentences about the run as a whole.
        record: configuration, versions and dataset, as in the JSON file.
        metrics: those that were asked for, in the order of their columns.
        interrupted: whether the user stopped the run before its end.
        outlook: what one loses in accuracy by following it; None where that is not known.
    """

    rows: tuple[RankedModel, ...]
    rank_by: str
    warnings: tuple[str, ...]
    record: dict[str, Any]
    metrics: tuple[str, ...] = AC_CORR
    interrupted: bool = False
    outlook: Outlook | None = None

    @property
    def best(self) -> RankedModel | None:
        """The first row, or None where no model could be scored."""
        return self.rows[0] if self.rows and self.rows[0].rank == 1 else None

    def count(self, status: Status) -> int:
        """Return how many models ended with a status."""
        return sum(row.result.status == status for row in self.rows)

    def to_frame(self) -> pd.DataFrame:
        """The rows as a data frame, with the columns of the CSV file."""
        import pandas as pd

        rows = [row_values(row, self.metrics) for row in self.rows]
        return pd.DataFrame(rows, columns=list(self.columns))

    @property
    def columns(self) -> tuple[str, ...]:
        """Columns of the CSV file, in order."""
        return (*HEAD, *self.metrics, *TAIL)


def row_values(row: RankedModel, metrics: tuple[str, ...]) -> dict[str, Any]:
    """Return a row by :attr:`Ranking.columns`; None where there is no value."""
    values = {metric: finite_or_none(row.result.value(metric)) for metric in metrics}
    return {
        **{name: value(row, metrics) for name, value in HEAD.items()},
        **values,
        **{name: value(row, metrics) for name, value in TAIL.items()},
    }


def _million_params(row: RankedModel, _: object) -> float | None:
    return None if row.result.params is None else row.result.params / 1e6


def _input_size(row: RankedModel, _: object) -> str | None:
    return "x".join(map(str, row.result.input_size)) if row.result.input_size else None


def _beforehand(row: RankedModel) -> Beforehand:
    return row.result.beforehand or Beforehand("")


# What a column holds of a row; those of some metrics are reported.
Cell = Callable[[RankedModel, tuple[str, ...]], Any]
# Columns of the CSV file before those of the metrics.
HEAD: dict[str, Cell] = {
    "rank": lambda row, _: row.rank,
    "model": lambda row, _: row.result.model,
    "status": lambda row, _: row.result.status,
    "score": lambda row, _: row.score,
    "score_low": lambda row, _: row.low,
    "score_high": lambda row, _: row.high,
    "p_best": lambda row, _: row.p_best,
}
# Columns after those of the metrics.
TAIL: dict[str, Cell] = {
    "params_m": _million_params,
    "norm_layers": lambda row, _: row.result.norm_layers,
    "norm_channels": lambda row, _: row.result.norm_channels,
    "input_size": _input_size,
    "license": lambda row, _: row.result.license,
    "revision": lambda row, _: row.result.revision,
    "seconds": lambda row, _: round(row.result.seconds, 3),
    "reason": lambda row, _: row.result.reason or None,
    "tie_group": lambda row, _: row.tie_group,
    "flags": lambda row, metrics: "; ".join(all_flags(row.result, metrics)) or None,
    "norm_kind": lambda row, _: row.result.norm_kind,
    "prior": lambda row, _: _beforehand(row).mean,
    "prior_deviation": lambda row, _: _beforehand(row).deviation,
    "prior_basis": lambda row, _: _beforehand(row).basis or None,
    "history": lambda row, _: _beforehand(row).history,
    "history_n": lambda row, _: _beforehand(row).history_n,
    "expected": lambda row, _: row.expected,
    "expected_deviation": lambda row, _: row.expected_deviation,
    "p_best_accuracy": lambda row, _: row.p_best_accuracy,
    "points_lost": lambda row, _: row.points_lost,
}


def all_flags(result: ModelResult, metrics: tuple[str, ...]) -> list[str]:
    """Return the model's flags, and the guards of some metrics, as ``name: text``."""
    flags = [f"{name}: {text}" for name, text in result.flags.items()]
    return flags + [
        f"{metric}: {name} ({text})"
        for metric in metrics
        for name, text in result.guards.get(metric, {}).items()
    ]


def finite_or_none(value: Any) -> Any:
    """Replace a float that is not finite by None: neither JSON nor a table can show it."""
    return None if isinstance(value, float) and not math.isfinite(value) else value
