"""Many fine-tunings, one thread each; those that are in the CSV file are not repeated."""

from __future__ import annotations

import csv
import itertools
import os
import tempfile
import time
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import controls

Key = tuple[str, ...]
MEASURES = ("accuracy", "auroc", "loss")
# What every fine-tuning of the study has in common, but where a cell says otherwise.
PROTOCOL: dict[str, Any] = {
    "epochs": int(os.environ.get("STUDY_EPOCHS", "20")),
    "batch_size": 16,
    "val_share": 0.25,
    "monitor": "accuracy",
    "trust_code": True,
    "threads": 1,
}


def run_all(
    cells: Iterable[tuple[Mapping[str, Any], Mapping[str, Any]]],
    path: Path,
    jobs: int,
    measures: Sequence[str] = MEASURES,
) -> list[dict[str, str]]:
    """Run cells and add their rows to a CSV file.

    Args:
        cells: what names each in the table, and its settings of ``acrank.finetune``.
        path: of the file.
        jobs: processes.
        measures: of validation and test images that the file has.

    Returns:
        All rows of the file.
    """
    wanted = [({k: str(v) for k, v in name.items()}, dict(settings)) for name, settings in cells]
    names = list(wanted[0][0])
    done = {tuple(row[n] for n in names) for row in read(path)}
    todo = [(n, s) for n, s in wanted if tuple(n.values()) not in done]
    with ProcessPoolExecutor(jobs, mp_context=get_context("spawn")) as pool:
        futures = {pool.submit(tune, settings, measures): name for name, settings in todo}
        for count, future in enumerate(as_completed(futures), 1):
            name = futures[future]
            found = future.result()
            append(path, {**name, **found})
            print(f"[{count}/{len(todo)}] {' '.join(name.values())}: {found}", flush=True)
    return read(path)


def tune(settings: dict[str, Any], measures: Sequence[str]) -> dict[str, str]:
    """One fine-tuning: what it reached, and the seconds it took."""
    import acrank

    controls.register()
    started = time.perf_counter()
    columns = list(itertools.product(("val", "test"), measures))
    row = dict.fromkeys((f"{part}_{name}" for part, name in columns), "")
    with tempfile.TemporaryDirectory() as folder:
        try:
            record = acrank.finetune(**{**PROTOCOL, **settings}, output=folder).record
        except acrank.AcrankError as error:
            return {**row, "seconds": "", "reason": str(error)}
    for part, name in columns:
        value = record[part].get(name)
        row[f"{part}_{name}"] = "" if value is None else f"{value:.4f}"
    return {**row, "seconds": f"{time.perf_counter() - started:.1f}", "reason": ""}


def read(path: Path) -> list[dict[str, str]]:
    """The rows of a CSV file; none where there is no file."""
    if not path.exists():
        return []
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def append(path: Path, row: Mapping[str, str]) -> None:
    """Add a row to a CSV file."""
    new = not path.exists()
    with path.open("a", newline="") as file:
        writer = csv.DictWriter(file, list(row), lineterminator="\n")
        if new:
            writer.writeheader()
        writer.writerow(row)
