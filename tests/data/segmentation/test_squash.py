"""The geometry: a mask drawn on its image stays on it, whatever the sizes."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from timm.data.transforms_factory import create_transform

from acrank.data import decode
from acrank.data.segmentation.squash import check_image_size, squash_image, squash_mask
from acrank.errors import ConfigError
from tests.data.builders import encoded, noise

SIDES = st.integers(20, 200)
PARTS = st.tuples(st.floats(0, 0.6), st.floats(0.25, 0.4))


def rectangle(size: tuple[int, int], across: Any, down: Any) -> Any:
    """A rectangle of ones, at these parts of the width and of the height."""
    mask = np.zeros(size[::-1], dtype=np.uint8)
    (left, width), (top, height) = across, down
    rows = slice(round(top * size[1]), round((top + height) * size[1]))
    mask[rows, round(left * size[0]) : round((left + width) * size[0])] = 1
    return mask


def centre(weights: Any) -> Any:
    """The centre of mass, in parts of the side."""
    rows, columns = np.indices(weights.shape)
    total = weights.sum()
    middle = [(rows * weights).sum() / total, (columns * weights).sum() / total]
    return (np.array(middle) + 0.5) / np.array(weights.shape)


def cells_of_one_value(mask: Any, side: int) -> Any:
    """Which pixels of the square lie on source pixels of one value alone."""
    found = np.zeros((side, side), dtype=bool)
    for row, column in np.ndindex(side, side):
        rows, columns = (
            slice(place * length // side, -(-(place + 1) * length // side))
            for place, length in ((row, mask.shape[0]), (column, mask.shape[1]))
        )
        found[row, column] = np.ptp(mask[rows, columns]) == 0
    return found


@given(SIDES, SIDES, PARTS, PARTS, st.sampled_from([32, 96]))
def test_a_mask_stays_on_its_image(
    width: int, height: int, across: Any, down: Any, side: int
) -> None:
    mask = rectangle((width, height), across, down)
    image = squash_image(mask * 255, (width, height), side) / 255
    square = squash_mask(mask, side)
    assert set(np.unique(square)) <= {0, 1}
    assert np.abs(centre(image) - centre(square)).max() < 0.6 / side
    assert np.abs(centre(square) - centre(mask)).max() < 0.6 / side + 0.6 / min(width, height)


@given(SIDES.map(lambda side: side + 12), SIDES.map(lambda side: side + 12), PARTS, PARTS)
def test_image_and_mask_differ_at_edges_only(
    width: int, height: int, across: Any, down: Any
) -> None:
    mask = rectangle((width, height), across, down)
    inside = cells_of_one_value(mask, 32)
    image = squash_image(mask * 255, (width, height), 32) / 255
    away = np.abs(image - squash_mask(mask, 32))[inside]
    assert away.size > 512
    assert away.max() < 0.25  # the filter overshoots beside an edge


@pytest.mark.parametrize("size", [(97, 50), (64, 161), (95, 96), (49, 47)])
@pytest.mark.parametrize("fmt", ["PNG", "JPEG"])
def test_images_that_decoding_reduces_stay_in_place(
    monkeypatch: pytest.MonkeyPatch, size: tuple[int, int], fmt: str
) -> None:
    whole = rectangle(size, (0.3, 0.4), (0.2, 0.4))
    data = encoded(Image.fromarray(whole * 255), fmt, **({"quality": 100} if fmt == "JPEG" else {}))
    monkeypatch.setattr(decode, "SHORTEST", 16)
    values = decode.decode(data).values
    assert min(values.shape) <= -(-min(size) // 2)
    found = centre(squash_image(values, size, 32).astype(float))
    assert np.abs(found - centre(whole.astype(float))).max() < 0.004


def test_pixels_equal_those_of_timm() -> None:
    for seed, size in enumerate([(40, 30), (30, 50), (64, 64), (333, 90)]):
        for channels in (1, 3):
            image = noise(seed, size, channels)
            transform = create_transform(
                (channels, 64, 64),
                use_prefetcher=True,
                interpolation="bicubic",
                crop_pct=1.0,
                crop_mode="squash",
            )
            wanted = np.asarray(transform(image))
            found = squash_image(np.asarray(image), size, 64)
            assert np.array_equal(
                found if channels == 1 else found.transpose(2, 0, 1),
                wanted.reshape((64, 64) if channels == 1 else (3, 64, 64)),
            )


def test_masks_hold_no_new_values() -> None:
    codes = np.random.default_rng(0).choice([3, 200, 65535], (61, 47)).astype(np.int32)
    square = squash_mask(codes, 96)
    assert square.dtype == codes.dtype
    assert set(np.unique(square)) == {3, 200, 65535}
    assert np.array_equal(squash_mask(square, 96), square)


def test_deep_grey_keeps_its_type_and_extremes() -> None:
    values = np.zeros((50, 50), dtype=np.int32)
    values[:, 25:] = 4095
    square = squash_image(values, (50, 50), 32)
    assert square.dtype == np.int32
    assert (square.min(), square.max()) == (0, 4095)


def test_deep_colour_is_squashed_band_by_band() -> None:
    values = np.random.default_rng(0).integers(0, 65536, (50, 40, 3)).astype(np.int32)
    square = squash_image(values, (40, 50), 32)
    assert square.shape == (32, 32, 3)
    for band in range(3):
        alone = squash_image(np.ascontiguousarray(values[..., band]), (40, 50), 32)
        np.testing.assert_allclose(square[..., band], alone, atol=70)  # its own extremes clip it


def test_another_size_than_said_is_refused() -> None:
    with pytest.raises(ValueError, match="its size has changed"):
        squash_image(np.zeros((30, 41), np.uint8), (40, 30), 32)


@pytest.mark.parametrize("size", [0, -32, 16, 100, 225, 800])
def test_image_sizes_that_do_not_fit(size: int) -> None:
    with pytest.raises(ConfigError, match=rf"image_size is {size}\. Set image_size to a multiple"):
        check_image_size(size)
