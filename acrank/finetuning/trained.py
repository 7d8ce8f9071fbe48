"""A finished fine-tuning in its folder, and its network, ready to run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from acrank.data import Preprocessing
from acrank.finetuning.config import FinetuneConfig, make_finetune_config

# The settings of a fine-tuning that decide which backbone it begins with.
OF_BACKBONE = ("data", "model", "zoo", "seed", "image_size", "allow_partial", "offline")


@dataclass(frozen=True)
class Finished:
    """A folder with a finished fine-tuning.

    Attributes:
        folder: the folder.
        record: what its ``finetune.json`` holds.
        trust_code: True if the ``factory`` of a zoo entry may run its code.
    """

    folder: Path
    record: Mapping[str, Any] = field(repr=False)
    trust_code: bool = False

    @property
    def task(self) -> str:
        """The name of the task."""
        return str(self.record["config"]["task"])

    @property
    def classes(self) -> tuple[str, ...]:
        """The names of the classes, in the order of the logits."""
        return tuple(self.record["images"]["classes"])

    @property
    def of_backbone(self) -> FinetuneConfig:
        """The settings that lead to the backbone, and no others."""
        config = self.record["config"]
        known = {name: config[name] for name in OF_BACKBONE if config.get(name) is not None}
        return make_finetune_config({**known, "trust_code": self.trust_code})


@dataclass(frozen=True)
class Trained:
    """A trained network, ready to run on what is prepared for it.

    Attributes:
        network: maps images or patches (N, C, *S) to logits (N, K) or (N, K, *S); in inference
            mode, on the CPU, float32.
        classes: names of the classes, in the order of the logits.
        preprocessing: preprocessing of its images; of volumes, the size of a patch and the
            normalisation of standardised voxels.
        files: names of the files in the folder that hold its weights.
        geometry: further settings that prepare volumes; empty for images.
    """

    network: nn.Module
    classes: tuple[str, ...]
    preprocessing: Preprocessing
    files: tuple[str, ...]
    geometry: Mapping[str, Any] = field(default_factory=dict)

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of one input: channels, then height and width, or the sides of a patch."""
        return self.preprocessing.input_size

    @property
    def thing(self) -> str:
        """The word for one input: ``image`` or ``patch``."""
        return "patch" if len(self.shape) == 4 else "image"

    @property
    def things(self) -> str:
        """The word for several inputs."""
        return "patches" if self.thing == "patch" else "images"

    @property
    def parameters(self) -> int:
        """The number of parameters."""
        return sum(parameter.numel() for parameter in self.network.parameters())

    def inputs(self, count: int, seed: int = 0) -> Tensor:
        """Draw random inputs, normalised as real ones are, with grains of several sizes.

        Fine noise alone would leave the later layers of most networks nearly without a signal.

        Args:
            count: number of inputs N.
            seed: seed of the random numbers.

        Returns:
            (N, C, *S), float32. Pixels are in [0, 1], and voxels have a deviation near 1, before
            the mean and the deviation of the network are applied.
        """
        channels, *sides = self.shape
        generator = torch.Generator().manual_seed(seed)
        drawn = []
        for index in range(count):
            grain = GRAINS[index % len(GRAINS)]
            coarse = [-(-side // grain) for side in sides]
            values = torch.rand(channels, *coarse, generator=generator)
            for axis, side in enumerate(sides, start=1):
                values = values.repeat_interleave(grain, axis).narrow(axis, 0, side)
            drawn.append(values)
        pixels = torch.stack(drawn)
        if len(sides) == 3:
            pixels = (pixels - 0.5) * 12**0.5
        mean, std = (
            torch.tensor(values).view(-1, *[1] * len(sides))
            for values in (self.preprocessing.mean, self.preprocessing.std)
        )
        return (pixels - mean) / std


# Pixels along a side of the squares, or cubes, of one colour in random inputs.
GRAINS = (4, 1, 16)
