"""Fine-tune a backbone on images by a method, and leave the trained network in a folder."""

from __future__ import annotations

import hashlib
import json
import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch

from acrank.data import Preprocessing, known_task
from acrank.errors import ConfigError, DataError, ModelError, NotScoredError
from acrank.finetuning.config import FinetuneConfig
from acrank.finetuning.export import WEIGHTS
from acrank.finetuning.exports import require_exports, with_exports
from acrank.finetuning.inputs import find_backbone, open_images
from acrank.finetuning.loop import LogRow, Setup, Training
from acrank.finetuning.methods import make_method
from acrank.finetuning.methods.base import Start
from acrank.finetuning.network import Network
from acrank.finetuning.result import Finetuned, finish
from acrank.finetuning.state import (
    RECORD,
    STATE,
    OtherFinetuningError,
    damage,
    forget_state,
    load_record,
    load_state,
    save_state,
)
from acrank.finetuning.tuning import SplitImages, tuning_of
from acrank.tasks.dimensions import dimensions_of
from acrank.tasks.registry import TASKS, Task
from acrank.utils.alone import alone_in
from acrank.utils.described import described
from acrank.utils.device import (
    choose_autocast,
    choose_device,
    cpu_threads,
    precision_name,
    reproducible,
)
from acrank.utils.files import remove_unfinished, unusable_folder
from acrank.zoo import Backbone

Said = Callable[[LogRow, int], None]


def finetune(
    config: FinetuneConfig,
    output: Path,
    *,
    fresh: bool = False,
    weights: bool = True,
    say: Said | None = None,
    note: Callable[[str], None] | None = None,
) -> Finetuned:
    """Fine-tune a backbone, keep its best epoch, and go on where an earlier call was stopped.

    On the CPU an interrupted fine-tuning ends with the same numbers as one that was not, with the
    same number of threads.

    Args:
        config: configuration of the fine-tuning.
        output: folder for the result, which is created.
        fresh: begin anew, whatever is in the folder.
        weights: write the weights; without them, only their measures are kept.
        say: takes each row of the log and the number of epochs.
        note: takes sentences for the user.

    Returns:
        The result. The folder has ``model.safetensors`` and ``config.json``, which timm loads
        as ``local-dir:``, ``log.csv``, ``finetune.json``, and of classes ``confusion.csv``; of
        masks what :func:`acrank.load_segmenter` loads, ``classes.csv`` and ``cases.csv``.

    Raises:
        NotScoredError: the backbone cannot be fine-tuned so, or no epoch gave a finite loss.
        ExportError: the fine-tuning is finished, and the network cannot be exported.
        AcrankError: a setting or the data cannot be used.
    """
    if config.export and not weights:
        raise ConfigError("--export needs the weights, and they are not kept.", hint="Omit it.")
    require_exports(config.export)
    device = choose_device(config.device)
    torch.set_num_threads(cpu_threads(config.threads))
    with alone_in(output), own_randomness(), reproducible(device):
        _tidy(output, fresh)
        try:
            done = _run(config, output, device, weights, say, note or (lambda text: None))
        except ModelError as error:
            raise NotScoredError(error.message, hint=error.hint) from error
        return with_exports(done, config.export, trust_code=config.trust_code)


def _run(
    config: FinetuneConfig,
    output: Path,
    device: torch.device,
    weights: bool,
    say: Said | None,
    note: Callable[[str], None],
) -> Finetuned:
    config, task = with_task(config)
    tuning_of(task).require(config)
    images = open_images(config)
    config = config.model_copy(update=images.settings)
    for text in (*images.read, *images.notes):
        note(text)
    backbone = find_backbone(config)
    flags = backbone.flags if task.whole_images else backbone.flags_of_maps
    for flag, particulars in flags.items():
        note(f"{flag}: {particulars}")
    frozen = [n for n, p in backbone.model.named_parameters() if not p.requires_grad]
    if frozen:
        note(
            f"{len(frozen)} tensor(s) of the backbone were frozen already and stay frozen: "
            f"{frozen[0]}, ..."
        )
    identity = identity_of(config, images, backbone)
    record, state = load_record(output, identity, note), load_state(output, identity)
    kept = (record["device"] if record else state or {}).get("precision")
    precision = _precision(config, device, kept, output, note)
    if record is not None:
        lost = damage(output, record, WEIGHTS) if weights else ""
        if not lost:
            forget_state(output)  # it may have been killed just before it did so itself
            return Finetuned(output, record, tuple(record["log"]), kept=True)
        note(f"{output}: {lost}, so the network is trained again")
    used = config.model_copy(update={"precision": precision})
    training, network = prepare(used, images, backbone, device)
    if state is not None:
        training.load(state)
        note(f"the training resumes after epoch {training.epoch}")
    while not training.done:
        row = training.run_epoch()
        save_state(output, identity, {**training.state(), "precision": precision})
        if say:
            say(row, config.epochs)
    return finish(
        config,
        output,
        identity,
        images,
        backbone,
        training,
        network,
        device={"type": device.type, "precision": precision, "threads": torch.get_num_threads()},
        weights=weights,
    )


def _precision(
    config: FinetuneConfig,
    device: torch.device,
    kept: str | None,
    output: Path,
    note: Callable[[str], None],
) -> str:
    """Choose ``fp32`` or ``bf16``; ``auto`` keeps that of the folder, if it has one.

    Raises:
        OtherFinetuningError: the folder has another one.
    """
    here = precision_name(choose_autocast(config.precision, device))
    if kept is None or kept == here:
        return here
    if config.precision != "auto":
        raise OtherFinetuningError(
            f"'{output}' holds a fine-tuning in {kept}, and --precision is {here}.",
            hint="Leave --precision out to keep to it, or give another folder with --output.",
        )
    note(f"--precision auto is {kept}, in which the fine-tuning began; here it would be {here}")
    return kept


def with_task(config: FinetuneConfig) -> tuple[FinetuneConfig, Task]:
    """Find the task from the names of the data, and return the configuration for it."""
    task = TASKS[known_task(config.data, config.task)]
    return config.for_task(task), task


def identity_of(config: FinetuneConfig, images: SplitImages[Any], backbone: Backbone) -> str:
    """Hash everything that a fine-tuning depends on."""
    about = described(FinetuneConfig)
    equal = {name for name, setting in about.items() if setting.effect.held_equal}
    settings = config.model_dump(mode="json", include=equal)
    settings["lr"] = config.highest_lr  # the method's own may change
    content = {
        "settings": settings,
        "training": images.training.fingerprint,
        "validation": images.validation.fingerprint,
        "test": None if images.test is None else images.test.fingerprint,
        "weights": backbone.info.revision,
    }
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def prepare(
    config: FinetuneConfig, images: SplitImages[Any], backbone: Backbone, device: torch.device
) -> tuple[Training, Network]:
    """Make everything that a training needs before its first epoch.

    Raises:
        ModelError: the method is not for this network.
    """
    preprocessing = Preprocessing.from_config(backbone.data_config)
    objective = images.tuning.make(config, images.training, preprocessing, device)
    network = objective.network(backbone).to(device)
    if dimensions_of(network) == 2:
        network.to(memory_format=torch.channels_last)
    dtype = choose_autocast(config.precision, device)
    autocast = partial(torch.autocast, device.type, dtype=dtype, enabled=dtype is not None)
    head = backbone.head
    if head is not None:
        head.to(device)
    method = make_method(config.method, config.options)
    plain = partial(objective.plain, images.training)
    classes = len(images.training.classes)
    method.prepare(Start(network, plain, classes, head, autocast, objective.observe))
    training = objective.augmented(images.training)
    if not training.sizes:
        raise DataError("There are fewer than two training images.", hint="Add some.")
    judge = partial(objective.judge, images=images.validation, autocast=autocast)
    measure = images.tuning.task.measure(images.monitor)
    setup = Setup(network, method, objective, training, judge, autocast, measure)
    return Training(setup, config), network


def _tidy(output: Path, fresh: bool) -> None:
    try:
        remove_unfinished(output)
        if fresh:
            for name in (STATE, RECORD):
                (output / name).unlink(missing_ok=True)
    except OSError as error:
        raise unusable_folder(output, error) from None


@contextmanager
def own_randomness() -> Iterator[None]:
    """Restore every global random generator afterwards."""
    python, numpy = random.getstate(), np.random.get_state()  # noqa: NPY002 - transforms draw from it
    with torch.random.fork_rng():
        try:
            yield
        finally:
            random.setstate(python)
            np.random.set_state(numpy)  # noqa: NPY002
