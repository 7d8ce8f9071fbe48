"""How the tests start other processes: with this acrank, and with the tests' own precision."""

import os
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
# bf16 makes --precision auto mean that everywhere, as on a processor that has it.
AUTO = os.environ.get("ACRANK_TEST_AUTO", "")
BF16 = ROOT / "tests" / "auto_bf16"


def python_path(*folders: Path) -> str:
    """``PYTHONPATH`` of a process that is to find acrank, and modules in some folders."""
    places = (*([BF16] if AUTO == "bf16" else []), ROOT, *folders)
    return os.pathsep.join(map(str, places))
