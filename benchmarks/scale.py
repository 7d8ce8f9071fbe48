"""Time and memory of long zoos of one tiny network: both must stay flat per entry.

python benchmarks/scale.py --csv benchmarks/scale.csv
"""

from __future__ import annotations

import argparse
import csv
import os
import sys
import tempfile
from pathlib import Path

import torch
import yaml
from probe_cost import machine
from watch import Watched, watch

from acrank.zoo import read_zoo

SIZES = (10, 100, 1000)
KINDS: dict[str, tuple[str, ...]] = {
    "in process": (),
    "kept": (),
    "--jobs 2": ("--jobs", "2", "--fresh"),
}
COLUMNS = (
    *("kind", "entries", "wall_s", "ms_per_entry", "parent_mb", "children_mb"),
    *("kb_per_entry", "threads", "machine"),
)


def main() -> None:
    """Run zoos of growing length, and write a row each."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--csv", type=Path, required=True)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    arguments = parser.parse_args()
    before: dict[str, tuple[int, Watched]] = {}
    with arguments.csv.open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(COLUMNS)
        for size in SIZES:
            with tempfile.TemporaryDirectory() as folder:
                zoo = _write_zoo(Path(folder), size)
                for kind, options in KINDS.items():
                    found = _run(zoo, arguments.threads, options)
                    # what a run costs beside its entries cancels between two sizes
                    last, earlier = before.get(kind, (0, found))
                    grown = (size - last) if last else size
                    spent = found.seconds - (earlier.seconds if last else 0)
                    memory = found.parent - (earlier.parent if last else 0)
                    before[kind] = (size, found)
                    row = [kind, size, round(found.seconds, 1), round(1000 * spent / grown, 1)]
                    row += [round(found.parent / 1e6), round(found.children / 1e6)]
                    row += [round(memory / grown / 1e3, 1) if last else ""]
                    row += [arguments.threads, machine()]
                    writer.writerow(row)
                    file.flush()
                    print(*row, flush=True)


def _write_zoo(folder: Path, size: int) -> Path:
    """So many names for one demo network."""
    entry = read_zoo("demo").entries[0]
    fields = entry.model_dump(mode="json", exclude_none=True, exclude={"tags", "note"})
    fields["weights"] = str(entry.path(str(entry.weights)).resolve())
    models = [{**fields, "name": f"tiny-{number:04d}"} for number in range(size)]
    zoo = folder / "zoo.yaml"
    zoo.write_text(yaml.safe_dump({"version": 1, "models": models}))
    return zoo


def _run(zoo: Path, threads: int, options: tuple[str, ...]) -> Watched:
    command = [sys.executable, "-m", "acrank", "score", "--data", "demo", "--zoo", str(zoo)]
    command += ["--samples", "16", "--batch-size", "8", "--threads", str(threads)]
    command += ["--precision", "fp32", "--format", "csv", *options]
    return watch(command, {**os.environ, "ACRANK_CACHE": str(zoo.parent / "kept")})


if __name__ == "__main__":
    main()
