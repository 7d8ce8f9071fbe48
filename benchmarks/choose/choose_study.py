"""Run ``acrank choose`` on every dataset and seed, in shares of the time of the oracle.

    python benchmarks/choose/choose_study.py STUDY --oracle raw/oracle.csv --csv raw/study.csv

The recipe is the oracle's. Seconds are of the processor, of one thread: the clock of this process
is replaced by that of the processor, so that budgets are kept in the same unit. Datasets and seeds
that the oracle has not finished are left out, and what is in the file is not repeated.
"""

from __future__ import annotations

import argparse
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

# Budgets, the look and laps are all timed by it; that is why it comes before acrank is imported.
time.perf_counter = time.process_time

from lay_out import DATASETS, PAIRS, SEEDS, UNSEEN, Dataset  # noqa: E402
from oracle import Row, append, number, read  # noqa: E402
from policies import NOW  # noqa: E402
from recipe import ARMS, MONITOR, candidates, settings  # noqa: E402

from acrank import finetune, rank  # noqa: E402
from acrank.config import RunConfig  # noqa: E402
from acrank.errors import AcrankError  # noqa: E402
from acrank.race.config import make_choose_config  # noqa: E402
from acrank.race.result import Choice  # noqa: E402
from acrank.race.run import choose  # noqa: E402
from acrank.runners.callbacks import Callback  # noqa: E402

SHARES = (0.1, 0.2, 0.05, 0.4)
KEYS = ("dataset", "seed", "share", "version")
TIMES = ("look", "race", "final", "judge")
COLUMNS = (
    *(*KEYS, "budget", "seconds", *TIMES, "model", "method", "lr", "measure", "val"),
    *("test", "ranked", "raced", "arms", "rungs", "alike", "early", "why", "plan", "reason"),
)
# Fields of a choice that the recipe names; the others are of its fine-tunings.
OWN = ("data", "zoo", "image_size", "patch", "seed", "epochs", "batch_size", "val_share")
MACHINE = ("precision", "threads", "trust_code")


class Told(Callback):
    """Print what a choice says."""

    def message(self, text: str) -> None:
        """Print a line."""
        print(f"  {text}", flush=True)


def main() -> None:
    """Run what is not in the file."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("study", type=Path)
    parser.add_argument("--oracle", type=Path, required=True)
    parser.add_argument("--csv", type=Path, required=True)
    names = [dataset.name for dataset in DATASETS]
    parser.add_argument("--datasets", nargs="*", choices=names, default=names)
    seeds = (*SEEDS, *UNSEEN)
    parser.add_argument("--seeds", nargs="*", type=int, choices=seeds, default=seeds)
    parser.add_argument("--shares", nargs="*", type=float, default=SHARES)
    given = parser.parse_args()
    warm_up(given.study)
    for share in given.shares:
        for dataset, seed, seconds in finished(given.oracle, given.study):
            key = dict(zip(KEYS, (dataset.name, str(seed), f"{share:g}", NOW), strict=True))
            done = [{k: row[k] for k in KEYS} for row in read(given.csv)]
            wanted = dataset.name in given.datasets and seed in given.seeds
            if wanted and key not in done:
                print(key, flush=True)
                row = {**key, **run(dataset, seed, share * seconds, given.study)}
                append(given.csv, row, COLUMNS)
                print(row, flush=True)


def warm_up(study: Path) -> None:
    """Import what is imported when it is used, which takes seconds: not in the time of a choice."""
    for dataset in (DATASETS[0], *DATASETS[-2:]):
        recipe = settings(dataset, 0, study)
        ours = {name: recipe[name] for name in (*OWN, *MACHINE) if name in recipe}
        ours = {name: value for name, value in ours.items() if name in RunConfig.model_fields}
        last = candidates(dataset, study)[-1]["name"]
        rank(**{**ours, "models": (last,), "batch_size": 2, "samples": 4, "fresh": True})
        tuned = {**recipe, "model": last, "epochs": 1, "method": "head"}
        with tempfile.TemporaryDirectory() as folder:
            finetune(output=folder, **tuned)


def finished(oracle: Path, study: Path) -> Iterator[tuple[Dataset, int, float]]:
    """The datasets and seeds whose arms have all run, with the seconds of all of them."""
    rows = read(oracle)
    for dataset, seed in PAIRS:
        here = [r for r in rows if (r["dataset"], r["seed"]) == (dataset.name, str(seed))]
        found = {(row["model"], row["method"], row["lr"]): row for row in here}
        if len(found) >= len(candidates(dataset, study)) * len(ARMS):
            yield dataset, seed, sum(float(row["seconds"]) for row in found.values())


def run(dataset: Dataset, seed: int, budget: float, study: Path) -> Row:
    """One choice: what it chose, what that reaches on the test images, and the seconds."""
    recipe = settings(dataset, seed, study)
    ours = {name: recipe[name] for name in (*OWN, *MACHINE) if name in recipe}
    further = {name: value for name, value in recipe.items() if name not in ours}
    config = make_choose_config(
        {
            **ours,
            "finetune": further,
            "budget": budget,
            "test": str(study / dataset.name / "test"),
            "measure": MONITOR[dataset.kind],
        }
    )
    folder = Path(tempfile.mkdtemp())
    os.environ["ACRANK_CACHE"] = str(folder / "cache")  # nothing is known from another budget
    started = time.process_time()
    try:
        found = choose(
            config, folder / "chosen", clock=time.process_time, say=print, callback=Told()
        )
        row = row_of(found)
    except AcrankError as error:
        row = {"reason": str(error)}
    finally:
        shutil.rmtree(folder)
    seconds = time.process_time() - started
    return {"budget": f"{budget:.2f}", "seconds": f"{seconds:.2f}", **row}


def row_of(found: Choice) -> Row:
    """What a choice has come to."""
    chosen, record = found.chosen, found.finetuned.record
    raced = [one for one in found.standings if one.laps]
    return {
        **{name: f"{found.times.get(name, 0.0):.2f}" for name in TIMES},
        "model": chosen.arm.model,
        "method": chosen.arm.method,
        "lr": f"{chosen.arm.lr:g}",
        "measure": found.measure,
        "val": number(record["val"][found.measure]),
        "test": number(record["test"][found.measure]),
        "ranked": str(sum(row.rank is not None for row in found.ranking.rows)),
        "raced": str(len({one.arm.model for one in raced})),
        "arms": str(len(raced)),
        "rungs": str(len(found.rungs)),
        "alike": str(len(found.alike)),
        "early": found.early,
        "why": chosen.reason,
        "plan": " | ".join(found.plan),
    }


if __name__ == "__main__":
    main()
