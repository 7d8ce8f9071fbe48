"""Recognise layouts where images lie with their masks, in one folder or in one a case."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from shlex import quote
from typing import NamedTuple

from acrank.data.checks import listing
from acrank.data.folders.part_names import Role, roles_of
from acrank.data.folders.walk import folders_in, holds_images, images_in
from acrank.data.segmentation.layouts.found import PAIR, Layout, Refused, first_files, rule_of
from acrank.data.segmentation.layouts.listing import Sides, by_name
from acrank.data.segmentation.layouts.naming import Files, find_naming, several_each
from acrank.data.segmentation.layouts.reading import read_sides, several_masks
from acrank.data.segmentation.layouts.words import is_mask_name, meaning_of

_LOSSY = (".jpg", ".jpeg")
_SEVERAL = 1.5
# Of the folders: so many have to be cases, of those first looked at as well.
_MOST = 0.8
_LOOKED_AT = 10
_SHOWN = 3


@dataclass(frozen=True)
class MaskBesideImage:
    """Images and masks in one folder: NAME.png with NAME_mask.png, or NAME.jpg with NAME.png."""

    def find(self, root: Path) -> Layout | Refused | None:
        """Look at the files right in a folder, unless there are folders of images beside them."""
        if not images_in(root) or any(map(holds_images, folders_in(root))):
            return None
        files = by_name(root)
        images, masks = _by_word(files)
        if not masks or not images:
            images, masks = _by_suffix(files)
        if not images or not masks:
            return None
        several = several_each(images, masks) if len(masks) >= _SEVERAL * len(images) else None
        if several:
            return several_masks(*several, images, masks)
        naming = find_naming(images, masks)
        if naming is None or 4 * len(naming.pairs) < len(images) + len(masks):
            return None
        rule = rule_of(naming) or "NAME.png beside NAME.jpg"
        here = f"{root.name}/"
        return Layout(root, images, naming.by_image(masks), (here, here), rule)


class _Case(NamedTuple):
    """A folder of a case, and the files in it."""

    folder: Path
    images: Files
    masks: Files


@dataclass(frozen=True)
class FolderPerCase:
    """One folder a case, each with an image and its mask, or with folders of both."""

    def find(self, root: Path) -> Layout | Refused | None:
        """Look into the folders of a folder."""
        folders = folders_in(root)
        if len(folders) < 2 or images_in(root):
            return None
        sample = folders[:: 1 + len(folders) // _LOOKED_AT]  # a folder of classes may be large
        found = [case for folder in sample if (case := _case(folder))]
        if len(found) < _MOST * len(sample):
            return _masks_in_some(found, len(sample))
        cases = [case for folder in folders if (case := _case(folder))]
        if len(cases) < max(2, _MOST * len(folders)):
            return None
        parts = [
            role in (Role.TRAINING, Role.HELD_OUT) for role in roles_of([f.name for f in folders])
        ]
        if all(parts):
            return _parts_of_a_split(cases)
        images = {c.folder.name: first_files(c.images) for c in cases}
        masks = {c.folder.name: first_files(c.masks) for c in cases}
        if all(len(files) == 1 for files in images.values()):
            several = [name for name, files in masks.items() if len(files) > 1]
            if several:
                name = several[0]
                shown = [path.name for path in masks[name]]
                return several_masks(f"{name}/", shown, images, masks)
            return Layout(root, images, masks, _places(cases[0]), "one folder a case")
        return _groups(root, cases)


@dataclass(frozen=True)
class MasksAmongClasses:
    """A folder of masks beside class folders, which is no class; or beside images of any name."""

    def find(self, root: Path) -> Layout | Refused | None:
        """Look for a folder that is called masks among others."""
        meant = {folder: meaning_of(folder.name) for folder in folders_in(root)}
        masks = [f for f, m in meant.items() if m and m.mask and not m.rest and images_in(f)]
        images = [f for f in meant if f not in masks and images_in(f)] if masks else []
        if not images:
            return None
        if len(masks) == len(images) == 1 and meant[images[0]] is None:
            found = read_sides(root, Sides(images[0], masks[0]))
            if isinstance(found, Layout):
                why = f"{images[0].name}/ says neither images nor a class"
                return replace(found, ambiguous=why)
        others = ", ".join(f"{folder.name}/" for folder in images[:_SHOWN])
        return Refused(
            f"{masks[0].name}/ holds masks and is not a class, as {others} may be",
            "To rank for classes, move it elsewhere. To rank for masks, put the images into "
            "images/, and the mask of each, of the same name, into masks/.",
            [path for folder in images for path in images_in(folder)],
            images_in(masks[0]),
        )


def _masks_in_some(cases: list[_Case], looked_at: int) -> Refused | None:
    """Refuse classes of which some have masks among their images."""
    for case in cases:
        naming = find_naming(case.images, case.masks)
        if naming and len(naming.pairs) > 1:
            rule = f" ({rule_of(naming)})" if rule_of(naming) else ""
            return Refused(
                f"{len(cases)} of the {looked_at} folders that were looked at, such as "
                f"{case.folder.name}/, hold masks of their images{rule}, and the others do not",
                "To rank for classes, move the masks elsewhere: they would count as images. To "
                "rank for masks, give each image one.",
                first_files(case.images),
                first_files(case.masks),
            )
    return None


def _parts_of_a_split(cases: list[_Case]) -> Refused:
    names = ", ".join(f"{case.folder.name}/" for case in cases)
    return Refused(
        f"its folders, {names}, are parts of a split, and none is that to train on",
        f"Give one of them, such as --data {quote(str(cases[0].folder))}.",
        [path for case in cases for path in first_files(case.images)],
        [path for case in cases for path in first_files(case.masks)],
    )


def _case(folder: Path) -> _Case | None:
    """The images and masks of a folder, right in it or in folders of both; None if it lacks one."""
    files = by_name(folder)
    images, masks = _by_word(files)
    if not files:
        meant = [(entry, m) for entry in folders_in(folder) if (m := meaning_of(entry.name))]
        sides = [
            [entry for entry, meaning in meant if meaning.mask is mask] for mask in (False, True)
        ]
        if any(len(side) != 1 for side in sides):
            return None
        images, masks = (by_name(side[0]) for side in sides)
    elif not masks:
        images, masks = _by_suffix(files)
    return _Case(folder, images, masks) if images and masks else None


def _groups(root: Path, cases: list[_Case]) -> Layout | Refused:
    """Folders of several images each: of sites or patients, but maybe of classes."""
    images = {f"{c.folder.name}/{name}": files for c in cases for name, files in c.images.items()}
    masks = {f"{c.folder.name}/{name}": files for c in cases for name, files in c.masks.items()}
    several = several_each(images, masks) if len(masks) >= _SEVERAL * len(images) else None
    if several:
        return several_masks(*several, images, masks)
    naming = find_naming(images, masks)
    if naming is None:
        first = [str(first_files(files)[0]) for files in (images, masks)]
        return Refused(
            "folders of images and of files that are called masks, but it is unclear which belong "
            f"together; the first of each are:{listing(first)}",
            PAIR,
            first_files(images),
            first_files(masks),
        )
    names = [case.folder.name for case in cases]
    shown = f"{', '.join(names[:3])}{', ...' if len(names) > 3 else ''}"
    return Layout(
        root,
        images,
        naming.by_image(masks),
        _places(cases[0]),
        rule_of(naming),
        ambiguous=f"its {len(names)} folders ({shown}) may be classes as well as cases",
    )


def _places(case: _Case) -> tuple[str, str]:
    """Write the places of the files of all cases, as in ``*/images/``."""
    one, other = (
        first_files(files)[0].parent.relative_to(case.folder).as_posix()
        for files in (case.images, case.masks)
    )
    return ("*/" if one == "." else f"*/{one}/"), ("*/" if other == "." else f"*/{other}/")


def _by_word(files: Files) -> tuple[Files, Files]:
    """Apart those that are called masks."""
    masks = {name: found for name, found in files.items() if is_mask_name(name)}
    return {name: found for name, found in files.items() if name not in masks}, masks


def _by_suffix(files: Files) -> tuple[Files, Files]:
    """Apart those that lie beside a JPEG of the same name, and are none themselves."""
    images = {
        name: lossy
        for name, found in files.items()
        if (lossy := [path for path in found if path.suffix.lower() in _LOSSY])
    }
    masks = {
        name: exact
        for name, found in files.items()
        if (exact := [path for path in found if path.suffix.lower() not in _LOSSY])
    }
    return images, masks
