"""All the layouts of images with masks, in the order in which they are looked for.

One more layout is one more entry: an object whose ``find`` looks at a folder and returns the pairs
(:class:`Layout`), why there are none (:class:`Refused`), or None where the folder is laid out in
another way. Names alone do not make masks: see :mod:`acrank.data.segmentation.layouts.evidence`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Protocol

from acrank.data.partnames import Role, role_of
from acrank.data.segmentation.layouts.evidence import look_like_masks
from acrank.data.segmentation.layouts.found import Layout, Refused, first_files, left_alone
from acrank.data.segmentation.layouts.reading import Rules
from acrank.data.segmentation.layouts.together import FolderPerCase, MaskBesideImage
from acrank.data.segmentation.layouts.twofolders import (
    FixedFolders,
    NamedFolders,
    by_addition,
    by_words,
    given_images,
)
from acrank.data.walk import folders_in, images_in


class Kind(Protocol):
    """One way of laying out images with masks."""

    def find(self, root: Path) -> Layout | Refused | None:
        """Look at a folder."""
        ...


LAYOUTS: tuple[Kind, ...] = (
    FixedFolders("images", "masks", Rules(documented=True)),
    # Pascal VOC; SegmentationObject holds instances
    FixedFolders(
        "JPEGImages", "SegmentationClass", Rules(listed="ImageSets/Segmentation/train.txt")
    ),
    FixedFolders("images", "annotations/trimaps"),  # Oxford-IIIT Pet
    FixedFolders("images", "1st_manual"),  # DRIVE; its mask/ is the field of view
    FixedFolders("imagesTr", "labelsTr", Rules(channels=True)),  # nnU-Net, of 2-D images
    FixedFolders("leftImg8bit", "gtFine", Rules(mask_end="_gtFine_labelIds")),  # Cityscapes
    NamedFolders(by_words),
    NamedFolders(by_addition),
    MaskBesideImage(),
    FolderPerCase(),
    NamedFolders(given_images),
)

_DEEPEST = 4


def search(folder: Path, *, asked: bool) -> Layout | Refused | None:
    """Find the images and masks of a folder, of its training part, or of the only folder in it.

    Args:
        folder: as given.
        asked: whether the user said that it holds images with masks: what the names say is enough
            then. Otherwise the masks have to look like masks.

    Raises:
        OSError: it cannot be listed.
    """
    refused: Refused | None = None
    doubtful: Layout | None = None
    for root, notices in _roots(folder):
        for kind in LAYOUTS:
            found = kind.find(root)
            if isinstance(found, Layout):
                layout = replace(found, notices=(*notices, *found.notices))
                if found.sure or look_like_masks(first_files(found.masks)):
                    return layout if asked else _unambiguous(layout)
                doubtful = doubtful or layout
            elif found and found.sure:
                return found
            elif found and refused is None and (asked or _believed(found)):
                refused = found
    return (doubtful or refused) if asked else refused


def _unambiguous(layout: Layout) -> Layout | Refused:
    if not layout.ambiguous:
        return layout
    return Refused(
        f"{layout.said()}, but {layout.ambiguous}",
        "To rank for the masks, pass --task segmentation. To rank for classes, take the masks out.",
        sure=True,
    )


def _believed(found: Refused) -> bool:
    """Whether masks that make no pairs are masks, and the images none."""
    return look_like_masks(found.masks) and not look_like_masks(found.images)


def _roots(folder: Path, depth: int = _DEEPEST) -> Iterator[tuple[Path, tuple[str, ...]]]:
    """Where to look, and what is to be said of it."""
    inside = folders_in(folder)
    training = [entry for entry in inside if role_of(entry.name) is Role.TRAINING]
    if len(training) == 1 and folders_in(training[0]):
        others = [entry.name for entry in inside if role_of(entry.name) is Role.HELD_OUT]
        yield training[0], left_alone(training[0], others)
    yield folder, ()
    if len(inside) == 1 and not images_in(folder) and depth:
        yield from _roots(inside[0], depth - 1)
