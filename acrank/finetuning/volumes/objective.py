"""Fine-tuning to find the class of every voxel."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import torch

from acrank.data import Preprocessing
from acrank.finetuning.config import FinetuneConfig
from acrank.finetuning.inputs import Images
from acrank.finetuning.masks.cases import write_cases
from acrank.finetuning.masks.export import save_segmenter
from acrank.finetuning.masks.judge import JudgedMasks
from acrank.finetuning.masks.objective import PixelObjective
from acrank.finetuning.network import Network
from acrank.finetuning.objective import Autocast, Batch
from acrank.finetuning.volumes.batches import TrainingVolumes, plain_patches
from acrank.finetuning.volumes.data import Volumes
from acrank.finetuning.volumes.judge import Judge
from acrank.zoo import Backbone


class SegmentingVolumes(PixelObjective):
    """One class a voxel: patches to train on, whole volumes to judge on.

    Args:
        config: of the fine-tuning.
        images: volumes.
        preprocessing: of the backbone.
        device: where networks run.
    """

    def __init__(
        self,
        config: FinetuneConfig,
        images: Images,
        preprocessing: Preprocessing,
        device: torch.device,
    ) -> None:
        self.volumes: Volumes = images.training
        super().__init__(config, images, preprocessing, device, self.volumes.patch)
        self.judges = Judge(preprocessing, config.batch_size, device)

    def augmented(self, images: Volumes) -> TrainingVolumes:
        """See :class:`acrank.finetuning.volumes.batches.TrainingVolumes`."""
        config = self.config
        given = (config.batch_size, config.augment, config.seed, self.device, config.flip)
        return TrainingVolumes(images, self.preprocessing, *given)

    def plain(self, images: Volumes) -> Iterator[Batch]:
        """See :func:`acrank.finetuning.volumes.batches.plain_patches`."""
        given = (self.config.batch_size, self.config.seed, self.device)
        return plain_patches(images, self.preprocessing, *given)

    def judge(self, network: Network, images: Volumes, autocast: Autocast) -> JudgedMasks[Volumes]:
        """See :meth:`acrank.finetuning.volumes.judge.Judge.judge`."""
        return self.judges.judge(network, images, self.task.loss, autocast)

    def write(self, folder: Path, found: Mapping[str, Any], network: Network) -> None:
        """Tables of classes and volumes, and slices of some with both masks, to be drawn."""
        write_cases(folder, found, self.judges.pictures(found["val"], network))

    def save(self, folder: Path, backbone: Backbone, network: Network) -> str:
        """See :func:`acrank.finetuning.masks.export.save_segmenter`."""
        geometry = {
            "patch": list(self.volumes.patch),
            "spacing": list(self.volumes.spacing),
            "window": self.config.window and list(self.config.window),
        }
        given = (self.classes, self.config.decoder, self.task.size, geometry)
        return save_segmenter(folder, backbone, network, *given)
