"""Read the bands of an image file from its header; Pillow drops those it has no place for."""

from __future__ import annotations

import struct
from typing import Any, BinaryIO, NamedTuple

from PIL import Image, TiffImagePlugin

CONVERT = (
    "Scale such images to 8- or 16-bit whole numbers, all by the same factor, and save them as "
    "grey, RGB or RGBA."
)
CHOOSE = "Save the bands wanted as images of their own: one as grey, or three as RGB."

# TIFF's photometric interpretations: what they are called, and how many bands they describe.
_PHOTOMETRIC = {
    **{0: ("grey, white being 0", 1), 1: ("grey", 1), 2: ("RGB", 3), 3: ("palette", 1)},
    **{5: ("CMYK", 4), 6: ("YCbCr", 3), 8: ("LAB", 3)},
}
# Extra bands that are transparency: associated, not associated, and Corel Draw's.
_TRANSPARENT = (1, 2, 999)
_KINDS = {1: "", 2: "signed ", 3: "floating-point ", 5: "complex ", 6: "complex "}
_SEPARATE = 2
_BITS, _FORMAT, _EXTRAS = (
    *(TiffImagePlugin.BITSPERSAMPLE, TiffImagePlugin.SAMPLEFORMAT),
    TiffImagePlugin.EXTRASAMPLES,
)
# Start of a JPEG 2000 codestream, and how far after it the number of components is.
_CODESTREAM = b"\xff\x4f\xff\x51"
_COMPONENTS = 40


class UnsupportedPixelsError(ValueError):
    """A sound image whose values cannot be brought to 8 bits without guessing.

    Args:
        reason: why.
        hint: how to mend it.
    """

    def __init__(self, reason: str, hint: str = CONVERT) -> None:
        super().__init__(reason)
        self.hint = hint


def refuse_bands(image: Image.Image, file: BinaryIO) -> None:
    """Refuse an image that Pillow opens, but does not read as its file means it.

    Args:
        image: opened, and not loaded.
        file: that it was opened from.

    Raises:
        UnsupportedPixelsError: it has bands besides colour and transparency, or bits that are lost.
    """
    if isinstance(image, TiffImagePlugin.TiffImageFile):
        _refuse_tiff(image.tag_v2)
        planes = planes_of(image)
        if planes and planes.bits > 8 and planes.many > 1 and image.tile[0][0] != "raw":
            raise UnsupportedPixelsError(
                f"TIFF of {planes.bits} bits a channel, each band compressed by itself",
                "Save it with the bands of each pixel together (PlanarConfiguration 1), or as PNG.",
            )
    elif image.format == "JPEG2000" and image.mode in ("RGB", "RGBA", "YCbCr", "LA"):
        _refuse_deep_jpeg_2000(file)


def refuse_unread(file: BinaryIO) -> None:
    """Say of a TIFF that Pillow does not open what it holds; other files are left alone.

    Raises:
        UnsupportedPixelsError: it is a sound TIFF, of other pixels or another compression.
    """
    tags = _tags(file)
    if tags is None or TiffImagePlugin.IMAGEWIDTH not in tags:
        return
    _refuse_tiff(tags)
    compression = tags.get(TiffImagePlugin.COMPRESSION, 1)
    if compression not in TiffImagePlugin.COMPRESSION_INFO:
        raise UnsupportedPixelsError(
            f"TIFF of compression {compression}, which is not read",
            "Save it with LZW or deflate compression, or none.",
        )
    raise UnsupportedPixelsError(f"TIFF of {_in_words(tags)}, which are not read")


def _tags(file: BinaryIO) -> Any:
    """The first directory of a TIFF; None where there is none."""
    file.seek(0)
    head = file.read(8)
    if not head.startswith(tuple(TiffImagePlugin.PREFIXES)):
        return None
    if head.startswith(b"MM\0\x2b"):
        raise UnsupportedPixelsError("big-endian BigTIFF, which is not read", "Save it as TIFF.")
    try:
        head += file.read(8) if head[2] == 43 else b""  # BigTIFF
        tags = TiffImagePlugin.ImageFileDirectory_v2(head)
        file.seek(tags.next)
        tags.load(file)
    except (OSError, SyntaxError, ValueError, TypeError, KeyError, IndexError, struct.error):
        return None  # damaged
    return tags


def _refuse_tiff(tags: Any) -> None:
    """Refuse bands that no photometric interpretation describes, and that are no transparency."""
    if TiffImagePlugin.SAMPLESPERPIXEL not in tags:
        return
    samples, extras = tags[TiffImagePlugin.SAMPLESPERPIXEL], _many(tags, _EXTRAS)
    photometric = tags.get(TiffImagePlugin.PHOTOMETRIC_INTERPRETATION, 0)
    name, colours = _PHOTOMETRIC.get(photometric, ("", samples))
    more = samples - colours
    if more < 1 or (more == 1 and extras[:1] and extras[0] in _TRANSPARENT):
        return
    raise UnsupportedPixelsError(
        f"TIFF of {samples} bands, which are {name} and {more} more; no more than three and "
        "transparency are read, and only a band that is marked so (ExtraSamples) is transparency",
        CHOOSE,
    )


def _refuse_deep_jpeg_2000(file: BinaryIO) -> None:
    place = file.tell()
    file.seek(0)
    data = file.read()
    file.seek(place)
    start = data.find(_CODESTREAM) + _COMPONENTS
    components = int.from_bytes(data[start : start + 2], "big")
    precisions = data[start + 2 : start + 2 + 3 * components : 3]
    deepest = max(((precision & 0x7F) + 1 for precision in precisions), default=0)
    if deepest > 8:
        raise UnsupportedPixelsError(
            f"JPEG 2000 in colour with {deepest} bits a channel, of which 8 would be read",
            "Save it as PNG or TIFF with 16 bits a channel.",
        )


class Planes(NamedTuple):
    """The bands of a TIFF that keeps each by itself, instead of the bands of each pixel together.

    Attributes:
        many: how many there are.
        bits: of the deepest.
        alpha: of what kind the last is, if it is transparency; 1 where the others have been
            multiplied by it.
    """

    many: int
    bits: int
    alpha: int | None


def planes_of(image: Image.Image) -> Planes | None:
    """Find how a TIFF stores its bands one by one; None for another image.

    Raises:
        UnsupportedPixelsError: they are of more than 8 bits, and neither grey nor RGB.
    """
    tags: Any = getattr(image, "tag_v2", {})
    if tags.get(TiffImagePlugin.PLANAR_CONFIGURATION, 1) != _SEPARATE:
        return None
    many, bits = tags.get(TiffImagePlugin.SAMPLESPERPIXEL, 1), max(_many(tags, _BITS, 1))
    plain = tags.get(TiffImagePlugin.PHOTOMETRIC_INTERPRETATION) in (0, 1, 2)
    if bits > 8 and (bits != 16 or not plain or max(_many(tags, _FORMAT, 1)) > 1):
        raise UnsupportedPixelsError(f"TIFF of {_in_words(tags)}, each band by itself")
    return Planes(many, bits, next(iter(_many(tags, _EXTRAS)), None))


def white_is_zero(image: Image.Image) -> bool:
    """Tell whether a TIFF stores darkness (0 is white); Pillow inverts up to 8 bits only."""
    tags = getattr(image, "tag_v2", {})
    return bool(tags.get(TiffImagePlugin.PHOTOMETRIC_INTERPRETATION, 1) == 0)


def _many(tags: Any, tag: int, *default: int) -> tuple[int, ...]:
    """The values of a tag, which Pillow gives bare where there is one."""
    found = tags.get(tag, default)
    return tuple(found) if isinstance(found, tuple) else (found,)


def _in_words(tags: Any) -> str:
    """The pixels of a TIFF: ``3 bands of 32-bit floating-point pixels (RGB)``."""
    samples = tags.get(TiffImagePlugin.SAMPLESPERPIXEL, 1)
    kind = _KINDS.get(_many(tags, _FORMAT, 1)[0], "")
    depth = "- and ".join(str(bits) for bits in dict.fromkeys(_many(tags, _BITS, 1)))
    photometric = tags.get(TiffImagePlugin.PHOTOMETRIC_INTERPRETATION, 0)
    name, _ = _PHOTOMETRIC.get(photometric, (f"photometric interpretation {photometric}", 0))
    bands = f"{samples} bands of " if samples > 1 else ""
    return f"{bands}{depth}-bit {kind}pixels ({name})"
