"""Judge a segmenter on whole volumes."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

from acrank.data import Preprocessing
from acrank.data.volumes.patch import Labels
from acrank.data.volumes.slices import slices_of
from acrank.finetuning.masks.cases import DRAWN, Array, captions
from acrank.finetuning.masks.judge import JudgedMasks, Loss, MeanLoss, predicted, spread
from acrank.finetuning.masks.overlap import Values, overlaps
from acrank.finetuning.objective import Autocast
from acrank.finetuning.volumes.data import LabelledVolumes
from acrank.finetuning.volumes.slide import slide

# Pixels of each side of a slice.
SIDE = 160


class Judge:
    """A judge that runs networks over whole volumes.

    Args:
        preprocessing: preprocessing of the network.
        batch_size: patches at once.
        device: device of the network.
    """

    def __init__(self, preprocessing: Preprocessing, batch_size: int, device: torch.device) -> None:
        self.preprocessing = preprocessing
        self.batch_size = batch_size
        self.device = device

    @torch.no_grad()
    def judge(
        self, network: nn.Module, volumes: LabelledVolumes, loss: Loss, autocast: Autocast
    ) -> JudgedMasks[LabelledVolumes]:
        """Run a network in inference mode; logits are resampled to each volume's own voxels.

        Args:
            network: network from patches to logits.
            volumes: volumes to judge it on.
            loss: function of logits and labels, in the voxels of training.
            autocast: context of the forward passes.

        Raises:
            NotFiniteError: a logit, or the loss, is not finite.
        """
        values: list[Values] = []
        mean = MeanLoss(loss)
        for row, item in enumerate(volumes.items):
            with autocast():
                logits, labels = self.logits(network, volumes, row)
            mean.add(logits, labels)
            truth = torch.from_numpy(item.truth)
            guess = predicted(logits[0], truth.shape)
            values.append(overlaps(guess, truth, volumes.foreground, item.own))
        return JudgedMasks(volumes, np.stack(values), mean.mean, np.array(mean.each))

    def logits(
        self, network: nn.Module, volumes: LabelledVolumes, row: int
    ) -> tuple[Tensor, Tensor]:
        """Compute logits (1, K, X, Y, Z) of a volume's resampled voxels, with their labels."""
        network.eval()
        item = volumes.items[row]
        image, labels = volumes.prepared(
            [item.image], [item.labels], self.preprocessing, self.device
        )
        return slide(network, image, volumes.patch, self.batch_size).float(), labels

    @torch.no_grad()
    def pictures(
        self, judged: JudgedMasks[LabelledVolumes], network: nn.Module
    ) -> dict[str, Array]:
        """Draw slices of volumes from the worst to the best in three planes, with both masks.

        Args:
            judged: results of the network.
            network: plain network on its device.
        """
        rows = spread(judged, DRAWN)
        pictures = captions(judged, rows)
        for index, row in enumerate(rows.tolist()):
            logits, _ = self.logits(network, judged.images, row)
            guess = predicted(logits[0], logits.shape[2:]).numpy()
            shown = _planes(judged.images, row, guess)
            for name, picture in zip(("image", "truth", "guess"), shown, strict=True):
                pictures[f"{name}{index}"] = picture
        return pictures


def _planes(volumes: LabelledVolumes, row: int, guess: Labels) -> tuple[Array, Array, Array]:
    """Cut the slices with most true labels: grey values, true and predicted labels."""
    item = volumes.items[row]
    background = next(iter(set(range(len(volumes.classes))) - {*volumes.foreground}), 255)
    true, predicted_ = (
        list(slices_of(item.image[0], mask, volumes.spacing, background, SIDE, item.labels))
        for mask in (item.labels, guess)
    )
    grey = np.concatenate([one.image for one in true], axis=1)
    masks = [np.concatenate([one.mask for one in part], axis=1) for part in (true, predicted_)]
    return np.repeat(grey[..., None], 3, axis=2), masks[0], masks[1]
