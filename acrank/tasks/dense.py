"""Read out one class of each pixel: a decoder on an encoder's maps, or a new last convolution."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from acrank.data import Preprocessing
from acrank.data.segmentation import IGNORE_INDEX
from acrank.data.segmentation.pixels import sample_boundaries, sample_pixels
from acrank.errors import ModelError
from acrank.tasks.decoders import draw_weights, make_decoder
from acrank.tasks.dimensions import require_dimensions
from acrank.tasks.maps import SCALES, Maps, give_maps
from acrank.tasks.pixels import at_places, observe_pixels
from acrank.tasks.readout import Observations
from acrank.tasks.segmenter import pixel_head, probabilities

# Keeps the overlap of a class that is nowhere defined.
SMOOTH = 1e-6


@dataclass(frozen=True)
class DenseReadout:
    """Encoders give feature maps of several scales, and the head is a fresh decoder.

    Whole segmenters give the input of their last convolution, and the head is a fresh one.

    Attributes:
        decoder: see :func:`acrank.tasks.decoders.make_decoder`.
        size: (height, width) of the images, or the three sides of volumes.
        pixels: of a class and an image that metrics of features see, at most.
        scales: how many maps they see: the coarsest of an encoder, the finest of a decoder.
        layers: whose maps they see in place of those.
    """

    decoder: str
    size: tuple[int, ...]
    pixels: int
    scales: int = SCALES
    layers: tuple[str, ...] = ()

    def prepare(self, model: nn.Module, preprocessing: Preprocessing) -> None:
        """See :func:`acrank.tasks.maps.give_maps`.

        Raises:
            ModelError: the network has too few scales, or takes images where these are volumes.
        """
        require_dimensions(model, len(self.size))
        channels = preprocessing.input_size[0]
        give_maps(model, (channels, *self.size), self.layers, self.scales)

    def features(self, model: nn.Module, images: Tensor, autocast: torch.dtype | None) -> Maps:
        """Feature maps, finest first."""
        with torch.autocast(images.device.type, dtype=autocast, enabled=autocast is not None):
            maps = model(images)
        if not isinstance(maps, Maps) or any(len(m) != len(images) for m in maps):
            raise ModelError("the network does not give one map of each scale an image.")
        return maps if autocast is None else maps.float()

    def evaluate(self, model: nn.Module, images: Tensor, autocast: torch.dtype | None) -> Maps:
        """Feature maps, finest first, of all images of a batch at once."""
        return self.features(model, images, autocast)

    def head(self, features: Sequence[Tensor], classes: int, seed: int, trial: int) -> nn.Module:
        """A decoder that normalises by the batch, with the logits' convolution, or that alone."""
        if isinstance(features, Maps) and features.whole:
            return pixel_head(features[0], classes, seed * 1_000_003 + trial)
        widths = [values.shape[1] for values in features]
        with torch.device("meta"):
            decoder = make_decoder(
                self.decoder, widths, self._strides(features), classes, dimensions=len(self.size)
            )
        decoder.to_empty(device=features[0].device)
        draw_weights(decoder, seed * 1_000_003 + trial)
        return decoder.to(features[0].dtype).train()

    def loss(
        self,
        logits: Tensor,
        labels: Tensor,
        weights: Tensor | None = None,
        label_smoothing: float = 0.0,
    ) -> Tensor:
        """Cross-entropy and soft Dice in equal parts, of logits (N, C, ...) and labels (N, ...).

        The loss of nnU-Net: Isensee et al., Nature Methods 18, 2021 (arXiv 1904.08128).
        """
        size = labels.shape[1:]
        if logits.shape[2:] != size:
            mode = "bilinear" if len(size) == 2 else "trilinear"
            logits = F.interpolate(logits, size=size, mode=mode)
        entropy = F.cross_entropy(
            logits, labels, weights, ignore_index=IGNORE_INDEX, label_smoothing=label_smoothing
        )
        return entropy + soft_dice_loss(logits, labels)

    def observe(
        self,
        features: Maps,
        labels: Tensor,
        head: nn.Module | None,
        seed: int,
        edges: Tensor | None = None,
    ) -> tuple[Observations, Tensor | None]:
        """Hypercolumns of some pixels of each class and image, and what a segmenter says of them.

        The head of an encoder is of images, and says nothing of pixels. With edges, rows of
        further pixels on boundaries stand at the end.
        """
        drawn = sample_pixels(labels, self.pixels, seed)
        seen, probs = self._at(features, labels, *drawn)
        if edges is None:
            return seen, probs
        edge = sample_boundaries(edges, seed)
        both = (_numbers(labels, *edge), _numbers(labels, *drawn))
        new = ~torch.isin(*both)
        more, further = self._at(features, edges, edge[0][new], edge[1][new])
        boundary = torch.cat([torch.isin(*both[::-1]), torch.ones(len(more.images)).bool()])
        added = torch.arange(len(boundary)) >= len(seen.images)
        known = None if probs is None or further is None else torch.cat([probs, further])
        joined = Observations(
            torch.cat([seen.features, more.features]),
            torch.cat([seen.labels, more.labels]),
            torch.cat([seen.images, more.images]),
            seen.widths,
            seen.layers,
            boundary,
            added,
        )
        return joined, known

    def _at(
        self, features: Maps, labels: Tensor, images: Tensor, places: Tensor
    ) -> tuple[Observations, Tensor | None]:
        """Observations of some pixels, and what a segmenter says of them."""
        seen = observe_pixels(features.seen, labels, images, places)
        seen = replace(seen, layers=features.layers)
        if features.logits is None:
            return seen, None
        return seen, probabilities(at_places(features.logits, labels.shape[1:], images, places))

    def _strides(self, maps: Sequence[Tensor]) -> list[int]:
        return [self.size[0] // values.shape[2] for values in maps]


def _numbers(labels: Tensor, images: Tensor, places: Tensor) -> Tensor:
    """A number for each pixel of a batch (P,)."""
    return images * labels[0].numel() + places


def soft_dice_loss(logits: Tensor, labels: Tensor) -> Tensor:
    """One less the soft Dice overlap, over the batch, mean over the classes that are in it.

    Milletari, Navab and Ahmadi, "V-Net", 3DV 2016 (arXiv 1606.04797), without squares.

    Args:
        logits: (N, C, ...).
        labels: (N, ...); pixels below zero are left out.

    Returns:
        A number in [0, 1].
    """
    known = (labels >= 0)[:, None]
    truth = F.one_hot(labels.clamp(min=0), logits.shape[1]).movedim(-1, 1) * known
    guess = torch.softmax(logits, dim=1) * known
    over = (0, *range(2, logits.ndim))
    both = (guess * truth).sum(over)
    sizes = guess.sum(over) + truth.sum(over)
    present = truth.sum(over) > 0
    dice = (2 * both + SMOOTH) / (sizes + SMOOTH)
    return 1 - dice[present].mean()
