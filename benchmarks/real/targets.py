"""Lay out what the study fine-tunes on and its candidates have learned from, as class folders.

Four of the collections have classes of their own; nuclei, vessels and slices of the hippocampus are
labelled by quantities of their masks, so that eight datasets of seven collections come together.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import nibabel as nib
import numpy as np
from PIL import Image
from scipy import ndimage

# Square pictures of this width at most: the networks see 96 pixels of them.
SIDE = 128
# Width of a patch of a field of nuclei or of a fundus image, in its pixels.
PATCH = 128
ANIMALS = ("bird", "cat", "deer", "dog", "frog", "horse")
VEHICLES = ("airplane", "automobile", "ship", "truck")
Picture = Image.Image
# Class and pictures of it, not shrunk; the pictures are made when they are asked for.
Classes = dict[str, list[Callable[[], Picture]]]


@dataclass(frozen=True)
class Dataset:
    """A dataset of the study.

    Attributes:
        name: of its folder.
        collection: folder of the shared data; no candidate that has learned from it is tried here.
        kind: ``classes`` of folders, or ``nuclei``, ``vessels`` or ``slices`` of masks.
        train, val, test: how many images train, validate and test, all classes together.
        classes: classes that are used; all where empty.
        test_folder: where test images come from. The brain scans of ``val`` come from another
            distribution (a model right on 80 % of held-out ``train`` is right on 25 % there), which
            says nothing of a network: there, images of ``train`` that do not train.
        domain: as ``acrank list-zoo --domain`` names it.
    """

    name: str
    collection: str
    kind: str = "classes"
    train: int = 112
    val: int = 48
    test: int = 400
    classes: tuple[str, ...] = ()
    test_folder: str = "val"
    domain: str = "natural"


# In the order in which they are fine-tuned on: a study that is stopped has the first.
TARGETS = (
    Dataset("brain", "brain_tumor_mri", test_folder="train", domain="radiology"),
    Dataset("animals", "cifar10", classes=ANIMALS),
    Dataset("digits", "sign_digits"),
    Dataset("nuclei", "seg_nuclei_dsb18", "nuclei", domain="microscopy"),
    Dataset("tiles", "magnetic_tile"),
    Dataset("hippocampus", "nifti_hippocampus", "slices", domain="radiology"),
    Dataset("vehicles", "cifar10", classes=VEHICLES),
    Dataset("vessels", "seg_drive_vessels", "vessels", domain="ophthalmology"),
)


def lay_out(dataset: Dataset, data: Path, folder: Path) -> None:
    """Write ``train``, ``val`` and ``test`` of a dataset, as many of each class where there are.

    Where a class has too few, seven in ten of them train.
    """
    root = data / dataset.collection
    own = drawn(pictures(dataset, root, "train"), 0)
    others = {}
    if dataset.test_folder != "train":
        others = drawn(pictures(dataset, root, dataset.test_folder), 1)
    each, held, tested = (
        round(total / len(own)) for total in (dataset.train, dataset.val, dataset.test)
    )
    for name, there in own.items():
        count = min(each, round(0.7 * len(there)))
        save(there[:count], folder / "train" / name)
        save(there[count : count + held], folder / "val" / name)
        rest = others[name] if others else there[count + held :]
        save(rest[:tested], folder / "test" / name)


def drawn(classes: Classes, seed: int) -> Classes:
    """Pictures of each class in an order that is random but always the same."""
    generator = np.random.default_rng(seed)
    return {
        name: [there[i] for i in generator.permutation(len(there))]
        for name, there in classes.items()
    }


def save(there: Sequence[Callable[[], Picture]], folder: Path) -> None:
    """Save pictures, square and at most SIDE pixels wide.

    Decoding large ones would take most of the time, and a crop would lose what lies near a border.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for number, opened in enumerate(there):
        image = opened()
        side = min(SIDE, *image.size)
        small = image.resize((side, side), Image.Resampling.LANCZOS)
        small.save(folder / f"{number:04d}.png")


def pictures(dataset: Dataset, root: Path, part: str) -> Classes:
    """The pictures of a part of a collection, by class."""
    if dataset.kind == "classes":
        names = dataset.classes or tuple(sorted(p.name for p in (root / part).iterdir()))
        return {n: [reader(f) for f in sorted((root / part / n).iterdir())] for n in names}
    if dataset.kind == "slices":
        return slices(root / part)
    measure = nucleus if dataset.kind == "nuclei" else cover
    train = [value for value, _ in patches(root / "train", measure)]
    return by_third(patches(root / part, measure), np.quantile(train, [1 / 3, 2 / 3]))


def reader(file: Path) -> Callable[[], Picture]:
    """A function that opens a picture in colours."""

    def opened() -> Picture:
        with Image.open(file) as image:
            return image.convert("RGB")

    return opened


def patches(
    folder: Path, measure: Callable[[np.ndarray], float | None]
) -> Iterator[tuple[float, Callable[[], Picture]]]:
    """Patches of the images of a folder that lie side by side, each with a measure of its mask.

    Args:
        folder: with ``images`` and ``masks``.
        measure: of a mask, (H, W) of bool; None where a patch has nothing to measure.
    """
    for file in sorted((folder / "images").iterdir()):
        mask = np.array(Image.open(next((folder / "masks").glob(f"{file.stem}.*")))) > 0
        image = reader(file)()
        for top in range(0, mask.shape[0] - PATCH + 1, PATCH):
            for left in range(0, mask.shape[1] - PATCH + 1, PATCH):
                value = measure(mask[top : top + PATCH, left : left + PATCH])
                if value is not None:
                    part = image.crop((left, top, left + PATCH, top + PATCH))
                    yield value, lambda part=part: part  # type: ignore[misc]


def nucleus(mask: np.ndarray) -> float | None:
    """Median area of the nuclei of a patch, in pixels; None below three nuclei."""
    found, count = ndimage.label(mask)
    areas = np.bincount(found.ravel())[1:]
    return float(np.median(areas)) if count >= 3 else None


def cover(mask: np.ndarray) -> float | None:
    """Share of a patch that is vessel; None outside of the eye, where there is none."""
    share = float(mask.mean())
    return share if share > 0.01 else None


def by_third(found: Iterable[tuple[float, Callable[[], Picture]]], edges: np.ndarray) -> Classes:
    """Pictures by the third of the values of training images that theirs is in."""
    names = ("low", "middle", "high")
    classes: Classes = {name: [] for name in names}
    for value, picture in found:
        classes[names[int(np.searchsorted(edges, value))]].append(picture)
    return classes


def slices(folder: Path) -> Classes:
    """Coronal slices of scans by the part of the hippocampus in them: its head, its body, or none.

    A slice that has both parts is left out.
    """
    classes: Classes = {"body": [], "head": [], "none": []}
    for file in sorted((folder / "images").iterdir()):
        volume = np.asarray(nib.load(file).dataobj, dtype=np.float32)
        labels = np.asarray(nib.load(folder / "labels" / file.name).dataobj)
        low, high = np.percentile(volume, [1, 99])
        grey = (np.clip((volume - low) / max(high - low, 1e-6), 0, 1) * 255).astype(np.uint8)
        for y in range(0, volume.shape[1], 2):
            head, body = ((labels[:, y] == k).sum() for k in (1, 2))
            if head and body:
                continue
            name = "head" if head else "body" if body else "none"
            picture = Image.fromarray(np.rot90(grey[:, y])).convert("RGB")
            classes[name].append(lambda picture=picture: picture)  # type: ignore[misc]
    return classes
