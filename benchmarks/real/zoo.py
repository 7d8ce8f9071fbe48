"""Lay out the datasets and the zoo of the study, and which network has seen which collection.

    python benchmarks/real/zoo.py STUDY --lite LITE

Run it after ``descendants.py``. Writes STUDY/targets/NAME/{train,val,test}/CLASS/, STUDY/zoo.yaml,
and as tables candidates.csv, targets.csv, and own.csv: a dataset and a network that has seen its
collection, a line.
"""

from __future__ import annotations

import argparse
import csv
import os
import shutil
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import torch
import yaml
from descendants import DESCENDANTS, SIZE
from safetensors.torch import save_file
from targets import TARGETS, lay_out

from tests.shared_networks import mobilenetv1, shared_entry

HERE = Path(__file__).resolve().parent
# Top-1 on ImageNet in per cent, of timm's results-imagenet.csv and of TF-slim's table.
TOP1 = {
    "tf_efficientnet_lite0": 74.846,
    "tf_efficientnet_lite1": 76.648,
    "tf_efficientnet_lite2": 77.466,
    "mobilenetv1_025_imagenet": 49.8,
}
LITES = tuple(name for name in TOP1 if name.startswith("tf_"))
MOBILE = ("mobilenetv1_025_imagenet", "mobilenetv1_025_vww", "mobilenetv1_025_widerface")
UNTRAINED = "mobilenetv1_025_untrained"
PARTS = ("train", "val", "test")
TARGET_COLUMNS = ("dataset", "collection", "domain", "classes", *PARTS)
CIFAR = ("cifar_resnet20", "cifar_resnet32")


def main() -> None:
    """Write what is not there."""
    shared = Path(os.environ.get("ACRANK_SHARED", HERE.parents[2] / "shared"))
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("study", type=Path)
    parser.add_argument("--shared", type=Path, default=shared)
    parser.add_argument("--lite", type=Path, required=True)
    given = parser.parse_args()
    for target in TARGETS:
        folder = given.study / "targets" / target.name
        if not folder.exists():
            half = folder.with_suffix(".part")
            shutil.rmtree(half, ignore_errors=True)
            lay_out(target, given.shared / "data", half)
            half.rename(folder)
    entries = [*candidates(given.study.resolve(), given.shared.resolve(), given.lite.resolve())]
    zoo = {"version": 1, "models": entries}
    (given.study / "zoo.yaml").write_text(yaml.safe_dump(zoo, sort_keys=False), encoding="utf-8")
    write(given.study / "own.csv", ("dataset", "model"), own_pairs())
    write(given.study / "candidates.csv", ("model",), ((entry["name"],) for entry in entries))
    write(given.study / "targets.csv", TARGET_COLUMNS, target_rows(given.study))


def candidates(study: Path, shared: Path, lite: Path) -> Iterator[dict[str, Any]]:
    """The entries of the zoo."""
    size: dict[str, Any] = {"input_size": [3, SIZE, SIZE]}
    for name in LITES:
        weights = str(lite / f"{name}.safetensors")
        known = {"imagenet_top1": TOP1[name], **size}
        yield {"name": name, "arch": name, "weights": weights, **known}
    for descendant in DESCENDANTS:
        weights = str(study / "networks" / f"{descendant.name}.safetensors")
        yield {"name": descendant.name, "arch": LITES[0], "weights": weights, **size}
    for name in MOBILE:
        known = {"imagenet_top1": TOP1[name]} if name in TOP1 else {}
        yield dumped(shared_entry(shared, name, input_size=SIZE, **known))
    yield untrained(study, shared)
    for name in CIFAR:
        yield dumped(shared_entry(shared, name))


def untrained(study: Path, shared: Path) -> dict[str, Any]:
    """A MobileNetV1 as it is before any training: a control."""
    like = shared_entry(shared, MOBILE[1])
    weights = study / "networks" / f"{UNTRAINED}.safetensors"
    if not weights.exists():
        torch.manual_seed(0)
        save_file(mobilenetv1(**like.kwargs).state_dict(), weights)
    changes = {"name": UNTRAINED, "weights": str(weights), "sha256": None}
    kept = dumped(like)
    return {k: v for k, v in {**kept, **changes}.items() if v is not None}


def dumped(entry: Any) -> dict[str, Any]:
    """An entry as a zoo file has it."""
    found: dict[str, Any] = entry.model_dump(mode="json", exclude_unset=True)
    return found


def write(path: Path, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Write a table."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(columns)
        writer.writerows(rows)


def target_rows(study: Path) -> Iterator[tuple[object, ...]]:
    """What each dataset is: its collection, domain, classes and images of each part."""
    for target in TARGETS:
        folder = study / "targets" / target.name
        counts = [len(list((folder / part).glob("*/*.png"))) for part in PARTS]
        classes = len(list((folder / "train").iterdir()))
        yield (target.name, target.collection, target.domain, classes, *counts)


def own_pairs() -> Iterator[tuple[str, str]]:
    """Datasets and the networks that have learned from their collection, with labels or without."""
    sources = {d.name: d.source.collection for d in DESCENDANTS}
    sources |= dict.fromkeys(CIFAR, "cifar10")
    for target in TARGETS:
        for model, collection in sources.items():
            if collection == target.collection:
                yield target.name, model


if __name__ == "__main__":
    main()
