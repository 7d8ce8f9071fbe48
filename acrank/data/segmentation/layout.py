"""Where the images and masks of a segmentation dataset are, and which belong together."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from acrank.common.files import expanded
from acrank.data.checks import Fault, listing
from acrank.data.imagefile import EXTENSIONS
from acrank.data.target import natural_key, visible_entries
from acrank.errors import DataError

IMAGES = "images"
MASKS = "masks"
# What each class is, beside images/ and masks/ or in the folder above.
CLASS_FILES = ("classes.yaml", "classes.yml")

LAYOUT = (
    "Lay the data out as FOLDER/images/NAME.jpg and FOLDER/masks/NAME.png (or FOLDER/train/...)."
)
_PAIR = "Give each image one mask of the same name: images/NAME.jpg and masks/NAME.png."

Files = dict[str, list[Path]]


@dataclass(frozen=True)
class Layout:
    """The files found, by name without extension.

    Attributes:
        root: the folder that holds ``images/`` and ``masks/``.
        images: the files of each name in ``images/``.
        masks: the files of each name in ``masks/``.
    """

    root: Path
    images: Files
    masks: Files

    @property
    def total(self) -> int:
        """How many files there are."""
        return sum(len(files) for found in (self.images, self.masks) for files in found.values())

    def pairs(self) -> list[tuple[str, Path, Path]]:
        """Name, image and mask of each pair, in natural order; doubled names give their first."""
        return [
            (name, self.images[name][0], self.masks[name][0])
            for name in self.images
            if name in self.masks
        ]

    def faults(self) -> Iterator[Fault]:
        """Every file without its counterpart, and every one that shares its name with another."""
        for found, others, lacks in (
            (self.images, self.masks, f"no mask of this name in {MASKS}/"),
            (self.masks, self.images, f"no image of this name in {IMAGES}/"),
        ):
            for name, (first, *more) in found.items():
                if name not in others:
                    yield Fault(str(first), lacks, _PAIR)
                for path in more:
                    yield Fault(str(path), f"the same name as {first.name}", _PAIR)


def is_segmentation(spec: str) -> bool:
    """Whether a target looks like images with masks; only names are looked at.

    Class folders that happen to be called ``images`` and ``masks`` do not, unless at least half
    of the names in one of them are in the other too, or a class file says what the masks mean.

    Args:
        spec: what the user gave as the target.
    """
    try:
        root = _root(expanded(spec))
        if not all((root / part).is_dir() for part in (IMAGES, MASKS)):
            return False
        if class_file(root):
            return True
        images, masks = _stems(root / IMAGES), _stems(root / MASKS)
    except (OSError, RuntimeError, ValueError):  # unreadable, no home, a NUL: no such folder
        return False
    common = len(images & masks)
    return common > 0 and 2 * common >= min(len(images), len(masks))


def find_files(folder: Path) -> Layout:
    """List the images and masks right in ``images/`` and ``masks/``; hidden files are passed over.

    Raises:
        DataError: the folder has no such layout, holds no pair, or cannot be listed.
    """
    if not folder.is_dir():
        trouble = "no folder" if folder.exists() else "no such folder"
        raise DataError(f"{str(folder)!r}: {trouble}.", hint=LAYOUT)
    root = _root(folder)
    missing = [part for part in (IMAGES, MASKS) if not (root / part).is_dir()]
    if missing:
        raise DataError(f"{root}: no folder {' and no folder '.join(missing)} in it.", hint=LAYOUT)
    try:
        layout = Layout(root, _by_name(root / IMAGES), _by_name(root / MASKS))
    except OSError as error:
        raise DataError(
            f"{folder}: cannot be listed: {error}.", hint="Check the folder's permissions."
        ) from error
    _require_pairs(layout)
    return layout


def class_file(root: Path) -> Path | None:
    """The file that says what each class is; the nearer one, where there are two."""
    # absolute: the folder above "." has no other name
    places = [folder / name for folder in (root, root.absolute().parent) for name in CLASS_FILES]
    return next((place for place in places if place.exists()), None)


def _root(folder: Path) -> Path:
    """Choose between the folder and its ``train``, which has to hold one of the two at least."""
    train = folder / "train"
    return train if any((train / part).is_dir() for part in (IMAGES, MASKS)) else folder


def _stems(folder: Path) -> set[str]:
    return {entry.stem for entry in visible_entries(folder) if entry.suffix.lower() in EXTENSIONS}


def _by_name(folder: Path) -> Files:
    entries = visible_entries(folder)
    _refuse_folders(folder, [entry.name for entry in entries if entry.is_dir()])
    found: Files = {}
    for entry in entries:
        if entry.suffix.lower() in EXTENSIONS:
            found.setdefault(entry.stem, []).append(entry)
    return dict(sorted(found.items(), key=lambda pair: natural_key(pair[0])))


def _refuse_folders(folder: Path, names: list[str]) -> None:
    if names:
        raise DataError(
            f"{folder}: {len(names)} folder(s) in it:{listing(names)}",
            hint=f"Put all files right into {IMAGES}/ and {MASKS}/, and other folders elsewhere.",
        )


def _require_pairs(layout: Layout) -> None:
    for part, found in ((IMAGES, layout.images), (MASKS, layout.masks)):
        if not found:
            sought = " ".join(extension.removeprefix(".") for extension in EXTENSIONS)
            raise DataError(f"{layout.root / part}: no images (looked for: {sought}).", hint=LAYOUT)
    if not layout.images.keys() & layout.masks.keys():
        shown = [str(next(iter(found.values()))[0]) for found in (layout.images, layout.masks)]
        raise DataError(
            f"{layout.root}: none of its {len(layout.images)} images has a mask of the same name; "
            f"the first image and the first mask are:{listing(shown)}",
            hint=_PAIR,
        )
