"""The fine-tunings of an experiment: which there are, and one of them in a worker process."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
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
class Cell:
    """One fine-tuning.

    Attributes:
        dataset: its name.
        model: likewise.
        lr: learning rate; None for the method's usual one.
        seed: of the fine-tuning.
        config: of it.
        folder: for its result.
        keep_weights: whether the weights stay in the folder.
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
        """For messages."""
        rate = "" if self.lr is None else f", lr {self.lr:g}"
        return f"{self.dataset}: {self.model}{rate}, seed {self.seed}"


@dataclass(frozen=True)
class Outcome:
    """What became of a fine-tuning.

    Attributes:
        cell: the fine-tuning.
        val: measures on the validation images of the epoch that was kept; empty if it failed.
        test: on the test images.
        seconds: it took; if it was stopped in between, since it went on.
        reason: why it failed; empty otherwise.
        kept: whether it had been finished before.
        stopped: why it ended early, if its network diverged after a good epoch; else empty.
        notes: what a user should know of the images.
    """

    cell: Cell
    val: dict[str, float | None]
    test: dict[str, float | None]
    seconds: float = 0.0
    reason: str = ""
    kept: bool = False
    stopped: str = ""
    notes: tuple[str, ...] = ()


def tune(cell: Cell) -> Outcome:
    """Run a fine-tuning, or find that it has been finished; whatever goes wrong is its outcome."""
    from acrank.utils.failures import explain_failure

    started = time.perf_counter()
    try:
        done = _finetune(cell)
        seconds = _seconds(cell.folder, None if done.kept else time.perf_counter() - started)
    except Exception as error:  # one model's trouble must not end an experiment over many
        return Outcome(cell, {}, {}, time.perf_counter() - started, explain_failure(error))
    record = done.record
    return Outcome(
        cell,
        record["val"],
        record.get("test", {}),
        seconds,
        record.get("not_tested", ""),
        done.kept,
        f"{record['stopped']}. {SMALLER_RATE}" if record["diverged"] else "",
        tuple(record["notes"]),
    )


def _finetune(cell: Cell) -> Finetuned:
    """Keep what is finished, go on with what is not, and replace what is of older data."""
    from acrank.finetuning.run import finetune
    from acrank.finetuning.state import OtherFinetuningError

    try:
        return finetune(cell.config, cell.folder, weights=cell.keep_weights)
    except OtherFinetuningError:
        return finetune(cell.config, cell.folder, weights=cell.keep_weights, fresh=True)


def _seconds(folder: Path, spent: float | None) -> float:
    """What a fine-tuning took: written down, or read if it had been finished before."""
    file = folder / "seconds.json"
    if spent is not None:
        write_whole(file, json_text(spent))
        return spent
    return float(json.loads(file.read_text())) if file.is_file() else 0.0


def open_tuner(threads: int) -> Callable[[Cell], Outcome]:
    """Begin to fine-tune cells in a worker process.

    Args:
        threads: for CPU arithmetic.
    """
    import torch

    torch.set_num_threads(threads)
    return tune
