"""Work in the folder of a fine-tuning: alone, with randomness and precision of its own."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import torch

from acrank.errors import ModelError, NotScoredError
from acrank.finetuning.config import FinetuneConfig
from acrank.finetuning.paused import forget_pauses
from acrank.finetuning.state import RECORD, STATE, OtherFinetuningError
from acrank.utils.alone import alone_in
from acrank.utils.device import (
    choose_autocast,
    choose_device,
    cpu_threads,
    precision_name,
    reproducible,
)
from acrank.utils.files import remove_unfinished, unusable_folder


@contextmanager
def at_work(config: FinetuneConfig, output: Path, *, fresh: bool) -> Iterator[torch.device]:
    """Make the folder, be alone in it, and give the device to work on.

    Args:
        config: configuration of the fine-tuning.
        output: folder for the result.
        fresh: remove what an earlier fine-tuning has left in the folder.

    Raises:
        NotScoredError: the work raised a ModelError.
        ConfigError: the folder cannot be used, or another process is at work in it.
    """
    device = choose_device(config.device)
    torch.set_num_threads(cpu_threads(config.threads))
    with alone_in(output), own_randomness(), reproducible(device):
        _tidy(output, fresh)
        try:
            yield device
        except ModelError as error:
            raise NotScoredError(error.message, hint=error.hint) from error


def chosen_precision(
    config: FinetuneConfig,
    device: torch.device,
    kept: str | None,
    output: Path,
    note: Callable[[str], None],
) -> str:
    """Choose ``fp32`` or ``bf16``; ``auto`` keeps that of the folder, if it has one.

    Args:
        config: configuration of the fine-tuning.
        device: device of the fine-tuning.
        kept: precision in which the fine-tuning in the folder began; None for none.
        output: folder of the fine-tuning.
        note: takes a sentence where that is not what the device would have.

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


def _tidy(output: Path, fresh: bool) -> None:
    try:
        remove_unfinished(output)
        if fresh:
            for name in (STATE, RECORD):
                (output / name).unlink(missing_ok=True)
            forget_pauses(output)
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
