"""Read images with masks: in one size for training, in their own for judging."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from acrank.data.images import Opening
from acrank.data.segmentation import Pair, SegmentationSample, open_segmentation, whole_segmentation
from acrank.data.segmentation.classmap import IGNORE, ClassMap
from acrank.data.segmentation.layout import find_files, own_classes
from acrank.data.segmentation.maskfile import read_mask
from acrank.data.segmentation.reader import PLAINLY
from acrank.errors import DataError
from acrank.finetuning.objective import LabelledData
from acrank.finetuning.split import Rows
from acrank.utils.paths import user_path

Labels = npt.NDArray[np.uint8]


class Masked(LabelledData, Protocol):
    """Images or volumes, each with a mask."""

    @property
    def foreground(self) -> tuple[int, ...]:
        """The indices of the classes that are no background."""
        ...

    def counts(self) -> npt.NDArray[np.int64]:
        """Count the pixels of each image and class, int64 (N, K)."""
        ...

    def held(self) -> npt.NDArray[np.bool_]:
        """Tell for each class if a mask in its own size holds it, (K,)."""
        ...


@dataclass(frozen=True)
class MaskedImages:
    """Images in one square size with their masks, and where the masks are in full size.

    Attributes:
        sample: all images and masks, decoded.
        pairs: files of each image and its mask, in the sample's order.
        class_map: values of the classes in the masks.
    """

    sample: SegmentationSample
    pairs: tuple[Pair, ...]
    class_map: ClassMap

    def __len__(self) -> int:
        return len(self.sample)

    @property
    def classes(self) -> tuple[str, ...]:
        """The names of the classes."""
        return self.sample.classes

    @property
    def keys(self) -> tuple[str, ...]:
        """The ids of the images."""
        return self.sample.keys

    @property
    def warnings(self) -> tuple[str, ...]:
        """The notices on the images."""
        return self.sample.warnings

    @property
    def fingerprint(self) -> str:
        """A hash of all images and masks."""
        return self.sample.fingerprint

    @property
    def digests(self) -> tuple[str, ...]:
        """The hash of the bytes of each image, without its mask."""
        return self.sample.digests

    @property
    def foreground(self) -> tuple[int, ...]:
        """Indices of the classes that are no background."""
        return foreground_of(self.class_map)

    def subset(self, rows: Rows) -> MaskedImages:
        """Return the images of some rows."""
        pairs = tuple(self.pairs[row] for row in rows)
        return MaskedImages(self.sample.subset(rows), pairs, self.class_map)

    def counts(self) -> npt.NDArray[np.int64]:
        """Count the pixels of each image and class, int64 (N, K)."""
        return count_labels(self.sample.masks, len(self.classes))

    def held(self) -> npt.NDArray[np.bool_]:
        """Tell for each class if a mask in its own size holds it, (K,)."""
        held: npt.NDArray[np.bool_] = self.counts().sum(axis=0) > 0
        rows = range(len(self)) if not held.all() else ()
        for row in rows:  # what is small may be lost when a mask is stretched to one size
            there = np.unique(self.truth(row))
            held[there[there != IGNORE]] = True
        return held

    def truth(self, row: int) -> Labels:
        """Read the mask of an image in its own size: class indices (H, W), 255 to be ignored.

        Raises:
            DataError: the file can no longer be read.
        """
        pair = self.pairs[row]
        mask = read_mask(pair.mask, colour=self.class_map.colour)
        codes = getattr(mask, "codes", None)
        if codes is None or self.class_map.strangers(np.unique(codes).tolist()):
            raise DataError(f"{pair.mask}: it has changed since it was checked.")
        return self.class_map.indices(codes)


def open_masks(
    spec: str,
    samples: int | None,
    seed: int,
    image_size: int,
    like: MaskedImages | None = None,
    how: Opening = PLAINLY,
) -> MaskedImages:
    """Read images and masks.

    Args:
        spec: folder; see :func:`acrank.data.segmentation.open_segmentation`.
        samples: number of images; None for all.
        seed: seed of their choice.
        image_size: height and width that they are stretched to.
        like: images whose classes these masks have to have; some may be missing. A class file
            of their own gives only their values of the same classes.
        how: settings to open images by.

    Raises:
        ConfigError: the size does not fit.
        DataError: the data cannot be used, or have other classes.
    """
    given = None
    if like is not None:  # with classes given, some may be in no mask
        given = own_classes(find_files(user_path(spec))) or like.class_map
    target = open_segmentation(spec, given, how)
    if like is not None and target.classes != like.classes:
        raise DataError(
            f"{spec} has the classes {', '.join(target.classes)}, the training images have "
            f"{', '.join(like.classes)}.",
            hint="Both need the same classes in the same order.",
        )
    sample = whole_segmentation(target, samples, seed, image_size)
    places = {pair.key: pair for pair in target.items}
    return MaskedImages(sample, tuple(places[key] for key in sample.keys), target.class_map)


def foreground_of(class_map: ClassMap) -> tuple[int, ...]:
    """Return the indices of the classes that are no background."""
    background = class_map.background
    return tuple(label for label, code in enumerate(class_map.codes) if code != background)


def count_labels(masks: Iterable[Labels], classes: int) -> npt.NDArray[np.int64]:
    """Count the pixels of each mask and class, int64 (N, K)."""
    found = [np.bincount(mask.ravel(), minlength=IGNORE + 1) for mask in masks]
    return np.stack(found)[:, :classes]


def rarest_classes(images: Masked) -> Rows:
    """Return the rarest class of each image, (N,), by which images are split."""
    held = images.counts() > 0
    rarity = np.where(held, held.sum(axis=0), len(images) + 1)
    rarest: Rows = rarity.argmin(axis=1)
    return rarest
