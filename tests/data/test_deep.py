"""More than 8 bits a channel, exactly; and what a file has beside colour is refused by name."""

import struct
from typing import Any, Literal

import numpy as np
import pytest
from PIL import Image

from acrank.data import decode as decoding
from acrank.data import draw_sample
from acrank.data.bands import UnsupportedPixelsError
from acrank.data.checks import find_fault
from acrank.data.decode import decode
from acrank.data.imagefile import strict_pillow
from acrank.data.images import BytesSource
from acrank.data.target import Item
from acrank.errors import DataError

from .builders import deep_png, encoded, png_chunk, target_of, tiff

SHAPE = (11, 7)
RGB = np.random.default_rng(0).integers(0, 4096, (*SHAPE, 3)).astype(np.uint16)
RGBA = np.random.default_rng(1).integers(0, 65536, (*SHAPE, 4)).astype(np.uint16)
GREY = RGB[..., 0]


def over_black(values: Any) -> Any:
    """Colours times transparency, which is the last channel."""
    return np.rint(values[..., :-1] * (values[..., -1:] / 65535))


def found(data: bytes) -> Any:
    assert find_fault(Item("a", 0, BytesSource("a", data))) is None
    return decode(data)


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize(("packed", "planar"), [(False, False), (True, False), (False, True)])
def test_colour_of_16_bits_in_tiff(order: Literal["<", ">"], packed: bool, planar: bool) -> None:
    decoded = found(tiff(RGB, order, packed=packed, planar=planar))
    np.testing.assert_array_equal(decoded.values, RGB)
    assert decoded.peak == RGB.max()
    how: dict[str, Any] = {"packed": packed, "planar": planar, "extras": (2,)}
    np.testing.assert_array_equal(found(tiff(RGBA, order, **how)).values, over_black(RGBA))
    how["extras"] = (1,)  # the colours have been multiplied by it already
    decoded = found(tiff(RGBA, order, **how))
    np.testing.assert_array_equal(decoded.values, RGBA[..., :3])
    assert decoded.transparent


def test_colour_of_16_bits_in_png() -> None:
    np.testing.assert_array_equal(found(deep_png(RGB)).values, RGB)
    decoded = found(deep_png(RGBA, colour=6))
    np.testing.assert_array_equal(decoded.values, over_black(RGBA))
    assert decoded.transparent
    grey = found(deep_png(RGBA[..., 2:], colour=4))
    np.testing.assert_array_equal(grey.values, over_black(RGBA[..., 2:])[..., 0])


def test_a_transparent_value_of_16_bits_becomes_black() -> None:
    key = RGB[3, 4]
    decoded = found(deep_png(RGB, png_chunk(b"tRNS", struct.pack(">3H", *key))))
    assert decoded.values[3, 4].tolist() == [0, 0, 0]
    assert decoded.transparent
    grey = found(deep_png(GREY[..., None], png_chunk(b"tRNS", struct.pack(">H", key[0])), colour=0))
    np.testing.assert_array_equal(grey.values, np.where(key[0] == GREY, 0, GREY))


@pytest.mark.parametrize("peak", [4095, 65535])
def test_colour_of_16_bits_in_ppm(peak: int) -> None:
    data = b"P6 %d %d %d\n" % (*SHAPE[::-1], peak) + RGB.astype(">u2").tobytes()
    np.testing.assert_array_equal(found(data).values, RGB)


def test_pixels_that_are_not_seen_do_not_count_for_the_depth() -> None:
    values = np.full((2, 2, 4), 65535, dtype=np.uint16)
    values[0, 0] = (9, 9, 9, 65535)
    values[1:, :, 3] = values[0, 1, 3] = 0
    assert found(deep_png(values, colour=6)).peak == 9


@pytest.mark.parametrize("order", ["<", ">"])
def test_values_of_darkness_are_turned_round(order: Literal["<", ">"]) -> None:
    data = tiff(GREY[..., None], order, photometric=0)
    if order == ">":
        with pytest.raises(UnsupportedPixelsError, match=r"16-bit pixels \(grey, white being 0\)"):
            decode(data)
        return
    plain = found(tiff(GREY[..., None], order, photometric=1)).pixels(12).astype(int)
    np.testing.assert_array_equal(found(data).pixels(12), 255 - plain)


@pytest.mark.parametrize("turned", [False, True])
def test_strips_of_deep_colour_are_those_of_the_whole(
    monkeypatch: pytest.MonkeyPatch, turned: bool
) -> None:
    monkeypatch.setattr(decoding, "SHORTEST", 16)
    values = np.random.default_rng(0).integers(0, 65536, (71, 83, 3)).astype(np.uint16)
    exif = Image.Exif()
    exif[0x0112] = 6
    extra = [png_chunk(b"eXIf", exif.tobytes()[6:])] if turned else []
    data = deep_png(values, *extra)
    seen = []
    for pixels in (1, 500, 10**9):
        monkeypatch.setattr(decoding, "STRIP", pixels)
        seen.append(decode(data).values)
    assert seen[0].shape == ((21, 18, 3) if turned else (18, 21, 3))
    assert np.array_equal(seen[0], seen[1])
    assert np.array_equal(seen[0], seen[2])
    upright = np.rot90(values, -1) if turned else values
    np.testing.assert_allclose(seen[0][0, 0], upright[:4, :4].mean(axis=(0, 1)), atol=1)


def test_colour_of_12_bits_is_seen_as_that_of_8() -> None:
    eight = [np.random.default_rng(n).integers(0, 256, (*SHAPE, 3)) for n in range(4)]
    deep = draw_sample(target_of([deep_png((a * 16).astype(np.uint16)) for a in eight]), 4, 2, 0)
    plain = draw_sample(target_of([Image.fromarray(a.astype(np.uint8)) for a in eight]), 4, 2, 0)
    for one, other in zip(deep.images, plain.images, strict=True):
        np.testing.assert_allclose(one, other.astype(int), atol=1)  # 4080 of 4095
    (notice,) = deep.warnings
    assert "4 of 4 images have 16-bit values; the largest is" in notice
    assert "read as 12-bit" in notice


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (tiff(RGBA, extras=(0,)), "TIFF of 4 bands, which are RGB and 1 more"),
        (tiff(RGBA), "TIFF of 4 bands, which are RGB and 1 more"),
        (tiff(RGBA.astype(np.uint8), extras=(0,)), "TIFF of 4 bands, which are RGB and 1 more"),
        (tiff(RGBA.astype(np.uint8), extras=(0,), planar=True), "4 bands, which are RGB and 1"),
        (tiff(RGBA[..., :2].astype(np.uint8), photometric=1, extras=(0,)), "grey and 1 more"),
        (tiff(RGB, photometric=1, extras=(0, 0)), "TIFF of 3 bands, which are grey and 2 more"),
        (tiff(np.repeat(RGB, 4, 2), photometric=1, extras=[0] * 11), "TIFF of 12 bands"),
        (tiff(np.repeat(RGBA, 2, 2)[..., :5].astype(np.uint8), extras=(2, 0)), "TIFF of 5 bands"),
        (tiff(RGB.astype(np.float32), kind=3), "3 bands of 32-bit floating-point pixels (RGB)"),
        (tiff(RGB.astype(np.uint32)), "TIFF of 3 bands of 32-bit pixels (RGB)"),
        (tiff(RGB, planar=True, packed=True), "16 bits a channel, each band compressed by itself"),
        (tiff(RGB.astype(np.uint8), packed=True, compression=50002), "TIFF of compression 50002"),
    ],
)
def test_what_would_be_lost_is_refused_by_name(data: bytes, words: str) -> None:
    with pytest.raises(UnsupportedPixelsError) as caught:
        decode(data)
    assert words in str(caught.value)
    fault = find_fault(Item("a.tif", 0, BytesSource("a.tif", data)))
    assert fault is not None
    assert (fault.reason, fault.hint) == (str(caught.value), caught.value.hint)
    with pytest.raises(DataError) as refused:
        draw_sample(target_of([data] * 4), 4, 2, 0)
    assert words in refused.value.message
    assert refused.value.hint == caught.value.hint


def test_deep_colour_in_jpeg_2000() -> None:
    data = encoded(Image.fromarray(RGB.astype(np.uint8)), "JPEG2000")
    assert decode(data).values.shape == (*SHAPE, 3)
    start = data.index(b"\xff\x4f\xff\x51") + 42
    sizes = b"".join(bytes([15]) + data[start + 1 + 3 * n : start + 3 + 3 * n] for n in range(3))
    with pytest.raises(UnsupportedPixelsError, match="JPEG 2000 in colour with 16 bits"):
        decode(data[:start] + sizes + data[start + 9 :])


def test_colours_of_cmyk_are_those_of_8_bits() -> None:
    inks = np.random.default_rng(0).integers(0, 256, (*SHAPE, 4))
    deep = decode(tiff((inks * 257).astype(np.uint16), photometric=5))
    plain = decode(tiff(inks.astype(np.uint8), photometric=5))
    assert deep.peak is None
    np.testing.assert_array_equal(deep.values, plain.values)


def test_ink_of_a_jpeg_is_not_taken_for_light() -> None:
    white = Image.new("CMYK", (16, 16), (0, 0, 0, 0))
    np.testing.assert_allclose(decode(encoded(white, "JPEG", quality=100)).values, 255, atol=2)


def test_nothing_is_printed(capfd: pytest.CaptureFixture[str]) -> None:
    many = tiff(np.zeros((*SHAPE, 1), np.uint8), extras=(0,)).replace(
        struct.pack("<HHIHH", 277, 3, 1, 1, 0), struct.pack("<HHIHH", 277, 3, 1, 99, 0)
    )
    with strict_pillow(), pytest.raises(UnsupportedPixelsError, match="TIFF of 99 bands"):
        decode(many)
    torn = bytearray(tiff(RGB, packed=True))
    torn[20:200] = bytes(180)
    with strict_pillow(), pytest.raises(OSError, match="decoder error"):
        decode(bytes(torn))
    assert capfd.readouterr() == ("", "")


def test_a_damaged_tiff_stays_damaged() -> None:
    data = tiff(RGB)
    for cut in (9, len(data) - 60):
        with pytest.raises(Exception) as caught:  # noqa: PT011 - whatever Pillow raises
            decode(data[:cut])
        assert not isinstance(caught.value, UnsupportedPixelsError)
