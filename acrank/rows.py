"""One row of a ranking as plain values, in the documented columns."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from acrank.metrics import METRICS

if TYPE_CHECKING:
    from acrank.results import RankedModel

COLUMNS = (
    *("rank", "model", "status", "score", "score_low", "score_high", "p_best"),
    *METRICS,
    *("params_m", "norm_layers", "norm_channels", "input_size", "license", "revision"),
    *("seconds", "reason", "tie_group", "flags"),
)


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
