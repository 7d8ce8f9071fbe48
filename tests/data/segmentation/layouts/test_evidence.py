from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from acrank.data.segmentation.layouts.evidence import look_like_masks
from tests.data.builders import noise

SIZE = (96, 96)
RNG = np.random.default_rng(0)


def discs() -> Image.Image:
    y, x = np.mgrid[:96, :96]
    return Image.fromarray(np.where((x - 40) ** 2 + (y - 50) ** 2 < 600, 255, 0).astype(np.uint8))


def scan() -> Image.Image:
    """Tissue on black, as in a slice of a head."""
    values = np.asarray(noise(0, SIZE, 1)) // 2 + 40
    return Image.fromarray(
        np.where(np.asarray(discs().resize(SIZE)) > 0, values, 0).astype(np.uint8)
    )


def instances() -> Image.Image:
    return Image.fromarray(
        np.kron(np.arange(144).reshape(12, 12) * 300, np.ones((8, 8))).astype(np.uint16)
    )


def gradient() -> Image.Image:
    y, x = np.mgrid[:96, :96]
    return Image.fromarray(((x + y) * 4 // 3 + RNG.integers(0, 9, (96, 96))).astype(np.uint8))


@pytest.mark.parametrize(
    ("make", "wanted"),
    [
        (discs, True),
        (lambda: discs().convert("RGB"), True),
        (lambda: discs().convert("P"), True),
        (lambda: discs().resize((41, 41), Image.Resampling.BICUBIC), True),
        (instances, True),
        (lambda: noise(1, SIZE), False),
        (lambda: noise(1, SIZE).convert("P"), False),
        (gradient, False),
        (scan, False),
    ],
)  # fmt: skip
def test_flat_images_are_masks(
    tmp_path: Path, make: Callable[[], Image.Image], wanted: bool
) -> None:
    make().save(tmp_path / "a.png")
    assert look_like_masks([tmp_path / "a.png"]) is wanted


def test_a_mask_saved_as_jpeg_looks_like_one(tmp_path: Path) -> None:
    discs().save(tmp_path / "a.jpg", quality=60)
    assert look_like_masks([tmp_path / "a.jpg"])


def test_most_decide_and_what_cannot_be_read_does_not_count(tmp_path: Path) -> None:
    discs().save(tmp_path / "a.png")
    noise(0, SIZE).save(tmp_path / "b.png")
    (tmp_path / "c.png").write_bytes(b"<html>")
    a, b, c = (tmp_path / f"{name}.png" for name in "abc")
    assert look_like_masks([a, c, c])
    assert look_like_masks([a, a, b])
    assert not look_like_masks([a, b])
    assert not look_like_masks([c])
    assert not look_like_masks([])


def test_only_a_few_of_many_are_looked_at(tmp_path: Path) -> None:
    discs().save(tmp_path / "a.png")
    missing = [tmp_path / f"missing{number}.png" for number in range(10_000)]
    assert look_like_masks([tmp_path / "a.png", *missing])
