"""Masks that number the objects of an image."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from acrank.data.segmentation import open_segmentation

from .builders import SIZE, fill, message

COUNTS = {"a": 1, "b": 2, "c": 4, "d": 2, "e": 0, "f": 3, "g": 1}


def objects(count: int, *, pieces: int = 1, border: bool = False) -> Image.Image:
    """A mask of vertical bars, numbered from 1 on."""
    codes = np.zeros(SIZE[::-1], np.uint8)
    for number in range(1, count + 1):
        for piece in range(pieces):
            top = 2 + 8 * piece
            codes[top : top + 6, 8 * number : 8 * number + 5] = number
    if border:
        codes[-1] = 255
    return Image.fromarray(codes)


@pytest.mark.parametrize("border", [False, True])
def test_numbered_objects_are_refused(tmp_path: Path, border: bool) -> None:
    fill(tmp_path, {name: objects(count, border=border) for name, count in COUNTS.items()})
    said = message(tmp_path)
    assert "number objects" in said
    assert f"1 to 4 in {tmp_path / 'masks' / 'c.png'}, 1 in {tmp_path / 'masks' / 'g.png'}" in said
    names = "".join(f"  c{value}: {value}\n" for value in range(5))
    (tmp_path / "classes.yaml").write_text(f"classes:\n{names}ignore: 255\n")
    assert len(open_segmentation(str(tmp_path)).classes) == 5


def test_classes_are_none(tmp_path: Path) -> None:
    fill(tmp_path / "pieces", {name: objects(count, pieces=2) for name, count in COUNTS.items()})
    gaps = {name: objects(count) for name, count in COUNTS.items()}
    fill(tmp_path / "gaps", {**gaps, "h": [0, 2]})
    few = {name: [0, 1, 2, 3] for name in "abcdef"}
    fill(tmp_path / "most", {**few, "g": [0, 1], "h": [0, 1, 2]})
    for case in ("pieces", "gaps", "most"):
        assert open_segmentation(str(tmp_path / case)).items
