"""Split images with masks into parts or folds, as folders of links."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np

from acrank.data.checks import Fault
from acrank.data.imagefile import in_threads, strict_pillow
from acrank.data.images import ImageSource, Opening, PathSource
from acrank.data.segmentation import ClassMap, Pair, SegmentationTarget, open_segmentation
from acrank.data.segmentation.layout import IMAGES, MASKS, find_files, own_classes
from acrank.data.segmentation.maskfile import read_mask
from acrank.data.segmentation.order import in_drawing_order
from acrank.errors import DataError
from acrank.experiments.parts.base import Dataset, Parts, Wanted
from acrank.experiments.parts.dealing import Held
from acrank.experiments.parts.links import link_files, refuse_inside, write_classes
from acrank.experiments.parts.stratified import Holdings
from acrank.utils.paths import user_path


class MaskParts(Parts):
    """Splits images with masks, those with rare classes by the same share as others."""

    def prepare(self, wanted: Wanted) -> tuple[Dataset, list[str]]:
        """Link images and masks into two folders, with ``classes.yaml``."""
        refuse_inside(wanted.data, wanted.folder)
        given, settings = wanted.given, wanted.settings
        target = open_segmentation(wanted.data, how=Opening(window=settings.window))
        share = None if given else settings.test_share
        training, kept = _holdings(target).apart(share, settings.samples)
        other = None if given is None else _test_target(given, target)
        tested = [pair.key for pair in other.items] if other else kept
        places = wanted.folder / "train", wanted.folder / "test"
        _link(places[0], target, training, target.class_map)
        another = other and other.class_map != target.class_map
        _link(places[1], other or target, tested, other.class_map if other and another else None)
        told = [f"{given}: {text}" for text in (other.warnings if other else ())]
        found = Dataset(wanted.name, *places, (len(training), len(tested)))
        return found, [wanted.numbers(found.images), *target.warnings, *told]

    def folds(self, wanted: Wanted, count: int, seed: int) -> tuple[list[Dataset], list[str]]:
        """Link the images and masks of each fold into two folders, with ``classes.yaml``.

        The drawn images are the first of :func:`acrank.data.segmentation.order.in_drawing_order`,
        by which a fine-tuning draws its own; all classes of the dataset have to be among them.
        """
        refuse_inside(wanted.data, wanted.folder)
        settings = wanted.settings
        target = open_segmentation(wanted.data, how=Opening(window=settings.window))
        drawn = in_drawing_order(target.items, seed)[: settings.samples]
        target = replace(target, items=tuple(drawn))
        keys = frozenset(pair.key for pair in drawn)
        deck, found = _holdings(target).deck(), []
        for number, tested in enumerate(deck.folds(count, seed), start=1):
            one = wanted.fold(number)
            places = one.folder / "train", one.folder / "test"
            _link(places[0], target, keys - tested, target.class_map)
            _link(places[1], target, tested, None)
            found.append(Dataset(one.name, *places, (len(keys - tested), len(tested))))
        return found, [wanted.dealt(found), *deck.notices(count), *target.warnings]


PARTS = MaskParts()


def _holdings(target: SegmentationTarget) -> Holdings:
    """Read the classes that each mask holds."""
    reading = partial(_codes, class_map=target.class_map)
    with strict_pillow():
        held = np.stack(in_threads(reading, [pair.mask for pair in target.items]))
    return Holdings(target.name, target.classes, [pair.key for pair in target.items], held)


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
