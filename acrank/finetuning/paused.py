"""Keep the outcome of a pause in a fine-tuning: measures, and what each image says of one."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from acrank.finetuning.jackknife import Values
from acrank.finetuning.loop import LogRow, Training
from acrank.finetuning.state import forget_state, refuse_other
from acrank.finetuning.tuning import SplitImages
from acrank.utils.alone import alone_in
from acrank.utils.files import unusable_folder, write_whole
from acrank.utils.serialise import finite, json_text


@dataclass(frozen=True)
class Paused:
    """A fine-tuning between two epochs.

    Attributes:
        folder: folder of the fine-tuning.
        epoch: number of epochs that are done; fewer than were asked for if it has stopped.
        val: measures of the network as it is now on the validation images, by name; NaN where one
            is not defined; empty if the network has diverged.
        each: what each validation image says of ``measure``, (N,), higher better
            (:meth:`acrank.finetuning.objective.Judgement.each`); NaN if the network has diverged.
        keys: ids of the validation images, N of them.
        log: a row for each epoch.
        stopped: reason why it goes no further; else empty.
        diverged: True if the last epoch gave numbers that are not finite.
        measure: measure that chooses the best epoch: ``loss`` where the configured one is not
            defined on the validation images.
        train_images: number of training images.
        val_images: number of validation images.
        params: numbers of parameters of the network that are trained, and of all.
        input_size: channels and pixels along each axis of what the network takes.
        notes: notices on the images.
        kept: True if an earlier call had come to this pause.
    """

    folder: Path
    epoch: int
    val: dict[str, float]
    each: Values
    keys: tuple[str, ...]
    log: tuple[LogRow, ...]
    stopped: str
    diverged: bool
    measure: str
    train_images: int
    val_images: int
    params: tuple[int, int]
    input_size: tuple[int, ...]
    notes: tuple[str, ...]
    kept: bool = False


def pause_record(training: Training, images: SplitImages[Any]) -> dict[str, Any]:
    """Judge the network as it is now, unless the last epoch has, and describe the pause.

    Args:
        training: training between two epochs.
        images: images of the fine-tuning.
    """
    setup, val, each = training.setup, {}, [math.nan] * len(images.validation)
    if not training.diverged:
        judgement = training.judgement or setup.judge(training.judged)
        val, each = judgement.measures(), judgement.each(images.monitor).tolist()
    return {
        "epoch": training.epoch,
        "val": finite(val),
        "each": [value if math.isfinite(value) else None for value in each],
        "keys": list(images.validation.keys),
        "log": [finite(row) for row in training.log],
        "stopped": training.stopped,
        "diverged": training.diverged,
        "measure": images.monitor,
        "train_images": len(images.training),
        "val_images": len(images.validation),
        "params": list(training.params),
        "input_size": list(setup.objective.input_size),
        "notes": list(images.notes),
    }


def save_pause(folder: Path, epochs: int, record: dict[str, Any]) -> None:
    """Write the outcome of the pause after some epochs.

    Raises:
        ConfigError: it cannot be written.
    """
    write_whole(_file(folder, epochs), json_text(record))


def load_pause(
    folder: Path, epochs: int, identity: str, note: Callable[[str], None]
) -> dict[str, Any] | None:
    """Load the outcome of the pause after some epochs; None if there is none.

    Args:
        folder: folder of the fine-tuning.
        epochs: number of epochs that were asked for.
        identity: hash of the network, the settings and the data.
        note: takes a sentence on a damaged file, which counts as none.

    Raises:
        OtherFinetuningError: it is of another fine-tuning.
    """
    path = _file(folder, epochs)
    if not path.is_file():
        return None
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
        paused_of(folder, record)
        record["device"]["precision"]
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        reason = " ".join(str(error).split())[:200]
        note(f"{path} cannot be read ({reason}), so the network is judged again")
        return None
    refuse_other(path, record.get("identity"), identity)
    found: dict[str, Any] = record
    return found


def paused_of(folder: Path, record: dict[str, Any], *, kept: bool = False) -> Paused:
    """Make the outcome of a pause from its record."""
    return Paused(
        folder=folder,
        epoch=record["epoch"],
        val=_numbers(record["val"]),
        each=np.array(record["each"], dtype=np.float64),  # None becomes NaN
        keys=tuple(record["keys"]),
        log=tuple(_numbers(row) for row in record["log"]),
        stopped=record["stopped"],
        diverged=record["diverged"],
        measure=record["measure"],
        train_images=record["train_images"],
        val_images=record["val_images"],
        params=(record["params"][0], record["params"][1]),
        input_size=tuple(record["input_size"]),
        notes=tuple(record["notes"]),
        kept=kept,
    )


def forget_pauses(folder: Path) -> None:
    """Remove the outcomes of all pauses."""
    for file in folder.glob("pause-*.json"):
        file.unlink(missing_ok=True)


def drop_state(folder: Path) -> None:
    """Remove the weights of a fine-tuning that goes no further, and keep its pauses.

    Raises:
        ConfigError: the folder cannot be used, or another process is at work in it.
    """
    with alone_in(folder):
        try:
            forget_state(folder)
        except OSError as error:
            raise unusable_folder(folder, error) from None


def _file(folder: Path, epochs: int) -> Path:
    return folder / f"pause-{epochs}.json"


def _numbers(values: dict[str, Any]) -> dict[str, Any]:
    return {name: math.nan if value is None else value for name, value in values.items()}
