"""Small images of bright discs, and where the discs are."""

from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from acrank.finetuning.config import FinetuneConfig, make_finetune_config

SIDES = (48, 60)


def write_discs(folder: Path, count: int = 10, seed: int = 0, *, ring: bool = False) -> Path:
    """Images of a disc on noise with masks of 0 and 255; with ``ring`` of 0, 1 and 2."""
    generator = np.random.default_rng(seed)
    rows, columns = np.mgrid[: SIDES[0], : SIDES[1]]
    for part in ("images", "masks"):
        (folder / part).mkdir(parents=True, exist_ok=True)
    for index in range(count):
        y, x, radius = (int(generator.integers(*ends)) for ends in ((15, 33), (15, 45), (8, 14)))
        away = np.hypot(rows - y, columns - x)
        mask = (away < radius).astype(np.uint8) * (1 if ring else 255)
        if ring:
            mask[away < radius / 2] = 2
        pixels = generator.integers(0, 60, (*SIDES, 3)) + 120 * (mask > 0)[..., None]
        pixels[..., 0] += 60 * (mask == 2)
        for part, values in (("images", pixels), ("masks", mask)):
            Image.fromarray(values.astype(np.uint8)).save(folder / part / f"disc{index}.png")
    return folder


def config(folder: Path, **settings: Any) -> FinetuneConfig:
    """A short fine-tuning on such a folder."""
    given: dict[str, Any] = {
        **{"data": str(folder), "zoo": "demo", "model": "demo-mixed", "image_size": 32},
        **{"epochs": 2, "batch_size": 4, "precision": "fp32"},
    }
    return make_finetune_config({**given, **settings})
