"""What a run leaves behind: one result a model, the ranking of them, and its records."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal

from acrank.metrics import METRICS

if TYPE_CHECKING:
    import pandas as pd

    from acrank.norm import LayerCorrelation

Status = Literal["ok", "unranked", "failed"]

# Columns of the CSV file, in order.
COLUMNS = (
    *("rank", "model", "status", "score", "score_low", "score_high", "p_best"),
    *METRICS,
    *("params_m", "norm_layers", "norm_channels", "input_size", "license", "revision"),
    *("seconds", "reason", "tie_group", "flags"),
)


@dataclass(frozen=True)
class ModelResult:
    """What scoring one model gave.

    Attributes:
        model: its name in the zoo.
        status: ``ok``; ``unranked`` where the scores are undefined; ``failed``.
        reason: why it is not ok; empty otherwise.
        scores: for each metric the value of every trial.
        flags: guards that fired, such as ``tied-affines``.
        layers: AC-Corr layer by layer, averaged over the trials.
        params: number of parameters, the source's head included; None if unknown.
        norm_layers: number of affine BatchNorm layers.
        norm_channels: number of their channels.
        input_size: channels, height, width.
        license: of the weights.
        revision: commit or hash of the weights.
        seconds: wall time of load, probe and metrics.
    """

    model: str
    status: Status
    reason: str = ""
    scores: dict[str, list[float]] = field(default_factory=dict)
    flags: dict[str, str] = field(default_factory=dict)
    layers: tuple[LayerCorrelation, ...] = ()
    params: int | None = None
    norm_layers: int | None = None
    norm_channels: int | None = None
    input_size: tuple[int, int, int] | None = None
    license: str | None = None
    revision: str | None = None
    seconds: float = 0.0

    @classmethod
    def failed(cls, model: str, reason: str) -> ModelResult:
        """The row of a model that could not be scored."""
        return cls(model, "failed", reason)

    def with_seconds(self, seconds: float) -> ModelResult:
        """The same result with its wall time."""
        return replace(self, seconds=seconds)

    def mean(self, metric: str) -> float:
        """The mean of a metric over the trials; NaN where it has none."""
        values = self.scores.get(metric, [])
        return sum(values) / len(values) if values else math.nan


@dataclass(frozen=True)
class RankedModel:
    """One row of the ranking.

    Attributes:
        result: what scoring gave.
        rank: from 1; None for a model that is not ok.
        score: mean of the metric ranked by; None likewise.
        low: lower end of the 95 % interval; None where there is none.
        high: upper end.
        p_best: probability of having the highest mean score.
        tie_group: models in one group cannot be told apart from its first.
    """

    result: ModelResult
    rank: int | None = None
    score: float | None = None
    low: float | None = None
    high: float | None = None
    p_best: float | None = None
    tie_group: int | None = None


@dataclass(frozen=True)
class Ranking:
    """A finished (or interrupted) run.

    Attributes:
        rows: best first; unranked and failed models last.
        rank_by: the metric that orders the rows.
        warnings: sentences about the run as a whole.
        record: configuration, versions and dataset, as in the JSON file.
        interrupted: whether the user stopped the run before its end.
    """

    rows: tuple[RankedModel, ...]
    rank_by: str
    warnings: tuple[str, ...]
    record: dict[str, Any]
    interrupted: bool = False

    @property
    def best(self) -> RankedModel | None:
        """The first row, or None where no model could be scored."""
        return self.rows[0] if self.rows and self.rows[0].rank == 1 else None

    def count(self, status: Status) -> int:
        """How many models ended with a status."""
        return sum(row.result.status == status for row in self.rows)

    def to_frame(self) -> pd.DataFrame:
        """The rows as a data frame, with the columns of the CSV file."""
        import pandas as pd

        return pd.DataFrame([row_values(row) for row in self.rows], columns=list(COLUMNS))


def row_values(row: RankedModel) -> dict[str, Any]:
    """One row under the names of ``COLUMNS``; None where there is no value."""
    result = row.result
    values: dict[str, Any] = {
        "rank": row.rank,
        "model": result.model,
        "status": result.status,
        "score": row.score,
        "score_low": row.low,
        "score_high": row.high,
        "p_best": row.p_best,
        "params_m": None if result.params is None else result.params / 1e6,
        "norm_layers": result.norm_layers,
        "norm_channels": result.norm_channels,
        "input_size": result.input_size and "x".join(map(str, result.input_size)),
        "license": result.license,
        "revision": result.revision,
        "seconds": round(result.seconds, 3),
        "reason": result.reason or None,
        "tie_group": row.tie_group,
        "flags": "; ".join(f"{name}: {text}" for name, text in result.flags.items()) or None,
    }
    values.update({metric: finite_or_none(result.mean(metric)) for metric in METRICS})
    return {column: values[column] for column in COLUMNS}


def finite_or_none(value: Any) -> Any:
    """None for a float that is not finite, which neither JSON nor a table can show."""
    return None if isinstance(value, float) and not math.isfinite(value) else value
