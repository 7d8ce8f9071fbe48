"""Print the tables of the README.

    python benchmarks/expected/summary.py

Reads benchmarks/expected/results/.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pandas as pd

RESULTS = Path(__file__).resolve().parent / "results"
KINDS = ("known networks", "one architecture", "mixed", "masks", "volumes", "all")
PREDICTORS = (
    *("expected", "prior", "history", "LogME", "H-score", "k-NN", "linear probe", "parameters"),
    *("ImageNet top-1", "AC-Corr", "expected: even", "its own other datasets"),
)
SURES = (0.0, 0.6, 0.7, 0.8, 1.0)
BINS = (0.0, 0.02, 0.05, 0.1, 0.2, 0.35, 1.0)


def main() -> None:
    """Print them."""
    found = pd.read_csv(RESULTS / "left_out.csv")
    drawn = found[found.drawn == "tables and datasets"]
    _by_kind(drawn, "tau", 2)
    _by_kind(drawn, "lost", 1)
    _by_kind(drawn, "lost_of_three", 1)
    _ahead(found)
    _calibration()


def _by_kind(found: pd.DataFrame, column: str, digits: int) -> None:
    print(f"\n{column}\n")
    _row(["predictor", *KINDS])
    _row(["---"] * (len(KINDS) + 1))
    for name in PREDICTORS:
        cells = [_cell(found, name, kind, column, digits) for kind in KINDS]
        _row([name, *cells])


def _cell(found: pd.DataFrame, name: str, where: str, column: str, digits: int) -> str:
    row = found[(found.predictor == name) & (found["where"] == where)]
    if row.empty or not np.isfinite(row[column].iloc[0]):
        return ""
    value, low, high = (row[f"{column}{end}"].iloc[0] for end in ("", "_low", "_high"))
    return f"{value:.{digits}f} ({low:.{digits}f} to {high:.{digits}f})"


def _ahead(found: pd.DataFrame) -> None:
    """How far ``expected`` is ahead, over all kinds, on the pools that a predictor speaks of."""
    print("\nahead\n")
    _row(["against", "datasets", "tau", "tau, networks drawn anew too", "points lost"])
    _row(["---"] * 5)
    plain = found[found.drawn == "tables and datasets"]
    wide = found[found.drawn == "also networks"]
    for name in PREDICTORS[1:]:
        count = plain[(plain.predictor == name) & (plain["where"] == "all")].datasets
        cells = [
            _cell(plain, name, "all", "ahead_tau", 2),
            _cell(wide, name, "all", "ahead_tau", 2),
            _cell(plain, name, "all", "ahead_lost", 1),
        ]
        _row([name, *map(str, count), *cells])


def _calibration() -> None:
    found = pd.read_csv(RESULTS / "candidates.csv")
    print("\nP(best)\n")
    _row(["P(best)", "candidates", "said, mean", "were the best"])
    _row(["---"] * 4)
    for interval, part in found.groupby(
        pd.cut(found.p_best, list(BINS), include_lowest=True), observed=True
    ):
        said, came = part.p_best.mean(), part.best.mean()
        _row([str(interval), str(len(part)), f"{said:.3f}", f"{came:.3f}"])
    _behind(found)
    choices = pd.read_csv(RESULTS / "choices.csv")
    columns = ["lost_first", "was_lost_first", "lost_of_three", "was_lost_of_three", "of_random"]
    print("\npoints lost and coverage\n")
    _row(["kind", *columns, "within its 95 % bound", "within 1 deviation", "within 1.96"])
    _row(["---"] * 9)
    for kind in KINDS:
        of_kind = choices if kind == "all" else choices[choices.kind == kind]
        ratio = (found if kind == "all" else found[found.kind == kind]).ratio.abs()
        within = (of_kind.was_lost_first <= of_kind.at_most + 1e-9).mean()
        shares = [f"{value:.0%}" for value in (within, (ratio < 1).mean(), (ratio < 1.96).mean())]
        _row([kind, *(f"{of_kind[name].mean():.1f}" for name in columns), *shares])
    alike = choices.alike / choices.candidates
    print(f"\nalike, share of candidates: {alike.mean():.2f}")


def _behind(found: pd.DataFrame) -> None:
    """Return how often candidates were behind the first of ``expected``, by its probability."""
    print("\nbehind the first\n")
    _row(["the first is better with", "candidates", "said, mean", "it was"])
    _row(["---"] * 4)
    others = found[(found.behind != 0.5) & (found.was_behind != 0.5)]
    for interval, part in others.groupby(pd.cut(others.behind, list(SURES)), observed=True):
        said, came = part.behind.mean(), part.was_behind.mean()
        _row([str(interval), str(len(part)), f"{said:.2f}", f"{came:.2f}"])


def _row(cells: Iterable[str]) -> None:
    print(f"| {' | '.join(cells)} |")


if __name__ == "__main__":
    main()
