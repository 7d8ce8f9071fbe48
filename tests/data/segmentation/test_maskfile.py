import io
import struct
import zlib
from typing import Any

import numpy as np
import pytest
from PIL import Image

from acrank.data.checks import Fault
from acrank.data.images import BytesSource
from acrank.data.segmentation.maskfile import Codes, MaskError, decode_mask, read_mask
from tests.data.builders import deep_png, encoded, noise, png, tiff

from .builders import blocks

THREE = blocks([0, 1, 2])


def values(image: Image.Image, fmt: str = "PNG") -> Codes:
    return decode_mask(encoded(image, fmt), colour=False)


def shallow_png(bits: int, values: Codes) -> bytes:
    """A grey PNG of 1, 2 or 4 bits, which Pillow reads but does not write."""
    rows = b""
    for row in values.tolist():
        packed = "".join(f"{value:0{bits}b}" for value in row)
        packed += "0" * (-len(packed) % 8)
        rows += b"\0" + int(packed, 2).to_bytes(len(packed) // 8, "big")
    return png(values.shape[1], values.shape[0], bits=bits, rows=rows)


@pytest.mark.parametrize("fmt", ["PNG", "TIFF", "BMP", "GIF"])
def test_values_are_those_stored(fmt: str) -> None:
    assert np.array_equal(values(Image.fromarray(THREE), fmt), THREE)


@pytest.mark.parametrize("fmt", ["PNG", "TIFF", "BMP", "GIF"])
def test_of_a_palette_the_indices_count(fmt: str) -> None:
    image = Image.fromarray(THREE)
    image = image.convert("P")
    image.putdata(THREE.ravel().tolist())
    image.putpalette([0, 0, 0, 255, 0, 0, 0, 0, 255])
    assert np.array_equal(values(image, fmt), THREE)
    colours = decode_mask(encoded(image, fmt), colour=True)
    assert np.array_equal(colours, np.array([0, 0xFF0000, 0x0000FF])[THREE])


@pytest.mark.parametrize("bits", [1, 2, 4])
def test_few_bits_are_not_scaled_up(bits: int) -> None:
    stored = THREE % 2**bits
    assert np.array_equal(decode_mask(shallow_png(bits, stored), colour=False), stored)


def test_one_bit_and_sixteen_bits() -> None:
    assert sorted(np.unique(values(Image.fromarray(THREE > 0)))) == [0, 1]
    deep = THREE.astype(np.uint16) * 1000
    assert np.array_equal(values(Image.fromarray(deep)), deep)
    assert np.array_equal(values(Image.fromarray(deep.astype(np.int32)), "TIFF"), deep)


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "LA"])
def test_equal_channels_are_one_value(mode: str) -> None:
    assert np.array_equal(values(Image.fromarray(THREE).convert(mode)), THREE)


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "LA", "L"])
def test_grey_is_a_colour_too(mode: str) -> None:
    found = decode_mask(encoded(Image.fromarray(THREE).convert(mode)), colour=True)
    assert np.array_equal(found, THREE.astype(int) * 0x010101)


def test_exif_orientation_is_applied() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    found = decode_mask(encoded(Image.fromarray(THREE), exif=exif), colour=False)
    assert np.array_equal(found, np.rot90(THREE, -1))


def transparent() -> Image.Image:
    image = Image.fromarray(THREE).convert("RGBA")
    image.putpixel((3, 3), (0, 0, 0, 254))
    return image


def animation() -> bytes:
    buffer = io.BytesIO()
    frames = [noise(number, channels=1) for number in range(3)]
    frames[0].save(buffer, "TIFF", save_all=True, append_images=frames[1:])
    return buffer.getvalue()


REFUSED = {
    "jpeg": (encoded(noise(0, channels=1), "JPEG"), "saved as JPEG, which does not keep"),
    "webp": (encoded(noise(0), "WEBP", lossless=True), "saved as WEBP"),
    "jpeg in tiff": (
        encoded(noise(0, (64, 64)), "TIFF", compression="jpeg"),
        "saved as TIFF with lossy compression",
    ),
    "frames": (animation(), "3 frames"),
    "colour": (encoded(noise(0)), "a colour image, where values of classes are expected"),
    "transparent": (encoded(transparent()), "transparent pixels"),
    "float": (encoded(Image.fromarray(THREE.astype(np.float32)), "TIFF"), "pixels of mode F"),
    "cmyk": (encoded(noise(0).convert("CMYK"), "TIFF"), "pixels of mode CMYK"),
    "large": (
        encoded(Image.fromarray(THREE.astype(np.int32) * 70000), "TIFF"),
        "from 0 to 140000, which do not fit 16 bits",
    ),
    "empty": (b"", "empty file (0 bytes)"),
    "text": (b"mask", "not an image in a known format"),
    "truncated": (encoded(noise(0, (64, 64), 1))[:-300], "truncated"),
}


@pytest.mark.parametrize("kind", REFUSED)
def test_what_is_no_mask_is_refused_with_its_reason(kind: str) -> None:
    data, words = REFUSED[kind]
    found = read_mask(BytesSource("masks/x.png", data), colour=False)
    assert isinstance(found, Fault)
    assert found.where == "masks/x.png"
    assert words in found.reason
    assert found.hint


def test_colours_of_sixteen_bits_are_refused() -> None:
    row = b"\0" + bytes(range(6)) * 4
    plain = shallow_png(4, np.zeros((1, 4), int))
    head = struct.pack(">IIBBBBB", 4, 1, 16, 2, 0, 0, 0)
    chunks = [(b"IHDR", head), (b"IDAT", zlib.compress(row)), (b"IEND", b"")]
    data = plain[:8] + b"".join(
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        for kind, body in chunks
    )
    with pytest.raises(MaskError, match="16 bits a channel"):
        decode_mask(data, colour=True)


def test_floating_point_has_no_colours() -> None:
    data = encoded(Image.fromarray(THREE.astype(np.float32)), "TIFF")
    with pytest.raises(MaskError, match="pixels of mode F, where colours"):
        decode_mask(data, colour=True)


@pytest.mark.parametrize("how", [{}, {"packed": True}, {"planar": True}, {"order": ">"}])
def test_colour_of_16_bits_in_tiff_is_no_mask(how: dict[str, Any]) -> None:
    values = np.full((4, 5, 3), 3000, dtype=np.uint16)
    with pytest.raises(MaskError, match="a colour image of 16 bits a channel"):
        decode_mask(tiff(values, **how), colour=True)


def test_grey_and_transparency_of_16_bits_is_no_mask() -> None:
    with pytest.raises(MaskError, match="a colour image of 16 bits a channel"):
        decode_mask(deep_png(np.full((4, 5, 2), 65535, dtype=np.uint16), colour=4), colour=False)


def test_more_bands_than_colour_are_no_mask() -> None:
    data = tiff(np.zeros((4, 5, 4), dtype=np.uint8), extras=(0,))
    fault = read_mask(BytesSource("m.tif", data), colour=True)
    assert isinstance(fault, Fault)
    assert fault.reason.startswith("TIFF of 4 bands")
    assert fault.hint.startswith("Save the bands wanted")


@pytest.mark.parametrize(
    ("head", "pixels", "values"),
    [
        (b"P5 3 1 255\n", b"\0\1\xff", [0, 1, 255]),
        (b"P5 3 1 65535\n", b"\0\0\0\1\1\0", [0, 1, 256]),
        (b"P6 2 1 255\n", b"\7\7\7\0\0\0", [7, 0]),
        (b"P2 3 1 255\n", b"0 2 255\n", [0, 2, 255]),
        (b"P4 8 1\n", b"\x0f", [1, 1, 1, 1, 0, 0, 0, 0]),
    ],
)
def test_portable_maps_keep_their_values(head: bytes, pixels: bytes, values: list[int]) -> None:
    assert decode_mask(head + pixels, colour=False).tolist() == [values]


def test_portable_maps_that_would_be_scaled_are_refused() -> None:
    for data in (b"P5 3 1 3\n\0\1\3", b"P2 3 1 3\n0 1 3\n"):
        with pytest.raises(MaskError, match="grey up to 3 in its header"):
            decode_mask(data, colour=False)
