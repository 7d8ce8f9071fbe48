"""Hold the sample that all networks are scored on: decoded once, then shared."""

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
import torch

from acrank.data.base import AnySample
from acrank.data.decode import Pixels
from acrank.data.fingerprint import make_fingerprint
from acrank.data.preprocess import Preprocessing, normalise, resize


class Sample(AnySample):
    """Decoded images with labels, parted into batches.

    Attributes:
        classes: the names of the classes drawn; all of the target's, unless fewer images than
            classes were asked for.
        keys: the images' ids, ordered by class and id.
        labels: int64 (N,), indices into ``classes``.
        batches: disjoint index arrays that cover the sample; each holds two classes or more.
        warnings: plain sentences for the user.
        fingerprint: a hash of the class names and of every image's id, label and bytes.
        digests: a hash of each image's bytes; empty where they are not known.
        groups: the group of each image, None for one without; empty where no image has one.
    """

    task: ClassVar[str] = "classification"
    things: ClassVar[str] = "images"

    def __init__(
        self,
        *,
        classes: tuple[str, ...],
        keys: tuple[str, ...],
        labels: npt.NDArray[np.int64],
        images: Sequence[Pixels],
        batches: tuple[npt.NDArray[np.int64], ...],
        warnings: tuple[str, ...] = (),
        fingerprint: str = "",
        digests: tuple[str, ...] = (),
        groups: tuple[str | None, ...] = (),
    ) -> None:
        self.classes = classes
        self.keys = keys
        self.labels = labels
        self.batches = batches
        self.warnings = warnings
        self.fingerprint = fingerprint
        self.digests = digests
        self.groups = groups
        self._images = tuple(images)
        self._last: tuple[object, torch.Tensor] | None = None

    def __getstate__(self) -> dict[str, object]:
        return {**self.__dict__, "_last": None}  # resized pixels are made where they are needed

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        # another process may map the arrays read-only, which torch warns of; the images stay so
        self.labels = np.array(self.labels)
        self.batches = tuple(np.array(rows) for rows in self.batches)

    def part(
        self, rows: npt.NDArray[np.int64], batches: tuple[npt.NDArray[np.int64], ...]
    ) -> "Sample":
        """Return the images of some rows, ascending, as a sample with batches of its own."""
        present, labels = np.unique(self.labels[rows], return_inverse=True)
        keys = tuple(self.keys[row] for row in rows)
        return Sample(
            classes=tuple(self.classes[label] for label in present),
            keys=keys,
            labels=labels.astype(np.int64),
            images=[self._images[row] for row in rows],
            batches=batches,
            fingerprint=make_fingerprint(self.fingerprint, keys),
        )

    def held(self) -> npt.NDArray[np.bool_]:
        """Tell which class each image is of, bool (N, K)."""
        held: npt.NDArray[np.bool_] = self.labels[:, None] == np.arange(len(self.classes))
        return held

    @property
    def images(self) -> tuple[Pixels, ...]:
        """The decoded images; do not write to them."""
        return self._images

    def subset(self, rows: npt.NDArray[np.int64]) -> "Sample":
        """Return the images of some rows, with their labels among all classes, as one batch."""
        keys = tuple(self.keys[row] for row in rows)
        return Sample(
            classes=self.classes,
            keys=keys,
            labels=self.labels[rows],
            images=[self._images[row] for row in rows],
            batches=(np.arange(len(rows), dtype=np.int64),),
            fingerprint=make_fingerprint(self.fingerprint, keys),
            digests=tuple(self.digests[row] for row in rows) if self.digests else (),
            groups=tuple(self.groups[row] for row in rows) if self.groups else (),
        )

    def with_classes(self, classes: tuple[str, ...]) -> "Sample":
        """Return the same images, with their labels among other classes that include these."""
        places = np.array([classes.index(name) for name in self.classes], dtype=np.int64)
        return Sample(
            classes=classes,
            keys=self.keys,
            labels=places[self.labels],
            images=self._images,
            batches=self.batches,
            warnings=self.warnings,
            fingerprint=self.fingerprint,
            digests=self.digests,
            groups=self.groups,
        )

    def pixels(self, preprocessing: Preprocessing) -> torch.Tensor:
        """Return the images as uint8 (N, C, H, W), resized and cropped for a network.

        The last result is kept, so that networks of the same geometry share it; do not write to it.
        """
        last = self._last
        if last is None or last[0] != preprocessing.geometry:
            self._last = last = None  # freed first, so that two are never held at once
            last = self._last = (preprocessing.geometry, resize(self._images, preprocessing))
        return last[1]

    def batch(
        self,
        index: int,
        preprocessing: Preprocessing,
        *,
        device: torch.device | str,
        dtype: torch.dtype = torch.float32,
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Return one batch on the device: normalised images (channels last) and int64 labels."""
        rows = torch.from_numpy(self.batches[index])
        pixels = self.pixels(preprocessing)[rows]
        labels = torch.from_numpy(self.labels)[rows].to(device)
        return normalise(pixels, preprocessing, device=device, dtype=dtype), labels
