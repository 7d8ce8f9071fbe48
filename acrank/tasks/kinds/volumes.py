"""Segmentation of volumes: one class of each voxel of CT or MR scans."""

from __future__ import annotations

from acrank.tasks.kinds.masks import OVERLAPS, Segmentation

VOLUMES = Segmentation(
    key="volumes",
    name="segmentation",
    things="volumes",
    dimensions=3,
    whole_images=False,
    metrics="segmentation",
    samples=32,
    batch_size=2,  # a patch of a volume has as many voxels as a dozen images have pixels
    heads=("random",),
    augmentations=("light", "none"),
    measures=OVERLAPS,
    monitor="dice",
    averaged="mean of the foreground",
    tuning="acrank.finetuning.volumes.objective:TUNING",
    parts="acrank.experiments.parts.volumes:PARTS",
    gallery="acrank.report.galleries:with_labels",
    figure="acrank.report.builders.finetuning_figures:cases",
    target="volumes",
)
