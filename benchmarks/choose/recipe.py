"""The recipe and the arms that the oracle and ``acrank choose`` have in common."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from lay_out import Dataset

# What every fine-tuning has in common; the rest is as acrank does it anyway.
COMMON: dict[str, Any] = {
    "val_share": 0.25,
    "augment": "light",
    "precision": "fp32",
    "threads": 1,
    "trust_code": True,
}
BY_KIND: dict[str, dict[str, Any]] = {
    "classes": {"epochs": 10, "batch_size": 16},
    "masks": {"epochs": 8, "batch_size": 4, "image_size": 64},
    "volumes": {"epochs": 8, "batch_size": 2, "patch": 32},
}
MONITOR = {"classes": "balanced_accuracy", "masks": "dice", "volumes": "dice"}


@dataclass(frozen=True)
class Arm:
    """A way to fine-tune a network.

    Attributes:
        method: of fine-tuning.
        lr: highest learning rate of the backbone; None for the usual one of the method.
    """

    method: str
    lr: float | None = None


ARMS = (
    Arm("full", 0.01),
    Arm("full", 0.003),
    Arm("bn-only"),
    Arm("head"),
    Arm("ac-norm"),
)


def settings(dataset: Dataset, seed: int, study: Path) -> dict[str, Any]:
    """The data and the recipe of a dataset and seed, without model, method and test images."""
    folder = study / dataset.name
    where = {"data": str(folder / str(seed) / "train"), "zoo": str(folder / "zoo.yaml")}
    own = {"image_size": 96} if dataset.name == "vessel_tiles" else {}
    return {**where, **COMMON, **BY_KIND[dataset.kind], **own, "seed": seed}


def candidates(dataset: Dataset, study: Path) -> list[dict[str, Any]]:
    """The entries of the zoo of a dataset."""
    text = (study / dataset.name / "zoo.yaml").read_text(encoding="utf-8")
    entries: list[dict[str, Any]] = yaml.safe_load(text)["models"]
    return entries
