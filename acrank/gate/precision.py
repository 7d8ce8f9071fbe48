"""The precision of a run that is to be compared with a baseline."""

from __future__ import annotations

from pathlib import Path

from acrank.config import RunConfig
from acrank.results.file import read_ranking


def as_of_baseline(config: RunConfig, baseline: Path) -> tuple[RunConfig, str]:
    """Settle a precision that is left to acrank: that of the baseline, whatever this machine has.

    Numbers of bf16 and of fp32 are no numbers of one experiment, and which of them ``auto`` finds
    depends on the processor. PyTorch computes bf16 on any, in software where it must.

    Args:
        config: of the run.
        baseline: written by ``acrank score --json``.

    Returns:
        The configuration, and a sentence on what was settled; empty where nothing was.

    Raises:
        DataError: the baseline cannot be read.
    """
    precision = read_ranking(baseline).record["device"].get("precision")
    if config.precision != "auto" or precision not in ("fp32", "bf16"):
        return config, ""
    slow = "; processors without bf16 emulate it, which is slow" if precision == "bf16" else ""
    said = f"--precision auto is {precision} here, as in the baseline '{baseline}'{slow}."
    return config.model_copy(update={"precision": precision}), said
