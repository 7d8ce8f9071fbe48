"""Training and test images with masks of a dataset, as folders of links that stay the same."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import yaml

from acrank.common.files import write_whole
from acrank.data import Item
from acrank.data.checks import Fault
from acrank.data.imagefile import in_threads, strict_pillow
from acrank.data.segmentation import ClassMap, Pair, SegmentationTarget, open_segmentation
from acrank.data.segmentation.classfile import read_class_map
from acrank.data.segmentation.layout import CLASS_FILES, IMAGES, MASKS, class_file, find_files
from acrank.data.segmentation.maskfile import read_mask
from acrank.data.stratify import rank
from acrank.data.target import PathSource, Source
from acrank.errors import ConfigError, DataError
from acrank.transfer.stratified import drawn

Held = npt.NDArray[np.bool_]


def link_masks(
    data: str, given: Path | None, folder: Path, test_share: float, samples: int | None
) -> tuple[Path, Path, tuple[int, int]]:
    """Link the training and the test images of a dataset, and their masks, into two folders.

    Args:
        data: folder of ``images/`` and ``masks/``, optionally under ``train/``.
        given: folder of the test images; None to keep a part of the training images back, those
            with rare classes by the same share.
        folder: for both, which ends up with links and ``classes.yaml``.
        test_share: that part.
        samples: training images to use, those with rare classes among them; None for all.

    Returns:
        Both folders, and how many images they have.

    Raises:
        ConfigError: the dataset is in that folder.
        DataError: the data cannot be used.
    """
    _refuse_inside(data, folder)
    target = open_segmentation(data)
    held = _classes_held(target)
    items = _by_rarest(target, held)
    training, kept = (items, []) if given else _kept_back(items, test_share)
    if samples is not None:
        training = drawn(training, target.classes, samples)
    _require_classes(target, held, {item.key for item in training})
    other = None if given is None else _test_target(given, target)
    tested = [pair.key for pair in other.items] if other else [item.key for item in kept]
    places = folder / "train", folder / "test"
    _link(places[0], target, [item.key for item in training], target.class_map)
    another = other and other.class_map != target.class_map
    _link(places[1], other or target, tested, other.class_map if other and another else None)
    return *places, (len(training), len(tested))


def _refuse_inside(data: str, folder: Path) -> None:
    """Keep links from being put among the images that they are of."""
    if Path(data).expanduser().resolve().is_relative_to(folder.resolve()):
        raise ConfigError(
            f"{data} is where the links to its images would be put, {folder}.",
            hint="Give another folder with --output.",
        )


def _classes_held(target: SegmentationTarget) -> Held:
    """Which classes each mask holds, (N, K)."""
    reading = partial(_codes, class_map=target.class_map)
    with strict_pillow():
        return np.stack(in_threads(reading, [pair.mask for pair in target.items]))


def _codes(source: Source, class_map: ClassMap) -> Held:
    mask = read_mask(source, colour=class_map.colour)
    if isinstance(mask, Fault):  # it could be read a moment ago
        raise DataError(f"{source}: {mask.reason}.", hint=mask.hint)
    return np.isin(class_map.codes, np.unique(mask.codes))


def _by_rarest(target: SegmentationTarget, held: Held) -> list[Item]:
    """Each image under the class in it that fewest images hold."""
    rarity = np.where(held, held.sum(axis=0), len(held) + 1)
    labels = rarity.argmin(axis=1).tolist()
    pairs = zip(target.items, labels, strict=True)
    return [Item(pair.key, label, pair.image) for pair, label in pairs]


def _kept_back(items: Sequence[Item], share: float) -> tuple[list[Item], list[Item]]:
    """Training and test images; of each class's images one at least stays to train on."""
    kept: set[str] = set()
    for label in {item.label for item in items}:
        keys = sorted(
            (item.key for item in items if item.label == label),
            key=lambda key: (rank(0, f"experiment\0{key}"), key),
        )
        kept.update(keys[: min(max(round(share * len(keys)), 1), len(keys) - 1)])
    if not kept:
        raise DataError(
            "No class has two images with masks: none can be kept for the test.",
            hint="Give test images: a folder test/ or val/ beside train/.",
        )
    training = [item for item in items if item.key not in kept]
    return training, [item for item in items if item.key in kept]


def _require_classes(target: SegmentationTarget, held: Held, training: Iterable[str]) -> None:
    """Refuse a training part in which a class has no pixel: nothing could be learned of it."""
    chosen = set(training)
    rows = [row for row, pair in enumerate(target.items) if pair.key in chosen]
    absent = [n for label, n in enumerate(target.classes) if not held[rows, label].any()]
    if absent:
        raise DataError(
            f"{target.name}: no training mask holds {', '.join(absent)}.",
            hint="Use more training images (--samples), or a smaller --test-share.",
        )


def _test_target(given: Path, training: SegmentationTarget) -> SegmentationTarget:
    """The test images, whose masks may lack classes, and write them in their own way."""
    own = class_file(find_files(given).root)
    found = open_segmentation(str(given), read_class_map(own) if own else training.class_map)
    if found.classes != training.classes:
        raise DataError(
            f"{given} has the classes {', '.join(found.classes)}, the training images have "
            f"{', '.join(training.classes)}.",
            hint="Both need the same classes in the same order.",
        )
    return found


def _link(
    folder: Path, target: SegmentationTarget, keys: Sequence[str], class_map: ClassMap | None
) -> None:
    """Have links to these images and masks in a folder, and to no others.

    Without ``class_map`` the masks are read as the training masks are, and may lack classes.
    """
    chosen = set(keys)
    pairs = [pair for pair in target.items if pair.key in chosen]
    for part, files in ((IMAGES, _files(pairs, "image")), (MASKS, _files(pairs, "mask"))):
        (folder / part).mkdir(parents=True, exist_ok=True)
        for old in (folder / part).iterdir():
            if old.is_symlink() and files.get(old.name) != old.readlink():
                old.unlink()
        for name, file in files.items():
            _point(folder / part / name, file)
    if class_map is None:
        (folder / CLASS_FILES[0]).unlink(missing_ok=True)
    else:
        write_whole(folder / CLASS_FILES[0], _yaml(class_map))


def _files(pairs: Sequence[Pair], part: str) -> dict[str, Path]:
    sources: list[PathSource] = [getattr(pair, part) for pair in pairs]
    return {source.path.name: source.path.resolve() for source in sources}


def _point(link: Path, file: Path) -> None:
    if link.is_symlink():
        return
    try:
        link.symlink_to(file)
    except OSError as error:
        raise DataError(
            f"{link}: no link to {file} can be made: {error.strerror or error}.",
            hint="--output needs an empty folder where symbolic links are allowed.",
        ) from error


def _yaml(class_map: ClassMap) -> str:
    """``classes.yaml`` of a class map."""
    said: dict[str, Any] = {
        "classes": {
            name: _code(class_map, code)
            for name, code in zip(class_map.names, class_map.codes, strict=True)
        }
    }
    if class_map.ignore is not None:
        said["ignore"] = _code(class_map, class_map.ignore)
    return yaml.safe_dump(said, sort_keys=False, allow_unicode=True)


def _code(class_map: ClassMap, code: int) -> int | list[int]:
    return list(code.to_bytes(3, "big")) if class_map.colour else code
