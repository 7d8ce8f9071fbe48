"""List the files of a folder of images and of one of masks, at any depth."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from shlex import quote

from acrank.data.checks import listing
from acrank.data.folders.part_names import Role, role_of
from acrank.data.folders.passed_over import suffixes
from acrank.data.folders.walk import files_below, folders_in, holds_images, images_in, is_image
from acrank.data.segmentation.layouts.found import Refused, left_alone
from acrank.data.segmentation.layouts.naming import Files
from acrank.data.target import natural_key, visible_entries

_DEEPEST = 5


@dataclass(frozen=True)
class Sides:
    """A folder of images and one of masks.

    Attributes:
        images: the folder.
        masks: likewise.
        deep: whether files are in folders of the same names inside both.
        notices: what was left alone.
    """

    images: Path
    masks: Path
    deep: bool = False
    notices: tuple[str, ...] = ()

    def files(self) -> tuple[Files, Files]:
        """The image files of both, by name below the folder, without extension."""
        return by_name(self.images, deep=self.deep), by_name(self.masks, deep=self.deep)

    def passed_over(self) -> list[str]:
        """Say which other files there are."""
        said = []
        for folder in (self.images, self.masks):
            entries = files_below(folder) if self.deep else visible_entries(folder)
            other = [entry for entry in entries if not entry.is_dir() and not is_image(entry)]
            if other:
                count, were = (
                    ("1 file", "was") if len(other) == 1 else (f"{len(other)} files", "were")
                )
                said.append(f"{count} of {folder.name}/ {were} skipped: {suffixes(other)}.")
        return said


def by_name(folder: Path, *, deep: bool = False) -> Files:
    """The image files of a folder, in natural order of their names.

    Args:
        folder: the folder.
        deep: whether to look into the folders in it.
    """
    entries = files_below(folder) if deep else images_in(folder)
    found: Files = {}
    for entry in filter(is_image, entries):
        name = entry.relative_to(folder).with_suffix("").as_posix()
        found.setdefault(name, []).append(entry)
    return dict(sorted(found.items(), key=lambda pair: natural_key(pair[0])))


def find_sides(images: Path, masks: Path) -> Sides | Refused | None:
    """Follow folders inside a folder of images and one of masks down to where the files are.

    Of parts of a split the training part is taken. A single folder is entered; folders of the same
    names in both are read together.

    Args:
        images: the folder.
        masks: likewise.

    Returns:
        The folders, why they do not fit, or None where one of them holds no image file.
    """
    notices: list[str] = []
    for _ in range(_DEEPEST):
        inside = [[e for e in folders_in(folder) if holds_images(e)] for folder in (images, masks)]
        direct = [bool(images_in(folder)) for folder in (images, masks)]
        if not all(map(any, zip(direct, inside, strict=True))):
            return None
        if all(direct):
            return _flat(images, masks) or Sides(images, masks, notices=tuple(notices))
        step = _step(images, masks, inside, direct)
        if isinstance(step, Refused):
            return step
        if step is None:
            return Sides(images, masks, deep=True, notices=tuple(notices))
        (images, masks), left = step
        notices += left
    return None


def _flat(images: Path, masks: Path) -> Refused | None:
    for folder in (images, masks):
        names = [entry.name for entry in folders_in(folder)]
        if names:
            return Refused(
                f"{len(names)} folder(s) in {folder.name}/ beside its files:{listing(names)}",
                "Put all files right into the folders of images and of masks, and other folders "
                "elsewhere.",
                images_in(images),
                images_in(masks),
            )
    return None


def _step(
    images: Path, masks: Path, inside: list[list[Path]], direct: list[bool]
) -> tuple[tuple[Path, Path], Sequence[str]] | Refused | None:
    """The folders inside to go on with; None to read all of them."""
    training = [
        [entry for entry in entries if role_of(entry.name) is Role.TRAINING] for entries in inside
    ]
    if all(len(found) == 1 for found in training):
        (one,), (other,) = training
        left = {entry.name for entries in inside for entry in entries} - {one.name, other.name}
        return (one, other), left_alone(one, sorted(left))
    if any(direct) or all(len(entries) == 1 for entries in inside):
        if all(here or len(entries) == 1 for here, entries in zip(direct, inside, strict=True)):
            one, other = (
                folder if here else entries[0]
                for folder, here, entries in zip((images, masks), direct, inside, strict=True)
            )
            return (one, other), []
        return _unlike(images, masks, inside, direct)
    names = [{entry.name.casefold() for entry in entries} for entries in inside]
    if 2 * len(names[0] & names[1]) < max(map(len, names)):
        return _unlike(images, masks, inside, direct)
    parts = [name for name in sorted(names[0]) if role_of(name) is Role.HELD_OUT]
    if parts:
        return Refused(
            f"{images.name}/ and {masks.name}/ hold parts of a split ({', '.join(parts)}), and no "
            "training part",
            f"Give one of them, such as --data {quote(str(images / parts[0]))}.",
            *_some(inside),
        )
    return None


def _unlike(images: Path, masks: Path, inside: list[list[Path]], direct: list[bool]) -> Refused:
    seen = [
        f"{folder.name}/ holds {'files' if here else 'folders, such as ' + entries[0].name + '/'}"
        for folder, here, entries in zip((images, masks), direct, inside, strict=True)
    ]
    several = direct[0] and len(inside[1]) > 1
    why = ", and it is unclear which of them are the masks of an image" if several else ""
    return Refused(
        f"{' and '.join(seen)}{why}",
        "Merge them to one mask an image, in one folder: images/NAME.jpg and masks/NAME.png."
        if several
        else "Lay out the folders inside both in the same way, or put all files right into both.",
        *_some(inside, (images, masks)),
    )


def _some(
    inside: list[list[Path]], folders: tuple[Path, Path] | None = None
) -> tuple[list[Path], list[Path]]:
    """Some files of either side, to look at."""
    found = []
    for place, entries in enumerate(inside):
        files = [path for entry in entries[:3] for path in files_below(entry) if is_image(path)]
        found.append(files or (images_in(folders[place]) if folders else []))
    return found[0], found[1]
