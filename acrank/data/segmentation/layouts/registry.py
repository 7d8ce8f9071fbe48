"""List all layouts of images with masks, in the order in which they are looked for.

One more layout is one more entry: an object whose ``find`` looks at a folder and returns the pairs
(:class:`Layout`), why there are none (:class:`Refused`), or None where the folder is laid out in
another way. Names alone do not make masks: see :mod:`acrank.data.segmentation.layouts.evidence`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Protocol

from acrank.data.folders.part_names import Role, roles_of
from acrank.data.folders.walk import folders_in, holds_images, images_in
from acrank.data.segmentation.layouts.evidence import look_like_masks
from acrank.data.segmentation.layouts.found import Layout, Refused, first_files, left_alone
from acrank.data.segmentation.layouts.reading import Rules
from acrank.data.segmentation.layouts.together import (
    FolderPerCase,
    MaskBesideImage,
    MasksAmongClasses,
)
from acrank.data.segmentation.layouts.twofolders import (
    FixedFolders,
    NamedFolders,
    by_addition,
    by_words,
    given_images,
)
from acrank.data.segmentation.layouts.unnamed import UnnamedFolders


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
    MasksAmongClasses(),
)
# Whatever the names are: where no other layout is found, at any depth.
UNNAMED: Kind = UnnamedFolders()
# Of the folder that was given alone.
GIVEN = NamedFolders(given_images)

_DEEPEST = 4
# Of the folders and files beside those that are read.
_SHOWN = 6


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
    roots = list(_roots(folder))
    ways = [
        (root, notices, kind)
        for root, notices in roots
        for kind in ((*LAYOUTS, GIVEN) if root == folder else LAYOUTS)
    ]
    entered = {root.parent for root, _ in roots if folders_in(root)}
    unnamed = [(root, notices, UNNAMED) for root, notices in roots if root not in entered]
    for root, notices, kind in (*ways, *unnamed):
        if kind is UNNAMED and (refused or (asked and doubtful)):
            break
        found = kind.find(root)
        if isinstance(found, Layout):
            said = (*notices, *found.notices, *_beside(root, found))
            layout = replace(found, notices=said)
            if found.sure or _believed(found):
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
        "To rank for the masks, pass --task segmentation. To rank for the folders as classes, move "
        "the masks elsewhere: they would count as images. If none are masks, pass --task "
        "classification.",
        sure=True,
    )


def _believed(found: Layout | Refused) -> bool:
    """Tell whether masks look like masks and, where names say too little, images like none."""
    if isinstance(found, Refused):
        return look_like_masks(found.masks) and not look_like_masks(found.images)
    if not look_like_masks(first_files(found.masks)):
        return False
    return not (found.ambiguous and look_like_masks(first_files(found.images)))


def _beside(root: Path, layout: Layout) -> tuple[str, ...]:
    """Say what else lies beside the images and masks."""
    files = [path for found in (layout.images, layout.masks) for path in first_files(found)]
    used = {path.relative_to(root).parts for path in files if path.is_relative_to(root)}
    tops = {parts[0] for parts in used}
    folders = [f"{e.name}/" for e in folders_in(root) if e.name not in tops and holds_images(e)]
    direct = () if any(len(parts) == 1 for parts in used) else images_in(root)
    others = [*folders, *(path.name for path in direct)]
    if not used or not others:
        return ()
    more = f" and {len(others) - _SHOWN} more" if len(others) > _SHOWN else ""
    verb = "is" if len(others) == 1 else "are"
    return (f"{', '.join(others[:_SHOWN])}{more} beside them {verb} not read.",)


def _roots(folder: Path, depth: int = _DEEPEST) -> Iterator[tuple[Path, tuple[str, ...]]]:
    """Return the folders to look in, with notes for the user."""
    inside = folders_in(folder)
    roles = roles_of([entry.name for entry in inside])
    training = [e for e, role in zip(inside, roles, strict=True) if role is Role.TRAINING]
    if len(training) == 1:
        others = [e.name for e in inside if e not in training and holds_images(e)]
        yield training[0], left_alone(training[0], others)
    yield folder, ()
    full = [entry for entry in inside if holds_images(entry)] if depth else []
    if len(full) == 1 and not images_in(folder):
        yield from _roots(full[0], depth - 1)
