"""Networks that give a map of classes: their decoder's scales, their last convolution."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.modules.conv import _ConvNd

from acrank.errors import ModelError
from acrank.tasks.decoders import draw_weights
from acrank.tasks.trace import Step, Trace
from acrank.utils.fresh import is_fresh

_ACTIVATIONS = (nn.Sigmoid, nn.Softmax, nn.Softmax2d, nn.LogSoftmax)


@dataclass(frozen=True)
class Segmenter:
    """The parts of a network that gives a map of classes.

    Attributes:
        last: its last convolution, whose input a fresh one takes.
        seen: layers whose maps scores of features see, finest first; the input of ``last`` goes
            by the name of ``last``.
        activation: the layer that makes probabilities of its logits; empty without one.
        is_trained: whether a checkpoint has filled the last convolution, so that the network's
            own output means something.
    """

    last: str
    seen: tuple[str, ...]
    activation: str
    is_trained: bool


def find_segmenter(found: Trace, scales: int) -> Segmenter | None:
    """The parts of a whole segmenter, or None for another network.

    A segmenter gives a map that is finer than the coarsest inside it. Its last convolution is the
    last that goes from another number of channels to that of the output: what comes after it
    (an upsampling, a residual unit on the logits) belongs to the source's head. Its decoder is what
    ends at or after the last map of the coarsest scale.

    Args:
        found: of the network.
        scales: how many of the decoder's, from the finest, scores of features see.

    Raises:
        ModelError: the network gives such a map, but by no convolution.
    """
    coarsest = max((step.stride for step in found.steps), default=0)
    if not found.stride or found.stride >= coarsest:
        return None
    last = _last_convolution(found)
    if last is None:
        raise ModelError(
            f"it gives a map of {found.channels} channel(s), but by no convolution.",
            hint="Leave the model out.",
        )
    place = found.steps.index(last)
    after = (step.name for step in found.steps[place:] if isinstance(step.module, _ACTIVATIONS))
    before = found.steps[:place]
    return Segmenter(
        last.name,
        (last.name, *_coarser(before, last.taken, coarsest)[: scales - 1]),
        next(after, ""),
        not is_fresh(last.module),
    )


def _last_convolution(found: Trace) -> Step | None:
    ends = [
        step
        for step in found.steps
        if isinstance(step.module, _ConvNd)
        and step.once
        and step.module.out_channels == found.channels
        and step.shape
    ]
    narrowing = [s for s in ends if s.module.in_channels != found.channels]
    chosen = narrowing or ends
    return chosen[-1] if chosen else None


def _coarser(steps: tuple[Step, ...], stride: int, coarsest: int) -> tuple[str, ...]:
    """The last map of the decoder at each scale coarser than one, finest first."""
    single = [step for step in steps if step.once]
    deepest = max((i for i, step in enumerate(single) if step.stride == coarsest), default=0)
    by_stride = {step.stride: step.name for step in single[deepest:] if step.stride > stride}
    return tuple(by_stride[each] for each in sorted(by_stride))


class PixelHead(nn.Module):
    """A convolution of single pixels to logits.

    Args:
        channels: of the map it takes.
        classes: of the target.
        dimensions: of the image, 2 or 3.
    """

    def __init__(self, channels: int, classes: int, dimensions: int) -> None:
        super().__init__()
        convolution = {2: nn.Conv2d, 3: nn.Conv3d}[dimensions]
        self.classify = convolution(channels, classes, 1)

    def forward(self, maps: tuple[Tensor, ...]) -> Tensor:
        """Logits (N, C, *T) of the one map (N, D, *T)."""
        logits: Tensor = self.classify(maps[0])
        return logits


def pixel_head(features: Tensor, classes: int, seed: int) -> nn.Module:
    """A fresh last convolution for a map (N, D, *T), the same on every device."""
    with torch.device("meta"):
        head = PixelHead(features.shape[1], classes, features.ndim - 2)
    head.to_empty(device=features.device)
    draw_weights(head, seed)
    return head.to(features.dtype).train()


def probabilities(logits: Tensor) -> Tensor:
    """Over source classes, of logits (P, K): of one channel, of its absence and presence.

    Returns:
        (P, max(K, 2)), in [0, 1], rows sum to 1.
    """
    if logits.shape[1] == 1:
        logits = torch.cat([torch.zeros_like(logits), logits], dim=1)
    return torch.softmax(logits.float(), dim=1)
