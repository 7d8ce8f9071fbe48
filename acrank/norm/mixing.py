"""The affine that AC-Norm normalises by: the target's, mixed by the affine correlation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from acrank.norm.correlation import affine_ratio, correlation_matrix

Array = NDArray[np.float64]
Indices = NDArray[np.intp]
Affine = tuple[Tensor, Tensor]
# Of the source ratios, in temperatures: beyond it exponentials leave the range of float64.
WIDEST = 600.0


def mixed_affine(source: Affine, target: Affine, temperature: float, eps: float) -> Affine:
    """``(I + C)`` times the target's scale and shift, C a constant of the graph.

    On the CPU, C is not written out: see :class:`Windows`. An accelerator, for which C x C is
    little and many small steps are much, gets the matrix; so does a layer with ratios too far
    apart, and a graph that is compiled or transformed by ``torch.func``.

    Args:
        source: scale and shift of the pretrained layer, (C,) each.
        target: scale and shift as trained.
        temperature: temperature of the softmax.
        eps: constant that keeps the affine ratio finite.

    Returns:
        Scale and shift in the target's dtype.
    """
    if target[0].device.type == "cpu" and not torch.compiler.is_compiling():
        windows = _windows(source, target, temperature, eps)
        if windows is not None:
            return cast(Affine, _Mixed.apply(*target, windows, False))
    # Autocast would round the product with C to half precision.
    with torch.autocast(target[0].device.type, enabled=False):
        return _written_out(source, target, temperature, eps)


def _windows(source: Affine, target: Affine, temperature: float, eps: float) -> Windows | None:
    try:
        rows = _rows(*source), _rows(*target)
    except RuntimeError:  # a tensor of torch.func has no values of its own
        return None
    return Windows.of(*rows, temperature, eps)


def _written_out(source: Affine, target: Affine, temperature: float, eps: float) -> Affine:
    dtype = target[0].dtype
    # Half precision cannot hold ratios of nearly dead channels (1e5 is inf in fp16).
    wide = torch.promote_types(dtype, torch.float32)
    values = torch.stack(target, dim=1).to(wide)
    with torch.no_grad():
        source_ratio = affine_ratio(source[0].to(wide), source[1].to(wide), eps)
        target_ratio = affine_ratio(values[:, 0], values[:, 1], eps)
        matrix = correlation_matrix(source_ratio, target_ratio, temperature)
    weight, bias = (values + matrix @ values).to(dtype).unbind(1)
    return weight, bias


@dataclass(frozen=True)
class Windows:
    """The affine correlation C between channels that are sorted by their source ratio.

    A row of C is an exponential kernel over an interval of them: two differences of prefix sums.
    Sums go from the left up to the target ratio and from the right down to it: each term is
    larger than those before it, so that a difference of two sums keeps its precision.

    Attributes:
        order: the channels, sorted; rows and columns of C are in this order below.
        weights: of the terms of the sums from the left, and from the right, (2, 1, C).
        ends: how many terms the larger and the smaller sum have, (2, 2, C).
        scales: of their difference, (2, 1, C).
    """

    order: Indices
    weights: Array
    ends: Indices
    scales: Array

    @classmethod
    def of(cls, source: Array, target: Array, temperature: float, eps: float) -> Windows | None:
        """The correlation of two affines (2, C); None where source ratios are too far apart."""
        ratio = source[1] / (abs(source[0]) + eps)
        order = ratio.argsort()
        position = ratio[order]
        low, high = position[0], position[-1]
        if not high - low < WIDEST * temperature:  # so it is of NaN, too
            return None
        centre = (target[1] / (abs(target[0]) + eps))[order]
        mirrored = 2 * centre - position  # as far from the target ratio as the source ratio is
        first = position.searchsorted(np.minimum(position, mirrored))
        split = position.searchsorted(centre, side="right")
        last = position.searchsorted(np.maximum(position, mirrored), side="right")
        count = len(position)
        ends = np.array([[split, first], [count - split, count - last]])
        # Beyond all sources, the distances from all grow alike, which changes no share.
        centre = np.minimum(np.maximum(centre, low), high)
        exponents = np.array([position - high, low - position[::-1], high - centre, centre - low])
        powers = np.exp(exponents / temperature).reshape(2, 2, 1, count)
        weights, scales = powers
        left, right = _prefix_sums(weights)
        scales /= left[0, ends[0, 0]] * scales[0] + right[0, ends[1, 0]] * scales[1]
        return cls(order, weights, ends, scales)

    def times(self, values: Array) -> Array:
        """C times each of some rows of values, (V, C)."""
        given = values[:, self.order]
        left, right = _prefix_sums(np.array([given, given[:, ::-1]]) * self.weights)
        (after, before), (under, over) = self.ends
        product = np.empty_like(values)
        product[:, self.order] = (left[:, after] - left[:, before]) * self.scales[0] + (
            right[:, under] - right[:, over]
        ) * self.scales[1]
        return product

    def transposed_times(self, values: Array) -> Array:
        """The transpose of C times each of some rows of values, (V, C)."""
        given = values[:, self.order] * self.scales
        steps = np.array(
            [
                [_steps(row, ends) for row in rows]
                for rows, ends in zip(given, self.ends, strict=True)
            ]
        )
        left, right = steps[..., :0:-1].cumsum(axis=-1)[..., ::-1] * self.weights
        product = np.empty_like(values)
        product[:, self.order] = left + right[:, ::-1]
        return product


class _Mixed(torch.autograd.Function):
    """``(I + C)``, or its transpose, times two vectors (C,): linear, so its own derivative."""

    @staticmethod
    def forward(ctx: Any, one: Tensor, other: Tensor, windows: Windows, transposed: bool) -> Affine:
        ctx.windows, ctx.transposed = windows, transposed
        return _mixed(one, other, windows, transposed)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, Tensor, None, None]:
        one, other = gradients
        mixed = _Mixed.apply if torch.is_grad_enabled() else _mixed
        return *mixed(one, other, ctx.windows, not ctx.transposed), None, None


def _mixed(one: Tensor, other: Tensor, windows: Windows, transposed: bool) -> Affine:
    values = _rows(one, other)
    values += (windows.transposed_times if transposed else windows.times)(values)
    first, second = torch.from_numpy(values).to(one.dtype)
    return first, second


def _rows(one: Tensor, other: Tensor) -> Array:
    if one.dtype not in (torch.float32, torch.float64):  # NumPy has no bfloat16
        one, other = one.float(), other.float()
    return np.array([one.detach().numpy(), other.detach().numpy()], dtype=np.float64)


def _prefix_sums(values: Array) -> Array:
    """Return the sums of the first k values of each row, for k from none to all."""
    sums = np.zeros((*values.shape[:-1], values.shape[-1] + 1))
    values.cumsum(axis=-1, out=sums[..., 1:])
    return sums


def _steps(values: Array, ends: Indices) -> Array:
    """Each value at its larger end, and its opposite at its smaller one."""
    count = len(values) + 1
    more, less = (np.bincount(end, values, count) for end in ends)
    return cast(Array, more - less)
