"""AC-Corr layer by layer: which channels and layers carry information, and what they keep."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, cast

import torch
from torch import Tensor, nn

from acrank.norm.base import AffineCoLayer
from acrank.norm.correlation import ac_corr, affine_ratio, zero_drift
from acrank.norm.guard import NONE_LEFT
from acrank.norm.types import LayerCorrelation

DeadChannels = Literal["exclude", "keep"]

# A channel whose output spreads less than this share of the layer's usual scale is dead.
DEAD_FRACTION = 0.01
# Ratios that spread (standard deviation) by less than this share of the temperature give nearly
# uniform softmax rows. Layers of trained networks lie above 0.05, freshly started ones below 0.01.
TIED_SPREAD = 0.02


@dataclass(frozen=True)
class SourceAffine:
    """The pretrained affine of one normalisation layer, with what tells dead channels.

    Attributes:
        name: name of the layer in its network.
        weight: scales, shape (C,).
        bias: shifts, shape (C,).
        running_var: running variance, shape (C,); None where it is not tracked.
        eps: added to the variance by the layer.
    """

    name: str
    weight: Tensor
    bias: Tensor
    running_var: Tensor | None
    eps: float

    @classmethod
    def of(cls, name: str, layer: nn.Module) -> SourceAffine:
        """Copy the source affine of a normalisation or AC-Norm layer, to the CPU."""

        def copy(tensor: Tensor) -> Tensor:
            return tensor.detach().to("cpu", copy=True)

        variance = getattr(layer, "running_var", None)
        spread = None if variance is None else copy(variance)
        weight, bias = cast(Tensor, layer.weight), cast(Tensor, layer.bias)
        return cls(name, copy(weight), copy(bias), spread, cast(float, layer.eps))


@dataclass(frozen=True)
class ModelCorrelation:
    """AC-Corr of a network: means over its telling layers, NaN where none is left.

    Attributes:
        ac_corr: mean of the layers' sums: the authors' score. Higher is better.
        ac_corr_channel: mean of the layers' kept mass per channel, in (0, 1]. Higher is better.
        ac_corr_zero: mean of the layers' zero-drift values; does not depend on the target.
    """

    ac_corr: float
    ac_corr_channel: float
    ac_corr_zero: float


def ac_corr_model(
    model: nn.Module, dead_channels: DeadChannels = "exclude"
) -> list[LayerCorrelation]:
    """AC-Corr of every AC-Norm layer of a converted network.

    Args:
        model: a network converted by :func:`acrank.norm.convert_batchnorm` or
            :func:`acrank.norm.convert_affine`, usually after a training step on the target.
        dead_channels: leave dead channels out of the correlation, or keep them as the
            authors' release does.

    Returns:
        One entry per layer, in the order of the network's modules.

    Raises:
        ValueError: the network has no AC-Norm layer, or an affine parameter is not finite.
    """
    layers = [(n, m) for n, m in model.named_modules() if isinstance(m, AffineCoLayer)]
    if not layers:
        raise ValueError(NONE_LEFT)
    return [
        layer_correlations(
            SourceAffine.of(name, layer),
            layer.weight_target.detach()[None],
            layer.bias_target.detach()[None],
            layer.temperature,
            dead_channels,
        )[0]
        for name, layer in layers
    ]


def layer_correlations(
    source: SourceAffine,
    target_weight: Tensor,
    target_bias: Tensor,
    temperature: float = 1.0,
    dead_channels: DeadChannels = "exclude",
) -> list[LayerCorrelation]:
    """AC-Corr of one layer for several target affines.

    Args:
        source: the pretrained affine.
        target_weight: scales after training on the target, shape (B, C).
        target_bias: shifts after training on the target, shape (B, C).
        temperature: temperature of the softmax in the affine correlation, above zero.
        dead_channels: "exclude" or "keep".

    Returns:
        B entries.

    Raises:
        ValueError: an affine parameter is not finite.
    """
    dead = find_dead_channels(source)
    target_weight, target_bias = target_weight.cpu(), target_bias.cpu()
    affines = (source.weight, source.bias, target_weight, target_bias)
    # Judged on the live channels in any case: the ratios of dead ones are in the thousands.
    a, b, c, d = (values[..., ~dead] for values in affines)
    spread, drift = spread_and_drift(a, b, c, d)
    tied = spread <= TIED_SPREAD * temperature
    swamped = not tied and spread <= drift
    known = (source.name, len(dead), int(dead.sum()), tied, swamped)
    if tied:
        return [LayerCorrelation(*known, *[float("nan")] * 3)] * len(target_weight)
    used = ~dead if dead_channels == "exclude" else torch.ones_like(dead)
    weight, bias, new_weight, new_bias = (values[..., used] for values in affines)
    kept = ac_corr(weight, bias, new_weight, new_bias, temperature)
    zero = float(zero_drift(weight, bias, temperature).sum())
    return [LayerCorrelation(*known, float(row.sum()), float(row.mean()), zero) for row in kept]


def find_dead_channels(source: SourceAffine) -> Tensor:
    """Channels that pass no signal on: a mask of shape (C,), true where dead.

    A channel's output spreads by ``|weight| * sqrt(var / (var + eps))``, which is the scale
    alone unless the input hardly varies. Dead is a spread below 1 % of the layer's usual
    scale: the median of the scales, or a tenth of the largest where most of them are zero.
    """
    scale = source.weight.double().abs()
    usual = torch.maximum(scale.median(), scale.max() / 10)
    spread = scale
    if source.running_var is not None:
        variance = source.running_var.double().clamp(min=0)
        spread = scale * torch.sqrt(variance / (variance + source.eps))
    # "not above" rather than "below", so that a layer of zeros is dead throughout.
    return ~(spread > DEAD_FRACTION * usual)


def summarise(layers: Sequence[LayerCorrelation]) -> ModelCorrelation:
    """Means over the telling layers; NaN where there is none."""

    def mean(values: Iterator[float]) -> float:
        kept = list(values)
        return sum(kept) / len(kept) if kept else float("nan")

    telling = [layer for layer in layers if layer.telling]
    return ModelCorrelation(
        mean(layer.kept_sum for layer in telling),
        mean(layer.kept_mean for layer in telling),
        mean(layer.zero_drift for layer in telling),
    )


def spread_and_drift(
    weight: Tensor, bias: Tensor, target_weight: Tensor, target_bias: Tensor
) -> tuple[float, float]:
    """Standard deviation of the ratios, and root mean square of their change over all trials.

    Both are 0 for fewer than two channels.

    Args:
        weight: pretrained scales, shape (C,).
        bias: pretrained shifts, shape (C,).
        target_weight: scales after training on the target, shape (B, C).
        target_bias: shifts after training on the target, shape (B, C).
    """
    source = affine_ratio(weight.double(), bias.double())
    target = affine_ratio(target_weight.double(), target_bias.double())
    if len(source) < 2:
        return 0.0, 0.0
    return float(source.std()), float((target - source).square().mean().sqrt())
