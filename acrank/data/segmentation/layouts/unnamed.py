"""Find masks whose names say nothing: fundus/ and vessels/, x/ and y/, 7.png and 7_tumour.png.

The files tell: some are called after others, are as large, and are made of areas of one value,
where the others are not. They may be classes all the same (photographs and
their line drawings), so that nothing is read of them unless asked for.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

from acrank.data.folders.walk import folders_in, images_in
from acrank.data.imagefile import open_image, strict_pillow
from acrank.data.images import PathSource
from acrank.data.segmentation.layouts.evidence import look_like_masks
from acrank.data.segmentation.layouts.found import Layout, Refused, first_files
from acrank.data.segmentation.layouts.listing import Sides, by_name
from acrank.data.segmentation.layouts.naming import Files, find_naming
from acrank.data.segmentation.layouts.reading import place_of, read_sides

# Of the folders; a dataset of many classes is no such layout.
_LOOKED_AT = 48
# Of the masks, those that are called after an image.
_MOST = 0.8
# Of the pairs, so many have to be as large as one another.
_MEASURED = 4
_SHOWN = 3
# Between a name and one more word.
_BETWEEN = "_-. "
# Of the files of a folder, those called as others with one more word.
_FEWEST = 0.3


class _Match(NamedTuple):
    """A folder of images, and one of what look like their masks."""

    images: Path
    masks: Path
    pairs: list[tuple[Path, Path]]


@dataclass(frozen=True)
class UnnamedFolders:
    """Folders of files that look like masks of the files in others, whatever they are called."""

    def find(self, root: Path) -> Layout | Refused | None:
        """Look at the folders in a folder, and at those in them."""
        folders = _folders(root)
        files = {folder: by_name(folder) for folder in folders}
        matches = _beside(files) or _matches(files)
        if sum(len(match.pairs) for match in matches) < 2:
            return None
        (first, *more) = matches
        if not more and first.images != first.masks:
            read = read_sides(root, Sides(first.images, first.masks))
            if isinstance(read, Layout):
                one, other = (place_of(folder, root) for folder in first[:2])
                why = f"it is unclear whether {one} and {other} are classes"
                return replace(read, ambiguous=why)
        return _several(root, matches)


def _folders(root: Path) -> list[Path]:
    """Folders with images right in them: in this one, and in those in it."""
    tops = folders_in(root)[:_LOOKED_AT]
    below = [folder for top in tops for folder in (top, *folders_in(top)[:_LOOKED_AT])]
    return [folder for folder in (root, *below[:_LOOKED_AT]) if images_in(folder)]


def _beside(held: Mapping[Path, Files]) -> list[_Match]:
    """Folders in which files are called as others with one more word: 7.png and 7_tumour.png."""
    found = []
    for folder, files in held.items():
        words: dict[str, list[str]] = {}
        for name in files:
            cuts = (place for place, char in enumerate(name) if char in _BETWEEN)
            shorter = next((name[:cut] for cut in cuts if name[:cut] in files), None)
            if shorter is not None:
                words.setdefault(name[len(shorter) :], []).append(name)
        masks = max(words.values(), key=len, default=[])
        if len(masks) >= max(2, _FEWEST * len(files)):
            others = files.keys() - masks
            images = {name: files[name] for name in files if name in others}
            pairs = _pairs(images, {name: files[name] for name in masks})
            if pairs and look_like_masks([mask for _, mask in pairs]):
                found.append(_Match(folder, folder, pairs))
    return found


def _matches(files: Mapping[Path, Files]) -> list[_Match]:
    """Folders of which one holds what look like masks of the files of another."""
    folders = list(files)
    flat = [folder for folder in folders if look_like_masks(first_files(files[folder])[:1])]
    others = [folder for folder in folders if folder not in flat]
    found = []
    for masks in flat if others else []:
        # those beside it first
        near = sorted(others, key=lambda folder: folder.parent != masks.parent)
        pairs = ((images, _pairs(files[images], files[masks])) for images in near)
        match = next((_Match(images, masks, made) for images, made in pairs if made), None)
        if match and look_like_masks(first_files(files[masks])):
            found.append(match)
    return found


def _pairs(images: Files, masks: Files) -> list[tuple[Path, Path]]:
    """Images with their masks; none if names, sizes or looks are against it."""
    naming = find_naming(images, masks)
    if naming is None or len(naming.pairs) < _MOST * len(masks):
        return []
    pairs = [(images[image][0], masks[mask][0]) for mask, image in naming.pairs.items()]
    step = max(1, len(pairs) // _MEASURED)
    if not all(_size(one) == _size(other) for one, other in pairs[::step]):
        return []
    return [] if look_like_masks([image for image, _ in pairs]) else pairs


def _size(path: Path) -> tuple[int, int] | None:
    try:
        with strict_pillow(), PathSource(path).open() as file, open_image(file) as image:
            return image.size
    except MemoryError:
        raise
    except Exception:  # Pillow's readers raise nearly every type; the check of all files names it
        return None


def _several(root: Path, matches: Sequence[_Match]) -> Refused:
    shown = ", ".join(
        f"{other.relative_to(root).as_posix()} of {one.relative_to(root).as_posix()}"
        for match in matches[:_SHOWN]
        for one, other in match.pairs[:1]
    )
    return Refused(
        f"by their names, sizes and areas of one value, files are masks of others, such as {shown}",
        "To rank for the masks, put the images into images/, and one mask of each, of the same "
        "name, into masks/. To rank for classes, move the masks elsewhere; if none are masks, pass "
        "--task classification.",
        [path for match in matches for path, _ in match.pairs],
        [path for match in matches for _, path in match.pairs],
        sure=True,
    )
