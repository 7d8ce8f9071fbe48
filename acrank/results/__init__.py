"""Results of models, rankings of them, and both as JSON."""

from acrank.metrics.estimate import Estimate
from acrank.norm.types import LayerCorrelation
from acrank.results.outlook import Beforehand, Outlook
from acrank.results.types import (
    HEAD,
    NOT_KEPT,
    NOT_WRITTEN,
    TAIL,
    ModelResult,
    RankedModel,
    Ranking,
    Status,
    all_flags,
    finite_or_none,
    row_values,
)

__all__ = [
    "HEAD",
    "NOT_KEPT",
    "NOT_WRITTEN",
    "TAIL",
    "Beforehand",
    "Estimate",
    "LayerCorrelation",
    "ModelResult",
    "Outlook",
    "RankedModel",
    "Ranking",
    "Status",
    "all_flags",
    "finite_or_none",
    "row_values",
]
