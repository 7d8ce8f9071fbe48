"""Formats of image files that other packages bring."""

from pathlib import Path

import numpy as np
import pytest

from acrank.data import draw_sample, open_target
from acrank.data.formats import FORMATS
from tests.packages import install

CODE = """
from acrank.data.decode import Decoded
from acrank.data.formats import ImageFormat
from acrank.data.images import PathSource

import numpy as np

class Square(PathSource):
    def check(self):
        return None

    def decode(self, data):
        side = int(len(data) ** 0.5)
        return Decoded(np.frombuffer(data, np.uint8).reshape(side, side), notes=("are squares",))

class Squares(ImageFormat):
    name = "square"
    suffixes = frozenset((".square",))

    def source(self, path, how):
        return Square(path)
"""


def test_a_package_brings_a_format(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    points = {"acrank.image_formats": {"square": "acrank_square:Squares"}}
    install(monkeypatch, tmp_path / "site", "acrank-square", points, CODE)
    for number in range(4):
        folder = tmp_path / "data" / "ab"[number % 2]
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{number}.square").write_bytes(bytes(range(number, number + 64)))
    FORMATS.forget()
    try:
        sample = draw_sample(open_target(str(tmp_path / "data")), 4, 2, 0)
    finally:
        monkeypatch.undo()
        FORMATS.forget()
    assert {image.shape for image in sample.images} == {(8, 8)}
    assert np.array_equal(sample.images[0].ravel(), np.arange(64))
    assert "4 of 4 images are squares." in sample.warnings
