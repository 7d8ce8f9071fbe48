"""A backbone, images and a method to a trained classifier in a folder."""

from __future__ import annotations

import hashlib
import json
import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from acrank.common.files import write_whole
from acrank.data import Preprocessing, Sample, open_target, whole_sample
from acrank.device import choose_autocast, choose_device, reproducible
from acrank.errors import ConfigError, DataError, ModelError, NotScoredError
from acrank.finetuning.config import HOW, FinetuneConfig
from acrank.finetuning.evaluate import Judged, judge
from acrank.finetuning.export import save_network
from acrank.finetuning.images import TrainingImages, plain_batches
from acrank.finetuning.loop import Parts, Row, Training
from acrank.finetuning.methods import make_method
from acrank.finetuning.methods.base import Start
from acrank.finetuning.network import Network, build_network
from acrank.finetuning.split import split
from acrank.finetuning.state import RECORD, STATE, load_record, load_state, save_record, save_state
from acrank.report.cells import csv_text
from acrank.store.code import library_versions
from acrank.zoo import Backbone, Hub, load_backbone, read_zoo, select_entries

LOG = "log.csv"
CONFUSION = "confusion.csv"
Said = Callable[[Row, int], None]


@dataclass(frozen=True)
class Finetuned:
    """A finished fine-tuning.

    Attributes:
        folder: with weights, log and record.
        record: configuration, best epoch, measures on validation and test images.
        log: a row an epoch.
        kept: whether it had been finished before.
    """

    folder: Path
    record: dict[str, Any]
    log: tuple[Row, ...]
    kept: bool = False


@dataclass(frozen=True)
class Images:
    """The images of a fine-tuning.

    Attributes:
        training: to train on.
        validation: to choose the epoch by.
        test: to judge the chosen weights on; None for none.
        notes: what a user should know of them.
    """

    training: Sample
    validation: Sample
    test: Sample | None
    notes: tuple[str, ...]


def finetune(
    config: FinetuneConfig,
    output: Path,
    *,
    fresh: bool = False,
    say: Said | None = None,
    note: Callable[[str], None] | None = None,
) -> Finetuned:
    """Fine-tune a backbone, keep its best epoch, and go on where an earlier call was stopped.

    On the CPU an interrupted fine-tuning ends with the same numbers as one that was not, with the
    same number of threads.

    Args:
        config: of the fine-tuning.
        output: folder for the result; is made.
        fresh: begin anew, whatever is in the folder.
        say: is told each row of the log, and how many epochs there are.
        note: is told what a user should know.

    Returns:
        What was found. The folder has ``model.safetensors`` and ``config.json``, which timm loads
        as ``local-dir:``, ``log.csv``, ``confusion.csv`` and ``finetune.json``.

    Raises:
        NotScoredError: the backbone cannot be fine-tuned so, or no epoch gave a finite loss.
        AcrankError: a setting or the data cannot be used.
    """
    _make_folder(output, fresh)
    device = choose_device(config.device)
    if config.threads is not None:
        torch.set_num_threads(config.threads)
    with own_randomness(), reproducible(device):
        try:
            return _run(config, output, device, say, note or (lambda text: None))
        except ModelError as error:
            raise NotScoredError(error.message, hint=error.hint) from error


def _run(
    config: FinetuneConfig,
    output: Path,
    device: torch.device,
    say: Said | None,
    note: Callable[[str], None],
) -> Finetuned:
    images = open_images(config)
    for text in images.notes:
        note(text)
    backbone = find_backbone(config)
    identity = identity_of(config, images, backbone)
    record = load_record(output, identity)
    if record is not None:
        return Finetuned(output, record, tuple(record["log"]), kept=True)
    training, network = prepare(config, images, backbone, device)
    state = load_state(output, identity)
    if state is not None:
        training.load(state)
        note(f"goes on after epoch {training.epoch}")
    while not training.done:
        row = training.run_epoch()
        save_state(output, identity, training.state())
        if say:
            say(row, config.epochs)
    return _finish(config, output, identity, images, backbone, training, network)


def open_images(config: FinetuneConfig) -> Images:
    """Read the images of a fine-tuning.

    Raises:
        DataError: they cannot be used, or validation or test images have other classes.
    """
    training = _read(config, config.data, config.samples)
    notes = list(training.warnings)
    if config.val is None:
        training, validation = split(training, config.val_share, config.seed)
    else:
        validation = _with_classes(_read(config, config.val), training.classes, "--val")
    test = config.test and _with_classes(_read(config, config.test), training.classes, "--test")
    return Images(training, validation, test or None, tuple(notes))


def _read(config: FinetuneConfig, data: str, samples: int | None = None) -> Sample:
    """All images of a dataset, or a stratified part of them, as one batch."""
    return whole_sample(open_target(data, offline=config.offline), samples, config.seed)


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
    return load_backbone(entries[0], trust_code=config.trust_code, hub=Hub(offline=config.offline))


def identity_of(config: FinetuneConfig, images: Images, backbone: Backbone) -> str:
    """A hash of all that a fine-tuning depends on."""
    settings = {k: v for k, v in config.model_dump(mode="json").items() if k not in HOW}
    for name in ("data", "val", "zoo"):
        settings.pop(name)
    content = {
        "settings": settings,
        "training": images.training.fingerprint,
        "validation": images.validation.fingerprint,
        "weights": backbone.info.revision,
    }
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def prepare(
    config: FinetuneConfig, images: Images, backbone: Backbone, device: torch.device
) -> tuple[Training, Network]:
    """Everything that a training works on, before its first epoch.

    Raises:
        ModelError: the method is not for this network.
    """
    preprocessing = Preprocessing.from_config(backbone.data_config)
    network = build_network(backbone, len(images.training.classes), config.seed).to(device)
    network.to(memory_format=torch.channels_last)
    dtype = choose_autocast(config.precision, device)
    autocast = partial(torch.autocast, device.type, dtype=dtype, enabled=dtype is not None)
    head = None if backbone.head is None else backbone.head.to(device)
    method = make_method(config.method, config.options)

    def plain(sample: Sample) -> Callable[[], Iterator[tuple[Tensor, Tensor]]]:
        return partial(plain_batches, sample, preprocessing, config.batch_size, device)

    method.prepare(
        Start(network, plain(images.training), len(images.training.classes), head, autocast)
    )
    training_images = TrainingImages(
        images.training, preprocessing, config.batch_size, config.augment, config.seed, device
    )
    if not len(training_images):
        raise DataError("There are fewer than two training images.", hint="Add some.")
    weights = class_weights(images.training).to(device) if _weighs(config) else None
    parts = Parts(network, method, training_images, plain(images.validation), weights, autocast)
    return Training(parts, config), network


def _weighs(config: FinetuneConfig) -> bool:
    return config.class_weights == "balanced"


def class_weights(sample: Sample) -> Tensor:
    """Weights of the classes by the inverse of their frequency, (K,), mean 1 over the images."""
    counts = np.bincount(sample.labels, minlength=len(sample.classes)).clip(min=1)
    return torch.from_numpy(len(sample) / (np.count_nonzero(counts) * counts)).float()


def _finish(
    config: FinetuneConfig,
    output: Path,
    identity: str,
    images: Images,
    backbone: Backbone,
    training: Training,
    network: Network,
) -> Finetuned:
    """Put the best epoch's weights back, judge them, and write the result."""
    if not training.best.epoch:
        raise ModelError(
            f"{backbone.entry.name}: {training.stopped}, before any epoch was good.",
            hint="A smaller --lr may help.",
        )
    network.load_state_dict(training.best.state)
    parts = training.parts
    parts.method.finish(network, fold=config.fold)
    judged = {"val": judge(network, parts.validation(), parts.autocast)}
    if images.test is not None:
        preprocessing = parts.training.preprocessing
        batches = plain_batches(
            images.test, preprocessing, config.batch_size, parts.training.device
        )
        judged["test"] = judge(network, batches, parts.autocast)
    classes = images.training.classes
    network.cpu()
    unloadable = save_network(output, backbone, network, classes)
    write_whole(output / LOG, csv_text(_columns(training.log), training.log))
    last = judged.get("test", judged["val"])
    write_whole(output / CONFUSION, _confusion_csv(last, classes))
    record = _record(config, identity, images, backbone, training, judged)
    if unloadable:
        record["not_for_timm"] = unloadable
    save_record(output, record)
    return Finetuned(output, record, tuple(training.log))


def _record(
    config: FinetuneConfig,
    identity: str,
    images: Images,
    backbone: Backbone,
    training: Training,
    judged: dict[str, Judged],
) -> dict[str, Any]:
    return {
        "identity": identity,
        "config": config.model_dump(mode="json"),
        "model": {
            "name": backbone.entry.name,
            "source": backbone.info.source,
            "revision": backbone.info.revision,
            "license": backbone.info.license,
        },
        "images": {
            "classes": list(images.training.classes),
            "training": len(images.training),
            "validation": len(images.validation),
            "test": None if images.test is None else len(images.test),
        },
        "best_epoch": training.best.epoch,
        "stopped": training.stopped or None,
        **{name: _finite(found.measures()) for name, found in judged.items()},
        "versions": library_versions(),
        "log": [_finite(row) for row in training.log],
    }


def _finite(values: Any) -> dict[str, Any]:
    return {
        k: None if isinstance(v, float) and not np.isfinite(v) else v for k, v in values.items()
    }


def _columns(log: list[Row]) -> list[str]:
    return list(dict.fromkeys(name for row in log for name in row))


def _confusion_csv(judged: Judged, classes: tuple[str, ...]) -> str:
    """Rows are true classes, columns what they were taken for."""
    columns = ("true", *(f"said {name}" for name in classes))
    counts = judged.confusion().tolist()
    rows = (
        dict(zip(columns, (name, *row), strict=True))
        for name, row in zip(classes, counts, strict=True)
    )
    return csv_text(columns, rows)


def _make_folder(output: Path, fresh: bool) -> None:
    try:
        output.mkdir(parents=True, exist_ok=True)
        if fresh:
            for name in (STATE, RECORD):
                (output / name).unlink(missing_ok=True)
    except OSError as error:
        raise ConfigError(
            f"Folder '{output}' cannot be used: {error.strerror}.", hint="Give another --output."
        ) from None


@contextmanager
def own_randomness() -> Iterator[None]:
    """Leave every global generator as it was found."""
    python, numpy = random.getstate(), np.random.get_state()  # noqa: NPY002 - transforms draw from it
    with torch.random.fork_rng():
        try:
            yield
        finally:
            random.setstate(python)
            np.random.set_state(numpy)  # noqa: NPY002
