"""Make batches of images: augmented for training, plain for judging."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sized
from functools import cached_property
from typing import Any, Generic, TypeVar

import numpy as np
import torch
from PIL import Image
from timm.data.transforms_factory import create_transform
from torch import Tensor

from acrank.data import Preprocessing, Sample
from acrank.data.preprocess import MODES, normalise
from acrank.finetuning.objective import Batch, Batching

Data = TypeVar("Data", bound=Sized)
# A light augmentation crops most of the image, stretches it a little, and may flip it.
LIGHT: dict[str, Any] = {
    "scale": (0.7, 1.0),
    "ratio": (0.9, 1.1),
    "color_jitter": 0.0,
}


class Shuffled(Generic[Data]):
    """Batches in a new order each epoch, fixed by the seed and the number of the epoch.

    Args:
        data: training images.
        batching: settings of the batches.
    """

    def __init__(self, data: Data, batching: Batching) -> None:
        self.data = data
        self.batching = batching

    @property
    def sizes(self) -> list[int]:
        """The images in each batch; BatchNorm needs two, so a last single image is left out."""
        whole, rest = divmod(len(self.data), self.batching.batch_size)
        return [self.batching.batch_size] * whole + ([rest] if rest > 1 else [])

    def epoch(self, number: int) -> Iterator[Batch]:
        """Yield the batches of an epoch.

        Args:
            number: number of the epoch, from 0 on.
        """
        generator = torch.Generator().manual_seed(self.batching.seed * 100_003 + number)
        order = torch.randperm(len(self.data), generator=generator)
        # Python's, NumPy's and PyTorch's generators are all drawn from in transforms
        source = np.random.default_rng([self.batching.seed, number])
        for start in range(0, len(self.sizes) * self.batching.batch_size, self.batching.batch_size):
            _seed_all(int(source.integers(2**32)))
            yield self.batch(order[start : start + self.batching.batch_size])

    def batch(self, rows: Tensor) -> Batch:
        """Return the augmented images and the labels of some rows."""
        raise NotImplementedError

    def normalised(self, pixels: Tensor) -> Tensor:
        """Normalise pixels for the network, float32 on its device."""
        batching = self.batching
        return normalise(
            pixels, batching.preprocessing, device=batching.device, dtype=torch.float32
        )


class TrainingImages(Shuffled[Sample]):
    """Augmented batches of images with classes: by ``timm``, ``light`` or ``none``."""

    @cached_property
    def transform(self) -> Any:
        """The transform of an image to its pixels; None for no augmentation."""
        if self.batching.augment == "none":
            return None
        return _training_transform(self.batching)

    def batch(self, rows: Tensor) -> Batch:
        """Return the augmented images and the labels of some rows."""
        return self._images(rows), torch.from_numpy(self.data.labels)[rows].to(self.batching.device)

    def _images(self, rows: Tensor) -> Tensor:
        if self.transform is None:
            pixels = self.data.pixels(self.batching.preprocessing)[rows]
        else:
            mode = MODES[self.batching.preprocessing.input_size[0]]
            images = (Image.fromarray(self.data.images[row]).convert(mode) for row in rows)
            pixels = torch.stack([torch.as_tensor(self.transform(image)) for image in images])
        return self.normalised(pixels)


def plain_batches(
    sample: Sample, preprocessing: Preprocessing, batch_size: int, device: torch.device
) -> Iterator[Batch]:
    """Yield all images in order, prepared as for inference.

    Args:
        sample: the images.
        preprocessing: preprocessing of the network.
        batch_size: images in a batch.
        device: device of the batches.
    """
    pixels = sample.pixels(preprocessing)
    labels = torch.from_numpy(sample.labels)
    for start in range(0, len(sample), batch_size):
        rows = slice(start, start + batch_size)
        images = normalise(pixels[rows], preprocessing, device=device, dtype=torch.float32)
        yield images, labels[rows].to(device)


def _training_transform(batching: Batching) -> Any:
    preprocessing = batching.preprocessing
    return create_transform(
        input_size=preprocessing.image_size,
        is_training=True,
        use_prefetcher=True,  # returns 8-bit pixels: normalised on the device, as elsewhere
        interpolation=preprocessing.interpolation,
        mean=preprocessing.mean,
        std=preprocessing.std,
        hflip=0.5 if batching.flip else 0.0,
        **(LIGHT if batching.augment == "light" else {}),
    )


def _seed_all(seed: int) -> None:
    random.seed(seed)
    np.random.seed(seed)  # noqa: NPY002 - timm's transforms draw from it
    torch.manual_seed(seed)
