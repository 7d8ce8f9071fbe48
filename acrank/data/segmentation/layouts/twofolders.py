"""Recognise layouts of two folders: one of images, one of masks."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from acrank.data.folders.part_names import Role, roles_of
from acrank.data.folders.walk import folders_in, holds_images, images_in
from acrank.data.segmentation.layouts.found import Layout, Refused
from acrank.data.segmentation.layouts.listing import find_sides
from acrank.data.segmentation.layouts.reading import Rules, nothing_in, place_of, read_sides
from acrank.data.segmentation.layouts.words import meaning_of, without_mask_word
from acrank.data.target import visible_entries

_ONE_OF_EACH = "Leave one folder of masks beside that of images, named masks/."


@dataclass(frozen=True)
class FixedFolders:
    """Two folders that are always called the same.

    Attributes:
        images: path of the folder of images; upper or lower case is all one.
        masks: likewise.
        rules: what the layout has of its own.
    """

    images: str
    masks: str
    rules: Rules = field(default_factory=Rules)

    def find(self, root: Path) -> Layout | Refused | None:
        """Look for the two folders in a folder."""
        images, masks = _path(root, self.images), _path(root, self.masks)
        if images is None or masks is None:
            return None
        sides = find_sides(images, masks)
        if sides is None:
            return nothing_in(images, masks) if self.rules.documented else None
        return sides if isinstance(sides, Refused) else read_sides(root, sides, self.rules)


class Two(NamedTuple):
    """Two folders that belong together by their names.

    Attributes:
        images: the folder.
        masks: likewise.
        rest: what both names say beside that, as in ``train_images`` and ``train_masks``.
    """

    images: Path
    masks: Path
    rest: str = ""


@dataclass(frozen=True)
class NamedFolders:
    """Two folders whose names tell images from masks.

    Attributes:
        pairs: finds folders that belong together by their names.
    """

    pairs: Callable[[Path], Sequence[Two]]

    def find(self, root: Path) -> Layout | Refused | None:
        """Look for two folders in a folder; of several, for those of the training part."""
        every = self.pairs(root)
        roles = roles_of([two.rest for two in every])
        training = [two for two, role in zip(every, roles, strict=True) if role is Role.TRAINING]
        plain = [two for two in every if not two.rest]
        found = [(two, _read(two)) for two in training or plain or every]
        paired = [two for two, outcome in found if isinstance(outcome, Layout)]
        if len(paired) > 1:
            named = ", ".join(
                f"{place_of(t.images, root)} with {place_of(t.masks, root)}" for t in paired
            )
            images, masks = (images_in(folder) for folder in paired[0][:2])
            return Refused(
                f"there is more than one folder of masks or images: {named}",
                _ONE_OF_EACH,
                images,
                masks,
            )
        return next((outcome for two, outcome in found if not paired or two in paired), None)


def by_words(root: Path) -> list[Two]:
    """Folders with a word for images and for masks, and otherwise the same words: imgs/, masks/.

    Where there are none, one of them may say more: images/, lesion_masks/.
    """
    meant = [
        (folder, meaning) for folder in folders_in(root) if (meaning := meaning_of(folder.name))
    ]
    images = [(folder, meaning.rest) for folder, meaning in meant if not meaning.mask]
    masks = [(folder, meaning.rest) for folder, meaning in meant if meaning.mask]
    masks = [found for found in masks if holds_images(found[0])] or masks  # boxes beside masks
    both = [(one, other) for one in images for other in masks]
    alike = [(one, other) for one, other in both if one[1] == other[1]]
    likely = alike or [(one, other) for one, other in both if not one[1] or not other[1]]
    return [Two(one[0], other[0], " ".join(one[1] or other[1])) for one, other in likely]


def by_addition(root: Path) -> list[Two]:
    """Folders of which one is called as the other with a word for masks: train/, trainannot/."""
    folders = folders_in(root)
    named = {folder.name.casefold(): folder for folder in folders}
    return [
        Two(named[name], masks, name)
        for masks in folders
        for name in sorted(without_mask_word(masks.name) & named.keys())
    ]


def given_images(root: Path) -> list[Two]:
    """The folder itself, if it is one of images, with the masks beside it or in ``masks/NAME``."""
    if not images_in(root) or folders_in(root):
        return []
    here = root.absolute()
    beside = [
        two for pairs in (by_words, by_addition) for two in pairs(here.parent) if two.images == here
    ]
    above = [
        Two(here, masks)
        for two in by_words(here.parent.parent)
        if two.images == here.parent and (masks := _path(two.masks, here.name))
    ]
    return [Two(two.images, two.masks) for two in (*beside, *above)]


def _read(two: Two) -> Layout | Refused:
    sides = find_sides(two.images, two.masks)
    if sides is None:
        return nothing_in(two.images, two.masks)
    if isinstance(sides, Refused):
        return sides
    # the folder given may be that of the images
    return read_sides(Path(os.path.commonpath((two.images, two.masks))), sides)


def _path(folder: Path, path: str) -> Path | None:
    """A folder inside a folder; in another case, where there is none in the case given."""
    for part in path.split("/"):
        exact = folder / part
        if not exact.is_dir():
            like = [
                e
                for e in visible_entries(folder)
                if e.name.casefold() == part.casefold() and e.is_dir()
            ]
            if len(like) != 1:
                return None
            (exact,) = like
        folder = exact
    return folder
