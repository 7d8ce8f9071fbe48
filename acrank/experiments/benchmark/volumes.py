"""Split volumes with labels into training and test volumes, as folders of links."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from acrank.data.imagefile import explain, in_threads
from acrank.data.segmentation import ClassMap
from acrank.data.volumes import Case, VolumeSettings, VolumeTarget, open_volumes
from acrank.data.volumes.cutting import Cutter
from acrank.data.volumes.labels import read_labels
from acrank.data.volumes.layout import DESCRIPTION, find_volumes
from acrank.data.volumes.nifti import quiet_nibabel
from acrank.errors import DataError
from acrank.experiments.benchmark.datasets import Dataset, Parts, Wanted
from acrank.experiments.benchmark.links import link_files, refuse_inside, write_classes
from acrank.experiments.benchmark.stratified import Held, Holdings
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
        given, config = wanted.given, wanted.config
        target = open_volumes(wanted.data)
        keys = [case.key for case in target.items]
        holdings = Holdings(target.name, target.classes, keys, _classes_held(target))
        training, kept = holdings.apart(None if given else config.test_share, config.samples)
        other = None if given is None else _test_target(given, target)
        tested = [case.key for case in other.items] if other else kept
        places = wanted.folder / "train", wanted.folder / "test"
        _link(places[0], wanted.data, target, training)
        _link(places[1], given or wanted.data, other or target, tested)
        settings = VolumeSettings(config.patch, config.spacing, config.window)
        settled = _settled(target, training, settings)
        found = Dataset(wanted.name, *places, (len(training), len(tested)), settled)
        return found, [wanted.numbers(found.images)]


PARTS = VolumeParts()


def _classes_held(target: VolumeTarget) -> Held:
    """Find the classes that the labels of each volume hold, (N, K)."""
    reading = partial(_codes, class_map=target.class_map)
    with quiet_nibabel():
        return np.stack(in_threads(reading, [case.label for case in target.items], chunksize=1))


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
    target: VolumeTarget, training: Collection[str], settings: VolumeSettings
) -> dict[str, Any]:
    """Return the patch and the spacing that are set, or else that suit the training volumes."""
    cases: tuple[Case, ...] = tuple(case for case in target.items if case.key in training)
    cutter = Cutter.of(replace(target, items=cases), settings, seed=0)
    return {"patch": cutter.patch, "spacing": cutter.spacing}
