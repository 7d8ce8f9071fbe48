"""AC-Norm layers, conversion of networks to them and back, and AC-Corr.

Names are imported when they are first used: what is known of layers can be read without PyTorch.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from acrank.norm.types import LayerCorrelation

if TYPE_CHECKING:
    from acrank.norm.base import AffineCoLayer
    from acrank.norm.convert import Conversion, convert_affine, convert_batchnorm, fold
    from acrank.norm.correlation import ac_corr, affine_ratio, correlation_matrix, zero_drift
    from acrank.norm.layers import (
        AffineCoNorm,
        AffineCoNorm1d,
        AffineCoNorm2d,
        AffineCoNorm3d,
        AffineCoNormAct2d,
    )
    from acrank.norm.layerwise import (
        ModelCorrelation,
        SourceAffine,
        ac_corr_model,
        find_dead_channels,
        layer_correlations,
        spread_and_drift,
        summarise,
    )
    from acrank.norm.samplewise import AffineCoSampleNorm
    from acrank.norm.usable import norm_kind

_MODULES = ("base", "convert", "correlation", "layers", "layerwise", "samplewise", "usable")

__all__ = [
    "AffineCoLayer",
    "AffineCoNorm",
    "AffineCoNorm1d",
    "AffineCoNorm2d",
    "AffineCoNorm3d",
    "AffineCoNormAct2d",
    "AffineCoSampleNorm",
    "Conversion",
    "LayerCorrelation",
    "ModelCorrelation",
    "SourceAffine",
    "ac_corr",
    "ac_corr_model",
    "affine_ratio",
    "convert_affine",
    "convert_batchnorm",
    "correlation_matrix",
    "find_dead_channels",
    "fold",
    "layer_correlations",
    "norm_kind",
    "spread_and_drift",
    "summarise",
    "zero_drift",
]


def __getattr__(name: str) -> Any:
    if name in __all__:
        for module in map(importlib.import_module, (f"acrank.norm.{m}" for m in _MODULES)):
            if hasattr(module, name):
                return getattr(module, name)
    raise AttributeError(f"module 'acrank.norm' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
