"""Pair the files of a folder of images and one of masks, or say why there are no pairs."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from acrank.data.checks import listing
from acrank.data.folders.passed_over import suffixes
from acrank.data.folders.walk import files_below, images_in, is_image
from acrank.data.imagefile import EXTENSIONS
from acrank.data.segmentation.layouts.found import (
    LAYOUT,
    PAIR,
    Layout,
    Refused,
    class_file,
    first_files,
    rule_of,
)
from acrank.data.segmentation.layouts.listing import Sides
from acrank.data.segmentation.layouts.naming import Files, find_naming, several_each
from acrank.utils.regular import read_regular

DESCRIPTION = "dataset.json"
MERGE = (
    "Keep one mask of each image, or merge them to one PNG of the image's size and name: for one "
    "kind of object, 255 where any of its masks is white and 0 elsewhere (numpy.maximum.reduce); "
    "for several kinds, one value each."
)
# Masks to an image from which on they may be several each.
_SEVERAL = 1.5
_MOST_BYTES = 20_000_000


@dataclass(frozen=True)
class Rules:
    """The rules of one layout.

    Attributes:
        documented: whether it is the one that the documentation gives.
        listed: a file of the names to read, if it is there; images without a mask are left alone.
        mask_end: what the names of the masks to be read end with; other files are left alone.
        channels: whether images are ``NAME_0000``, one file a channel, with ``dataset.json``.
    """

    documented: bool = False
    listed: str = ""
    mask_end: str = ""
    channels: bool = False


def read_sides(root: Path, sides: Sides, rules: Rules | None = None) -> Layout | Refused:
    """Pair the images with the masks of two folders.

    Args:
        root: the folder that holds both.
        sides: the two.
        rules: of the layout.
    """
    rules = rules or Rules()
    images, masks = sides.files()
    notices = [*sides.notices, *sides.passed_over()]
    if rules.mask_end:
        ended = {name: files for name, files in masks.items() if name.endswith(rules.mask_end)}
        if len(ended) < len(masks):
            left = len(masks) - len(ended)
            notices.append(f"Of the masks, NAME{rules.mask_end} are read; {left} others are not.")
        masks = ended
    named = rules.documented and class_file(root) is not None
    refused = _refused(sides, images, masks, rules, sure=named)
    if refused:
        return refused
    naming = find_naming(images, masks)
    if naming is None:
        return _unpaired(images, masks, sure=named)
    masks = naming.by_image(masks)
    if rules.listed:
        images, masks, said = _chosen(root, rules.listed, images, masks)
        notices += said
    description = root / DESCRIPTION if rules.channels else None
    return Layout(
        root=root,
        images=images,
        masks=masks,
        places=(place_of(sides.images, root), place_of(sides.masks, root)),
        rule=rule_of(naming),
        plain=rules.documented and naming.same and not sides.deep,
        sure=rules.documented and (naming.same or named),
        notices=tuple(notices),
        description=description if description and description.exists() else None,
    )


def place_of(folder: Path, root: Path) -> str:
    """A folder as messages name it."""
    inside = folder.is_relative_to(root)
    return f"{(folder.relative_to(root) if inside else folder).as_posix()}/"


def nothing_in(images: Path, masks: Path) -> Refused:
    """Say which of two folders holds no image files."""
    empty = next((folder for folder in (images, masks) if not images_in(folder)), images)
    sought = " ".join(extension.removeprefix(".") for extension in EXTENSIONS)
    held = suffixes(path for path in files_below(empty) if not is_image(path))
    also = f"; it holds {held}" if held else ""
    return Refused(f"{empty.name}: no images (looked for: {sought}{also})", LAYOUT)


def several_masks(image: str, masks: list[str], images: Files, files: Files) -> Refused:
    """Say that images have several masks each.

    Args:
        image: one of them.
        masks: its masks.
        images: all of them.
        files: the files of all masks.
    """
    return Refused(
        f"{sum(map(len, files.values()))} masks of {len(images)} images, several of one image: "
        f"{image} has {len(masks)}, such as:{listing(masks, 3)}",
        MERGE,
        first_files(images),
        first_files(files),
    )


def _refused(
    sides: Sides, images: Files, masks: Files, rules: Rules, *, sure: bool
) -> Refused | None:
    if not images or not masks:
        return nothing_in(sides.images, sides.masks)
    if rules.channels and any(name.endswith("_0001") for name in images):
        return Refused(
            "several files an image, one a channel (NAME_0000, NAME_0001)",
            "Save the channels of each image as one grey or RGB image, NAME_0000.png.",
            sure=True,
        )
    if len(masks) >= _SEVERAL * len(images):
        several = several_each(images, masks)
        if several:
            return several_masks(*several, images, masks)
    return None


def _unpaired(images: Files, masks: Files, *, sure: bool) -> Refused:
    shown = [str(first_files(found)[0]) for found in (images, masks)]
    return Refused(
        f"none of its {len(images)} images has a mask of the same name; the first image and the "
        f"first mask are:{listing(shown)}",
        PAIR,
        first_files(images),
        first_files(masks),
        sure,
    )


def _chosen(root: Path, listed: str, images: Files, masks: Files) -> tuple[Files, Files, list[str]]:
    """The images that a file lists, or those that have a mask."""
    file = root / listed
    if file.is_file():
        text = read_regular(file, _MOST_BYTES).decode("utf-8", "replace")
        names = {line.split()[0] for line in text.splitlines() if line.strip()}
        images = {name: files for name, files in images.items() if name in names}
        masks = {name: files for name, files in masks.items() if name in names}
        return images, masks, [f"Only the {len(names)} names in {listed} are read."]
    left = len(images.keys() - masks.keys())
    kept = {name: files for name, files in images.items() if name in masks}
    said = [f"{left} of {len(images)} images have no mask and are not used."] if left else []
    return kept, masks, said
