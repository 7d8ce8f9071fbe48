"""Wall time and memory of one zoo under each engine, as ratios to the sum of its probe times.

Twelve timm architectures with random weights on disk. ``sequential`` loads a network only when the
one before is done; ``in process`` is what ``acrank score`` does: the next is loaded meanwhile.

    python benchmarks/jobs.py --data FOLDER --csv benchmarks/jobs.csv
"""

from __future__ import annotations

import argparse
import csv
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import torch
from probe_cost import ZOO, machine, save_zoo
from watch import Watched, watch

from acrank.results import ModelResult
from acrank.runners.model import Candidate, ModelRunner

MODELS = (*ZOO, "mnasnet_100", "regnetx_008")
MODES: dict[str, tuple[str, ...]] = {
    "in process": (),
    "--jobs 2": ("--jobs", "2"),
    "--engine ray": ("--engine", "ray", "--jobs", "2"),
}
COLUMNS = (
    *("mode", "round", "wall_s", "probes_s", "ratio", "parent_mb", "children_mb"),
    *("models", "images", "threads", "machine"),
)


def main() -> None:
    """Run every mode in turns and write a row each."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", required=True)
    parser.add_argument("--csv", type=Path)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--samples", type=int, default=64)
    parser.add_argument("--batch-size", type=int, default=32)
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--sequential", metavar="ZOO", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.sequential:
        _sequential(arguments)
        return
    with tempfile.TemporaryDirectory() as folder, arguments.csv.open("w", newline="") as file:
        zoo = save_zoo(Path(folder), MODELS)
        env = {**os.environ, "ACRANK_CACHE": folder}
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(COLUMNS)
        for number in range(arguments.rounds):
            for mode, found, probes in _modes(arguments, zoo, env):
                memory = [round(size / 1e6) for size in (found.parent, found.children)]
                times = [round(found.seconds, 1), round(probes, 1)]
                row = [mode, number, *times, round(found.seconds / probes, 3), *memory]
                row += [len(MODELS), arguments.samples, arguments.threads, machine()]
                writer.writerow(row)
                file.flush()
                print(*row, flush=True)


def _modes(
    arguments: argparse.Namespace, zoo: Path, env: dict[str, str]
) -> Iterator[tuple[str, Watched, float]]:
    own = [sys.executable, __file__, "--data", arguments.data, "--sequential", str(zoo)]
    own += ["--threads", str(arguments.threads), "--samples", str(arguments.samples)]
    own += ["--batch-size", str(arguments.batch_size)]
    first = watch(own, env)
    probes = float(first.stderr.rpartition("probes ")[2])
    yield "sequential", first, probes
    for mode, options in MODES.items():
        command = [sys.executable, "-m", "acrank", *_options(arguments, str(zoo)), *options]
        yield mode, watch(command, env), probes


def _options(arguments: argparse.Namespace, zoo: str) -> list[str]:
    options = ["score", "--data", arguments.data, "--zoo", zoo, "--precision", "fp32", "--fresh"]
    sizes = ["--threads", str(arguments.threads), "--samples", str(arguments.samples)]
    sizes += ["--batch-size", str(arguments.batch_size)]
    return [*options, *sizes, "--format", "csv"]


def _sequential(arguments: argparse.Namespace) -> None:
    """The command with nothing ahead; says how long the probes took."""
    from acrank.cli import main as command
    from acrank.runners import inprocess

    spent: list[float] = []
    finish = ModelRunner.finish

    def timed(runner: ModelRunner, prepared: Candidate) -> ModelResult:
        begun = time.perf_counter()
        result = finish(runner, prepared)
        spent.append(time.perf_counter() - begun)
        return result

    def plain(work: Callable[[Any], Any], inputs: Iterable[Any]) -> Iterator[Any]:
        return map(work, inputs)

    ModelRunner.finish = timed  # type: ignore[method-assign, assignment]
    inprocess.ahead = plain
    sys.argv = ["acrank", *_options(arguments, arguments.sequential)]
    try:
        command()
    finally:
        print("probes", sum(spent), file=sys.stderr)


if __name__ == "__main__":
    main()
