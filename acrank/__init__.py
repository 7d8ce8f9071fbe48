"""Rank pretrained backbones by how well they would fine-tune on your data.

>>> import acrank
>>> ranking = acrank.rank(data="demo", zoo="demo")  # doctest: +SKIP
>>> ranking.best.result.model  # doctest: +SKIP
'demo-...'

Names are imported when they are first used: ``import acrank`` loads neither torch nor timm.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from acrank.api import choose, finetune, rank, rank_features
    from acrank.config import RunConfig
    from acrank.errors import AcrankError
    from acrank.experiments.validation import validate
    from acrank.finetuning.masks.load import load_segmenter
    from acrank.race.result import Choice
    from acrank.results import ModelResult, RankedModel, Ranking
    from acrank.runners.callbacks import Callback
    from acrank.runners.explain import explain
    from acrank.scoring.inspection import Explanation
    from acrank.zoo import Zoo, ZooEntry, read_zoo

_HOMES = {
    "AcrankError": "acrank.errors",
    "Callback": "acrank.runners.callbacks",
    "Choice": "acrank.race.result",
    "Explanation": "acrank.scoring.inspection",
    "ModelResult": "acrank.results",
    "RankedModel": "acrank.results",
    "Ranking": "acrank.results",
    "RunConfig": "acrank.config",
    "Zoo": "acrank.zoo",
    "ZooEntry": "acrank.zoo",
    "choose": "acrank.api",
    "explain": "acrank.runners.explain",
    "finetune": "acrank.api",
    "load_segmenter": "acrank.finetuning.masks.load",
    "rank": "acrank.api",
    "rank_features": "acrank.api",
    "read_zoo": "acrank.zoo",
    "validate": "acrank.experiments.validation",
}
_MODULES = ("metrics", "norm")

__all__ = [
    "AcrankError",
    "Callback",
    "Choice",
    "Explanation",
    "ModelResult",
    "RankedModel",
    "Ranking",
    "RunConfig",
    "Zoo",
    "ZooEntry",
    "__version__",
    "choose",
    "explain",
    "finetune",
    "load_segmenter",
    "rank",
    "rank_features",
    "read_zoo",
    "validate",
]


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(importlib.import_module(_HOMES[name]), name)
    if name in _MODULES:
        return importlib.import_module(f"acrank.{name}")
    raise AttributeError(f"module 'acrank' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*__all__, *_MODULES])
