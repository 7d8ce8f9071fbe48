"""Masks over images: where they are, and in which colours."""

import base64
import io
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image

from acrank.report.figures.colours import ACCENT, DARK_GREY, LIGHT_GREY, SECOND, rgb
from acrank.report.figures.masks import jpeg_uri, painted

SIDE, SIZE = 64, 160
Pixels = npt.NDArray[np.uint8]


def draw_over(image: Pixels, mask: Pixels, colours: dict[int, str]) -> str:
    return jpeg_uri(painted(image, mask, colours, (SIZE, SIZE)), sharp=True)


def decoded(uri: str) -> npt.NDArray[np.float64]:
    kind, _, encoded = uri.partition(",")
    assert kind == "data:image/jpeg;base64"
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(encoded)))).astype(np.float64)


def halves(left: int, right: int) -> Pixels:
    mask = np.full((SIDE, SIDE), left, dtype=np.uint8)
    mask[:, SIDE // 2 :] = right
    return mask


def is_nearly(found: npt.NDArray[np.float64], colour: Sequence[float]) -> bool:
    return bool(np.abs(found - np.array(colour)).max() <= 12)


@pytest.mark.parametrize("shape", [(SIDE, SIDE), (SIDE, SIDE, 3)])
def test_a_class_is_filled_and_outlined_and_the_background_is_neither(
    shape: tuple[int, ...],
) -> None:
    uri = draw_over(np.full(shape, 200, dtype=np.uint8), halves(0, 1), {1: ACCENT})
    found = decoded(uri)
    assert found.shape == (SIZE, SIZE, 3)
    assert is_nearly(found[:, : SIZE // 2 - 4], (200, 200, 200))
    assert is_nearly(found[:, SIZE // 2], rgb(ACCENT))
    share = 96 / 255
    fill = [share * part + (1 - share) * 200 for part in rgb(ACCENT)]
    assert is_nearly(found[:, SIZE // 2 + 6 :], fill)


def test_two_classes_are_outlined_each_on_its_side() -> None:
    black = np.zeros((SIDE, SIDE), dtype=np.uint8)
    found = decoded(draw_over(black, halves(1, 2), {1: ACCENT, 2: SECOND}))
    assert np.abs(found[:, SIZE // 2 - 1] - rgb(ACCENT)).max() < 40
    assert np.abs(found[:, SIZE // 2] - rgb(SECOND)).max() < 40
    assert found[:, 4].mean() < found[:, SIZE // 2 - 1].mean()


@pytest.mark.parametrize("grey", [0, 128, 255])
def test_pixels_to_ignore_are_hatched_on_any_image(grey: int) -> None:
    image = np.full((SIDE, SIDE), grey, dtype=np.uint8)
    found = decoded(draw_over(image, halves(0, 255), {1: ACCENT}))
    assert is_nearly(found[:, : SIZE // 2 - 8], (grey,) * 3)
    hatched = found[:, SIZE // 2 + 8 :]
    assert hatched.max() - hatched.min() > 60
    assert np.ptp(hatched, axis=-1).max() < 24  # grey, as are both lines
    assert rgb(DARK_GREY)[0] < 128 < rgb(LIGHT_GREY)[0]


def test_a_mask_lies_where_its_image_is() -> None:
    image = halves(255, 0)
    image[SIDE // 2 :] = 0
    mask = (image > 0).astype(np.uint8)
    found = decoded(draw_over(image, mask, {1: "#ff0000"}))
    assert is_nearly(found[: SIZE // 2 - 8, : SIZE // 2 - 8], (255, 159, 159))
    assert found[SIZE // 2 + 6 :].max() < 10
    assert found[:, SIZE // 2 + 6 :].max() < 10


def test_they_are_small_whatever_is_in_them() -> None:
    noise = np.random.default_rng(0).integers(0, 256, (SIDE * 4, SIDE * 4, 3), dtype=np.uint8)
    mask = np.random.default_rng(1).integers(0, 3, (SIDE * 4, SIDE * 4), dtype=np.uint8)
    assert len(draw_over(noise, mask, {1: ACCENT, 2: SECOND})) < 60_000


def test_a_mask_keeps_the_size_of_its_image() -> None:
    image = np.zeros((20, 50, 3), dtype=np.uint8)
    found = painted(image, np.ones((20, 50), dtype=np.uint8), {1: ACCENT})
    assert found.shape == image.shape
    assert is_nearly(found[0, 0].astype(np.float64), [96 / 255 * part for part in rgb(ACCENT)])
