"""The kinds of normalisation layers that AC-Corr can be of, in words."""

from __future__ import annotations

from typing import Literal

NormKind = Literal["batch", "layer", "group", "instance"]
KINDS: tuple[NormKind, ...] = ("batch", "layer", "group", "instance")
BATCH: tuple[NormKind, ...] = ("batch",)

# AC-Corr is defined on BatchNorm (arXiv 2307.15282); on the others it is this project's
# generalisation of it.
NORM_NAMES: dict[str, str] = {
    "batch": "BatchNorm",
    "layer": "LayerNorm",
    "group": "GroupNorm",
    "instance": "InstanceNorm",
}


def is_generalised(kind: str | None) -> bool:
    """Whether AC-Corr of such layers is a generalisation; not of BatchNorm, nor of no layers.

    Args:
        kind: of the layers that were scored; None where there were none.
    """
    return kind not in (None, "batch")
