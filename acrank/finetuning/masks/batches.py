"""Make batches of images and masks: moved together for training, plain for judging."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property

import numpy as np
import torch
from torch import Tensor
from torchvision import tv_tensors
from torchvision.transforms import InterpolationMode, v2

from acrank.data import Preprocessing
from acrank.data.segmentation import SegmentationSample, loss_labels
from acrank.data.segmentation.classmap import IGNORE
from acrank.finetuning.images import Shuffled
from acrank.finetuning.objective import Batch

# An image is turned by up to TURN degrees and shifted by a share of its side; a crop keeps a share
# of it and stretches it; brightness and contrast change by a share.
TURN, SHIFT = 15.0, 0.05
CROP, STRETCH = (0.7, 1.0), (0.9, 1.1)
JITTER = 0.2


class TrainingMasks(Shuffled[SegmentationSample]):
    """Training batches in which image and mask move alike, and the image's colours vary.

    Of the preprocessing, channels, mean and deviation count; augment is ``light`` or ``none``.
    """

    @cached_property
    def transform(self) -> v2.Transform | None:
        """The transform of image and mask together; None for no augmentation."""
        size = self.data.image_size
        if self.batching.augment == "none":
            return None
        return _transform(self.batching.preprocessing, size, flip=self.batching.flip)

    def batch(self, rows: Tensor) -> Batch:
        """Return the augmented images and masks of some rows."""
        pixels = self.data.pixels(rows.numpy(), self.batching.preprocessing)
        masks = torch.from_numpy(self.data.masks[rows.numpy()])
        if self.transform is not None:
            moved = [self._moved(*pair) for pair in zip(pixels, masks, strict=True)]
            pixels, masks = (torch.stack(part) for part in zip(*moved, strict=True))
        return self.normalised(pixels), loss_labels(masks, self.batching.device)

    def _moved(self, image: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        assert self.transform is not None
        pair = self.transform(tv_tensors.Image(image), tv_tensors.Mask(mask[None]))
        return pair[0].as_subclass(Tensor), pair[1].as_subclass(Tensor)[0]


def plain_masks(
    sample: SegmentationSample, preprocessing: Preprocessing, batch_size: int, device: torch.device
) -> Iterator[Batch]:
    """Yield all images and masks in order, prepared as for inference.

    Args:
        sample: the images.
        preprocessing: preprocessing of the network.
        batch_size: images in a batch.
        device: device of the batches.
    """
    rows = np.arange(len(sample), dtype=np.int64)
    parts = tuple(rows[start : start + batch_size] for start in range(0, len(rows), batch_size))
    parted = sample.part(rows, parts)
    for index in range(len(parts)):
        yield parted.batch(index, preprocessing, device=device)


def _transform(preprocessing: Preprocessing, size: int, *, flip: bool) -> v2.Transform:
    """Mirror, turn, shift and crop both; pixels that come in from outside are ignored."""
    grey = [255 * sum(preprocessing.mean) / len(preprocessing.mean)]
    outside = {tv_tensors.Image: grey, tv_tensors.Mask: IGNORE}
    return v2.Compose(
        [
            v2.RandomHorizontalFlip(0.5 if flip else 0.0),
            v2.RandomAffine(
                TURN, (SHIFT, SHIFT), interpolation=InterpolationMode.BILINEAR, fill=outside
            ),
            v2.RandomResizedCrop(size, CROP, STRETCH, antialias=True),
            v2.ColorJitter(brightness=JITTER, contrast=JITTER),
        ]
    )
