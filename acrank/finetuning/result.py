"""Write the result of a fine-tuning: weights, log and a record of everything."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from acrank.cache.code import library_versions
from acrank.errors import ModelError
from acrank.finetuning.catalogue import SMALLER_RATE
from acrank.finetuning.config import FinetuneConfig
from acrank.finetuning.export import ONNX
from acrank.finetuning.loop import LogRow, Training
from acrank.finetuning.network import Network
from acrank.finetuning.objective import Judgement, NotFiniteError
from acrank.finetuning.state import forget_state, save_record, sums
from acrank.finetuning.tuning import SplitImages
from acrank.utils.files import write_whole
from acrank.utils.serialise import csv_text, finite
from acrank.zoo import Backbone

LOG = "log.csv"
# Advice where the outputs are not finite before any step.
NOT_THE_RATE = (
    "No learning rate helps: the weights may hold values that are not finite, or too large ones "
    "for --precision bf16."
)


@dataclass(frozen=True)
class Finetuned:
    """A finished fine-tuning.

    Attributes:
        folder: folder with weights, log and record.
        record: configuration, best epoch, measures on validation and test images, the device and
            the precision as they were.
        log: a row for each epoch.
        kept: True if an earlier call had finished it.
    """

    folder: Path
    record: dict[str, Any]
    log: tuple[LogRow, ...]
    kept: bool = False


def finish(
    config: FinetuneConfig,
    output: Path,
    identity: str,
    images: SplitImages[Any],
    backbone: Backbone,
    training: Training,
    network: Network,
    *,
    device: dict[str, Any],
    weights: bool = True,
) -> Finetuned:
    """Put the best epoch's weights back, judge them, and write the result.

    Raises:
        ModelError: no epoch was good. Nothing is left to go on from.
    """
    require_good(training, output, backbone)
    network.load_state_dict(training.best.state)
    setup = training.setup
    setup.method.finish(network, fold=config.fold)
    judged = {"val": setup.judge(network)}
    untested = ""
    if images.test is not None:
        try:
            judged["test"] = setup.objective.judge(network, images.test, setup.autocast)
        except NotFiniteError:
            untested = "its outputs on test images are not finite"
    setup.objective.write(output, judged, network)
    write_whole(output / LOG, csv_text(_columns(training.log), training.log))
    network.cpu()
    (output / ONNX).unlink(missing_ok=True)  # of other weights, from before
    unloadable = setup.objective.save(output, backbone, network) if weights else ""
    record = _record(config, identity, images, backbone, training, judged)
    record["device"] = device
    if untested:
        record["not_tested"] = untested
    if unloadable:
        record["not_for_timm"] = unloadable
    if weights:
        record["files"] = sums(output, images.tuning.files)
    save_record(output, record)
    return Finetuned(output, record, tuple(training.log))


def outcomes(judged: Judgement, measure: str) -> list[float | None]:
    """Return what each image says of a measure, as JSON can hold it: None for nothing."""
    return [value if math.isfinite(value) else None for value in judged.each(measure).tolist()]


def require_good(training: Training, output: Path, backbone: Backbone) -> None:
    """Refuse a training that has ended without a good epoch.

    Raises:
        ModelError: no epoch was good. Nothing is left to go on from.
    """
    if not training.best.epoch:
        forget_state(output)
        raise ModelError(
            f"{backbone.entry.name}: {training.stopped}, before any epoch had finite results.",
            hint=SMALLER_RATE if training.steps else NOT_THE_RATE,
        )


def _record(
    config: FinetuneConfig,
    identity: str,
    images: SplitImages[Any],
    backbone: Backbone,
    training: Training,
    judged: dict[str, Judgement],
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
        "lr": config.highest_lr,
        "best_epoch": training.best.epoch,
        "chosen_by": images.monitor,
        "stopped": training.stopped or None,
        "diverged": training.diverged,
        "notes": list(images.notes),
        **{name: finite(found.measures()) for name, found in judged.items()},
        "each": {name: outcomes(found, images.monitor) for name, found in judged.items()},
        "versions": library_versions(),
        "log": [finite(row) for row in training.log],
    }


def _columns(log: list[LogRow]) -> list[str]:
    return list(dict.fromkeys(name for row in log for name in row))
