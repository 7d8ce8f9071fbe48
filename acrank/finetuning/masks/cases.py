"""Write the results of a segmenter on each image: tables, and a few images with both masks."""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image
from torch import nn

from acrank.data import Preprocessing
from acrank.finetuning.masks.batches import plain_masks
from acrank.finetuning.masks.data import MaskedImages
from acrank.finetuning.masks.judge import JudgedMasks, predicted, spread
from acrank.finetuning.masks.overlap import OVERLAPS
from acrank.finetuning.split import Rows
from acrank.utils.files import write_whole
from acrank.utils.serialise import csv_text

CLASSES, CASES, PICTURES = "classes.csv", "cases.csv", "cases.npz"
# Number of images that are drawn, and pixels of their longer side.
DRAWN, LONGEST = 6, 384

Array = npt.NDArray[Any]


def write_cases(
    folder: Path, found: Mapping[str, JudgedMasks[Any]], pictures: Mapping[str, Array]
) -> None:
    """Write ``classes.csv``, ``cases.csv`` and ``cases.npz``.

    Args:
        folder: folder that exists.
        found: judged images by part.
        pictures: pictures of some cases.
    """
    write_whole(folder / CLASSES, csv_text(("part", "class", "images", *OVERLAPS), _classes(found)))
    write_whole(folder / CASES, csv_text(("part", "image", "class", *OVERLAPS), _images(found)))
    stream = io.BytesIO()
    arrays: dict[str, Any] = {**pictures}
    np.savez_compressed(stream, **arrays)
    write_whole(folder / PICTURES, stream.getvalue())


def _classes(found: Mapping[str, JudgedMasks[Any]]) -> Iterator[dict[str, Any]]:
    for part, judged in found.items():
        counts = (~np.isnan(judged.values[:, :, 0])).sum(axis=0).tolist()
        for name, count, values in zip(judged.classes, counts, judged.by_class, strict=True):
            yield {"part": part, "class": name, "images": count, **_cells(values)}


def _images(found: Mapping[str, JudgedMasks[Any]]) -> Iterator[dict[str, Any]]:
    for part, judged in found.items():
        for key, rows in zip(judged.images.keys, judged.values, strict=True):
            for name, values in zip(judged.classes, rows, strict=True):
                yield {"part": part, "image": key, "class": name, **_cells(values)}


def _cells(values: Array) -> dict[str, float | None]:
    return {
        name: None if np.isnan(value) else float(value)
        for name, value in zip(OVERLAPS, values, strict=True)
    }


@torch.no_grad()
def pictures_of(
    judged: JudgedMasks[MaskedImages], network: nn.Module, preprocessing: Preprocessing
) -> dict[str, Array]:
    """Draw images from the worst to the best, with true and predicted masks.

    Args:
        judged: results of the network.
        network: plain network on its device.
        preprocessing: preprocessing of the network.
    """
    rows = spread(judged, DRAWN)
    part = judged.images.subset(rows)
    device = next(network.parameters()).device
    pictures = captions(judged, rows)
    network.eval()
    for index, (pixels, _) in enumerate(plain_masks(part.sample, preprocessing, 1, device)):
        truth = part.truth(index)
        guess = predicted(network(pixels).float()[0], truth.shape).numpy()
        height, width = _shown(*truth.shape)
        image = Image.fromarray(part.sample.images[index]).convert("RGB").resize((width, height))
        pictures[f"image{index}"] = np.asarray(image)
        for name, labels in (("truth", truth), ("guess", guess)):
            shown = Image.fromarray(labels).resize((width, height), Image.Resampling.NEAREST)
            pictures[f"{name}{index}"] = np.asarray(shown)
    return pictures


def captions(judged: JudgedMasks[Any], rows: Rows) -> dict[str, Array]:
    """Return the names, classes and Dice of some cases, to go beside their pictures."""
    return {
        "keys": np.array([judged.images.keys[row] for row in rows]),
        "classes": np.array(judged.images.classes),
        "foreground": np.array(judged.images.foreground),
        "dice": judged.by_image[rows, 0],
    }


def _shown(height: int, width: int) -> tuple[int, int]:
    factor = min(1.0, LONGEST / max(height, width))
    return max(1, round(height * factor)), max(1, round(width * factor))
