"""Fine-tune descendants of EfficientNet-Lite 0 on other sources, as people find them on a hub.

    python benchmarks/real/descendants.py STUDY --lite LITE

LITE holds ``tf_efficientnet_lite0.safetensors``. Eight descendants learn the labels of a
collection, one learns shuffled labels, and one learns without labels by how far an image is turned
(Gidaris et al. 2018). Each is a fine-tuning by ``acrank.finetune``. A network that is there is not
trained again.
"""

from __future__ import annotations

import argparse
import csv
import os
import shutil
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from targets import ANIMALS, Classes, Dataset, cover, drawn, patches, pictures, save

HERE = Path(__file__).resolve().parent
LITE = "tf_efficientnet_lite0"
SIZE = 96
# Passes of an image through the network; a collection of half the images has twice the epochs.
PASSES = 1600
COLUMNS = ("name", "collection", "task", "images", "classes", "epochs", "val_accuracy", "seconds")


@dataclass(frozen=True)
class Descendant:
    """A network that was fine-tuned on another source.

    Attributes:
        name: of the network.
        source: what it learned from; only its ``train`` images.
        task: ``labels``, ``cover`` of a patch by the mask in quarters, ``shuffled`` labels
            or ``rotation``.
        images: how many it learned from at most.
    """

    name: str
    source: Dataset
    task: str = "labels"
    images: int = 800


DESCENDANTS = (
    Descendant("lite0-brain", Dataset("", "brain_tumor_mri")),
    Descendant("lite0-animals", Dataset("", "cifar10", classes=ANIMALS)),
    Descendant("lite0-digits", Dataset("", "sign_digits")),
    Descendant("lite0-blood", Dataset("", "bccd_crops")),
    Descendant("lite0-tiles", Dataset("", "magnetic_tile")),
    Descendant("lite0-nuclei", Dataset("", "seg_nuclei_dsb18", "cover"), "cover"),
    Descendant("lite0-vessels", Dataset("", "seg_drive_vessels", "cover"), "cover"),
    Descendant("lite0-hippocampus", Dataset("", "nifti_hippocampus", "slices")),
    Descendant("lite0-blood-shuffled", Dataset("", "bccd_crops"), "shuffled"),
    Descendant("lite0-digits-rotation", Dataset("", "sign_digits"), "rotation", 240),
)


def main() -> None:
    """Train the networks that are not there."""
    shared = Path(os.environ.get("ACRANK_SHARED", HERE.parents[2] / "shared"))
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("study", type=Path)
    parser.add_argument("--shared", type=Path, default=shared)
    parser.add_argument("--lite", type=Path, required=True)
    names = [d.name for d in DESCENDANTS]
    parser.add_argument("--only", nargs="*", choices=names, default=names)
    given = parser.parse_args()
    torch.set_num_threads(1)
    out = given.study / "networks"
    out.mkdir(parents=True, exist_ok=True)
    for descendant in DESCENDANTS:
        if descendant.name in given.only and not (out / f"{descendant.name}.csv").exists():
            row = make(descendant, given.shared / "data", given.lite / f"{LITE}.safetensors", out)
            with (out / f"{descendant.name}.csv").open("w", newline="") as file:
                writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
                writer.writeheader()
                writer.writerow(row)
            print(row, flush=True)


def make(descendant: Descendant, data: Path, weights: Path, out: Path) -> dict[str, Any]:
    """Train and store one network; what it reached on images of its source that it held out."""
    started = time.process_time()
    with tempfile.TemporaryDirectory() as folder:
        classes = labelled(descendant, data)
        count = sum(map(len, classes.values()))
        for name, there in classes.items():
            save(there, Path(folder) / "images" / name)
        epochs = max(1, round(PASSES / count))
        reached = tune(Path(folder), weights, epochs, out / descendant.name)
    return {
        "name": descendant.name,
        "collection": descendant.source.collection,
        "task": descendant.task,
        "images": count,
        "classes": len(classes),
        "epochs": epochs,
        "val_accuracy": reached,
        "seconds": round(time.process_time() - started),
    }


def labelled(descendant: Descendant, data: Path) -> Classes:
    """Return the pictures that a descendant learns from, by class."""
    root = data / descendant.source.collection
    if descendant.task == "cover":
        found = list(patches(root / "train", cover))
        edges = np.quantile([value for value, _ in found], [0.25, 0.5, 0.75])
        classes: Classes = {f"quarter{k}": [] for k in range(4)}
        for value, picture in found:
            classes[f"quarter{int(np.searchsorted(edges, value))}"].append(picture)
    else:
        classes = pictures(descendant.source, root, "train")
    each = round(descendant.images / len(classes))
    classes = {name: there[:each] for name, there in drawn(classes, 2).items()}
    every = [picture for there in classes.values() for picture in there]
    if descendant.task == "rotation":
        return {
            str(90 * k): [lambda p=p, k=k: p().rotate(90 * k) for p in every]  # type: ignore[misc]
            for k in range(4)
        }
    if descendant.task == "shuffled":
        order = np.random.default_rng(3).permutation(len(every))
        sizes = np.cumsum([len(there) for there in classes.values()])[:-1]
        parts = np.split(order, sizes)
        return {n: [every[i] for i in part] for n, part in zip(classes, parts, strict=True)}
    return classes


def tune(folder: Path, weights: Path, epochs: int, place: Path) -> str:
    """Fine-tune Lite 0 by ``acrank.finetune``; return its accuracy on held-out images."""
    import acrank

    zoo = folder / "zoo.yaml"
    zoo.write_text(f"version: 1\nmodels: [{{name: lite0, arch: {LITE}, weights: '{weights}'}}]\n")
    record = acrank.finetune(
        data=str(folder / "images"),
        zoo=str(zoo),
        model="lite0",
        image_size=SIZE,
        epochs=epochs,
        batch_size=16,
        lr=0.005,
        flip=False,
        threads=1,
        output=str(folder / "tuned"),
    ).record
    shutil.copy(folder / "tuned" / "model.safetensors", place.with_suffix(".safetensors"))
    return f"{record['val']['accuracy']:.4f}"


if __name__ == "__main__":
    main()
