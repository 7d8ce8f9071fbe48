"""Choose the images that single AC-Norm steps are taken on: as many as AC-Corr's interval needs."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from acrank.data.base import AnySample, Batches

# A step takes this part of the sample at most, so that three steps cost less than features do;
# but so many images at least: a gradient of fewer is so noisy that it raises AC-Corr.
SHARE = 8
FEWEST = 8


@dataclass(frozen=True)
class Stepping:
    """The single steps on a sample.

    Attributes:
        count: number of steps.
        parts: that each batch is divided into; a step takes one part.
        images: number of images of a step, at most.
    """

    count: int
    parts: int
    images: int

    @classmethod
    def on(cls, sample: AnySample, repeats: int, images: int | None = None) -> Stepping:
        """Plan the steps: whole batches, or parts of them where batches are a large share.

        Each part holds two classes or more. A single batch is not divided.

        Args:
            sample: of the target.
            repeats: number of steps asked for.
            images: number of images a step asked for; None for an eighth of the sample, and eight
                at least. A step never takes more than a batch.
        """
        batches = len(sample.batches)
        size = images or max(FEWEST, len(sample) // SHARE)
        fewest = min(len(rows) for rows in sample.batches)
        parts = max(1, fewest // size) if batches > 1 else 1
        while parts > 1 and not _all_mixed(sample, parts):
            parts -= 1
        count = min(repeats, batches * parts)
        largest = max(len(rows) for rows in sample.batches)
        return cls(count, parts, -(-largest // parts))


def part_of(
    batches: Batches, count: int, parts: int, step: int
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the images and labels of a step: batches take turns, and then their parts.

    Images of a batch are in the order of their classes, so that every so-manieth is stratified.

    Args:
        batches: gives batch number i.
        count: number of batches.
        parts: that each is divided into.
        step: number of the step.
    """
    images, labels = batches(step % count)
    if parts == 1:
        return images, labels
    rows = torch.arange(step // count, len(images), parts, device=images.device)
    return images[rows], labels[rows]


def _all_mixed(sample: AnySample, parts: int) -> bool:
    """Return whether every part of every batch holds two classes."""
    held = sample.held()
    return all(
        held[rows[part::parts]].any(axis=0).sum() >= 2
        for rows in sample.batches
        for part in range(parts)
    )
