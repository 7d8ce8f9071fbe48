"""Judge a segmenter on images in their own size: Dice, IoU, HD95 and loss."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from acrank.finetuning.jackknife import pseudo_values
from acrank.finetuning.masks.data import Masked, MaskedImages
from acrank.finetuning.masks.overlap import OVERLAPS, Values, mean_known, overlaps
from acrank.finetuning.objective import Autocast, Batch, require_finite

Loss = Callable[[Tensor, Tensor], Tensor]
Data = TypeVar("Data", bound=Masked)


@dataclass(frozen=True)
class JudgedMasks(Generic[Data]):
    """The overlaps of predicted with true masks, and the loss.

    Attributes:
        images: images with masks that were judged.
        values: overlaps of each image and foreground class, (N, F, 3) in the order of
            :data:`acrank.finetuning.masks.overlap.OVERLAPS`; NaN where the class is in neither
            mask.
        loss: mean loss over the images in the size of training; NaN if all masks are ignored.
        losses: loss of each image by itself, (N,); NaN where its mask is ignored as a whole.
    """

    images: Data
    values: Values
    loss: float
    losses: Values

    @property
    def classes(self) -> tuple[str, ...]:
        """The names of the foreground classes."""
        return tuple(self.images.classes[label] for label in self.images.foreground)

    @property
    def by_class(self) -> Values:
        """The means over the images that have the class, (F, 3)."""
        return mean_known(self.values)

    @property
    def by_image(self) -> Values:
        """The means over the classes that the image has, (N, 3)."""
        return mean_known(self.values.swapaxes(0, 1))

    def measures(self) -> dict[str, float]:
        """Average over the foreground classes; add the loss, and each of several classes.

        Dice and IoU are in [0, 1], higher better; ``hd95`` is in pixels of the images, of volumes
        in mm, lower better.
        """
        means = mean_known(self.by_class).tolist()
        found = {**dict(zip(OVERLAPS, means, strict=True)), "loss": self.loss}
        if len(self.classes) > 1:
            for name, values in zip(self.classes, self.by_class.tolist(), strict=True):
                found |= {f"{m}_{name}": v for m, v in zip(OVERLAPS, values, strict=True)}
        return found

    def each(self, measure: str) -> Values:
        """Compute the jackknife's pseudo-values of a measure by image, (N,), higher better.

        See :mod:`acrank.finetuning.jackknife`. HD95 and the loss are negated. An image counts with
        its loss by itself, from which that of a batch may differ in its Dice.
        """
        groups = {"loss": self.losses[:, None]}
        for place, name in enumerate(OVERLAPS):
            of_class = self.values[:, :, place]
            groups |= {f"{name}_{c}": of_class[:, [i]] for i, c in enumerate(self.classes)}
            groups[name] = of_class
        values, value = groups[measure], self.measures()[measure]
        known = (~np.isnan(values)).any(axis=0).sum()
        found = pseudo_values(value, values, 1 / max(known, 1))
        return -found if measure.startswith(("hd95", "loss")) else found


class MeanLoss:
    """The mean of a loss over images, without batches whose masks are ignored as a whole.

    Args:
        loss: function of logits and labels.

    Attributes:
        each: loss of each image by itself; NaN where its mask is ignored as a whole.
    """

    def __init__(self, loss: Loss) -> None:
        self.loss = loss
        self.total, self.images = 0.0, 0
        self.each: list[float] = []

    def add(self, logits: Tensor, labels: Tensor) -> None:
        """Add a batch.

        Raises:
            NotFiniteError: a logit, or the loss, is not finite.
        """
        require_finite(logits)
        value = self._of(logits, labels)
        if not math.isnan(value):
            self.total += value * len(labels)
            self.images += len(labels)
        alone = (self._of(logits[i : i + 1], labels[i : i + 1]) for i in range(len(labels)))
        self.each += [value] if len(labels) == 1 else alone

    def _of(self, logits: Tensor, labels: Tensor) -> float:
        """Compute the loss of a batch; NaN where all its masks are ignored."""
        if not bool((labels >= 0).any()):
            return math.nan
        value = self.loss(logits, labels)
        require_finite(value)
        return float(value)

    @property
    def mean(self) -> float:
        """The mean over the images; NaN for none."""
        return self.total / self.images if self.images else math.nan


@torch.no_grad()
def judge_masks(
    network: nn.Module,
    images: MaskedImages,
    batches: Iterable[Batch],
    loss: Loss,
    autocast: Autocast,
) -> JudgedMasks[MaskedImages]:
    """Run a segmenter in inference mode over images; logits are resized to each mask.

    Args:
        network: network from images to logits (N, K, H, W).
        images: images with masks to judge it on.
        batches: batches of the images, in order.
        loss: function of logits and labels.
        autocast: context of the forward pass.

    Raises:
        NotFiniteError: a logit, or the loss, is not finite.
    """
    network.eval()
    values: list[Values] = []
    mean = MeanLoss(loss)
    for pixels, labels in batches:
        with autocast():
            logits = network(pixels)
        mean.add(logits.float(), labels)
        for one in logits.float():
            truth = torch.from_numpy(images.truth(len(values)))
            guess = predicted(one, truth.shape)
            values.append(overlaps(guess, truth, images.foreground))
    return JudgedMasks(images, np.stack(values), mean.mean, np.array(mean.each))


def predicted(logits: Tensor, size: tuple[int, ...]) -> Tensor:
    """Return the class of each pixel, uint8 of a size on the CPU, from logits (K, h, w)."""
    mode = "bilinear" if len(size) == 2 else "trilinear"
    resized = F.interpolate(logits[None], size=size, mode=mode)[0]
    # max finds the same as argmax, on the CPU ten to twenty times faster along this dimension
    return resized.max(dim=0).indices.to(torch.uint8).cpu()


def spread(judged: JudgedMasks[Any], most: int) -> npt.NDArray[np.int64]:
    """Choose rows of images from the lowest to the highest mean Dice, evenly spread over them."""
    dice = judged.by_image[:, 0]
    order = np.argsort(np.where(np.isnan(dice), np.inf, dice), kind="stable")
    order = order[: int((~np.isnan(dice)).sum())] if not np.isnan(dice).all() else order
    places = np.linspace(0, len(order) - 1, min(most, len(order))).round().astype(np.int64)
    rows: npt.NDArray[np.int64] = order[np.unique(places)]
    return rows
