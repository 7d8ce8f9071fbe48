"""Image files made to harm: refused by name and reason, in bounded memory."""

import io
import os
import struct
import sys
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from acrank.data import decode, draw_sample, imagefile, open_target
from acrank.data.checks import check_images
from acrank.data.imagefile import one_large_at_a_time
from acrank.data.images import BytesSource
from acrank.data.target import Item
from acrank.errors import DataError
from tests.data.builders import encoded, fill_folder, noise, png, png_chunk
from tests.memory import at_most

POSIX = pytest.mark.skipif(sys.platform == "win32", reason="pipes and devices are POSIX here")
FRAMES = [Image.new("RGB", (16, 16), (40 * place, 0, 0)) for place in range(5)]


def with_block(kind: bytes, data: bytes) -> bytes:
    """A sound image of 8 x 8 pixels with a block beside them."""
    return png(8, 8, png_chunk(kind, data), rows=(b"\0" + bytes(8)) * 8)


def reason(data: bytes) -> str:
    items = [Item("a", 0, BytesSource("a.png", data))]
    with pytest.raises(DataError) as caught:
        check_images("data", items)
    head, line = caught.value.message.splitlines()
    assert head == "data: 1 of 1 images cannot be used:"
    assert caught.value.hint
    return line.removeprefix("  a.png: ")


PACKED = zlib.compress(bytes(50 * 2**20))

HOSTILE = {
    "empty": (b"", "empty file (0 bytes)"),
    "claims 60000 x 60000": (png(60000, 60000), "too large: over 178956970 pixels"),
    "claims a wide row": (png(2**30, 1), "too large"),
    "ppm": (b"P5 99999 99999 255\n", "too large"),
    "ppm without pixels": (b"P5 13000 13000 255\n", "truncated"),
    "bmp without pixels": (
        b"BM" + struct.pack("<IHHIIiiHHIIiiII", 54, 0, 0, 54, 40, 9999, 9999, 1, 24, *[0] * 6),
        "truncated",
    ),
    "negative size": (b"P5 -5 3 255\n", "not an image"),
    "zTXt bomb": (with_block(b"zTXt", b"k\0\0" + PACKED), "unpacks to too much"),
    "iTXt bomb": (with_block(b"iTXt", b"k\0\1\0\0\0" + PACKED), "unpacks to too much"),
    "iCCP bomb": (with_block(b"iCCP", b"k\0\0" + PACKED), "unpacks to too much"),
    "many small zTXt": (
        png(8, 8, *[png_chunk(b"zTXt", b"k\0\0" + zlib.compress(bytes(2**20 - 1)))] * 70),
        "unpacks to too much",
    ),
    "truncated": (encoded(noise(0))[:200], "truncated"),
    "truncated jpeg": (encoded(noise(0), "JPEG")[:300], "Truncated"),
    "text": (b"hello", "not an image in a known format"),
    "postscript": (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "not an image in a known"),
    "svg": (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "not an image in a known"),
    "pickle": (b"\x80\x04cos\nsystem\n(S'touch pwned'\ntR.", "not an image in a known"),
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_a_hostile_image_is_named_with_its_reason(kind: str) -> None:
    data, words = HOSTILE[kind]
    with at_most(16):
        assert words in reason(data)


def test_the_limit_holds_where_other_code_has_lifted_pillow_s(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", None)
    assert "too large: over 178956970 pixels" in reason(png(60000, 60000))


def test_a_large_exif_block_is_no_harm() -> None:
    jpeg = encoded(FRAMES[1], "JPEG")
    block = b"\xff\xe1" + struct.pack(">H", 65535) + b"Exif\0\0" + b"\xff" * 65527
    data = jpeg[:2] + block * 20 + jpeg[2:]
    assert np.array_equal(decode.decode(data).values, decode.decode(jpeg).values)
    assert decode.decode(with_block(b"eXIf", b"MM\0*\0\0\0\x08" + b"\xff" * 10**6)).values.shape


@pytest.mark.parametrize("fmt", ["GIF", "WEBP", "PNG", "TIFF"])
def test_of_many_frames_the_first_is_taken(fmt: str) -> None:
    options = {"lossless": True} if fmt == "WEBP" else {}
    frames = [frame.copy() for frame in FRAMES[3:] + FRAMES * (50 if fmt == "TIFF" else 1)]
    stream = io.BytesIO()
    frames[0].save(stream, fmt, save_all=True, append_images=frames[1:], **options)
    check_images("data", [Item("a", 0, BytesSource("a", stream.getvalue()))])
    assert np.array_equal(decode.decode(stream.getvalue()).values, np.asarray(frames[0]))


def test_a_tiff_whose_frames_are_a_circle() -> None:
    data = bytearray(encoded(FRAMES[2], "TIFF"))
    first = struct.unpack("<I", data[4:8])[0]
    entries = struct.unpack("<H", data[first : first + 2])[0]
    end = first + 2 + 12 * entries
    data[end : end + 4] = struct.pack("<I", first)
    check_images("data", [Item("a", 0, BytesSource("a", bytes(data)))])
    assert np.array_equal(decode.decode(bytes(data)).values, np.asarray(FRAMES[2]))


def test_a_wrong_extension_is_no_matter(tmp_path: Path) -> None:
    root = fill_folder(tmp_path / "d", {"a": 4, "b": 4})
    (root / "a" / "0.png").write_bytes(encoded(noise(1), "JPEG"))
    (root / "a" / "1.png").write_bytes(encoded(noise(1), "WEBP"))
    assert len(draw_sample(open_target(str(root)), 8, 4, 0)) == 8


@pytest.mark.parametrize("mode", ["L", "LA", "P", "RGB", "RGBA", "CMYK", "I;16", "I"])
@pytest.mark.parametrize("turned", [False, True])
def test_strips_give_the_same_pixels_as_the_whole(
    monkeypatch: pytest.MonkeyPatch, mode: str, turned: bool
) -> None:
    monkeypatch.setattr(decode, "SHORTEST", 16)
    image = _of_mode(mode, (83, 71))
    fmt = "TIFF" if mode in ("CMYK", "I", "I;16") else "PNG"
    exif = Image.Exif()
    exif[0x0112] = 6
    options: dict[str, Any] = {"exif": exif} if turned else {}
    if mode == "P":
        options["transparency"] = 3
    data = encoded(image, fmt, **options)
    found = []
    for pixels in (1, 500, 10**9):
        monkeypatch.setattr(decode, "STRIP", pixels)
        found.append(decode.decode(data))
    assert found[0].values.shape[:2] == ((21, 18) if turned else (18, 21))
    for other in found[1:]:
        assert np.array_equal(found[0].values, other.values)
        assert (found[0].peak, found[0].values.dtype) == (other.peak, other.values.dtype)


def _of_mode(mode: str, size: tuple[int, int]) -> Image.Image:
    if mode in ("I", "I;16"):
        kind = np.int32 if mode == "I" else np.uint16
        values = np.random.default_rng(0).integers(0, 4096, size[::-1])
        return Image.fromarray(values.astype(kind))
    bands = {"LA": ["L", "L"], "RGBA": ["L"] * 4, "CMYK": ["L"] * 4}.get(mode)
    if bands:
        return Image.merge(mode, [noise(place, size, 1) for place in range(len(bands))])
    return noise(0, size).convert(mode)


def test_large_images_wait_for_one_another() -> None:
    large, small = Image.new("1", (10_000, 6_000)), Image.new("1", (10, 10))
    with one_large_at_a_time(large):
        assert imagefile._turn.locked()
        with one_large_at_a_time(small):  # does not wait
            pass
    assert not imagefile._turn.locked()


@POSIX
def test_pipes_devices_and_huge_files_are_named_and_not_read(tmp_path: Path) -> None:
    root = fill_folder(tmp_path / "d", {"a": 2, "b": 2})
    os.mkfifo(root / "a" / "pipe.png")
    (root / "a" / "zero.png").symlink_to("/dev/zero")
    (root / "b" / "self.png").symlink_to("self.png")
    (root / "b" / "gone.png").symlink_to("nowhere")
    (root / "b" / "folder.png").mkdir()
    with (root / "b" / "huge.png").open("wb") as file:
        file.write(encoded(noise(0)))
        file.truncate(2 * 10**9)  # sparse
    with at_most(8), pytest.raises(DataError) as caught:
        open_target(str(root))
    lines = caught.value.message.splitlines()
    assert "5 of 9 images cannot be used" in lines[0]
    for name, words in (
        ("pipe.png", "not a regular file"),
        ("zero.png", "not a regular file"),
        ("self.png", ""),
        ("gone.png", "No such file"),
        ("huge.png", "larger than 1,000 MB"),
    ):
        assert any(f"{name}: " in line and words in line for line in lines)
