"""Read volumes with labels, decoded once and resampled, for training and judging."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from acrank.data import Preprocessing, stratify
from acrank.data.fingerprint import make_fingerprint
from acrank.data.segmentation.classmap import IGNORE, ClassMap
from acrank.data.segmentation.order import in_drawing_order
from acrank.data.volumes import VolumeSample, VolumeSettings, open_volumes
from acrank.data.volumes.cutting import Cutter, resample_all
from acrank.data.volumes.draw import fingerprint_of, flat_notices
from acrank.data.volumes.intensity import Intensities
from acrank.data.volumes.patch import Labels
from acrank.data.volumes.settings import Size, Spacing
from acrank.errors import DataError
from acrank.finetuning.masks.data import count_labels, foreground_of
from acrank.finetuning.split import Rows

# Voxels of each class and volume around which patches may lie.
PLACES = 5000

Places = npt.NDArray[np.int64]


@dataclass(frozen=True)
class LabelledVolume:
    """One volume with labels.

    Attributes:
        key: id of the volume.
        image: resampled and standardised voxels, float32 (C, X, Y, Z).
        labels: class indices of the same voxels; 255 is to be ignored.
        truth: class indices of the volume's own voxels.
        own: spacing of the volume's own voxels in mm.
        digest: hash of the bytes of its image.
    """

    key: str
    image: Intensities
    labels: Labels
    truth: Labels
    own: Spacing
    digest: str

    @cached_property
    def places(self) -> dict[int, Places]:
        """The indices (P, 3) of some voxels of each class that it holds."""
        found = {}
        for label in np.unique(self.labels[self.labels != IGNORE]).tolist():
            there = np.flatnonzero(self.labels == label)
            if len(there) > PLACES:
                seed = int.from_bytes(stratify.rank(label, self.key)[:8], "big")
                there = np.random.default_rng(seed).choice(there, PLACES, replace=False)
            found[label] = np.stack(np.unravel_index(there, self.labels.shape), axis=1)
        return found


@dataclass(frozen=True)
class LabelledVolumes:
    """The volumes of one dataset.

    Attributes:
        items: the volumes.
        class_map: classes, and their values in the labels.
        patch: voxels of a patch along each axis.
        spacing: spacing of the resampled voxels in mm.
        warnings: notices on the volumes.
        fingerprint: hash of all volumes and labels.
    """

    items: tuple[LabelledVolume, ...]
    class_map: ClassMap
    patch: Size
    spacing: Spacing
    warnings: tuple[str, ...]
    fingerprint: str

    def __len__(self) -> int:
        return len(self.items)

    @property
    def classes(self) -> tuple[str, ...]:
        """The names of the classes."""
        return self.class_map.names

    @property
    def keys(self) -> tuple[str, ...]:
        """The ids of the volumes."""
        return tuple(item.key for item in self.items)

    @property
    def foreground(self) -> tuple[int, ...]:
        """The indices of the classes that are no background."""
        return foreground_of(self.class_map)

    @property
    def digests(self) -> tuple[str, ...]:
        """The hash of the bytes of each volume, without its labels."""
        return tuple(item.digest for item in self.items)

    def subset(self, rows: Rows) -> LabelledVolumes:
        """Return the volumes of some rows."""
        items = tuple(self.items[row] for row in rows)
        known = make_fingerprint(self.fingerprint, [item.key for item in items])
        return replace(self, items=items, warnings=(), fingerprint=known)

    def counts(self) -> npt.NDArray[np.int64]:
        """Count the voxels of each volume and class, int64 (N, K)."""
        return count_labels((item.labels for item in self.items), len(self.classes))

    def held(self) -> npt.NDArray[np.bool_]:
        """Tell for each class if labels in their own voxels hold it, (K,)."""
        truths = count_labels((item.truth for item in self.items), len(self.classes))
        held: npt.NDArray[np.bool_] = truths.sum(axis=0) > 0
        return held

    def prepared(
        self,
        images: Sequence[Intensities],
        labels: Sequence[Labels],
        preprocessing: Preprocessing,
        device: torch.device,
    ) -> tuple[Tensor, Tensor]:
        """Prepare voxels of one size for a network; see :meth:`VolumeSample.batch`.

        Raises:
            ModelError: it takes other channels.
        """
        sample = VolumeSample(
            classes=self.classes,
            keys=("",) * len(images),
            images=np.stack(images),
            masks=np.stack(labels),
            spacing=self.spacing,
            batches=(np.arange(len(images), dtype=np.int64),),
        )
        return sample.batch(0, preprocessing, device=device)


def open_labelled(
    spec: str,
    samples: int | None,
    seed: int,
    settings: VolumeSettings,
    like: LabelledVolumes | None = None,
) -> LabelledVolumes:
    """Read volumes with labels.

    Args:
        spec: folder; see :func:`acrank.data.volumes.open_volumes`.
        samples: number of volumes; None for all.
        seed: seed of their choice.
        settings: settings of patches, spacing and intensities.
        like: volumes whose classes, patch and spacing these take; some classes may be missing.
            A class file of their own gives only their values of the same classes.

    Raises:
        DataError: the data cannot be used, or have other classes or channels.
    """
    target = open_volumes(spec, None if like is None else like.class_map)
    if like is not None:
        settings = VolumeSettings(like.patch, like.spacing, settings.window)
    cutter = Cutter.of(target, settings, seed)
    drawn = in_drawing_order(target.items, seed)[:samples]
    found = resample_all(target.name, drawn, cutter)
    patches = [patch for patch, _ in found]
    volumes = LabelledVolumes(
        tuple(
            LabelledVolume(
                case.key, patch.image, patch.labels, truth, case.spacing, "".join(patch.digests[1:])
            )
            for case, (patch, truth) in zip(drawn, found, strict=True)
        ),
        target.class_map,
        cutter.patch,
        cutter.spacing,
        (*target.warnings, *flat_notices(patches)),
        fingerprint_of(cutter, drawn, patches),
    )
    if like is not None:
        _same(spec, volumes, like)
    return volumes


def _same(spec: str, volumes: LabelledVolumes, like: LabelledVolumes) -> None:
    """Refuse other classes or channels than those of the training volumes."""
    if volumes.classes != like.classes:
        raise DataError(
            f"{spec} has the classes {', '.join(volumes.classes)}, the training volumes have "
            f"{', '.join(like.classes)}.",
            hint="Both need the same classes in the same order.",
        )
    given, wanted = (len(part.items[0].image) for part in (volumes, like))
    if given != wanted:
        raise DataError(
            f"{spec} has volumes of {given} channel(s), the training volumes have {wanted}.",
            hint="Both need the same channels in the same order.",
        )
