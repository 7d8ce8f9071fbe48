"""Recognise data of another kind than images in class folders, and say what to do with them."""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from acrank.data.folders.passed_over import suffix_of
from acrank.data.folders.walk import has_image_format

# Enough to tell what a folder holds; a dataset may have millions of files.
_MOST_FILES = 5000
_HEAD = 65536

_VOLUMES = (
    "Volumes are read with their labels, for segmentation: imagesTr/CASE_0000.nii.gz and "
    "labelsTr/CASE.nii.gz. To classify, export slices as PNG into class folders."
)
_NAMED = "Repair them, or give them the suffix of the format that they have."
_ARCHIVE = "Unpack it, and give the folder of class folders that comes out."
_BARE = (
    "Give the files the suffix of their format, such as .png, or list them in a CSV file with the "
    "columns path,label, which takes them as they are."
)
_ARRAYS = (
    "Write each image to a file, PNG for one, in a folder of its class, and give the folder; a "
    "MedMNIST file (.npz) is given itself."
)
_TABLE = "Save it as CSV with the columns path,label, separated by commas."
_PARQUET = (
    "A dataset in Parquet files is read as hfds/FOLDER (extra 'datasets'), where FOLDER is that of "
    "the files."
)
_DETECTION = (
    "acrank ranks for classification and segmentation, not for detection: cut the objects out into "
    "class folders, or give each image one class in a CSV with the columns path,label."
)

_STEPS: Mapping[str, tuple[str, str]] = {
    **dict.fromkeys((".nii", ".nii.gz"), ("NIfTI volumes", _VOLUMES)),
    **dict.fromkeys((".mhd", ".mha", ".nrrd"), ("medical volumes", _VOLUMES)),
    **dict.fromkeys(
        (".dcm", ".dicom", ".ima"),
        ("files that are named like DICOM files but are not DICOM", _NAMED),
    ),
    **dict.fromkeys(
        (".zip", ".tar", ".gz", ".tgz", ".tar.gz", ".tar.xz", ".tar.bz2", ".xz", ".7z", ".rar"),
        ("archives", _ARCHIVE),
    ),
    **dict.fromkeys(
        (
            *(".npz", ".npy", ".h5", ".hdf5", ".mat", ".pkl", ".pickle", ".pt", ".pth"),
            *(".tfrecord", ".tfrecords", ".lmdb", ".mdb", ".bin"),
        ),
        ("files of arrays", _ARRAYS),
    ),
    ".parquet": ("files of tables with images in them", _PARQUET),
    ".arrow": ("files of tables with images in them", f"Write them as Parquet. {_PARQUET}"),
    **dict.fromkeys(
        (".tsv", ".xlsx", ".xls", ".ods", ".txt"), ("tables in another format than CSV", _TABLE)
    ),
    **dict.fromkeys(
        (
            *(".heic", ".heif", ".avif", ".svg", ".pdf", ".psd", ".raw", ".cr2", ".nef", ".dng"),
            *(".exr", ".svs", ".ndpi", ".czi", ".mrxs"),
        ),
        ("images in a format that is not read", "Convert them to PNG or JPEG."),
    ),
    **dict.fromkeys(
        (".mp4", ".avi", ".mov", ".mkv"), ("videos", "Write their frames to files, as PNG.")
    ),
}
_BRATS = re.compile(r"[-_](flair|t1ce|t1gd|t1|t2|t1n|t1c|t2f|t2w)\.nii(\.gz)?$", re.IGNORECASE)
_IMAGE = re.compile("\x89PNG|\xff\xd8\xff|GIF8|BM|II\\*\0|MM\0\\*|RIFF....WEBP", re.DOTALL)
_YOLO = re.compile(r"\d+( [0-9.eE+-]+){4,}\s*")


class Kind(NamedTuple):
    """A kind of data in words, and the next step to take with it."""

    what: str
    step: str


def kind_of_file(path: Path) -> Kind | None:
    """Name a file given as a dataset by its suffix; None if that says nothing.

    Args:
        path: the file.
    """
    suffix = suffix_of(path)
    if has_image_format(path):
        return Kind("single images", "Give the folder of class folders, or a CSV file.")
    if suffix == ".json" and _is_coco(path):
        return Kind("annotations of objects (COCO)", _DETECTION)
    if suffix in (".json", ".jsonl"):
        return Kind("JSON files", _TABLE)
    if suffix in (".yaml", ".yml"):
        return Kind("YAML files", "Give the folder of the images (a zoo is given as --zoo).")
    return Kind(*_STEPS[suffix]) if suffix in _STEPS else None


def kind_of_folder(folder: Path) -> Kind | None:
    """Name what a folder holds in place of class folders; None if nothing is recognised.

    Args:
        folder: that could not be read as one.
    """
    files = _some_files(folder)
    found = _objects(folder, files)
    if found or any(map(has_image_format, files)):
        return found
    if sum(bool(_BRATS.search(path.name)) for path in files) > 1:
        return Kind(
            "volumes with one file a sequence, as in BraTS (_flair, _t1, _t1ce, _t2, _seg)",
            "Rename or link them as nnU-Net has them: imagesTr/CASE_0000.nii.gz to "
            "CASE_0003.nii.gz for the sequences, labelsTr/CASE.nii.gz for _seg.",
        )
    counts = Counter(suffix_of(path) for path in files)
    for suffix, _ in counts.most_common():
        if suffix in _STEPS:
            return Kind(*_STEPS[suffix])
        if suffix == "no suffix" and any(map(_is_bare_image, _bare(files))):
            return Kind("images without a suffix", _BARE)
    return None


def what_is_seen(folder: Path) -> str:
    """The suffixes of the files of a folder that is not understood, with their numbers."""
    counts = Counter(map(suffix_of, _some_files(folder))).most_common(6)
    return ", ".join(f"{suffix} {count}" for suffix, count in counts)


def step_for(path: Path) -> str:
    """Say what to do with a file skipped among images; empty where nothing is known.

    Args:
        path: the file.
    """
    if suffix_of(path) == "no suffix":
        return _BARE if _is_bare_image(path) else ""
    found = _STEPS.get(suffix_of(path))
    return found[1] if found else ""


def _objects(folder: Path, files: list[Path]) -> Kind | None:
    """Annotations of objects beside images."""
    names = {path.name.lower() for path in files}
    texts = [path for path in files if path.suffix.lower() == ".txt"]
    boxes = [path for path in texts[:20] if _YOLO.match(_head(path, 200))]
    if boxes and (any("label" in part.lower() for part in boxes[0].parts) or "data.yaml" in names):
        return Kind("images with boxes in text files (YOLO)", _DETECTION)
    annotated = [path for path in files if path.suffix.lower() == ".json" and _is_coco(path)]
    if annotated:
        return Kind(f"images with annotations of objects (COCO, {annotated[0].name})", _DETECTION)
    described = [path for path in files if path.suffix.lower() == ".xml"]
    if described and "<annotation" in _head(described[0], 500):
        return Kind("images with boxes in XML files (Pascal VOC)", _DETECTION)
    return None


def _is_coco(path: Path) -> bool:
    head = _head(path, _HEAD)
    said = [word for word in ('"images"', '"annotations"', '"categories"') if word in head]
    return len(said) > 1 or (len(said) == 1 and "coco" in path.name.lower())


def _bare(files: list[Path]) -> list[Path]:
    return [path for path in files if suffix_of(path) == "no suffix"][:5]


def _is_bare_image(path: Path) -> bool:
    return _IMAGE.match(_head(path, 16)) is not None


def _head(path: Path, size: int) -> str:
    try:
        if not path.is_file():
            return ""
        with path.open("rb") as file:
            return file.read(size).decode("latin-1")
    except OSError:
        return ""


def _some_files(folder: Path) -> list[Path]:
    return [path for path, _ in zip(_files(folder), range(_MOST_FILES), strict=False)]


def _files(folder: Path) -> Iterator[Path]:
    for place, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith((".", "__")))
        yield from (Path(place, name) for name in sorted(names) if not name.startswith("."))
