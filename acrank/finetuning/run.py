"""Fine-tune a backbone on images by a method, and leave the trained network in a folder."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import torch

from acrank.data import Preprocessing, known_task
from acrank.errors import ConfigError, DataError
from acrank.finetuning.config import FinetuneConfig
from acrank.finetuning.export import WEIGHTS
from acrank.finetuning.exports import require_exports, with_exports
from acrank.finetuning.inputs import find_backbone, open_images, told_of
from acrank.finetuning.loop import LogRow, Training
from acrank.finetuning.methods import make_method
from acrank.finetuning.methods.base import Start
from acrank.finetuning.network import Network
from acrank.finetuning.paused import Paused, load_pause, pause_record, paused_of, save_pause
from acrank.finetuning.place import at_work, chosen_precision
from acrank.finetuning.result import Finetuned, finish, require_good
from acrank.finetuning.setup import Setup
from acrank.finetuning.state import damage, forget_state, load_record, load_state, save_state
from acrank.finetuning.tuning import SplitImages, tuning_of
from acrank.tasks.dimensions import dimensions_of
from acrank.tasks.registry import TASKS, Task
from acrank.utils.described import described
from acrank.utils.device import choose_autocast
from acrank.zoo import Backbone

Said = Callable[[LogRow, int], None]
# Seconds between two states of a fine-tuning that pauses soon: to save one can take as long as a
# short epoch.
BETWEEN = 10.0
# Gives the images of a fine-tuning: reads them, or has them from one of the same data.
Opener = Callable[[FinetuneConfig], SplitImages[Any]]


def finetune(
    config: FinetuneConfig,
    output: Path,
    *,
    fresh: bool = False,
    weights: bool = True,
    say: Said | None = None,
    note: Callable[[str], None] | None = None,
    opener: Opener = open_images,
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
        opener: gives the images.

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
    with at_work(config, output, fresh=fresh) as device:
        opened = _open(config, output, device, note or (lambda text: None), opener)
        done = opened.finished(weights, say)
        return with_exports(done, config.export, trust_code=config.trust_code)


def finetune_until(
    config: FinetuneConfig,
    output: Path,
    epochs: int,
    *,
    say: Said | None = None,
    note: Callable[[str], None] | None = None,
    opener: Opener = open_images,
) -> Paused:
    """Fine-tune as :func:`finetune` does, pause after some epochs, and judge the network there.

    A later call with more epochs, or :func:`finetune`, goes on in the same folder, and ends as
    without the pause. The outcome is kept in the folder: another call for it trains nothing.

    Args:
        config: configuration of the whole fine-tuning.
        output: folder for the result, which is created.
        epochs: number of epochs to be done at the pause, from 1 to those of the configuration.
        say: takes each row of the log and the number of epochs.
        note: takes sentences for the user.
        opener: gives the images.

    Raises:
        NotScoredError: the backbone cannot be fine-tuned so, or no epoch gave a finite loss.
        AcrankError: a setting or the data cannot be used, or the fine-tuning is beyond the pause.
    """
    if not 1 <= epochs <= config.epochs:
        raise ConfigError(f"A pause after epoch {epochs} is not in 1 to {config.epochs}.")
    with at_work(config, output, fresh=False) as device:
        opened = _open(config, output, device, note or (lambda text: None), opener)
        identity = opened.identity
        kept = load_pause(output, epochs, identity, opened.note)
        state = load_state(output, identity) if kept is None else None
        precision = opened.precision(kept["device"] if kept else state)
        if kept is not None:
            return paused_of(output, kept, kept=True)
        if state is not None and len(state["log"]) > epochs:
            raise ConfigError(
                f"'{output}' holds a fine-tuning after epoch {len(state['log'])}, without the "
                f"outcome of a pause after epoch {epochs}.",
                hint="Pause after a later epoch, or in another folder.",
            )
        training, _ = opened.train(precision, state, epochs, say, every=BETWEEN)
        require_good(training, output, opened.backbone)
        record = {**pause_record(training, opened.images), "device": opened.used(precision)}
        save_pause(output, epochs, {"identity": identity, **record})
        return paused_of(output, record)


def leave_network(config: FinetuneConfig, output: Path, *, opener: Opener = open_images) -> bool:
    """Write the network of a pause into its folder, as a finished fine-tuning leaves it.

    Args:
        config: configuration of the whole fine-tuning.
        output: folder of the fine-tuning, which can go on afterwards.
        opener: gives the images.

    Returns:
        False if the folder has no state to take it from.
    """
    with at_work(config, output, fresh=False) as device:
        opened = _open(config, output, device, lambda text: None, opener)
        state = load_state(output, opened.identity)
        if state is None:
            return False
        training, network = opened.train(opened.precision(state), state, len(state["log"]), None)
        network.load_state_dict(training.judged.state_dict())
        training.setup.method.finish(network, fold=config.fold)
        training.setup.objective.save(output, opened.backbone, network.cpu())
        return True


@dataclass(frozen=True)
class _Opened:
    """A fine-tuning whose images and backbone have been read."""

    config: FinetuneConfig
    output: Path
    device: torch.device
    images: SplitImages[Any]
    backbone: Backbone
    identity: str
    note: Callable[[str], None]

    def precision(self, kept: Mapping[str, Any] | None) -> str:
        """Choose the precision, given what the folder keeps of the one that it began in."""
        known = (kept or {}).get("precision")
        return chosen_precision(self.config, self.device, known, self.output, self.note)

    def used(self, precision: str) -> dict[str, Any]:
        """Describe the device for a record."""
        threads = torch.get_num_threads()
        return {"type": self.device.type, "precision": precision, "threads": threads}

    def finished(self, weights: bool, say: Said | None) -> Finetuned:
        """Train to the end, unless the folder has the result already."""
        output, identity = self.output, self.identity
        record, state = load_record(output, identity, self.note), load_state(output, identity)
        precision = self.precision(record["device"] if record else state)
        if record is not None:
            lost = damage(output, record, WEIGHTS) if weights else ""
            if not lost:
                forget_state(output)  # it may have been killed just before it did so itself
                return Finetuned(output, record, tuple(record["log"]), kept=True)
            self.note(f"{output}: {lost}, so the network is trained again")
        training, network = self.train(precision, state, self.config.epochs, say)
        return finish(
            self.config,
            output,
            identity,
            self.images,
            self.backbone,
            training,
            network,
            device=self.used(precision),
            weights=weights,
        )

    def train(
        self,
        precision: str,
        state: dict[str, Any] | None,
        epochs: int,
        say: Said | None,
        every: float = 0.0,
    ) -> tuple[Training, Network]:
        """Begin, or go on from a state, until some epochs are done or it stops.

        The state is saved after each epoch that ends some seconds after the last saved one.
        """
        used = self.config.model_copy(update={"precision": precision})
        training, network = prepare(used, self.images, self.backbone, self.device)
        if state is not None:
            training.load(state)
            self.note(f"the training resumes after epoch {training.epoch}")
        saved = time.monotonic()
        while not training.done and training.epoch < epochs:
            row = training.run_epoch()
            last = training.done or training.epoch == epochs
            if last or time.monotonic() - saved >= every:
                kept = {**training.state(), "precision": precision}
                save_state(self.output, self.identity, kept)
                saved = time.monotonic()
            if say:
                say(row, self.config.epochs)
        return training, network


def _open(
    config: FinetuneConfig,
    output: Path,
    device: torch.device,
    note: Callable[[str], None],
    opener: Opener,
) -> _Opened:
    config, task = with_task(config)
    tuning_of(task).require(config)
    images = opener(config)
    config = config.model_copy(update=images.settings)
    for text in (*images.read, *images.notes):
        note(text)
    backbone = find_backbone(config)
    for text in told_of(backbone, whole_images=task.whole_images):
        note(text)
    identity = identity_of(config, images, backbone)
    return _Opened(config, output, device, images, backbone, identity, note)


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
    whole, size = images.tuning.task.whole_images, config.image_size
    # folders from before classification had sizes recorded that of masks
    settings["image_size"] = size or TASKS["masks"].image_size
    if not config.cycles:  # a folder of an acrank without them stays what it was
        del settings["cycles"]
    content = {
        **({"image_size": size} if whole and size else {}),
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
