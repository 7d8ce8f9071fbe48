"""Lay out the study of ``acrank choose``: five datasets for each seed, and their zoo files.

    python benchmarks/choose/lay_out.py STUDY --lite LITE --volumes VOLUMES

LITE holds ``tf_efficientnet_lite0.safetensors`` and VOLUMES what ``benchmarks/volumes/pretrain.py``
writes. Writes STUDY/NAME/SEED/train, STUDY/NAME/test and STUDY/NAME/zoo.yaml. The seed draws the
training images; the test images are the same for all seeds.
"""

from __future__ import annotations

import argparse
import os
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from PIL import Image

from tests.shared_networks import shared_entry

HERE = Path(__file__).resolve().parent
DEMO = HERE.parents[1] / "acrank" / "zoo" / "demo"
SEEDS = (0, 1, 2)
# Of the second part alone: not looked at before the race was as it is now.
UNSEEN = (3,)
# Decoding large images would take most of the time of such short trainings.
SIDE = 128
# Top-1 accuracies on ImageNet in per cent, of timm's results-imagenet.csv and of TF-slim's table.
TOP1 = {"tf_efficientnet_lite0": 74.846, "mobilenetv1_025_imagenet": 49.8}
LITE = "tf_efficientnet_lite0"
# At 96 pixels one way to fine-tune it would take a tenth of the time of all ways of all candidates,
# of which a zoo of tens of networks has no like.
LITE_SIZE = 64
MOBILE = ("mobilenetv1_025_imagenet", "mobilenetv1_025_vww", "mobilenetv1_025_widerface")
# Of the networks for volumes; they cost as much as all others together.
TOO_DEAR = ("basicunet-autoencoding", "basicunet-rotation")
# Fine vessels are lost in a whole fundus image of so few pixels: tiles of such a width are cut.
TILE = 256
# Demo networks that have seen none of the datasets, and those that have seen one.
PLAIN = ("cifar10", "rotation", "untrained")


@dataclass(frozen=True)
class Dataset:
    """A dataset of the study.

    Attributes:
        name: of its folder.
        kind: ``classes``, ``masks`` or ``volumes``.
        train: how many images train and validate.
        test: how many test.
        test_folder: where those come from. The brain scans of ``val`` come from another
            distribution (a model right on 80 % of held-out ``train`` is right on 25 % there), and
            the networks for volumes have learned from ``val``: there, images of ``train``.
        unseen: demo networks among the candidates, which have not seen the dataset.
        source: folder of the shared data; empty for the one of the same name.
        seen: candidates that have learned from the dataset and are left out.
    """

    name: str
    kind: str
    train: int
    test: int
    test_folder: str = "val"
    unseen: tuple[str, ...] = ()
    source: str = ""
    seen: tuple[str, ...] = ()

    @property
    def draw(self) -> int:
        """Number added to a seed, so that both parts of the study draw other images."""
        return 0 if self in DEVELOPED else 1000


# What `choose` was developed on at first.
DEVELOPED = (
    Dataset("brain_tumor_mri", "classes", 120, 240, "train", (*PLAIN, "blood-cells")),
    Dataset("bccd_crops", "classes", 90, 240, unseen=(*PLAIN, "brain-mri")),
    Dataset("sign_digits", "classes", 120, 240, unseen=(*PLAIN, "brain-mri")),
    Dataset("seg_nuclei_dsb18", "masks", 32, 40, unseen=("cifar10", "untrained")),
    Dataset("nifti_hippocampus", "volumes", 16, 12, "train"),
)
# What it was tried on afterwards. The scans and volumes are of the same collections, drawn anew.
LEFT_OUT = (
    Dataset("magnetic_tile", "classes", 240, 292, unseen=(*PLAIN, "brain-mri")),
    Dataset(
        *("cifar10", "classes", 300, 300),
        unseen=("rotation", "untrained", "brain-mri", "blood-cells"),
        seen=("cifar_resnet20",),
    ),
    Dataset(
        *("brain_scans", "classes", 300, 240, "train"),
        unseen=(*PLAIN, "blood-cells"),
        source="brain_tumor_mri",
    ),
    Dataset("vessel_tiles", "masks", 40, 40, "val", ("cifar10", "untrained"), "seg_drive_vessels"),
    Dataset("hippocampus", "volumes", 24, 12, "train", source="nifti_hippocampus"),
)
DATASETS = (*DEVELOPED, *LEFT_OUT)
# What is run, first things first.
PAIRS = (
    *((dataset, seed) for seed in SEEDS for dataset in DATASETS),
    *((dataset, seed) for seed in UNSEEN for dataset in LEFT_OUT),
)


def main() -> None:
    """Write the study's folder."""
    shared = Path(os.environ.get("ACRANK_SHARED", HERE.parents[2] / "shared"))
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("study", type=Path)
    parser.add_argument("--shared", type=Path, default=shared)
    parser.add_argument("--lite", type=Path, required=True)
    parser.add_argument("--volumes", type=Path, required=True)
    given = parser.parse_args()
    for dataset in DATASETS:
        folder = given.study / dataset.name
        if (folder / "zoo.yaml").exists():
            continue
        shutil.rmtree(folder, ignore_errors=True)
        source = given.shared / "data" / (dataset.source or dataset.name)
        lay = by_class if dataset.kind == "classes" else in_pairs
        lay(dataset, source, folder)
        if dataset.kind == "volumes":
            entries = of_volumes(given.volumes)
        else:
            entries = [*of_images(dataset, given.lite.resolve(), given.shared.resolve())]
        text = yaml.safe_dump({"version": 1, "models": entries}, sort_keys=False)
        (folder / "zoo.yaml").write_text(text, encoding="utf-8")


def shuffled(files: Sequence[Path], seed: int) -> list[Path]:
    """Files in an order that is random but always the same."""
    return [files[i] for i in np.random.default_rng(seed).permutation(len(files))]


def by_class(dataset: Dataset, source: Path, folder: Path) -> None:
    """Draw as many images of each class, and shrink them."""
    classes = sorted(path.name for path in (source / "train").iterdir())
    for name in classes:
        tested = -(-dataset.test // len(classes))
        there = sorted((source / dataset.test_folder / name).iterdir())
        test = shuffled(there, 100 + dataset.draw)[:tested]
        rest = sorted(set((source / "train" / name).iterdir()) - set(test))
        for file in test:
            shrink(file, folder / "test" / name)
        for seed in (*SEEDS, *UNSEEN):
            for file in shuffled(rest, seed + dataset.draw)[: dataset.train // len(classes)]:
                shrink(file, folder / str(seed) / "train" / name)


def in_pairs(dataset: Dataset, source: Path, folder: Path) -> None:
    """Draw images and their masks, or volumes and their labels."""
    truth = "masks" if dataset.kind == "masks" else "labels"
    keep = shrink if dataset.kind == "masks" else copy
    tiles = dataset.source == "seg_drive_vessels"
    count, whole = dataset.draw, 4 if tiles else 1
    there = sorted((source / dataset.test_folder / "images").iterdir())
    test = shuffled(there, 100 + count)[: dataset.test // whole]
    rest = sorted(set((source / "train" / "images").iterdir()) - set(test))
    parts = {Path("test"): test}
    for seed in (*SEEDS, *UNSEEN):
        parts[Path(str(seed), "train")] = shuffled(rest, seed + count)[: dataset.train // whole]
    for part, files in parts.items():
        for file in files:
            label = next((file.parents[1] / truth).glob(f"{file.name.split('.')[0]}.*"))
            if tiles:
                cut(file, folder / part / "images")
                cut(label, folder / part / truth)
            else:
                keep(file, folder / part / "images")
                keep(label, folder / part / truth)


def shrink(file: Path, folder: Path) -> None:
    """Make an image, or a mask of class numbers, square and at most SIDE pixels wide."""
    save_small(opened_for(file, folder), folder, file.stem)


def cut(file: Path, folder: Path) -> None:
    """Cut four tiles from the middle of an image or a mask, and shrink them."""
    image = opened_for(file, folder)
    left, top = ((side - 2 * TILE) // 2 for side in image.size)
    for number in range(4):
        x, y = left + TILE * (number % 2), top + TILE * (number // 2)
        save_small(image.crop((x, y, x + TILE, y + TILE)), folder, f"{file.stem}-{number}")


def opened_for(file: Path, folder: Path) -> Image.Image:
    """Open an image, or a mask of class numbers as it is."""
    with Image.open(file) as opened:
        return opened.copy() if folder.name == "masks" else opened.convert("RGB")


def save_small(image: Image.Image, folder: Path, name: str) -> None:
    """Save an image, square and at most SIDE pixels wide."""
    folder.mkdir(parents=True, exist_ok=True)
    side = min(SIDE, *image.size)
    how = Image.Resampling.NEAREST if folder.name == "masks" else Image.Resampling.LANCZOS
    image.resize((side, side), how).save(folder / f"{name}.png")


def copy(file: Path, folder: Path) -> None:
    """Keep a volume as it is."""
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copy(file, folder / file.name)


def of_images(dataset: Dataset, lite: Path, shared: Path) -> Iterator[dict[str, Any]]:
    """The candidates for images: good and bad ones, and none that has seen the dataset."""
    weights = str(lite / f"{LITE}.safetensors")
    size = {"input_size": [3, LITE_SIZE, LITE_SIZE], "imagenet_top1": TOP1[LITE]}
    yield {"name": LITE, "arch": LITE, "weights": weights, **size}
    for name in MOBILE if dataset.kind == "classes" else MOBILE[:2]:
        known = {"imagenet_top1": TOP1[name]} if name in TOP1 else {}
        found = shared_entry(shared, name, input_size=96, **known)
        yield found.model_dump(mode="json", exclude_unset=True)
    if dataset.kind == "classes" and "cifar_resnet20" not in dataset.seen:
        found = shared_entry(shared, "cifar_resnet20")
        yield found.model_dump(mode="json", exclude_unset=True)
    demo = yaml.safe_load((DEMO / "zoo.yaml").read_text(encoding="utf-8"))["models"]
    wanted = {f"demo-{name}" for name in dataset.unseen}
    for entry in demo:
        if entry["name"] in wanted:
            yield {**entry, "weights": str(DEMO / entry["weights"])}


def of_volumes(folder: Path) -> list[dict[str, Any]]:
    """The 3-D networks, their files by their whole paths."""
    text = (folder / "zoo.yaml").read_text(encoding="utf-8")
    entries: list[dict[str, Any]] = yaml.safe_load(text)["models"]
    return [
        {**entry, "weights": str((folder / entry["weights"]).resolve())}
        for entry in entries
        if entry["name"] not in TOO_DEAR
    ]


if __name__ == "__main__":
    main()
