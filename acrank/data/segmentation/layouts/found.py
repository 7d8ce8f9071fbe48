"""Hold what is found in a folder: images with their masks, or why they cannot be read."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from acrank.data.checks import Fault
from acrank.data.segmentation.layouts.naming import Files, Naming

LAYOUT = (
    "Lay the data out as FOLDER/images/NAME.jpg and FOLDER/masks/NAME.png (or FOLDER/train/...)."
)
PAIR = "Give each image one mask of the same name: images/NAME.jpg and masks/NAME.png."
CLASSES = "If the folders are classes, pass --task classification."
# What each class is, beside the folders of images and masks or in the folder above.
CLASS_FILES = ("classes.yaml", "classes.yml")


def class_file(root: Path) -> Path | None:
    """The file that says what each class is; the nearer one, where there are two."""
    # absolute: the folder above "." has no other name
    places = [folder / name for folder in (root, root.absolute().parent) for name in CLASS_FILES]
    return next((place for place in places if place.exists()), None)


class PairFiles(NamedTuple):
    """The files of one image and its mask, and the name that both have."""

    key: str
    image: Path
    mask: Path


@dataclass(frozen=True)
class Layout:
    """The files found, by the name of the image without extension.

    Attributes:
        root: the folder that holds the images and the masks, and what says their classes.
        images: the files of each name.
        masks: the files of each name.
        places: where the images are, and where the masks are, as in ``images/`` and ``masks/``.
        rule: how masks are called after images, as in ``NAME_mask``; empty for the same names.
        plain: whether the layout is the documented one, of which nothing is to be said.
        sure: whether it is one whatever the masks look like.
        ambiguous: why the folders may be classes just as well; empty where they may not.
        notices: what else a user should know.
        description: ``dataset.json`` of nnU-Net, which names the classes.
    """

    root: Path
    images: Files
    masks: Files
    places: tuple[str, str] = ("images/", "masks/")
    rule: str = ""
    plain: bool = False
    sure: bool = False
    ambiguous: str = ""
    notices: tuple[str, ...] = ()
    description: Path | None = None

    @property
    def total(self) -> int:
        """The number of files."""
        return sum(len(files) for found in (self.images, self.masks) for files in found.values())

    def pairs(self) -> list[PairFiles]:
        """The pairs, as images are ordered; of doubled names the first."""
        return [
            PairFiles(name, self.images[name][0], self.masks[name][0])
            for name in self.images
            if name in self.masks
        ]

    def said(self) -> str:
        """Say where the images and masks are, and how many pairs they make."""
        one, other = self.places
        where = (
            f"images and masks in {one}" if one == other else f"images in {one}, masks in {other}"
        )
        return f"{where} ({self.rule or 'the same names'}): {len(self.pairs())} pairs"

    def warnings(self) -> tuple[str, ...]:
        """Say how the data were read, and what was left out."""
        read = () if self.plain else (f"Read as images with masks: {self.said()}.",)
        return (*read, *self.notices)

    def faults(self) -> Iterator[Fault]:
        """Every file without its counterpart, and every one that shares its name with another."""
        rule = f" ({self.rule})" if self.rule else ""
        for found, others, lacks in (
            (self.images, self.masks, f"no mask of this name{rule} in {self.places[1]}"),
            (self.masks, self.images, f"no image of this name{rule} in {self.places[0]}"),
        ):
            for name, (first, *more) in found.items():
                if name not in others:
                    yield Fault(str(first), lacks, PAIR)
                for path in more:
                    yield Fault(str(path), f"the same name as {first.name}", PAIR)


@dataclass(frozen=True)
class Refused:
    """Images with masks that cannot be read.

    Attributes:
        reason: what was seen, without the name of the dataset.
        hint: how to mend it.
        images: some of their files.
        masks: likewise.
        sure: whether they are images with masks whatever the files look like.
    """

    reason: str
    hint: str = PAIR
    images: Sequence[Path] = field(default=(), repr=False)
    masks: Sequence[Path] = field(default=(), repr=False)
    sure: bool = False


def first_files(files: Files) -> list[Path]:
    """The first file of each name."""
    return [found[0] for found in files.values()]


def rule_of(naming: Naming) -> str:
    """Say how masks are named after images; empty for the same names."""
    return "" if naming.same else str(naming)


def left_alone(place: Path | str, others: Sequence[str]) -> tuple[str, ...]:
    """Say which part of a split is read, if there are others.

    Args:
        place: what is read.
        others: the names of the other folders.
    """
    if not others:
        return ()
    names = ", ".join(f"{name}/" for name in others)
    return (f"{place} is read as the training part, without {names} beside it.",)
