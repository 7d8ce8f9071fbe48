"""Split images with masks into training and test images, as folders of links."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from functools import partial
from pathlib import Path

import numpy as np

from acrank.data.checks import Fault
from acrank.data.imagefile import in_threads, strict_pillow
from acrank.data.images import ImageSource, Opening, PathSource
from acrank.data.segmentation import ClassMap, Pair, SegmentationTarget, open_segmentation
from acrank.data.segmentation.layout import IMAGES, MASKS, find_files, own_classes
from acrank.data.segmentation.maskfile import read_mask
from acrank.errors import DataError
from acrank.experiments.benchmark.datasets import Dataset, Parts, Wanted
from acrank.experiments.benchmark.links import link_files, refuse_inside, write_classes
from acrank.experiments.benchmark.stratified import Held, Holdings
from acrank.utils.paths import user_path


class MaskParts(Parts):
    """Splits images with masks, those with rare classes by the same share as others."""

    def prepare(self, wanted: Wanted) -> tuple[Dataset, list[str]]:
        """Link images and masks into two folders, with ``classes.yaml``."""
        refuse_inside(wanted.data, wanted.folder)
        given, config = wanted.given, wanted.config
        target = open_segmentation(wanted.data, how=Opening(window=config.window))
        keys = [pair.key for pair in target.items]
        holdings = Holdings(target.name, target.classes, keys, _classes_held(target))
        training, kept = holdings.apart(None if given else config.test_share, config.samples)
        other = None if given is None else _test_target(given, target)
        tested = [pair.key for pair in other.items] if other else kept
        places = wanted.folder / "train", wanted.folder / "test"
        _link(places[0], target, training, target.class_map)
        another = other and other.class_map != target.class_map
        _link(places[1], other or target, tested, other.class_map if other and another else None)
        told = [f"{given}: {text}" for text in (other.warnings if other else ())]
        found = Dataset(wanted.name, *places, (len(training), len(tested)))
        return found, [wanted.numbers(found.images), *target.warnings, *told]


PARTS = MaskParts()


def _classes_held(target: SegmentationTarget) -> Held:
    """Find the classes that each mask holds, (N, K)."""
    reading = partial(_codes, class_map=target.class_map)
    with strict_pillow():
        return np.stack(in_threads(reading, [pair.mask for pair in target.items]))


def _codes(source: ImageSource, class_map: ClassMap) -> Held:
    mask = read_mask(source, colour=class_map.colour)
    if isinstance(mask, Fault):  # it could be read a moment ago
        raise DataError(f"{source}: {mask.reason}.", hint=mask.hint)
    return np.isin(class_map.codes, np.unique(mask.codes))


def _test_target(given: str, training: SegmentationTarget) -> SegmentationTarget:
    """Open the test images, whose masks may lack classes, and may have values of their own."""
    own = own_classes(find_files(user_path(given)))
    found = open_segmentation(given, own or training.class_map)
    if found.classes != training.classes:
        raise DataError(
            f"{given} has the classes {', '.join(found.classes)}, the training images have "
            f"{', '.join(training.classes)}.",
            hint="Both need the same classes in the same order.",
        )
    return found


def _link(
    folder: Path, target: SegmentationTarget, chosen: Collection[str], class_map: ClassMap | None
) -> None:
    """Make a folder hold links to these images and masks, and to no others.

    Without ``class_map`` the masks are read as the training masks are, and may lack classes.
    """
    pairs = [pair for pair in target.items if pair.key in chosen]
    link_files(folder / IMAGES, _files(pairs, "image"))
    link_files(folder / MASKS, _files(pairs, "mask"))
    write_classes(folder, class_map)


def _files(pairs: Sequence[Pair], part: str) -> dict[str, Path]:
    """Return files by the names of their links: an image and its mask get the same name."""
    files: dict[str, Path] = {}
    for pair in pairs:
        source: PathSource = getattr(pair, part)
        name = f"{pair.key.replace('/', '__')}{source.path.suffix}"
        if files.setdefault(name, source.path) != source.path:
            raise DataError(
                f"{files[name]} and {source.path} cannot both be called {name}.",
                hint="Rename one of the images, and its mask.",
            )
    return files
