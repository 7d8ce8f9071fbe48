"""Hold the images and masks that all networks are scored on: decoded once, in one geometry."""

from collections.abc import Sequence
from typing import ClassVar

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image

from acrank.data.base import AnySample, Rows
from acrank.data.decode import Pixels
from acrank.data.fingerprint import make_fingerprint
from acrank.data.preprocess import MODES, Preprocessing, normalise
from acrank.data.segmentation.classmap import IGNORE

# What PyTorch's cross entropy passes over unless told otherwise.
IGNORE_INDEX = -100


class SegmentationSample(AnySample):
    """Images of one square size with their masks, parted into batches.

    Attributes:
        classes: the names of all the target's classes.
        keys: the pairs' ids, in the order in which they were drawn.
        images: uint8 (H, W) or (H, W, 3) each; do not write to them.
        masks: uint8 (N, H, W), indices into ``classes``; 255 is to be ignored.
        batches: disjoint index arrays that cover the sample.
        warnings: plain sentences for the user.
        fingerprint: a hash of the classes, the size, and every pair's id and bytes.
        digests: a hash of each image's bytes; empty where they are not known.
    """

    task: ClassVar[str] = "masks"
    things: ClassVar[str] = "images with masks"

    def __init__(
        self,
        *,
        classes: tuple[str, ...],
        keys: tuple[str, ...],
        images: Sequence[Pixels],
        masks: Pixels,
        batches: tuple[Rows, ...],
        warnings: tuple[str, ...] = (),
        fingerprint: str = "",
        digests: tuple[str, ...] = (),
    ) -> None:
        self.classes = classes
        self.keys = keys
        self.images = tuple(images)
        self.masks = masks
        self.batches = batches
        self.warnings = warnings
        self.fingerprint = fingerprint
        self.digests = digests

    @property
    def image_size(self) -> int:
        """Height and width of every image and mask."""
        return int(self.masks.shape[-1])

    @property
    def sides(self) -> tuple[int, ...]:
        """Height and width of every image."""
        return self.image_size, self.image_size

    def held(self) -> npt.NDArray[np.bool_]:
        """Tell which classes each mask holds, bool (N, K)."""
        return classes_held(self.masks)[:, : len(self.classes)]

    def part(self, rows: Rows, batches: tuple[Rows, ...]) -> "SegmentationSample":
        """Return the images of some rows as a sample with batches of its own."""
        keys = tuple(self.keys[row] for row in rows)
        return SegmentationSample(
            classes=self.classes,
            keys=keys,
            images=[self.images[row] for row in rows],
            masks=self.masks[rows],
            batches=batches,
            fingerprint=make_fingerprint(self.fingerprint, keys),
            digests=tuple(self.digests[row] for row in rows) if self.digests else (),
        )

    def subset(self, rows: Rows) -> "SegmentationSample":
        """Return the images of some rows as one batch."""
        return self.part(rows, (np.arange(len(rows), dtype=np.int64),))

    def batch(
        self,
        index: int,
        preprocessing: Preprocessing,
        *,
        device: torch.device | str,
        dtype: torch.dtype = torch.float32,
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Return one batch on the device: normalised images (channels last) and int64 masks.

        Of the preprocessing, the number of channels, the mean and the standard deviation count;
        the geometry is the sample's. Pixels to be ignored are -100 in the masks.

        Args:
            index: which batch.
            preprocessing: of the network.
            device: where to put them.
            dtype: of the images.
        """
        rows = self.batches[index]
        images = normalise(
            self.pixels(rows, preprocessing), preprocessing, device=device, dtype=dtype
        )
        return images, loss_labels(torch.from_numpy(self.masks[rows]), device)

    def pixels(self, rows: Rows, preprocessing: Preprocessing) -> torch.Tensor:
        """Return the images of some rows as uint8 (n, C, H, W), channels last in memory."""
        channels = preprocessing.input_size[0]
        found = [
            np.asarray(Image.fromarray(self.images[row]).convert(MODES[channels])) for row in rows
        ]
        pixels = np.stack(found).reshape(len(rows), *self.masks.shape[1:], channels)
        return torch.from_numpy(pixels).permute(0, 3, 1, 2)


def classes_held(masks: Pixels) -> npt.NDArray[np.bool_]:
    """Tell which classes each mask holds: bool (N, 255)."""
    counts = [np.bincount(mask.ravel(), minlength=IGNORE + 1)[:IGNORE] for mask in masks]
    return np.stack(counts) > 0


def loss_labels(masks: torch.Tensor, device: torch.device | str) -> torch.Tensor:
    """Class indices as a loss takes them: int64 on a device, -100 in place of 255.

    Args:
        masks: uint8, of any shape.
        device: where they go.
    """
    labels = masks.to(device).long()
    return labels.masked_fill_(labels == IGNORE, IGNORE_INDEX)
