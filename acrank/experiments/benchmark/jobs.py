"""Fine-tune one model on one dataset with one seed, in a worker process of an experiment."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from acrank.finetuning.catalogue import SMALLER_RATE
from acrank.finetuning.config import FinetuneConfig
from acrank.utils.files import write_whole
from acrank.utils.serialise import json_text

if TYPE_CHECKING:
    from acrank.finetuning.result import Finetuned


@dataclass(frozen=True)
class Job:
    """One fine-tuning of an experiment, a row of ``cells.csv``.

    Attributes:
        dataset: name of the dataset.
        model: name of the model.
        lr: learning rate; None for the method's usual one.
        seed: seed of the fine-tuning.
        config: configuration of the fine-tuning.
        folder: folder for its result.
        keep_weights: keep the weights in the folder.
    """

    dataset: str
    model: str
    lr: float | None
    seed: int
    config: FinetuneConfig
    folder: Path
    keep_weights: bool = False

    @property
    def name(self) -> str:
        """The name that messages use."""
        rate = "" if self.lr is None else f", lr {self.lr:g}"
        return f"{self.dataset}: {self.model}{rate}, seed {self.seed}"


@dataclass(frozen=True)
class Outcome:
    """The outcome of one fine-tuning.

    Attributes:
        job: the fine-tuning.
        val: measures on the validation images in the epoch that was kept; empty after a failure.
        test: measures on the test images.
        seconds: time that it took; if it was interrupted, the time since it went on.
        reason: reason of a failure; else empty.
        kept: True if an earlier run had finished it.
        stopped: reason why it ended early after a good epoch; else empty.
        notes: notices about the images.
    """

    job: Job
    val: dict[str, float | None]
    test: dict[str, float | None]
    seconds: float = 0.0
    reason: str = ""
    kept: bool = False
    stopped: str = ""
    notes: tuple[str, ...] = ()


def untuned(job: Job, reason: str, seconds: float) -> Outcome:
    """Return the outcome of a fine-tuning without a result."""
    return Outcome(job, {}, {}, seconds, reason)


def tune(job: Job) -> Outcome:
    """Run a fine-tuning unless it is finished, and turn any error into its outcome."""
    from acrank.utils.failures import explain_failure

    started = time.perf_counter()
    try:
        done = _finetune(job)
        seconds = _seconds(job.folder, None if done.kept else time.perf_counter() - started)
    except Exception as error:  # one model's trouble must not end an experiment over many
        return untuned(job, explain_failure(error), time.perf_counter() - started)
    record = done.record
    return Outcome(
        job,
        record["val"],
        record.get("test", {}),
        seconds,
        record.get("not_tested", ""),
        done.kept,
        f"{record['stopped']}. {SMALLER_RATE}" if record["diverged"] else "",
        tuple(record["notes"]),
    )


def _finetune(job: Job) -> Finetuned:
    """Keep a finished result, continue an unfinished one, and replace one of older data."""
    from acrank.finetuning.run import finetune
    from acrank.finetuning.state import OtherFinetuningError

    try:
        return finetune(job.config, job.folder, weights=job.keep_weights)
    except OtherFinetuningError:
        return finetune(job.config, job.folder, weights=job.keep_weights, fresh=True)


def _seconds(folder: Path, spent: float | None) -> float:
    """Write down the seconds that were spent, or read them if an earlier run finished."""
    file = folder / "seconds.json"
    if spent is not None:
        write_whole(file, json_text(spent))
        return spent
    return float(json.loads(file.read_text())) if file.is_file() else 0.0
