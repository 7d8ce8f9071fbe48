"""Register the formats of image files, and find that of a file.

A package adds a format by an entry point of the group ``acrank.image_formats`` that loads an
instance of :class:`ImageFormat`.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from acrank.data.formats.base import ImageFormat
from acrank.data.imagefile import EXTENSIONS
from acrank.data.images import ImageSource, Opening, PathSource
from acrank.utils.plugins import Registry, instance_of


class Pillow(ImageFormat):
    """PNG, JPEG, TIFF and the other formats that are read by Pillow."""

    name = "PNG, JPEG or similar"
    suffixes = frozenset(EXTENSIONS)

    def source(self, path: Path, how: Opening) -> ImageSource:
        """An image that Pillow reads."""
        return PathSource(path)


_PILLOW = Pillow()


def _own() -> dict[str, ImageFormat]:
    from acrank.data.formats.dicom import Dicom  # it is a subclass of what is defined below this

    return {"pillow": _PILLOW, "dicom": Dicom()}


# Every format by its name.
FORMATS: Registry[ImageFormat] = Registry(
    "acrank.image_formats",
    "image format",
    _own,
    instance_of(ImageFormat),  # type: ignore[type-abstract]
)


def format_of(path: Path) -> ImageFormat | None:
    """The format of a file; None for no image.

    Args:
        path: of the file.
    """
    return next((form for form in FORMATS.values() if form.claims(path)), None)


def image_suffixes() -> tuple[str, ...]:
    """The suffixes of all formats, those of everyday images first."""
    others = (sorted(form.suffixes - _PILLOW.suffixes) for form in FORMATS.values())
    return tuple(dict.fromkeys([*EXTENSIONS, *(suffix for each in others for suffix in each)]))


def image_source(path: Path, how: Opening) -> ImageSource:
    """Return the object that reads an image file; Pillow reads those of no known format.

    Args:
        path: of the file.
        how: it is to be opened.

    Raises:
        MissingExtraError: an optional package that reads the format is missing.
    """
    form = format_of(path) or _PILLOW
    form.require()
    return form.source(path, how)


def format_notices(files: Iterable[Path]) -> list[str]:
    """Sentences on the formats of a dataset's files: several at once, and what each has to say.

    Args:
        files: of the images.
    """
    groups: dict[str, list[Path]] = {}
    for path in files:
        groups.setdefault((format_of(path) or _PILLOW).name, []).append(path)
    by_name = {form.name: form for form in FORMATS.values()}
    said = [text for name, paths in groups.items() for text in by_name[name].notices(paths)]
    if len(groups) < 2:
        return said
    counts = " and ".join(f"{len(paths)} are {name}" for name, paths in groups.items())
    stems = [{path.with_suffix("") for path in paths} for paths in groups.values()]
    twice = sum(map(len, stems)) - len(set().union(*stems))
    both = f" {twice} have the same name as a file in the other format: are they copies?"
    return [f"The images are of several formats: {counts}.{both if twice else ''}", *said]
