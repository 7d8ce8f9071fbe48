"""Fine-tune networks that find the class of every voxel."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

from torch import nn

from acrank.data.volumes import VolumeSettings
from acrank.data.volumes.nifti import require_nifti
from acrank.finetuning.config import FinetuneConfig
from acrank.finetuning.masks.cases import write_cases
from acrank.finetuning.masks.judge import JudgedMasks
from acrank.finetuning.masks.objective import PixelObjective, PixelTuning
from acrank.finetuning.network import Network
from acrank.finetuning.notices import Wording
from acrank.finetuning.objective import Autocast, Batch
from acrank.finetuning.volumes.batches import TrainingVolumes, plain_patches
from acrank.finetuning.volumes.data import LabelledVolumes, open_labelled
from acrank.finetuning.volumes.judge import Judge


class SegmentingVolumes(PixelObjective[LabelledVolumes]):
    """The objective of one class for each voxel, trained on patches and judged on whole volumes."""

    @property
    def sides(self) -> tuple[int, ...]:
        """Voxels along each axis of a patch."""
        return self.training.patch

    @cached_property
    def judges(self) -> Judge:
        """Runs networks over whole volumes."""
        return Judge(self.preprocessing, self.config.batch_size, self.device)

    def augmented(self, images: LabelledVolumes) -> TrainingVolumes:
        """See :class:`acrank.finetuning.volumes.batches.TrainingVolumes`."""
        return TrainingVolumes(images, self.batching)

    def plain(self, images: LabelledVolumes) -> Iterator[Batch]:
        """See :func:`acrank.finetuning.volumes.batches.plain_patches`."""
        config = self.config
        return plain_patches(
            images, self.preprocessing, config.batch_size, config.seed, self.device
        )

    def judge(
        self, network: nn.Module, images: LabelledVolumes, autocast: Autocast
    ) -> JudgedMasks[LabelledVolumes]:
        """See :meth:`acrank.finetuning.volumes.judge.Judge.judge`."""
        return self.judges.judge(network, images, self.readout.loss, autocast)

    def write(
        self, folder: Path, found: Mapping[str, JudgedMasks[LabelledVolumes]], network: Network
    ) -> None:
        """Write tables of classes and volumes, and slices of some with both masks for figures."""
        write_cases(folder, found, self.judges.pictures(found["val"], network))

    @property
    def geometry(self) -> dict[str, Any]:
        """The patch, the spacing and the window of intensities."""
        return {
            "patch": list(self.training.patch),
            "spacing": list(self.training.spacing),
            "window": self.config.window and list(self.config.window),
        }


class VolumeTuning(PixelTuning[LabelledVolumes]):
    """Fine-tuning on volumes with labels."""

    key = "volumes"
    make = SegmentingVolumes
    wording = Wording("volumes", "no labels of {} volumes hold {}", PixelTuning.wording.measures)
    things = "volumes with labels"

    def require(self, config: FinetuneConfig) -> None:
        """Refuse at once if the libraries of decoders, overlaps or volumes are missing."""
        super().require(config)
        require_nifti()

    def opened(
        self, config: FinetuneConfig, spec: str, samples: int | None, like: LabelledVolumes | None
    ) -> LabelledVolumes:
        """See :func:`acrank.finetuning.volumes.data.open_labelled`."""
        settings = VolumeSettings(config.patch, config.spacing, config.window)
        return open_labelled(spec, samples, config.seed, settings, like)

    def settings(self, training: LabelledVolumes) -> dict[str, Any]:
        """Return the patch and the spacing of the training volumes."""
        return {"patch": training.patch, "spacing": training.spacing}


TUNING = VolumeTuning()
