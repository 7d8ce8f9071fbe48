from typing import Any

import numpy as np
import pytest
from PIL import Image

from acrank.data import draw_sample
from acrank.data.bands import UnsupportedPixelsError
from acrank.data.decode import SHORTEST, decode, grey_depth, to_eight_bits
from acrank.errors import DataError

from .builders import encoded, noise, target_of

GREY16 = np.array([[0, 1000], [2000, 4095]], dtype=np.uint16)


def pixels(image: Image.Image, fmt: str = "PNG", **options: Any) -> list[Any]:
    values: list[Any] = decode(encoded(image, fmt, **options)).values.tolist()
    return values


def test_rgb_and_grey_are_kept() -> None:
    assert pixels(Image.new("RGB", (1, 1), (1, 2, 3))) == [[[1, 2, 3]]]
    assert pixels(Image.new("L", (1, 1), 77)) == [[77]]


def test_one_bit() -> None:
    image = Image.new("1", (2, 1))
    image.putpixel((1, 0), 1)
    assert pixels(image) == [[0, 255]]


def test_palette() -> None:
    image = Image.new("P", (1, 1), 1)
    image.putpalette([0, 0, 0, 10, 20, 30])
    assert pixels(image) == [[[10, 20, 30]]]


def test_alpha_is_composited_over_black() -> None:
    assert pixels(Image.new("RGBA", (1, 1), (200, 100, 50, 128))) == [[[100, 50, 25]]]
    assert pixels(Image.new("RGBA", (1, 1), (200, 100, 50, 0))) == [[[0, 0, 0]]]
    assert pixels(Image.new("RGBA", (1, 1), (200, 100, 50, 255))) == [[[200, 100, 50]]]
    assert pixels(Image.new("LA", (1, 1), (200, 51))) == [[40]]


def test_transparent_palette_and_colour_key() -> None:
    palette = Image.new("P", (2, 1))
    palette.putpalette([10, 20, 30, 40, 50, 60])
    palette.putpixel((1, 0), 1)
    assert pixels(palette, transparency=0) == [[[0, 0, 0], [40, 50, 60]]]
    assert pixels(palette, transparency=bytes([51, 255])) == [[[2, 4, 6], [40, 50, 60]]]
    grey = Image.fromarray(np.array([[7, 9]], dtype=np.uint8))
    assert pixels(grey, transparency=7) == [[0, 9]]


def test_cmyk() -> None:
    assert pixels(Image.new("CMYK", (1, 1), (255, 0, 0, 0)), "TIFF") == [[[0, 255, 255]]]
    assert pixels(Image.new("CMYK", (1, 1), (0, 0, 0, 255)), "TIFF") == [[[0, 0, 0]]]


def test_lab() -> None:
    black, white = (Image.new("LAB", (1, 1), (level, 128, 128)) for level in (0, 255))
    assert np.max(pixels(black, "TIFF")) <= 2
    assert np.min(pixels(white, "TIFF")) >= 253


@pytest.mark.parametrize("fmt", ["PNG", "TIFF", "JPEG"])
@pytest.mark.parametrize(
    ("orientation", "turned"),
    [
        (1, [[0, 80], [160, 240]]),
        (2, [[80, 0], [240, 160]]),
        (3, [[240, 160], [80, 0]]),
        (6, [[160, 0], [240, 80]]),
        (8, [[80, 240], [0, 160]]),
    ],
)
def test_exif_orientation(fmt: str, orientation: int, turned: list[list[int]]) -> None:
    grey = np.repeat(np.repeat(np.array([[0, 80], [160, 240]], np.uint8), 8, 0), 8, 1)
    exif = Image.Exif()
    exif[0x0112] = orientation
    options: dict[str, Any] = {"quality": 100} if fmt == "JPEG" else {}
    values = decode(encoded(Image.fromarray(grey), fmt, exif=exif, **options)).values
    np.testing.assert_allclose(values[4::8, 4::8], turned, atol=1 if fmt == "JPEG" else 0)


def test_damaged_exif_leaves_the_pixels() -> None:
    data = encoded(Image.new("L", (8, 8), 50), "JPEG", exif=b"Exif\0\0II*\0\xff\xff")
    assert decode(data).values.shape == (8, 8)


def test_first_frame_of_an_animation() -> None:
    frames = [Image.new("RGB", (2, 2), colour) for colour in ("red", "blue")]
    data = encoded(frames[0], "GIF", save_all=True, append_images=frames[1:])
    assert decode(data).values[0, 0].tolist() == [255, 0, 0]


@pytest.mark.parametrize("fmt", ["PNG", "TIFF"])
def test_sixteen_bit_grey_is_left_for_the_sample_to_scale(fmt: str) -> None:
    decoded = decode(encoded(Image.fromarray(GREY16), fmt))
    assert decoded.peak == 4095
    assert decoded.values.tolist() == GREY16.tolist()


def test_big_endian_and_32_bit_containers() -> None:
    big = Image.frombytes("I;16B", (2, 2), GREY16.astype(">u2").tobytes())
    assert decode(encoded(big, "TIFF")).values.tolist() == GREY16.tolist()
    wide = Image.fromarray(GREY16.astype(np.int32))
    assert decode(encoded(wide, "TIFF")).values.tolist() == GREY16.tolist()


@pytest.mark.parametrize(
    ("peak", "depth"),
    [(0, 8), (255, 8), (256, 10), (1023, 10), (1024, 12), (4095, 12), (4096, 14), (16384, 16)],
)
def test_depth_is_the_smallest_that_holds_the_largest_value(peak: int, depth: int) -> None:
    assert grey_depth([0, peak, 3]) == depth


def test_scaling_is_exact() -> None:
    assert to_eight_bits(GREY16, 12).tolist() == [[0, 62], [125, 255]]
    assert to_eight_bits(np.array([65535, 32768, 128]), 16).tolist() == [255, 128, 0]
    assert to_eight_bits(np.arange(256), 8).tolist() == list(range(256))


def test_one_depth_for_the_whole_sample() -> None:
    dim = np.full((2, 2), 500, dtype=np.uint16)
    plain = Image.new("L", (2, 2), 200)
    target = target_of([Image.fromarray(GREY16), Image.fromarray(dim), plain, plain])
    sample = draw_sample(target, 4, 2, 0)
    by_key = dict(zip(sample.keys, sample._images, strict=True))
    assert by_key["i000"].tolist() == [[0, 62], [125, 255]]
    assert by_key["i001"].tolist() == [[31, 31], [31, 31]]  # 500 of 4095, not of 1023
    assert by_key["i002"].tolist() == [[200, 200], [200, 200]]
    notice, flat = sample.warnings
    assert flat == "3 of 4 images hold nothing but one colour each all over (i002, i001, i003)."
    assert "2 of 4 images have 16-bit values; the largest is 4095" in notice
    assert "12-bit" in notice


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        (np.array([[0, 65536]], np.int32), "from 0 to 65536"),
        (np.array([[-1, 5]], np.int32), "from -1 to 5"),
        (np.array([[0.5]], np.float32), "floating-point"),
    ],
)
def test_unsupported_pixels_are_refused(values: Any, reason: str) -> None:
    data = encoded(Image.fromarray(values), "TIFF")
    with pytest.raises(UnsupportedPixelsError, match=reason):
        decode(data)
    with pytest.raises(DataError, match=rf"1 of 4 images.*\n  i000: .*{reason}") as caught:
        draw_sample(target_of([data, noise(1), noise(2), noise(3)]), 4, 2, 0)
    assert "8- or 16-bit" in str(caught.value.hint)


@pytest.mark.parametrize(
    ("size", "expected"),
    [
        ((SHORTEST, 2000), (SHORTEST, 2000)),
        ((2 * SHORTEST - 1, 2 * SHORTEST - 1), (2 * SHORTEST - 1, 2 * SHORTEST - 1)),
        ((3 * SHORTEST, 4 * SHORTEST), (SHORTEST, SHORTEST * 4 // 3)),
    ],
)
def test_large_images_are_reduced(size: tuple[int, int], expected: tuple[int, int]) -> None:
    values = decode(encoded(Image.new("L", size, 100))).values
    assert values.shape == expected[::-1]
    assert np.unique(values).tolist() == [100]


def test_reduction_averages_blocks() -> None:
    grey = np.tile(np.array([[0, 100], [200, 100]], np.uint8), (SHORTEST, SHORTEST))
    assert np.unique(decode(encoded(Image.fromarray(grey))).values).tolist() == [100]
    deep = grey.astype(np.uint16) * 100
    decoded = decode(encoded(Image.fromarray(deep)))
    assert np.unique(decoded.values).tolist() == [10000]
    assert decoded.peak == 20000


def test_large_jpeg_is_drafted() -> None:
    data = encoded(Image.new("RGB", (2 * SHORTEST, 3 * SHORTEST), (90, 90, 90)), "JPEG")
    values = decode(data).values
    assert values.shape == (3 * SHORTEST // 2, SHORTEST, 3)
    np.testing.assert_allclose(values, 90, atol=2)
