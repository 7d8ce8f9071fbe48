"""Find the volumes and labels of a dataset, and which belong together."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from acrank.data.checks import Fault, listing
from acrank.data.folders.walk import images_in
from acrank.data.segmentation.layouts import class_file
from acrank.data.target import natural_key
from acrank.errors import DataError
from acrank.utils.files import expanded

EXTENSIONS = (".nii.gz", ".nii")
# Folders of images with those of their labels; of several, the first that is there.
FOLDERS = (("imagesTr", "labelsTr"), ("images", "labels"), ("images", "masks"))
DESCRIPTION = "dataset.json"

LAYOUT = (
    "Lay the data out as FOLDER/imagesTr/NAME.nii.gz and FOLDER/labelsTr/NAME.nii.gz with "
    "dataset.json (Decathlon, nnU-Net), or as FOLDER/images/ and FOLDER/labels/."
)
_PAIR = "Give each image one file of labels of the same name; channels are NAME_0000, NAME_0001."
# nnU-Net's channels.
_CHANNEL = re.compile(r"(.+)_(\d{4})")

Files = dict[str, list[Path]]


class CaseFiles(NamedTuple):
    """The files of one case: its image, or one a channel, and its labels."""

    key: str
    images: tuple[Path, ...]
    label: Path


@dataclass(frozen=True)
class VolumeLayout:
    """The files found.

    Attributes:
        root: the folder that holds those of images and labels.
        images: the files of each case: one, or one a channel in their order.
        labels: the files of each case.
        wrong: what is wrong with their names.
    """

    root: Path
    images: Files
    labels: Files
    wrong: tuple[Fault, ...] = ()

    @property
    def total(self) -> int:
        """The number of files."""
        return sum(len(files) for found in (self.images, self.labels) for files in found.values())

    @property
    def description(self) -> Path | None:
        """The dataset's ``dataset.json``."""
        path = self.root / DESCRIPTION
        return path if path.exists() else None

    @property
    def class_file(self) -> Path | None:
        """The dataset's ``classes.yaml``."""
        return class_file(self.root)

    def cases(self) -> list[CaseFiles]:
        """The cases, in natural order."""
        names = [name for name in self.images if name in self.labels]
        return [CaseFiles(n, tuple(self.images[n]), self.labels[n][0]) for n in names]

    def faults(self) -> Iterator[Fault]:
        """Every file without its counterpart, and every one whose name does not do."""
        for name, files in self.images.items():
            if name not in self.labels:
                yield Fault(str(files[0]), "no labels of this name", _PAIR)
        for name, (first, *more) in self.labels.items():
            if name not in self.images:
                yield Fault(str(first), "no image of this name", _PAIR)
            for path in more:
                yield Fault(str(path), f"the same name as {first.name}", _PAIR)
        yield from self.wrong


def is_volumes(spec: str) -> bool:
    """Tell whether a target looks like volumes with labels; only names are looked at.

    Args:
        spec: what the user gave as the target.
    """
    try:
        root = _root(expanded(spec))
        first = root / FOLDERS[0][0]
        if first.is_dir():
            return not images_in(first)  # nnU-Net has 2-D images there too
        return any(_is_volume(path) for path in (root / "images").iterdir())
    except (OSError, RuntimeError, ValueError):  # unreadable, no home, a NUL: no such folder
        return False


def find_volumes(folder: Path) -> VolumeLayout:
    """List the volumes and labels of a dataset; hidden files are passed over.

    Raises:
        DataError: the folder has no such layout, holds no case, or cannot be listed.
    """
    root = _root(folder)
    present = [pair for pair in FOLDERS if all((root / part).is_dir() for part in pair)]
    if not present:
        raise DataError(
            f"{root}: it has no folder of images beside a folder of labels.", hint=LAYOUT
        )
    images, labels = (root / part for part in present[0])
    try:
        known = _by_name(labels)
        grouped, wrong = _grouped(_by_name(images), known)
    except OSError as error:
        raise DataError(
            f"{folder}: cannot be listed: {error}.", hint="Check the folder's permissions."
        ) from error
    for part, found in ((images, grouped), (labels, known)):
        if not found:
            raise DataError(f"{part}: no volumes (looked for: .nii .nii.gz).", hint=LAYOUT)
    if not grouped.keys() & known.keys():
        shown = [str(next(iter(found.values()))[0]) for found in (grouped, known)]
        raise DataError(
            f"{root}: none of its {len(grouped)} images has labels of the same name; the first "
            f"image and the first labels are:{listing(shown)}",
            hint=_PAIR,
        )
    return VolumeLayout(root, grouped, known, tuple(wrong))


def _root(folder: Path) -> Path:
    """Choose between the folder and its ``train``, which has to hold one of the two at least."""
    train = folder / "train"
    parts = {part for pair in FOLDERS for part in pair}
    return train if any((train / part).is_dir() for part in parts) else folder


def _is_volume(path: Path) -> bool:
    return path.name.lower().endswith(EXTENSIONS) and not path.name.startswith(".")


def _stem(path: Path) -> str:
    extension = next(end for end in EXTENSIONS if path.name.lower().endswith(end))
    return path.name[: -len(extension)]


def _by_name(folder: Path) -> Files:
    found: Files = {}
    for path in sorted(folder.iterdir(), key=lambda path: natural_key(path.name)):
        if _is_volume(path):
            found.setdefault(_stem(path), []).append(path)
    return dict(sorted(found.items(), key=lambda pair: natural_key(pair[0])))


def _grouped(images: Files, labels: Files) -> tuple[Files, list[Fault]]:
    """Put the channels of each case together; a name that labels have too is no channel."""
    grouped: dict[str, dict[int, Path]] = {}
    wrong: list[Fault] = []
    for name, (first, *more) in images.items():
        wrong += [Fault(str(path), f"the same name as {first.name}", _PAIR) for path in more]
        match = None if name in labels else _CHANNEL.fullmatch(name)
        case, channel = (match[1], int(match[2])) if match else (name, 0)
        other = grouped.setdefault(case, {}).setdefault(channel, first)
        if other is not first:
            wrong.append(Fault(str(first), f"the same channel of {case} as {other.name}", _PAIR))
    for case, channels in grouped.items():
        missing = sorted(set(range(max(channels) + 1)) - channels.keys())
        if missing:
            path = channels[max(channels)]
            wrong.append(Fault(str(path), f"no {case}_{missing[0]:04} beside it", _PAIR))
    ordered = {case: [path for _, path in sorted(c.items())] for case, c in grouped.items()}
    return dict(sorted(ordered.items(), key=lambda pair: natural_key(pair[0]))), wrong
