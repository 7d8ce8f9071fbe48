"""What a fine-tuning begins with: images apart by their use, and the backbone."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from acrank.data import Sample, known_task, open_target, whole_sample
from acrank.data.summary import in_words, summary
from acrank.data.volumes import VolumeSettings, is_volumes
from acrank.errors import ConfigError, DataError
from acrank.finetuning.config import FinetuneConfig
from acrank.finetuning.notices import (
    OF_CLASSES,
    OF_MASKS,
    OF_VOLUMES,
    Held,
    Kind,
    Part,
    copied,
    listed,
    missing,
    sided,
)
from acrank.finetuning.objective import Dataset
from acrank.finetuning.split import split
from acrank.tasks.registry import TASKS
from acrank.utils.fields import told_unused
from acrank.utils.paths import user_path
from acrank.zoo import Backbone, Hub, load_backbone, read_zoo, select_entries

if TYPE_CHECKING:
    from acrank.finetuning.masks.data import Masked


@dataclass(frozen=True)
class Images:
    """The images of a fine-tuning.

    Attributes:
        training: to train on.
        validation: to choose the epoch by.
        test: to judge the chosen weights on; None for none.
        notes: what a user should know of them.
        monitor: the measure that chooses the epoch: ``loss`` where the validation images have not
            the one that is asked for.
    """

    training: Dataset
    validation: Dataset
    test: Dataset | None
    notes: tuple[str, ...]
    monitor: str
    read: tuple[str, ...] = ()

    @property
    def settings(self) -> dict[str, Any]:
        """Settings that the training data decided where they were not set."""
        return getattr(self.training, "settings", {})


def open_images(config: FinetuneConfig) -> Images:
    """Read the images of a fine-tuning.

    Raises:
        ConfigError: validation or test images are said to be the training images.
        DataError: they cannot be used, or validation or test images have other classes.
    """
    _refuse_same(config)
    if known_task(config.data, config.task) != "classification":
        return _open_masks(config)
    training, said = _read(config, config.data, config.samples)
    notes, read = (*training.warnings, *told_unused(config, TASKS["classification"])), [said]
    others = {}
    for option, data in (("--val", config.val), ("--test", config.test)):
        if data is not None:
            found, said = _read(config, data)
            others[option] = _with_classes(found, training.classes, option)
            notes += tuple(f"{option}: {note}" for note in found.warnings)
            read.append(f"{option}: {said}")
    validation = others.get("--val")
    if validation is None:
        training, validation = split(training, training.labels, config.val_share, config.seed)
    test = others.get("--test")
    parts = _parts(training, validation, test, _held)
    defined = bool(parts[1].held.sum() > 1) or config.monitor != "auroc"
    beside, monitor = _told(config, parts, training.classes, OF_CLASSES, defined=defined)
    return Images(training, validation, test, (*notes, *beside), monitor, tuple(read))


def _refuse_same(config: FinetuneConfig) -> None:
    """Refuse to judge a network on the very data that it is trained on.

    Raises:
        ConfigError: ``val`` or ``test`` is ``data``.
    """

    def place(spec: str) -> str | Path:
        path = user_path(spec)
        return path.resolve() if path.exists() else spec

    for option, spec in (("--val", config.val), ("--test", config.test)):
        if spec is not None and place(spec) == place(config.data):
            instead = "leave it out to keep a part of --data back, or " if option == "--val" else ""
            raise ConfigError(
                f"{option} is the same data as --data, whose images are trained on.",
                hint=f"{instead}give other images.".capitalize(),
            )


def _held(sample: Sample) -> Held:
    """Whether an image is of each class, (K,)."""
    return np.bincount(sample.labels, minlength=len(sample.classes)) > 0


def _parts(
    training: Dataset, validation: Dataset, test: Dataset | None, held: Callable[[Any], Held]
) -> list[Part]:
    """What notices are made of, the training images first."""
    named = {"training": training, "validation": validation, "test": test}
    return [Part(n, d.digests, held(d)) for n, d in named.items() if d is not None]


def _told(
    config: FinetuneConfig,
    parts: list[Part],
    classes: tuple[str, ...],
    kind: Kind,
    *,
    defined: bool,
) -> tuple[list[str], str]:
    """What a user should know of images beside one another, and what chooses the epoch.

    Args:
        config: of the fine-tuning.
        parts: the training images first, then those of validation.
        classes: their names.
        kind: of images.
        defined: whether the measure that is asked for is defined on the validation images.
    """
    training, *others = parts
    notes = [*copied(training, others, kind.things), *missing(others, classes, kind)]
    if config.flip and config.augment != "none":
        notes += sided(classes)
    if not defined:
        notes.append(f"so there is no {config.monitor}, and the best epoch is chosen by loss")
    return notes, config.monitor if defined else "loss"


def _open_masks(config: FinetuneConfig) -> Images:
    """Read images with masks, or volumes with labels."""
    from acrank.finetuning.masks.data import rarest_classes

    read = _reader(config)
    training = whole = read(config.data, config.samples)
    notes, said = list(whole.warnings), [_described(config, whole)]
    if config.val is None:
        labels = rarest_classes(whole)
        training, validation = split(whole, labels, config.val_share, config.seed)
    else:
        validation = read(config.val, None, like=whole)
        notes += (f"--val: {note}" for note in validation.warnings)
        said.append(f"--val: {_described(config, validation)}")
    test = None
    if config.test is not None:
        test = read(config.test, None, like=whole)
        notes += (f"--test: {note}" for note in test.warnings)
        said.append(f"--test: {_described(config, test)}")
    kind = OF_VOLUMES if is_volumes(config.data) else OF_MASKS
    parts = _parts(training, validation, test, lambda images: images.held())
    defined = bool(parts[1].held[list(training.foreground)].any()) or config.monitor == "loss"
    beside, monitor = _told(config, parts, training.classes, kind, defined=defined)
    notes += [*_missing(training), *beside]
    return Images(training, validation, test, tuple(notes), monitor, tuple(said))


def _described(config: FinetuneConfig, images: Masked) -> str:
    """What was read of images with masks or volumes; the numbers are of those with the class."""
    held = (images.counts() > 0).sum(axis=0).tolist()
    things = "volumes with labels" if is_volumes(config.data) else "images with masks"
    return in_words(images.classes, held, len(images.classes), f"{len(images)} {things}")


def _reader(config: FinetuneConfig) -> Callable[..., Any]:
    """What reads images with masks, or volumes."""
    if is_volumes(config.data):
        from acrank.finetuning.volumes.data import open_labelled

        settings = VolumeSettings(config.patch, config.spacing, config.window)
        return partial(open_labelled, seed=config.seed, settings=settings)
    from acrank.finetuning.masks.data import open_masks

    return partial(open_masks, seed=config.seed, image_size=config.image_size)


def _missing(training: Masked) -> list[str]:
    """Say which classes no training image holds.

    Raises:
        DataError: all but one.
    """
    held = np.flatnonzero(training.counts().sum(axis=0)).tolist()
    if len(held) < 2:
        raise DataError(
            "The training masks hold a single class.", hint="Use more images (--samples)."
        )
    absent = [name for label, name in enumerate(training.classes) if label not in held]
    return [f"no training mask holds {listed(absent)}"] if absent else []


def _read(config: FinetuneConfig, data: str, samples: int | None = None) -> tuple[Sample, str]:
    """All images of a dataset, or a stratified part, as one batch; and what was read."""
    target = open_target(data, offline=config.offline)
    sample = whole_sample(target, samples, config.seed)
    return sample, summary(sample, target)


def _with_classes(sample: Sample, classes: tuple[str, ...], option: str) -> Sample:
    """The same images, labelled by the training images' classes.

    Raises:
        DataError: there is another class.
    """
    unknown = [name for name in sample.classes if name not in classes]
    if unknown:
        raise DataError(
            f"{option} has the class {unknown[0]!r}, which the training images have not.",
            hint=f"They have: {', '.join(classes)}.",
        )
    return sample.with_classes(classes)


def find_backbone(config: FinetuneConfig) -> Backbone:
    """Load the backbone of a fine-tuning.

    Raises:
        ZooError: there is none of that name, or more than one.
        ModelError: it cannot be loaded.
    """
    zoo = None if config.zoo is None else read_zoo(config.zoo)
    entries = select_entries(zoo, [config.model])
    if len(entries) > 1:
        raise ConfigError(
            f"{config.model!r} names {len(entries)} models.", hint="Name a single one."
        )
    how = {"trust_code": config.trust_code, "allow_partial": config.allow_partial}
    return load_backbone(entries[0], hub=Hub(offline=config.offline), seed=config.seed, **how)
