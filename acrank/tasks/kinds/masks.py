"""Segmentation of images: one class of each pixel, told by a mask."""

from __future__ import annotations

from typing import TYPE_CHECKING

from acrank.tasks.registry import HasDecoder, Measure, Task

if TYPE_CHECKING:
    from acrank.config import RunConfig
    from acrank.data.base import AnySample
    from acrank.tasks.maps import Maps
    from acrank.tasks.readout import Readout


class Segmentation(Task):
    """One class of each pixel or voxel, read off feature maps by a decoder."""

    def require(self, config: HasDecoder) -> None:
        """Say at once whether the library of decoders is missing, or has none of these."""
        from acrank.tasks.decoders import require_decoders

        require_decoders(config.decoder, self.dimensions)

    def readout(self, config: RunConfig, sample: AnySample) -> Readout[Maps]:
        """See :class:`acrank.tasks.dense.DenseReadout`."""
        from acrank.tasks.dense import DenseReadout

        return DenseReadout(config.decoder, sample.sides, config.pixels, layers=config.layers)


_DICE, _IOU = ("Dice", "Dice values"), ("IoU", "IoU values")
OVERLAPS = (
    Measure("dice", "Dice", quality=_DICE),
    Measure("iou", "IoU", quality=_IOU),
    Measure("hd95", "HD95", predicted=False, higher_is_better=False, drawn=False),
    Measure("loss", "loss", False, False, drawn=False, told=False),
)

MASKS = Segmentation(
    key="masks",
    name="segmentation",
    things="images",
    dimensions=2,
    whole_images=False,
    metrics="segmentation",
    samples=64,
    batch_size=8,  # a batch of 8 masks costs as much as a batch of 32 images
    image_size=256,
    size_step=32,  # encoders halve images five times
    heads=("random",),
    augmentations=("light", "none"),
    measures=OVERLAPS,
    monitor="dice",
    averaged="mean of the foreground",
    tuning="acrank.finetuning.masks.objective:TUNING",
    parts="acrank.experiments.parts.masks:PARTS",
    gallery="acrank.report.galleries:with_masks",
    figure="acrank.report.builders.finetuning_figures:cases",
    target="masks",
)
