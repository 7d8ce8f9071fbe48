"""Extract features and source-class probabilities from the unchanged network."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from acrank.data.base import Batches, Edges, seed_of_batch
from acrank.data.segmentation.pixels import boundaries
from acrank.metrics.features import Boundaries
from acrank.scoring.folding import folded
from acrank.scoring.types import POOLED
from acrank.tasks.readout import Readout

# Where labels on boundaries come from: a function, or the labels of the batches themselves.
AnyEdges = Edges | Literal["of labels"]


@dataclass(frozen=True)
class Extracted:
    """Features of the sample from the pretrained network: one row per image or per pixel.

    Attributes:
        features: float32 (N, D).
        labels: int64 (N,).
        source_probs: float32 (N, K) over the source's classes; None without a usable head.
        images: int64 (N,), the image that each row is of, by its place among all batches.
        widths: channels of each scale that the features are put together from.
        layers: of the network that those are of; empty where they have no names.
        boundaries: which rows are of pixels on boundaries, with further such rows; None where
            no score asks for them.
        random_features: float32 (N, D'), those of the same architecture with random weights;
            None where no score asks for them.
    """

    features: NDArray[np.float32]
    labels: NDArray[np.int64]
    source_probs: NDArray[np.float32] | None
    images: NDArray[np.int64]
    widths: tuple[int, ...]
    layers: tuple[str, ...] = ()
    boundaries: Boundaries | None = None
    random_features: NDArray[np.float32] | None = None

    @classmethod
    def of_images(
        cls,
        features: NDArray[np.float32],
        labels: NDArray[np.int64],
        source_probs: NDArray[np.float32] | None,
        random_features: NDArray[np.float32] | None = None,
    ) -> Extracted:
        """Make one row for each image, from features of one scale."""
        images = np.arange(len(labels), dtype=np.int64)
        widths = (features.shape[1],)
        return cls(features, labels, source_probs, images, widths, random_features=random_features)

    def in_order(self, rows: NDArray[np.int64]) -> Extracted:
        """The same with the images' rows in another order: image i is number ``rows[i]``.

        Those of one number (patches of a volume) become one.
        """
        images = rows[self.images]
        order = np.argsort(images, kind="stable")
        probs = None if self.source_probs is None else self.source_probs[order]
        flags, random = self.boundaries, self.random_features
        return replace(
            self,
            features=self.features[order],
            labels=self.labels[order],
            source_probs=probs,
            images=images[order],
            boundaries=flags and Boundaries(*(flag[order] for flag in flags)),
            random_features=None if random is None else random[order],
        )


def extract(
    model: nn.Module,
    head: nn.Module | None,
    batches: Batches,
    count: int,
    autocast: torch.dtype | None = None,
    readout: Readout[Any] = POOLED,
    seed: int = 0,
    edges: AnyEdges | None = None,
) -> Extracted:
    """Run the network forward, in eval mode: running statistics, no dropout.

    The probe's own forward pass cannot give these: there BatchNorm normalises by the batch, and
    starts from AC-Norm's scales. This is a second forward pass, without gradients, with BatchNorm
    folded into convolutions where that changes nothing but the rounding.

    Args:
        model: maps images (N, C, H, W) to what the readout asks for; not changed.
        head: the source's classifier, from features to logits (N, K); None if it has none.
        batches: gives batch number i.
        count: number of batches.
        autocast: dtype of the network's arithmetic; None for that of its weights.
        readout: decides what an observation is.
        seed: of what the readout draws.
        edges: gives the labels on boundaries of batch number i; or ``of labels``, for those of
            the batches' own labels. None where no score asks for them.

    Raises:
        ModelError: the network does not give what the readout asks for.
    """
    model.eval()
    seen, probs, flags, taken = [], [], [], 0
    with torch.no_grad(), _folded(model, batches, readout, autocast) as ready:
        for index in range(count):
            images, labels = ready(index)
            values = readout.evaluate(model, images, autocast)
            own = (values, labels, head, seed_of_batch(seed, index))
            if edges is None:
                found, given = readout.observe(*own)
            else:
                at = boundaries(labels) if edges == "of labels" else edges(index)
                found, given = readout.observe(*own, edges=at)
            seen.append(
                (found.features.float().cpu(), found.labels.cpu(), found.images.cpu() + taken)
            )
            taken += len(images)
            if given is not None:
                probs.append(given.cpu())
            if found.boundary is not None and found.added is not None:
                flags.append((found.boundary, found.added))
    features, targets, places = (torch.cat(part).numpy() for part in zip(*seen, strict=True))
    whole = torch.cat(probs).numpy() if len(probs) == count else None
    on = (
        Boundaries(*(torch.cat(part).numpy() for part in zip(*flags, strict=True)))
        if flags
        else None
    )
    return Extracted(features, targets, whole, places, found.widths, found.layers, on)


@contextmanager
def _folded(
    model: nn.Module, batches: Batches, readout: Readout[Any], autocast: torch.dtype | None
) -> Iterator[Batches]:
    """Fold BatchNorm, seen on the first image; yields the batches, the first one not made anew."""
    first = [batches(0)]
    one = first[0][0][:1]

    def ready(index: int) -> tuple[torch.Tensor, torch.Tensor]:
        return first.pop() if index == 0 and first else batches(index)

    with folded(model, lambda: readout.evaluate(model, one, autocast)):
        yield ready
