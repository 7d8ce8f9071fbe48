"""Hold the patches and labels that all networks are scored on: decoded once, in one geometry."""

from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
import torch

from acrank.data.base import AnySample, Rows, Seen
from acrank.data.fingerprint import make_fingerprint
from acrank.data.preprocess import Preprocessing
from acrank.data.segmentation.sample import classes_held, loss_labels
from acrank.data.volumes.intensity import Intensities
from acrank.data.volumes.patch import Labels
from acrank.data.volumes.settings import Size, Spacing
from acrank.data.volumes.windows import Windows
from acrank.errors import ModelError


class VolumeSample(AnySample):
    """One patch of each volume with its labels, parted into batches.

    Attributes:
        classes: the names of all the target's classes.
        keys: the cases' ids, in the order in which they were drawn.
        images: float32 (N, C, X, Y, Z), standardised; do not write to them.
        masks: uint8 (N, X, Y, Z), indices into ``classes``; 255 is to be ignored.
        spacing: of the voxels in mm.
        batches: disjoint index arrays that cover the sample.
        warnings: plain sentences for the user.
        fingerprint: a hash of the classes, the settings, and every case's id and bytes.
        windows: the patches of each volume that scores of features see; empty for that one.
    """

    task: ClassVar[str] = "volumes"
    things: ClassVar[str] = "volumes with labels"

    def __init__(
        self,
        *,
        classes: tuple[str, ...],
        keys: tuple[str, ...],
        images: Intensities,
        masks: Labels,
        spacing: Spacing,
        batches: tuple[Rows, ...],
        warnings: tuple[str, ...] = (),
        fingerprint: str = "",
        windows: tuple[Windows, ...] = (),
    ) -> None:
        self.classes = classes
        self.keys = keys
        self.images = images
        self.masks = masks
        self.spacing = spacing
        self.batches = batches
        self.warnings = warnings
        self.fingerprint = fingerprint
        self.windows = windows

    @property
    def patch(self) -> Size:
        """Voxels along each axis of every patch."""
        x, y, z = self.masks.shape[1:]
        return x, y, z

    @property
    def sides(self) -> tuple[int, ...]:
        """Voxels along each axis of every patch."""
        return self.patch

    @property
    def facts(self) -> dict[str, Any]:
        """The patches in voxels and in mm, which the settings need not say."""
        return {"patch": list(self.patch), "spacing": [round(mm, 4) for mm in self.spacing]}

    def held(self) -> npt.NDArray[np.bool_]:
        """Tell which classes each patch holds, bool (N, K)."""
        return classes_held(self.masks)[:, : len(self.classes)]

    def part(self, rows: Rows, batches: tuple[Rows, ...]) -> "VolumeSample":
        """Return the patches of some rows as a sample with batches of its own."""
        keys = tuple(self.keys[row] for row in rows)
        return VolumeSample(
            classes=self.classes,
            keys=keys,
            images=self.images[rows],
            masks=self.masks[rows],
            spacing=self.spacing,
            batches=batches,
            fingerprint=make_fingerprint(self.fingerprint, keys),
            windows=tuple(self.windows[row] for row in rows) if self.windows else (),
        )

    def subset(self, rows: Rows) -> "VolumeSample":
        """Return the patches of some rows as one batch."""
        return self.part(rows, (np.arange(len(rows), dtype=np.int64),))

    def repeats(self, preprocessing: Preprocessing) -> int:
        """Count how often each channel is repeated for a network that takes more channels.

        Raises:
            ModelError: the network takes other channels than the volumes have.
        """
        wanted, given = preprocessing.input_size[0], int(self.images.shape[1])
        if wanted != given and (wanted, given) != (3, 1):
            raise ModelError(
                f"it takes {wanted} channel(s), and the volumes have {given}.",
                hint="Leave it out, or build it with as many channels.",
            )
        return wanted // given

    def adapted(self, preprocessing: Preprocessing) -> dict[str, str]:
        """Say that a network of more channels is given the one of the volumes several times.

        Raises:
            ModelError: see :meth:`repeats`.
        """
        times = self.repeats(preprocessing)
        return {} if times == 1 else {"grey-repeated": f"one channel given {times} times"}

    def seen(
        self, preprocessing: Preprocessing, device: torch.device, *, pixels: int, seed: int
    ) -> Seen:
        """Return the further patches that hold voxels which are drawn, or else the batches."""
        if not self.windows:
            return super().seen(preprocessing, device, pixels=pixels, seed=seed)
        # they are made of samples
        from acrank.data.volumes.observed import WindowBatches

        found = WindowBatches(self, preprocessing, pixels, seed, device)
        return Seen(found, len(found), found.volumes, found.edges)

    def batch(
        self,
        index: int,
        preprocessing: Preprocessing,
        *,
        device: torch.device | str,
        dtype: torch.dtype = torch.float32,
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Return one batch on the device: images (N, C, X, Y, Z) and int64 masks (N, X, Y, Z).

        Args:
            index: which batch.
            preprocessing: of the network.
            device: where to put them.
            dtype: of the images.

        Raises:
            ModelError: see :meth:`repeats`.
        """
        rows = self.batches[index]
        given = (self.images[rows], self.masks[rows], preprocessing)
        return self.prepared(*given, device=device, dtype=dtype)

    def prepared(
        self,
        patches: Intensities,
        labels: Labels,
        preprocessing: Preprocessing,
        *,
        device: torch.device | str,
        dtype: torch.dtype = torch.float32,
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Patches of these volumes as a network takes them, and their labels.

        A grey volume is repeated for a network of three channels. Of the preprocessing, the
        number of channels, the mean and the standard deviation count; the geometry is the
        sample's. Voxels to be ignored are -100 in the masks.

        Args:
            patches: float32 (N, C, X, Y, Z).
            labels: uint8 (N, X, Y, Z).
            preprocessing: of the network.
            device: where to put them.
            dtype: of the images.

        Raises:
            ModelError: see :meth:`repeats`.
        """
        images = torch.from_numpy(patches).to(device, dtype)
        images = images.repeat(1, self.repeats(preprocessing), 1, 1, 1)
        mean, std = (
            torch.tensor(values, device=device, dtype=dtype).view(1, -1, 1, 1, 1)
            for values in (preprocessing.mean, preprocessing.std)
        )
        return (images - mean) / std, loss_labels(torch.from_numpy(labels), device)
