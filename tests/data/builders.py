"""Small image files and datasets for the tests."""

import io
import struct
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
from PIL import Image

from acrank.data.images import BytesSource
from acrank.data.target import Item, Target


def noise(seed: int, size: tuple[int, int] = (24, 20), channels: int = 3) -> Image.Image:
    shape = (size[1], size[0], channels) if channels > 1 else (size[1], size[0])
    return Image.fromarray(np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8))


def encoded(image: Image.Image, fmt: str = "PNG", **options: Any) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, fmt, **options)
    return buffer.getvalue()


def png_chunk(kind: bytes, data: bytes) -> bytes:
    """A part of a PNG file, with its length and checksum."""
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(
    width: int, height: int, *extra: bytes, bits: int = 8, colour: int = 0, rows: bytes = b""
) -> bytes:
    """A PNG file written by hand, of rows as they are packed, each after a filter byte of 0."""
    head = png_chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, bits, colour, 0, 0, 0))
    data = png_chunk(b"IDAT", zlib.compress(rows))
    return b"\x89PNG\r\n\x1a\n" + head + b"".join(extra) + data + png_chunk(b"IEND", b"")


def deep_png(values: npt.NDArray[np.uint16], *extra: bytes, colour: int = 2) -> bytes:
    """A PNG file of 16 bits a channel: colour 0 is grey, 2 RGB, 4 grey and alpha, 6 RGBA."""
    height, width = values.shape[:2]
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in values)
    return png(width, height, *extra, bits=16, colour=colour, rows=rows)


def tiff(
    values: npt.NDArray[Any],
    order: Literal["<", ">"] = "<",
    *,
    photometric: int = 2,
    extras: Sequence[int] = (),
    packed: bool = False,
    planar: bool = False,
    compression: int = 8,
    kind: int = 1,
) -> bytes:
    """A TIFF file written by hand.

    Args:
        values: (H, W, C).
        order: "<" or ">".
        photometric: 1 is grey, 2 RGB, 5 CMYK.
        extras: what the bands besides colour are.
        packed: whether it is compressed, by deflate.
        planar: whether each band is kept by itself.
        compression: the number of the method, if packed.
        kind: 1 for whole numbers, 2 for signed ones, 3 for floating point.
    """
    height, width, bands = values.shape
    stored = values.astype(values.dtype.newbyteorder(order))
    parts = [stored[..., band] for band in range(bands)] if planar else [stored]
    strips = [part.tobytes() for part in parts]
    if packed:
        strips = [zlib.compress(strip) for strip in strips]
    place, offsets = 8, []
    for strip in strips:
        offsets.append(place)
        place += len(strip)
    tags = {
        **{256: ("I", [width]), 257: ("I", [height]), 258: ("H", [8 * values.itemsize] * bands)},
        **{259: ("H", [compression if packed else 1]), 262: ("H", [photometric])},
        **{273: ("I", offsets), 277: ("H", [bands]), 278: ("I", [height])},
        **{279: ("I", [len(strip) for strip in strips]), 284: ("H", [2 if planar else 1])},
        **({338: ("H", list(extras))} if extras else {}),
        339: ("H", [kind] * bands),
    }
    later = place + 2 + 12 * len(tags) + 4
    directory, beyond = struct.pack(order + "H", len(tags)), b""
    for tag, (code, numbers) in tags.items():
        data = struct.pack(f"{order}{len(numbers)}{code}", *numbers)
        if len(data) > 4:
            data, beyond = struct.pack(order + "I", later + len(beyond)), beyond + data
        kind_of = {"H": 3, "I": 4}[code]
        directory += struct.pack(order + "HHI", tag, kind_of, len(numbers)) + data.ljust(4, b"\0")
    head = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(order + "I", place)
    return head + b"".join(strips) + directory + bytes(4) + beyond


def fill_folder(root: Path, counts: Mapping[str, int], suffix: str = "png") -> Path:
    """Write ``counts`` images into the class folders of ``root``, each one different."""
    fmt = {"jpg": "JPEG"}.get(suffix, suffix.upper())
    for number, (name, count) in enumerate(counts.items()):
        (root / name).mkdir(parents=True, exist_ok=True)
        for index in range(count):
            data = encoded(noise(1000 * number + index), fmt)
            (root / name / f"{index}.{suffix}").write_bytes(data)
    return root


def target_of(images: list[Image.Image | bytes], fmt: str = "PNG") -> Target:
    """A target of two classes, alternating, with the given images in memory."""
    items = []
    for index, image in enumerate(images):
        data = image if isinstance(image, bytes) else encoded(image, fmt)
        items.append(Item(f"i{index:03}", index % 2, BytesSource(f"i{index:03}", data)))
    return Target("memory", ("a", "b"), tuple(items))


def counted_target(counts: Mapping[str, int]) -> Target:
    """A target with the given class sizes and one tiny image for all items."""
    data = encoded(Image.frombytes("L", (2, 1), bytes([9, 10])))
    items = tuple(
        Item(f"{name}/{index:04}", label, BytesSource(name, data))
        for label, (name, count) in enumerate(counts.items())
        for index in range(count)
    )
    return Target("counted", tuple(counts), items)
