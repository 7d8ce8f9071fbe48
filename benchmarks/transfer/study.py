"""Lay out the study: few-shot datasets, the zoo, and which network has seen which dataset.

    python benchmarks/transfer/sources.py --out STUDY/networks
    python benchmarks/transfer/study.py STUDY

Writes STUDY/datasets/NAME/{train,test}/CLASS/, STUDY/zoo.yaml and STUDY/own.csv.
"""

from __future__ import annotations

import argparse
import csv
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from PIL import Image
from sources import SOURCES

from tests.shared_networks import shared_entry

HERE = Path(__file__).resolve().parent
DEMO = HERE.parents[1] / "acrank" / "zoo" / "demo"
SHORT_SIDE = 160
CIFAR = ("cifar_resnet20", "cifar_resnet32")
LARGER = (
    *("mobilenetv1_025_imagenet", "mobilenetv1_025_vww", "mobilenetv1_025_widerface"),
    *CIFAR,
)
# Two of them see smaller images than they were trained on: 96 pixels cost a tenth of 320.
INPUT_SIZES = {"mobilenetv1_025_imagenet": 96, "mobilenetv1_025_widerface": 96}
LABELLED = ("cifar10", "sign_digits", "brain_tumor_mri", "magnetic_tile", "bccd_crops")


@dataclass(frozen=True)
class Target:
    """A dataset of the study.

    Attributes:
        name: of its folder.
        train: how many images train, all classes together.
        test: how many test.
        test_folder: where those come from. The brain scans of ``val`` come from another
            distribution (a model right on 80 % of held-out ``train`` is right on 25 % there), which
            says nothing of a backbone: there, images of ``train`` that do not train.
    """

    name: str
    train: int
    test: int
    test_folder: str = "val"


TARGETS = (
    Target("brain_tumor_mri", 200, 400, "train"),
    Target("sign_digits", 150, 840),
    Target("magnetic_tile", 200, 180),
    Target("bccd_crops", 100, 421),
    Target("cifar10", 200, 1000),
)


def main() -> None:
    """Write the study's folder."""
    shared = Path(os.environ.get("ACRANK_SHARED", HERE.parents[2] / "shared"))
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("study", type=Path)
    parser.add_argument("--shared", type=Path, default=shared)
    arguments = parser.parse_args()
    for target in TARGETS:
        lay_out(target, arguments.shared / "data", arguments.study / "datasets" / target.name)
    entries = [*demo_entries(), *study_entries(arguments.study), *larger(arguments.shared)]
    zoo = {"version": 1, "models": entries}
    (arguments.study / "zoo.yaml").write_text(yaml.safe_dump(zoo, sort_keys=False))
    with (arguments.study / "own.csv").open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(("dataset", "model"))
        writer.writerows(own_pairs())


def lay_out(target: Target, data: Path, folder: Path) -> None:
    """Draw the images of a dataset, as many of each class where there are, and shrink them."""
    pools = {p.name: shuffled(p) for p in sorted((data / target.name / "train").iterdir())}
    for name, pool in pools.items():
        count = target.train // len(pools)
        if target.test_folder == "train":
            rest = pool[count:]
        else:
            rest = shuffled(data / target.name / target.test_folder / name)
        tested = -(-target.test // len(pools))
        shrink(pool[:count], folder / "train" / name)
        shrink(rest[:tested], folder / "test" / name)


def shuffled(folder: Path) -> list[Path]:
    """The files of a folder in an order that is random but always the same."""
    files = sorted(folder.iterdir())
    return [files[i] for i in np.random.default_rng(0).permutation(len(files))]


def shrink(files: Sequence[Path], folder: Path) -> None:
    """Keep images square and near the size they are used at.

    Decoding would take most of the time, and a crop would lose defects near the border.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for file in files:
        with Image.open(file) as opened:
            image = opened.convert("RGB")
        side = min(SHORT_SIDE, *image.size)
        image.resize((side, side), Image.Resampling.LANCZOS).save(folder / f"{file.stem}.png")


def demo_entries() -> list[dict[str, Any]]:
    """The demo zoo, its files by their whole paths."""
    entries: list[dict[str, Any]] = yaml.safe_load((DEMO / "zoo.yaml").read_text())["models"]
    return [{**entry, "weights": str(DEMO / entry["weights"])} for entry in entries]


def study_entries(study: Path) -> Iterator[dict[str, Any]]:
    """Networks of the demo zoo's architecture from other sources."""
    like = demo_entries()[0]
    for source in SOURCES:
        weights = study.resolve() / "networks" / f"{source.name}.safetensors"
        same = {k: like[k] for k in ("arch", "kwargs", "input_size", "mean", "std")}
        yield {"name": source.name, **same, "weights": str(weights)}


def larger(shared: Path) -> Iterator[dict[str, Any]]:
    """Pretrained networks of other architectures."""
    for name in LARGER:
        changes = {"input_size": INPUT_SIZES[name]} if name in INPUT_SIZES else {}
        entry = shared_entry(shared.resolve(), name, **changes)
        yield entry.model_dump(mode="json", exclude_unset=True)


def own_pairs() -> Iterator[tuple[str, str]]:
    """Datasets and the networks that were pretrained on them, with their labels or without."""
    sources = {
        "demo-cifar10": ("cifar10",),
        "demo-cifar10-short": ("cifar10",),
        "demo-rotation": ("cifar10",),
        "demo-random-labels": ("cifar10",),
        "demo-sign-digits": ("sign_digits",),
        "demo-brain-mri": ("brain_tumor_mri",),
        "demo-magnetic-tile": ("magnetic_tile",),
        "demo-blood-cells": ("bccd_crops",),
        "demo-mixed": LABELLED,
        **dict.fromkeys(CIFAR, ("cifar10",)),
        **{source.name: source.folders for source in SOURCES},
    }
    for model, folders in sources.items():
        for folder in folders:
            if folder in LABELLED:
                yield folder, model


if __name__ == "__main__":
    main()
