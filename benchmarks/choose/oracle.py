"""Fine-tune every candidate in every way: what somebody with all the time would choose from.

    python benchmarks/choose/oracle.py STUDY --csv benchmarks/choose/raw/oracle.csv

Seed 0 of all datasets comes first. A row is added as soon as an arm is done, and arms that are in
the file are not repeated: two calls with different seeds may share a file. Seconds are of the
processor, of one thread, so that what else the machine does matters little; the judgement of test
images is not in them.
"""

from __future__ import annotations

import argparse
import csv
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from lay_out import DATASETS, PAIRS, SEEDS, UNSEEN, Dataset
from recipe import ARMS, MONITOR, Arm, candidates, settings

from acrank import AcrankError
from acrank.finetuning.config import make_finetune_config
from acrank.finetuning.loop import LogRow
from acrank.finetuning.run import finetune

KEYS = ("dataset", "seed", "model", "method", "lr")
COLUMNS = (
    *(*KEYS, "measure", "val", "val_loss", "test", "best_epoch", "diverged"),
    *("seconds", "curve", "clock", "reason"),
)
Row = dict[str, str]


def main() -> None:
    """Run the arms that are not in the file."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("study", type=Path)
    parser.add_argument("--csv", type=Path, required=True)
    names = [dataset.name for dataset in DATASETS]
    parser.add_argument("--datasets", nargs="*", choices=names, default=names)
    seeds = (*SEEDS, *UNSEEN)
    parser.add_argument("--seeds", nargs="*", type=int, choices=seeds, default=seeds)
    given = parser.parse_args()
    for dataset, seed in PAIRS:
        if seed in given.seeds and dataset.name in given.datasets:
            for entry in candidates(dataset, given.study):
                for arm in ARMS:
                    key = name_of(dataset, seed, entry["name"], arm)
                    if key not in [{k: row[k] for k in KEYS} for row in read(given.csv)]:
                        row = {**key, **tune(dataset, seed, entry["name"], arm, given.study)}
                        append(given.csv, row)
                        print(row, flush=True)


def name_of(dataset: Dataset, seed: int, model: str, arm: Arm) -> Row:
    """What tells an arm apart."""
    lr = "" if arm.lr is None else f"{arm.lr:g}"
    return dict(zip(KEYS, (dataset.name, str(seed), model, arm.method, lr), strict=True))


def tune(dataset: Dataset, seed: int, model: str, arm: Arm, study: Path) -> Row:
    """One fine-tuning: what it reached, when, and the seconds of the processor it took."""
    clock: list[float] = []
    measure = MONITOR[dataset.kind]
    chosen: dict[str, Any] = {"model": model, "method": arm.method, "lr": arm.lr}
    test = {"test": str(study / dataset.name / "test")}
    config = make_finetune_config({**settings(dataset, seed, study), **chosen, **test})
    started = time.process_time()

    def note(row: LogRow, epochs: int) -> None:
        clock.append(time.process_time() - started)

    with tempfile.TemporaryDirectory() as folder:
        try:
            record = finetune(config, Path(folder), weights=False, say=note).record
        except AcrankError as error:
            return {
                "measure": measure,
                "reason": str(error),
                "seconds": f"{max(clock, default=0.0):.2f}",
            }
    curve = [row.get(f"val_{measure}") for row in record["log"]]
    return {
        "measure": measure,
        "val": number(record["val"][measure]),
        "val_loss": number(record["val"]["loss"]),
        "test": number(record.get("test", {}).get(measure)),
        "best_epoch": str(record["best_epoch"]),
        "diverged": str(record["diverged"]),
        "seconds": f"{clock[-1]:.2f}",
        "curve": " ".join(number(value) for value in curve),
        "clock": " ".join(f"{value:.2f}" for value in clock),
        "reason": record.get("not_tested", ""),
    }


def number(value: float | None) -> str:
    """A measure as text; a dash for none."""
    return "-" if value is None else f"{value:.4f}"


def read(path: Path) -> list[Row]:
    """The rows of a CSV file; none where there is no file."""
    if not path.exists():
        return []
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def append(path: Path, row: Mapping[str, str], columns: Sequence[str] = COLUMNS) -> None:
    """Add a row to a CSV file; columns that it lacks stay empty."""
    path.parent.mkdir(parents=True, exist_ok=True)
    new = not path.exists()
    with path.open("a", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, columns, restval="", lineterminator="\n")
        if new:
            writer.writeheader()
        writer.writerow(row)


if __name__ == "__main__":
    main()
