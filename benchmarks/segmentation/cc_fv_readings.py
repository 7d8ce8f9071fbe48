"""CC-FV read in other ways: does what a definition leaves open decide what it predicts?

    python benchmarks/segmentation/cc_fv_readings.py STUDY

Extracts the features that ``acrank benchmark`` scored in STUDY once more, and writes
``results/cc_fv_readings.csv``: agreement with the Dice in ``raw/`` for acrank's CC-FV, for its two
parts, and for readings that differ in one thing each.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from evidence import agree
from mask_evidence import HERE, agreement_row, read_truth, write
from mask_peers import DATASETS
from numpy.typing import NDArray
from study_tables import Array, Truth, worst_for_missing

from acrank.config import make_config
from acrank.metrics.consistency import class_consistency
from acrank.metrics.hypersphere import feature_variety, hyperspherical_energy
from acrank.results import ModelResult
from acrank.runners.callbacks import Callback
from acrank.runners.rank import choose_entries, prepare_run
from acrank.scoring.extract import Extracted
from acrank.scoring.score import score_backbone
from acrank.zoo import Hub, load_backbone


@dataclass(frozen=True)
class Voxels:
    """Features of one layer (P, D), with the classes and images of its voxels (P,)."""

    features: Array
    labels: NDArray[np.int64]
    images: NDArray[np.int64]

    @property
    def foreground(self) -> Voxels:
        """Without the first class."""
        kept = self.labels > 0
        return Voxels(self.features[kept], self.labels[kept] - 1, self.images[kept])

    @property
    def of_images(self) -> Array:
        """Mean feature of each image."""
        return np.stack([self.features[self.images == i].mean(axis=0) for i in set(self.images)])

    @property
    def scaled(self) -> Voxels:
        """Centred, and divided by the root of their variance summed over channels."""
        centred = self.features - self.features.mean(axis=0)
        return Voxels(centred / math.sqrt(centred.var(axis=0).sum()), self.labels, self.images)


def main() -> None:
    """Write the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("study", type=Path)
    parser.add_argument("--tables", type=Path, default=HERE, help="folder of raw/ and results/")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    rows = []
    for name in DATASETS:
        truth = read_truth(arguments.tables / "raw" / name)
        values = {model: readings(arguments.study, name, model) for model in truth.models}
        rows += [row_of(reading, name, values, truth) for reading in READINGS]
    write(arguments.tables / "results" / "cc_fv_readings.csv", rows)


def row_of(
    reading: str, dataset: str, values: dict[str, dict[str, float]], truth: Truth
) -> dict[str, Any]:
    """A row of the table."""
    score = np.array([values[model][reading] for model in truth.models])
    found = agree(worst_for_missing(score), truth.mean)
    return {"reading": reading, "dataset": dataset, **agreement_row(found)}


def readings(study: Path, dataset: str, model: str) -> dict[str, float]:
    """All readings for one candidate: means over its layers."""
    seen = extracted(study, dataset, model)
    ends = np.cumsum(seen.widths)[:-1]
    layers = [
        Voxels(features.astype(np.float64), seen.labels, seen.images)
        for features in np.split(seen.features, ends, axis=1)
    ]
    found = {name: float(np.mean([of(layer) for layer in layers])) for name, of in READINGS.items()}
    print(dataset, model, {name: round(value, 3) for name, value in found.items()}, flush=True)
    return found


def extracted(study: Path, dataset: str, model: str) -> Extracted:
    """What acrank's feature scores see of a candidate."""
    about = DATASETS[dataset]
    size = about.settings.get("image_size")
    config = make_config(
        {
            "data": str(study / about.folder / "train"),
            "zoo": str(study / about.zoo),
            "models": (model,),
            "metrics": ("cc_fv",),
            "rank_by": "cc_fv",
            "trust_code": True,
        }
        | ({"image_size": size} if size else {})
    )
    entries = choose_entries(config)
    work = prepare_run(config, entries, Callback()).context
    backbone = load_backbone(entries[0], trust_code=True, hub=Hub(offline=True))
    kept: list[Extracted] = []

    def keep(_: ModelResult, features: Extracted) -> None:
        kept.append(features)

    score_backbone(backbone, work.sample, work.config, torch.device("cpu"), keep=keep)
    return kept[0]


def log_variety(layer: Voxels) -> float:
    """Within images."""
    return math.log(feature_variety(layer.features, layer.images))


def log_variety_between(layer: Voxels) -> float:
    """Of the images' mean features."""
    return -math.log(hyperspherical_energy(layer.of_images))


def log_consistency(layer: Voxels) -> float:
    """Of all classes."""
    return math.log(class_consistency(layer.features, layer.labels, layer.images))


def as_released(layer: Voxels) -> float:
    """As the authors' program has it: the energy of means of images that have their own length.

    The energy counts as the variety, and the background is left out.
    """
    means = layer.of_images
    apart = np.square(means[:, None] - means[None]).sum(axis=-1)
    energy = (1 / np.sqrt(apart + 1e-3))[~np.eye(len(means), dtype=bool)].mean()
    return math.log(energy) - log_consistency(layer.foreground)


READINGS: dict[str, Callable[[Voxels], float]] = {
    "acrank": lambda layer: log_variety(layer) - log_consistency(layer),
    "without background": lambda layer: log_variety(layer) - log_consistency(layer.foreground),
    "variety between images": lambda layer: log_variety_between(layer) - log_consistency(layer),
    "features of one scale": lambda layer: log_variety(layer) - log_consistency(layer.scaled),
    "consistency alone": lambda layer: -log_consistency(layer),
    "variety alone": log_variety,
    "as released": as_released,
}


if __name__ == "__main__":
    main()
