"""What other ways to choose would have come to, read off the oracle's table and the rankings."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from lay_out import Dataset
from recipe import ARMS

CELL = ["dataset", "seed"]
# The version of `choose` that the README tells of, in the column of that name; others came before.
NOW = "now"
# Plain fine-tuning at the usual rate: what people do with the model that they take.
PLAIN = ("full", 0.01)


@dataclass(frozen=True)
class Cell:
    """A dataset and a seed.

    Attributes:
        dataset: name of the dataset.
        seed: seed of the training images, the split and the head.
        arms: a row for each arm that ended with a result.
        seconds: seconds of all arms, those that failed included.
        look: rows of the ranking, the first first.
    """

    dataset: str
    seed: int
    arms: pd.DataFrame
    seconds: float
    look: pd.DataFrame

    def best(self, arms: pd.DataFrame) -> pd.Series:
        """The best by validation; among equals that of least loss, as for the best epoch."""
        order = arms.sort_values(["val", "val_loss"], ascending=[False, True])
        return order.iloc[0]

    def of(self, models: Sequence[str]) -> pd.DataFrame:
        """The arms of some models."""
        return self.arms[self.arms.model.isin(models)]

    def plain(self, arms: pd.DataFrame) -> pd.DataFrame:
        """Those that are fine-tuned plainly, at the usual rate."""
        return arms[(arms.method == PLAIN[0]) & (arms.lr == PLAIN[1])]

    @property
    def favourite(self) -> str:
        """The model of best ImageNet accuracy; where none has one, the largest."""
        lite = [name for name in self.look.model if "efficientnet" in name]
        return lite[0] if lite else str(self.look.sort_values("params_m").model.iloc[-1])

    @property
    def looked(self) -> float:
        """Seconds of the ranking."""
        return float(self.look.seconds.iloc[0])


@dataclass(frozen=True)
class Outcome:
    """What a way to choose comes to: the test measure, and the seconds."""

    test: float
    seconds: float


def picked(cell: Cell, arms: pd.DataFrame, further: float = 0.0) -> Outcome:
    """All of some arms are fine-tuned, and the best by validation is taken."""
    return Outcome(float(cell.best(arms).test), float(arms.seconds.sum()) + further)


def drawn(cell: Cell, arms: pd.DataFrame) -> Outcome:
    """One of some arms at random: what is expected."""
    return Outcome(float(arms.test.mean()), float(arms.seconds.mean()))


def first(cell: Cell, count: int, *, plain: bool) -> Outcome:
    """The first of the ranking, fine-tuned plainly or in every way."""
    arms = cell.of(list(cell.look.model[:count]))
    return picked(cell, cell.plain(arms) if plain else arms, cell.looked)


POLICIES: dict[str, Callable[[Cell], Outcome]] = {
    "everything": lambda c: picked(c, c.arms),
    "everything, best by test": lambda c: Outcome(float(c.arms.test.max()), c.seconds),
    "every model, plain": lambda c: picked(c, c.plain(c.arms)),
    "first by score, plain": lambda c: first(c, 1, plain=True),
    "first by score, every way": lambda c: first(c, 1, plain=False),
    "first three by score, plain": lambda c: first(c, 3, plain=True),
    "first three by score, every way": lambda c: first(c, 3, plain=False),
    "favourite, plain": lambda c: picked(c, c.plain(c.of([c.favourite]))),
    "favourite, every way": lambda c: picked(c, c.of([c.favourite])),
    "random model, plain": lambda c: drawn(c, c.plain(c.arms)),
    "random arm": lambda c: drawn(c, c.arms),
}


@dataclass(frozen=True)
class Part:
    """A part of the study: what was measured on some datasets with some seeds.

    Attributes:
        raw: folder of the measurements.
        datasets: the datasets.
        seeds: the seeds.
    """

    raw: Path
    datasets: Sequence[Dataset]
    seeds: Sequence[int]


def cells(part: Part) -> Iterator[Cell]:
    """The datasets and seeds of a part that the oracle has finished."""
    raw = part.raw
    arms = pd.read_csv(raw / "oracle.csv", na_values=["-"])
    arms["lr"] = arms.lr.fillna(arms.method.map({"ac-norm": 0.003}).fillna(0.01))
    arms = arms.drop_duplicates([*CELL, "model", "method", "lr"])
    looks = pd.read_csv(raw / "look.csv", na_values=["-"])
    for dataset in (dataset.name for dataset in part.datasets):
        for seed in part.seeds:
            found = arms[(arms.dataset == dataset) & (arms.seed == seed)]
            look = looks[(looks.dataset == dataset) & (looks.seed == seed)]
            if len(look) and len(found) >= len(ARMS) * len(look):
                good = found[found.test.notna() & found.val.notna()]
                yield Cell(str(dataset), int(seed), good, float(found.seconds.sum()), look)


def outcomes(part: Part) -> pd.DataFrame:
    """Points lost against everything, and the share of its time, of every way to choose."""
    rows = []
    for cell in cells(part):
        everything = POLICIES["everything"](cell)
        for name, policy in POLICIES.items():
            rows.append(_row(cell, name, policy(cell), everything))
        for found in choices(cell, part.raw):
            done = Outcome(float(found.test), float(found.seconds))
            at = "" if found.version == NOW else f" at {found.version}"
            rows.append(_row(cell, f"choose{at}, {found.share:g}", done, everything))
    return pd.DataFrame(rows)


def choices(cell: Cell, raw: Path) -> Iterator[pd.Series]:
    """The rows of ``acrank choose`` on a dataset and seed, those that found no time included."""
    file = raw / "study.csv"
    if file.exists():
        table = pd.read_csv(file, na_values=["-"])
        here = table[(table.dataset == cell.dataset) & (table.seed == cell.seed)]
        yield from (row for _, row in here.sort_values("share").iterrows())


def _row(cell: Cell, name: str, found: Outcome, everything: Outcome) -> dict[str, object]:
    return {
        "dataset": cell.dataset,
        "seed": cell.seed,
        "way": name,
        "test": round(found.test, 4),
        "lost": round(100 * (everything.test - found.test), 2),
        "share": round(found.seconds / cell.seconds, 4),
        "seconds": round(found.seconds, 1),
    }


def interval(table: pd.DataFrame, column: str, draws: int = 2_000) -> tuple[float, float]:
    """The 95 % interval of a mean: datasets are drawn anew, and seeds within them."""
    groups = [g[column].dropna().to_numpy() for _, g in table.groupby("dataset")]
    groups = [group for group in groups if len(group)]
    rng = np.random.default_rng(0)
    means = []
    for _ in range(draws):
        chosen = rng.integers(len(groups), size=len(groups))
        drawn = [rng.choice(groups[i], len(groups[i])).mean() for i in chosen]
        means.append(np.mean(drawn))
    low, high = np.quantile(means, [0.025, 0.975])
    return float(low), float(high)
