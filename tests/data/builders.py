"""Small image files and datasets for the tests."""

import io
import struct
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from acrank.data.target import BytesSource, Item, Target


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
    data = encoded(Image.new("L", (2, 2), 9))
    items = tuple(
        Item(f"{name}/{index:04}", label, BytesSource(name, data))
        for label, (name, count) in enumerate(counts.items())
        for index in range(count)
    )
    return Target("counted", tuple(counts), items)
