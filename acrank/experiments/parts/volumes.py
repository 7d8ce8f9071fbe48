"""Split volumes with labels into parts or folds, as folders of links."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from acrank.data.imagefile import explain, in_threads
from acrank.data.segmentation import ClassMap
from acrank.data.segmentation.order import in_drawing_order
from acrank.data.volumes import Case, VolumeSettings, VolumeTarget, open_volumes
from acrank.data.volumes.cutting import Cutter
from acrank.data.volumes.labels import read_labels
from acrank.data.volumes.layout import DESCRIPTION, find_volumes
from acrank.data.volumes.nifti import quiet_nibabel
from acrank.errors import DataError
from acrank.experiments.parts.base import Dataset, Parts, PartSettings, Wanted
from acrank.experiments.parts.dealing import Held
from acrank.experiments.parts.links import link_files, refuse_inside, write_classes
from acrank.experiments.parts.stratified import Holdings
from acrank.utils.paths import user_path

# Names of the folders of links, whatever names the dataset has.
IMAGES, LABELS = "images", "labels"


class VolumeParts(Parts):
    """Splits volumes with labels, those with rare classes by the same share as others."""

    def prepare(self, wanted: Wanted) -> tuple[Dataset, list[str]]:
        """Link volumes and labels into two folders, with ``dataset.json`` or ``classes.yaml``.

        The training volumes decide the patch and the spacing where the user set none.
        """
        refuse_inside(wanted.data, wanted.folder)
        given, settings = wanted.given, wanted.settings
        target = open_volumes(wanted.data)
        share = None if given else settings.test_share
        training, kept = _holdings(target).apart(share, settings.samples)
        other = None if given is None else _test_target(given, target)
        tested = [case.key for case in other.items] if other else kept
        places = wanted.folder / "train", wanted.folder / "test"
        _link(places[0], wanted.data, target, training)
        _link(places[1], given or wanted.data, other or target, tested)
        settled = _settled(target, training, settings)
        found = Dataset(wanted.name, *places, (len(training), len(tested)), settled)
        return found, [wanted.numbers(found.images)]

    def folds(self, wanted: Wanted, count: int, seed: int) -> tuple[list[Dataset], list[str]]:
        """Link the volumes and labels of each fold into two folders, as :meth:`prepare` does.

        The drawn volumes are the first of
        :func:`acrank.data.segmentation.order.in_drawing_order`, by which a fine-tuning draws its
        own; all classes of the dataset have to be among them. The training volumes of a fold
        decide its patch and spacing.
        """
        refuse_inside(wanted.data, wanted.folder)
        target = open_volumes(wanted.data)
        drawn = in_drawing_order(target.items, seed)[: wanted.settings.samples]
        target = replace(target, items=tuple(drawn))
        keys = frozenset(case.key for case in drawn)
        deck, found = _holdings(target).deck(), []
        for number, tested in enumerate(deck.folds(count, seed), start=1):
            one, training = wanted.fold(number), keys - tested
            places = one.folder / "train", one.folder / "test"
            _link(places[0], wanted.data, target, training)
            _link(places[1], wanted.data, target, tested)
            settled = _settled(target, training, wanted.settings)
            found.append(Dataset(one.name, *places, (len(training), len(tested)), settled))
        return found, [wanted.dealt(found), *deck.notices(count), *target.warnings]


PARTS = VolumeParts()


def _holdings(target: VolumeTarget) -> Holdings:
    """Read the classes that the labels of each volume hold."""
    reading = partial(_codes, class_map=target.class_map)
    with quiet_nibabel():
        held = np.stack(in_threads(reading, [case.label for case in target.items], chunksize=1))
    return Holdings(target.name, target.classes, [case.key for case in target.items], held)


def _codes(label: Path, class_map: ClassMap) -> Held:
    try:
        voxels = read_labels(label).voxels
    except Exception as error:  # it could be read a moment ago
        raise DataError(f"{label}: {explain(error)}.", hint="Repair or remove it.") from error
    return np.isin(class_map.codes, np.unique(voxels))


def _test_target(given: str, training: VolumeTarget) -> VolumeTarget:
    """Open the test volumes, whose labels may lack classes, and may have values of their own."""
    found = open_volumes(given, training.class_map)
    for what, theirs, ours in (
        ("classes", ", ".join(found.classes), ", ".join(training.classes)),
        ("channels", str(found.channels), str(training.channels)),
    ):
        if theirs != ours:
            raise DataError(
                f"{given} has the {what} {theirs}, the training volumes have {ours}.",
                hint=f"Both need the same {what} in the same order.",
            )
    return found


def _link(folder: Path, data: str, target: VolumeTarget, chosen: Collection[str]) -> None:
    """Make a folder hold links to these volumes and labels, and to no others.

    ``dataset.json`` is linked, as it may say how many channels there are; classes that are from
    elsewhere, or were found, are written down.
    """
    cases = [case for case in target.items if case.key in chosen]
    link_files(folder / IMAGES, {p.name: p for case in cases for p in case.images})
    link_files(folder / LABELS, {case.label.name: case.label for case in cases})
    description = find_volumes(user_path(data)).description
    link_files(folder, {DESCRIPTION: description} if description else {})
    write_classes(folder, None if description else target.class_map)


def _settled(
    target: VolumeTarget, training: Collection[str], settings: PartSettings
) -> dict[str, Any]:
    """Return the patch and the spacing that are set, or else that suit the training volumes."""
    cases: tuple[Case, ...] = tuple(case for case in target.items if case.key in training)
    how = VolumeSettings(settings.patch, settings.spacing, settings.window)
    cutter = Cutter.of(replace(target, items=cases), how, seed=0)
    return {"patch": cutter.patch, "spacing": cutter.spacing}
