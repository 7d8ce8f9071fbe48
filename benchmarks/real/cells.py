"""Fine-tune every candidate on every dataset, a row of a CSV file as soon as one is done.

    python benchmarks/real/cells.py STUDY --csv benchmarks/real/raw/cells.csv --jobs 2

Rows that are in the file are not repeated, so that it goes on where it was stopped. What matters
most comes first: all candidates with the first seed on one dataset after the other, then the
second seed, then short and small fine-tunings, then the third seed, and then all that on two more
datasets: a study that is stopped has fewer seeds. The first seed, and short and small fine-tunings,
try each learning rate; the other seeds take the one that was best on validation images. On a GPU,
networks run there (``--device``).
"""

from __future__ import annotations

import argparse
import csv
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import astuple, dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import yaml
from targets import TARGETS, Dataset
from zoo import CIFAR

# What every fine-tuning has in common; the rest is as acrank does it anyway.
EPOCHS = 9
RATES = ("0.003", "0.01")
RECIPE: dict[str, Any] = {
    "batch_size": 16,
    "monitor": "accuracy",
    "precision": "fp32",
    "trust_code": True,
}
# How many datasets come first.
FIRST = 6
SHORT, SMALL = (1, 3), 64
# The seed of short and small fine-tunings, so that they share none with what they should predict.
OTHER_SEED = 100
KEYS = ("dataset", "model", "protocol", "seed", "rate")
COLUMNS = (
    *(*KEYS, "val", "val_loss", "test", "test_loss", "first_loss", "last_loss", "best_epoch"),
    *("diverged", "train_seconds", "seconds", "device", "reason"),
)
Row = dict[str, str]


@dataclass(frozen=True)
class Cell:
    """A fine-tuning of the study.

    Attributes:
        dataset, model: names.
        protocol: ``full``; ``epochs1`` and ``epochs3`` for as many; ``pixels64`` for small images.
        seed: of the head, the order and the augmentation.
        rate: highest learning rate of the backbone; the head's is ten times that.
    """

    dataset: str
    model: str
    protocol: str
    seed: int
    rate: str

    @property
    def changes(self) -> dict[str, Any]:
        """The settings that the protocol changes in the recipe."""
        if self.protocol.startswith("epochs"):
            return {"epochs": int(self.protocol.removeprefix("epochs"))}
        if self.protocol == f"pixels{SMALL}" and self.model not in CIFAR:  # they see 32
            return {"image_size": SMALL}
        return {}


def main() -> None:
    """Run the cells that are not in the file."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("study", type=Path)
    parser.add_argument("--csv", type=Path, required=True)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--device", default="auto")
    parser.add_argument("--seeds", type=int, default=3)
    names = [target.name for target in TARGETS]
    parser.add_argument("--datasets", nargs="*", choices=names, default=names)
    parser.add_argument("--models", nargs="*")
    parser.add_argument("--protocols", nargs="*")
    given = parser.parse_args()
    if given.protocols or given.models:
        print("only a part of the study is run", flush=True)
    for protocol, seed, targets in rounds(given.seeds):
        if given.protocols and protocol not in given.protocols:
            continue
        here = [target.name for target in targets if target.name in given.datasets]
        found = cells(given.study, here, protocol, seed, read(given.csv))
        some = [cell for cell in found if not given.models or cell.model in given.models]
        run(some, given.csv, given.study, given.device, given.jobs)


def run(wanted: Sequence[Cell], path: Path, study: Path, device: str, jobs: int) -> None:
    """Run the cells that are not in a file and add their rows to it."""
    done = {tuple(row[k] for k in KEYS) for row in read(path)}
    todo = [cell for cell in wanted if tuple(map(str, astuple(cell))) not in done]
    if not todo:
        return
    with ProcessPoolExecutor(jobs, mp_context=get_context("spawn")) as pool:
        waiting = {pool.submit(tune, cell, study, device): cell for cell in todo}
        for count, future in enumerate(as_completed(waiting), 1):
            row = dict(zip(KEYS, map(str, astuple(waiting[future])), strict=True))
            append(path, {**row, **future.result()})
            print(f"[{count}/{len(todo)}] {row} {future.result()}", flush=True)


def rounds(seeds: int) -> Iterator[tuple[str, int, Sequence[Dataset]]]:
    """Protocols, seeds and datasets, those that matter most first."""
    order = [("full", seed) for seed in range(min(seeds, 2))]
    order += [(f"epochs{n}", OTHER_SEED) for n in SHORT] + [(f"pixels{SMALL}", OTHER_SEED)]
    order += [("full", seed) for seed in range(2, seeds)]
    for targets in (TARGETS[:FIRST], TARGETS[FIRST:]):
        for protocol, seed in order:
            yield protocol, seed, targets


def cells(
    study: Path, datasets: Sequence[str], protocol: str, seed: int, rows: Sequence[Row]
) -> Iterator[Cell]:
    """The cells of a round.

    Args:
        study: the folder of the study.
        datasets: that it is of.
        protocol: as of :class:`Cell`.
        seed: of all.
        rows: those that are done, which tell the learning rates of later seeds.
    """
    models = yaml.safe_load((study / "zoo.yaml").read_text(encoding="utf-8"))["models"]
    own = {(row["dataset"], row["model"]) for row in read(study / "own.csv")}
    best = best_rates(rows)
    for dataset in datasets:
        for entry in models:
            pair = (dataset, entry["name"])
            if pair in own:
                continue
            tried = RATES if protocol != "full" or seed == 0 else best.get(pair, ())
            for rate in tried:
                yield Cell(*pair, protocol, seed, rate)


def best_rates(rows: Sequence[Row]) -> dict[tuple[str, str], tuple[str, ...]]:
    """The learning rate that was best on validation images, by dataset and model.

    Pairs that have not tried all rates with the first seed are left out.
    """
    tried: dict[tuple[str, str], list[Row]] = {}
    for row in rows:
        if row["protocol"] == "full" and row["seed"] == "0":
            tried.setdefault((row["dataset"], row["model"]), []).append(row)
    return {
        pair: (max(some, key=on_validation)["rate"],)
        for pair, some in tried.items()
        if len(some) == len(RATES)
    }


def on_validation(row: Row) -> tuple[float, float]:
    """Accuracy on validation images, then their loss, higher is better."""
    if not row["val"]:  # it failed
        return -1.0, 0.0
    return float(row["val"]), -float(row["val_loss"])


def tune(cell: Cell, study: Path, device: str) -> Row:
    """One fine-tuning: what it reached, and the seconds of the processor that it took.

    ``train_seconds`` is the time until the last epoch is validated, ``seconds`` has the test too;
    on a GPU both are of the clock.
    """
    import torch

    from acrank import AcrankError
    from acrank.finetuning.config import make_finetune_config
    from acrank.finetuning.loop import LogRow
    from acrank.finetuning.run import finetune

    torch.set_num_threads(1)
    on_gpu = device != "cpu" and torch.cuda.is_available()
    now = time.perf_counter if on_gpu else time.process_time
    clock = [now()]
    folder = study / "targets" / cell.dataset
    config = make_finetune_config(
        {
            **{"data": str(folder / "train"), "val": str(folder / "val")},
            **{"test": str(folder / "test")},
            **{"zoo": str(study / "zoo.yaml"), "model": cell.model, "seed": cell.seed},
            **{"epochs": EPOCHS, "lr": float(cell.rate), "device": device, "threads": 1},
            **RECIPE,
            **cell.changes,
        }
    )

    def note(row: LogRow, epochs: int) -> None:
        clock.append(now())

    with tempfile.TemporaryDirectory() as place:
        try:
            record = finetune(config, Path(place), weights=False, say=note).record
        except AcrankError as error:
            return {"reason": str(error)}
    log = record["log"]
    return {
        "val": number(record["val"]["accuracy"]),
        "val_loss": number(record["val"]["loss"]),
        "test": number(record["test"]["accuracy"]),
        "test_loss": number(record["test"]["loss"]),
        "first_loss": number(log[0]["train_loss"]),
        "last_loss": number(log[-1]["train_loss"]),
        "best_epoch": str(record["best_epoch"]),
        "diverged": str(record["diverged"]),
        "train_seconds": f"{clock[-1] - clock[0]:.2f}",
        "seconds": f"{now() - clock[0]:.2f}",
        "device": "cuda" if on_gpu else "cpu",
        "reason": record.get("not_tested", ""),
    }


def number(value: float) -> str:
    """A measure as text."""
    return f"{value:.4f}"


def read(path: Path) -> list[Row]:
    """The rows of a CSV file; none where there is no file."""
    if not path.exists():
        return []
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def append(path: Path, row: Row) -> None:
    """Add a row to a CSV file; columns that it lacks stay empty."""
    path.parent.mkdir(parents=True, exist_ok=True)
    new = not path.exists()
    with path.open("a", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, COLUMNS, restval="", lineterminator="\n")
        if new:
            writer.writeheader()
        writer.writerow(row)


if __name__ == "__main__":
    main()
