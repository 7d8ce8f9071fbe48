"""Find the normalisation layers of a network, and read their affine parameters."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Literal, cast

from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm, _NormBase

from acrank.errors import NoNormError
from acrank.metrics.registry import DEFAULT
from acrank.norm.types import BATCH, KINDS, NORM_NAMES, NormKind, is_generalised
from acrank.norm.usable import norm_kind, unusable_norms, usable_norms

# Which layers AC-Corr may be of: BatchNorm alone, or others where there is no BatchNorm.
Norms = Literal["batch", "affine"]
OTHERS = KINDS[1:]
# Reasons in one message.
NAMED = 3
# What to do without such layers.
ANOTHER_SCORE = f"rank by another score, such as --rank-by {DEFAULT}."


def norm_layers(model: nn.Module, norms: Norms = "batch") -> dict[str, nn.Module]:
    """Return the layers that AC-Corr is computed from, by name: one kind, with scale and shift.

    BatchNorm counts wherever there is some. With ``affine``, a network without it has its
    LayerNorm, GroupNorm or InstanceNorm layers taken instead: whichever are most.

    Args:
        model: the network.
        norms: ``batch`` for BatchNorm alone.
    """
    found = usable_norms(model, BATCH)
    if found or norms == "batch":
        return found
    found = usable_norms(model, OTHERS)
    counts = Counter(norm_kind(layer) for layer in found.values())
    most = max(OTHERS, key=lambda kind: counts[kind])  # the first of them, where they are equal
    return {name: layer for name, layer in found.items() if norm_kind(layer) == most}


def kind_of(layers: Iterable[nn.Module]) -> NormKind | None:
    """Return the one kind of some layers; None where there are none."""
    return next((kind for layer in layers if (kind := norm_kind(layer))), None)


def affine_of(layer: nn.Module) -> tuple[nn.Parameter, nn.Parameter]:
    """Return the scale and the shift of a plain normalisation layer."""
    return cast(nn.Parameter, layer.weight), cast(nn.Parameter, layer.bias)


def no_norm_error(model: nn.Module, norms: Norms) -> NoNormError:
    """Make the error of a network without suitable norm layers: why, and what to do."""
    others = kind_of(norm_layers(model, "affine").values())
    if norms == "batch" and is_generalised(others):
        return NoNormError(
            f"no BatchNorm layer with affine parameters, but {NORM_NAMES[str(others)]}.",
            hint=f"--norms affine gives it an AC-Corr of its own kind; or {ANOTHER_SCORE}",
        )
    what = "BatchNorm" if norms == "batch" else ", ".join(NORM_NAMES.values())
    return NoNormError(
        f"no {what} layer with affine parameters{_left_out(model, norms)}.",
        hint=f"AC-Corr is defined on its scale and shift; {ANOTHER_SCORE}",
    )


def use_batch_statistics(model: nn.Module, layers: Iterable[nn.Module] = ()) -> None:
    """Normalise by the batch, and leave the running statistics as the source has them.

    Args:
        model: all of its BatchNorm layers do.
        layers: of any kind, which do likewise: InstanceNorm may have running statistics too.
    """
    found: list[_NormBase] = [m for m in model.modules() if isinstance(m, _BatchNorm)]
    for layer in (*found, *(each for each in layers if isinstance(each, _NormBase))):
        layer.train()
        layer.momentum = 0.0


def _left_out(model: nn.Module, norms: Norms) -> str:
    """List the norm layers that cannot be used, with the reasons; empty for none."""
    found = unusable_norms(model, KINDS if norms == "affine" else BATCH)
    reasons = list(dict.fromkeys(found.values()))
    more = f" and {len(reasons) - NAMED} more" if len(reasons) > NAMED else ""
    return f" ({'; '.join(reasons[:NAMED])}{more})" if reasons else ""
