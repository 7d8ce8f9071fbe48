"""How the tests start other processes: with this acrank, and with the tests' own precision."""

import os
import sys
from multiprocessing import get_context
from multiprocessing.context import BaseContext
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
# bf16 makes --precision auto mean that everywhere, as on a processor that has it.
AUTO = os.environ.get("ACRANK_TEST_AUTO", "")
BF16 = ROOT / "tests" / "auto_bf16"


def python_path(*folders: Path) -> str:
    """``PYTHONPATH`` of a process that is to find acrank, and modules in some folders."""
    places = (*([BF16] if AUTO == "bf16" else []), ROOT, *folders)
    return os.pathsep.join(map(str, places))


def started_at_once() -> BaseContext:
    """Processes that are forked off one which has imported torch and acrank already.

    Where a fork is unsafe they are started anew, as the command line starts its workers. What the
    environment holds is that of the first process.
    """
    if sys.platform != "linux":  # libraries of other systems may not survive a fork
        return get_context("spawn")
    context = get_context("forkserver")
    context.set_forkserver_preload(
        ["acrank.cli.finetune", "acrank.finetuning.run", "acrank.runners.processes"]
    )
    return context
