"""Run one lap of an arm, or a whole fine-tuning, where the arms run: here, in a worker, on Ray."""

from __future__ import annotations

import json
import math
import shutil
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from acrank.finetuning.config import FinetuneConfig
from acrank.tasks.registry import every_measure

if TYPE_CHECKING:
    from acrank.finetuning.loop import LogRow
    from acrank.finetuning.result import Finetuned
    from acrank.finetuning.tuning import SplitImages


@dataclass(frozen=True)
class Job:
    """A fine-tuning, or a part of one.

    Attributes:
        key: what its result is kept under.
        name: name in messages.
        config: configuration of the fine-tuning.
        folder: folder of the fine-tuning.
        until: epochs after which it pauses; None for all, with the best epoch's network written.
        weights: write the weights of a whole fine-tuning, or with ``until`` those of the pause,
            which has been before.
        clock: gives the time.
        epoch: takes each row of the log of a whole fine-tuning; None for nobody, and for a job
            that another process is to run.
    """

    key: str
    name: str
    config: FinetuneConfig
    folder: Path
    until: int | None = None
    weights: bool = False
    clock: Callable[[], float] = time.perf_counter
    epoch: Callable[[LogRow, int], None] | None = None


@dataclass(frozen=True)
class Ran:
    """The result of a job.

    Attributes:
        key: key of the job.
        value: measure on the validation images; None after a failure.
        each: outcomes on the validation images whose mean it is, (N,); empty after a failure.
        test: outcomes on the test images, (M,); empty without any.
        measure: key of the measure; ``loss`` where the configured one is not defined.
        seconds: time that it took.
        epoch: time that its last epoch took; 0 if this call trained none.
        reason: reason of a failure; else empty.
        curve: measure on the validation images after each epoch.
        input_size: sides of the images.
        notes: notices about the images and the network.
    """

    key: str
    value: float | None = None
    each: tuple[float | None, ...] = ()
    test: tuple[float | None, ...] = ()
    measure: str = ""
    seconds: float = 0.0
    epoch: float = 0.0
    reason: str = ""
    curve: tuple[float | None, ...] = ()
    input_size: tuple[int, ...] = ()
    notes: tuple[str, ...] = ()


def ran_from(record: dict[str, Any]) -> Ran:
    """Read a result that was kept as JSON."""
    fields: dict[str, Any] = {
        name: tuple(value) if isinstance(value, list) else value for name, value in record.items()
    }
    return Ran(**fields)


def failed(job: Job, reason: str, seconds: float) -> Ran:
    """Make the result of a job that has none, or whose worker ended."""
    return Ran(job.key, seconds=seconds, reason=reason)


def run_job(job: Job) -> Ran:
    """Fine-tune; go on where an earlier call was stopped.

    Raises:
        AcrankError: it cannot be fine-tuned.
    """
    from acrank.finetuning.state import OtherFinetuningError

    opened(job.config)  # read once for many jobs, and so no part of the time of this one
    started = job.clock()
    try:
        ran = _run(job)
    except OtherFinetuningError:  # of weights that have changed since, or of another budget
        shutil.rmtree(job.folder)
        ran = _run(job)
    return replace(ran, seconds=job.clock() - started)


def _run(job: Job) -> Ran:
    from acrank.finetuning.run import finetune, finetune_until, leave_network

    ends = [job.clock()]

    def note(row: LogRow, epochs: int) -> None:
        ends.append(job.clock())
        if job.epoch:
            job.epoch(row, epochs)

    def last() -> float:
        return ends[-1] - ends[-2] if len(ends) > 1 else 0.0

    if job.until is not None and job.weights:
        left = leave_network(job.config, job.folder, opener=opened)
        return Ran(job.key, reason="" if left else "there is no state of it")
    if job.until is None:
        done = finetune(job.config, job.folder, weights=job.weights, say=note, opener=opened)
        return replace(ran_of(job, done), epoch=last())
    paused = finetune_until(job.config, job.folder, job.until, say=note, opener=opened)
    if paused.diverged:
        return Ran(job.key, reason=f"it diverged: {paused.stopped}", notes=tuple(paused.notes))
    return Ran(
        job.key,
        value=_signed(paused.val, paused.measure),
        each=_finite(paused.each),
        measure=paused.measure,
        epoch=last(),
        curve=_curve(paused.log, paused.measure),
        input_size=tuple(paused.input_size[1:]),
        notes=tuple(paused.notes),
    )


# Settings that say nothing of the images: arms that differ in them have the same.
_OF_TRAINING = {
    *("model", "zoo", "method", "options", "epochs", "cycles", "head_epochs", "accumulate"),
    *("optimizer", "lr", "head_lr_factor", "momentum", "weight_decay", "schedule", "warmup"),
    *("label_smoothing", "class_weights", "ema", "patience", "fold", "precision", "threads"),
    *("device", "trust_code", "allow_partial"),
}


def opened(config: FinetuneConfig) -> SplitImages[Any]:
    """Return the images of a fine-tuning, which are read once for all arms on the same images."""
    shared = config.model_dump(mode="json", exclude=_OF_TRAINING)
    return _opened(json.dumps(shared, sort_keys=True))


@lru_cache(maxsize=1)  # two datasets at a time could be too much for memory
def _opened(settings: str) -> SplitImages[Any]:
    from acrank.finetuning.inputs import open_images

    return open_images(FinetuneConfig.model_validate({**json.loads(settings), "model": "-"}))


def ran_of(job: Job, done: Finetuned) -> Ran:
    """Return what a race needs to know of a whole fine-tuning."""
    record = done.record
    if record["diverged"]:  # its best epoch is that of a training that went wrong
        return Ran(job.key, reason=f"it diverged: {record['stopped']}")
    measure = record["chosen_by"]
    return Ran(
        job.key,
        value=_signed(record["val"], measure),
        each=_finite(record["each"].get("val", ())),
        test=_finite(record["each"].get("test", ())),
        measure=measure,
        curve=_curve(done.log, measure),
        notes=tuple(record["notes"]),
    )


def _signed(measures: Mapping[str, Any], name: str) -> float | None:
    """Return a measure so that higher is better; None where it is not defined."""
    value = measures.get(name)
    if value is None or not math.isfinite(value):
        return None
    lower = {measure.key for measure in every_measure() if not measure.higher_is_better}
    return -float(value) if name in lower else float(value)


def _curve(log: Iterable[Mapping[str, Any]], measure: str) -> tuple[float | None, ...]:
    return tuple(
        _signed({measure: row.get(f"val_{measure}")}, measure) for row in log if row["epoch"]
    )


def _finite(values: Iterable[float | None]) -> tuple[float | None, ...]:
    """Replace what is not finite, which JSON cannot hold."""
    return tuple(
        None if value is None or not math.isfinite(value) else float(value) for value in values
    )
