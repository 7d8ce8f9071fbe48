"""AC-Norm and its peers on images with masks and on volumes, by Dice.

    python benchmarks/segmentation/mask_peers.py STUDY --csv benchmarks/segmentation/raw/peers.csv

The decoder is fresh whatever the method, so it learns at the same rate for all of them: only the
backbone's differs. Every method tries all rates with the first seed; the one that is best on the
validation images is used for the other seeds. The datasets are those that ``acrank benchmark`` has
laid out in STUDY. ``../transfer/compare_peers.py --measure dice`` makes the tables and tests of it.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from peers import Cell, Group, compare
from runner import run_all

METHODS = ("full", "ac-norm", "head", "bn-only", "l2-sp", "delta", "bss", "stochnorm")
RATES = (0.003, 0.01, 0.03)
DECODER_RATE = 0.1
MEASURES = ("dice", "hd95", "loss")


@dataclass(frozen=True)
class Dataset:
    """A dataset of the study.

    Attributes:
        folder: in the study, of what ``acrank benchmark`` laid out.
        zoo: in the study, of its backbones.
        models: the backbones.
        settings: of every fine-tuning on it.
    """

    folder: str
    zoo: str
    models: tuple[str, ...]
    settings: dict[str, Any] = field(default_factory=dict)


DATASETS = {
    "nuclei": Dataset(
        "nuclei/data/seg_nuclei_dsb18",
        "zoo.yaml",
        ("demo-mixed", "mobilenetv1_025_imagenet"),
        {"image_size": 128, "batch_size": 4, "epochs": 20},
    ),
    "vessels": Dataset(
        "vessels/data/seg_drive_vessels",
        "zoo.yaml",
        ("demo-mixed", "mobilenetv1_025_imagenet"),
        {"image_size": 192, "batch_size": 2, "epochs": 30},
    ),
    "hippocampus": Dataset(
        "hippocampus/data/train",
        "volumes/zoo.yaml",
        ("unet-rotation", "basicunet-autoencoding", "segresnet-supervised"),
        {"batch_size": 2, "epochs": 20},
    ),
}


def main() -> None:
    """Fine-tune, first to choose the rates and then with the further seeds."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("study", type=Path)
    parser.add_argument("--csv", type=Path, required=True)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--datasets", nargs="+", default=list(DATASETS), choices=DATASETS)
    parser.add_argument("--methods", nargs="+", default=METHODS, choices=METHODS)
    arguments = parser.parse_args()
    groups = [
        (dataset, model, method)
        for dataset in arguments.datasets
        for model in DATASETS[dataset].models
        for method in arguments.methods
    ]
    compare(
        groups,
        lambda group, rate, seed: cell(arguments.study, group, rate, seed),
        RATES,
        lambda cells: run_all(cells, arguments.csv, arguments.jobs, MEASURES),
        "dice",
    )


def cell(study: Path, group: Group, lr: float, seed: int) -> Cell:
    """A fine-tuning: its name in the table, and its settings."""
    dataset = DATASETS[group[0]]
    name = {**dict(zip(("dataset", "model", "method"), group, strict=True)), "lr": lr, "seed": seed}
    laid_out = study / dataset.folder
    return name, {
        **{key: value for key, value in name.items() if key != "dataset"},
        "data": str(laid_out / "train"),
        "test": str(laid_out / "test"),
        "zoo": str(study / dataset.zoo),
        "head_lr_factor": DECODER_RATE / lr,
        "monitor": "dice",
        **dataset.settings,
    }


if __name__ == "__main__":
    main()
