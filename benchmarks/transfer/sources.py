"""Further networks of the demo zoo's architecture, pretrained on other sources, for the study.

    python benchmarks/transfer/sources.py --out NETWORKS

They are as the demo zoo's (see ``benchmarks/demo_zoo``) and are not part of acrank: ten more
sources make more pairs of models, and agreement with accuracies less a matter of chance. A network
that is there is not trained again.
"""

from __future__ import annotations

import argparse
import csv
import os
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "demo_zoo"))

from recipes import SIZE, Spec  # noqa: E402
from train import Split, accuracy, build, fit, join, read_split, save, with_task  # noqa: E402

PATCHES = 2000


@dataclass(frozen=True)
class Source:
    """What a network learns from.

    Attributes:
        name: of the network.
        folders: datasets; all of them are its own, and it is no candidate for them.
        epochs: passes.
        task: ``classes`` of the folders, ``rotation``, or ``cover`` of a patch by the mask.
        classes: places of the classes that are used; all where empty.
    """

    name: str
    folders: tuple[str, ...]
    epochs: int
    task: str = "classes"
    classes: tuple[int, ...] = ()


SOURCES = (
    Source("study-vehicles", ("cifar10",), 40, classes=(0, 1, 8, 9)),
    Source("study-animals", ("cifar10",), 30, classes=(2, 3, 4, 5, 6, 7)),
    Source("study-natural", ("cifar10", "sign_digits"), 15),
    Source("study-medical", ("brain_tumor_mri", "bccd_crops"), 30),
    Source("study-tiles-digits", ("magnetic_tile", "sign_digits"), 25),
    Source("study-nuclei", ("seg_nuclei_dsb18",), 20, "cover"),
    Source("study-vessels", ("seg_drive_vessels",), 20, "cover"),
    Source("study-brain-rotation", ("brain_tumor_mri",), 10, "rotation"),
    Source("study-digits-rotation", ("sign_digits",), 8, "rotation"),
    Source("study-brain-short", ("brain_tumor_mri",), 5),
)


def main() -> None:
    """Train the networks."""
    shared = Path(os.environ.get("ACRANK_SHARED", HERE.parents[2] / "shared"))
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=shared / "data")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--only", nargs="*", choices=[s.name for s in SOURCES])
    arguments = parser.parse_args()
    torch.set_num_threads(1)  # as the demo zoo's: the number of threads is part of the recipe
    torch.use_deterministic_algorithms(True)
    arguments.out.mkdir(parents=True, exist_ok=True)
    for source in SOURCES:
        wanted = arguments.only is None or source.name in arguments.only
        if wanted and not (arguments.out / f"{source.name}.csv").exists():
            row = make(source, arguments.data, arguments.out)
            write(row, arguments.out / f"{source.name}.csv")
            print(row, flush=True)


def make(source: Source, data: Path, out: Path) -> dict[str, str | int]:
    """Train and store one network; what it reached on held-out images of its source."""
    torch.manual_seed(0)
    started = time.perf_counter()
    spec = Spec(source.name, source.folders[0], source.epochs, "", "", task=source.task)
    train = with_task(load(source, data, "train"), spec)
    model = build(train.classes)
    fit(model, train, spec)
    save(model, out / f"{source.name}.safetensors")
    held_out = with_task(load(source, data, "val"), spec)
    return {
        "name": source.name,
        "source": " + ".join(source.folders),
        "task": source.task,
        "images": len(train.labels),
        "classes": train.classes,
        "epochs": source.epochs,
        "val_accuracy": f"{accuracy(model, held_out):.4f}",
        "seconds": round(time.perf_counter() - started),
    }


def load(source: Source, data: Path, part: str) -> Split:
    """The images of a source and their labels."""
    if source.task == "cover":
        return patches(data / source.folders[0] / part)
    split = join([read_split(data / name / part) for name in source.folders])
    if not source.classes:
        return split
    rows = torch.isin(split.labels, torch.tensor(source.classes))
    return Split(split.images[rows], torch.unique(split.labels[rows], return_inverse=True)[1])


def patches(folder: Path) -> Split:
    """Squares of the images, each labelled by how much of it the mask covers, in quarters."""
    generator = np.random.default_rng(0)
    files = sorted((folder / "images").iterdir())
    each = PATCHES // len(files) + 1
    images, covers = [], []
    for file in files:
        mask = np.array(Image.open(next((folder / "masks").glob(f"{file.stem}.*")))) > 0
        image = np.array(Image.open(file).convert("RGB"))
        for _ in range(each):
            top = generator.integers(0, image.shape[0] - SIZE + 1)
            left = generator.integers(0, image.shape[1] - SIZE + 1)
            window = (slice(top, top + SIZE), slice(left, left + SIZE))
            images.append(torch.from_numpy(image[window].copy()).permute(2, 0, 1))
            covers.append(float(mask[window].mean()))
    return Split(torch.stack(images), quarters(torch.tensor(covers)))


def quarters(values: Tensor) -> Tensor:
    """In which quarter of all values each lies, 0 to 3."""
    edges = torch.quantile(values, torch.tensor([0.25, 0.5, 0.75]))
    return torch.bucketize(values, edges)


def write(row: dict[str, str | int], path: Path) -> None:
    """One row with its header."""
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(row), lineterminator="\n")
        writer.writeheader()
        writer.writerow(row)


if __name__ == "__main__":
    main()
