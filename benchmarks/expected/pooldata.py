"""Lay out the lines of ``raw/cells.csv`` as arrays, each candidate with what is known beforehand.

What is known of a candidate is what ``acrank score`` would know: the prior of its name or facts,
of tables that have neither the table nor any dataset of the pool, its parameters, and one score.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from acrank.expectation.posterior import Target
from acrank.expectation.scale import PREFERRED, placed
from acrank.experiments.validation.agreement import Array
from acrank.priors import Facts, history_of
from acrank.priors.facts import facts_of_architecture
from acrank.priors.fit import refitted
from acrank.priors.prior import _expected
from acrank.priors.published import Book, book

RAW = Path(__file__).resolve().parent / "raw" / "cells.csv"
# Of which tables a printed score is not what its name says: LogME of up to 69 nats an image.
DEFECTIVE = {("medmnist-models", "log_me")}
TARGETS: dict[str, Target] = {"masks": "masks", "volumes": "volumes"}
# Accuracies of which an odds can be made.
LOWEST, HIGHEST = 0.005, 0.9995


@dataclass(frozen=True)
class Pool:
    """The candidates of one pool on one dataset.

    Attributes:
        pool, table, kind, dataset: as in the table.
        target: ``classes``, ``masks`` or ``volumes``.
        classes: number of classes.
        models: names, (N,).
        names: canonical names, empty where there is none, (N,).
        facts: what is known where there is no name.
        truth: accuracies in [0, 1], (N,).
        params: million parameters, (N,), NaN where not known.
        top1: ImageNet top-1, (N,), NaN where not known.
        scores: columns of scores as they were measured, (N,), NaN where not known.
        score: the score that is weighed; empty for none.
        place: it on the scale of ``acrank.expectation``, (N,); NaN for none.
    """

    pool: str
    table: str
    kind: str
    dataset: str
    target: Target
    classes: int
    models: tuple[str, ...]
    names: tuple[str, ...]
    facts: tuple[Facts, ...]
    truth: Array
    params: Array
    top1: Array
    scores: dict[str, Array]
    score: str
    place: Array

    @property
    def odds(self) -> Array:
        """Log odds of the accuracies, (N,)."""
        kept = np.clip(self.truth, LOWEST, HIGHEST)
        return np.asarray(np.log(kept / (1 - kept)))


def pools() -> list[Pool]:
    """All pools, in the order of the table."""
    frame = pd.read_csv(RAW, keep_default_na=True)
    published = book()
    found = []
    for key, part in frame.groupby(["pool", "dataset"], sort=False):
        found.append(_pool(str(key[0]), part.reset_index(drop=True), published))
    return found


def _pool(name: str, part: pd.DataFrame, published: Book) -> Pool:
    first = part.iloc[0]
    kind = str(first.kind)
    target = TARGETS.get(kind, "classes")
    names = tuple("" if pd.isna(value) else str(value) for value in part["name"])
    facts = tuple(
        published.facts[known] if known else _facts(str(row.model), row)
        for known, row in zip(names, part.itertuples(), strict=True)
    )
    scores = {
        score: part[score].to_numpy(dtype=np.float64)
        for score in (*PREFERRED, "h_score", "ac_corr")
        if score in part and part[score].notna().any()
    }
    usable = [s for s in PREFERRED if s in scores and (name, s) not in DEFECTIVE]
    score = usable[0] if usable else ""
    shares = np.full(int(first.classes), 1 / first.classes)
    place = np.array(
        [
            placed(score, value, shares) if score else np.nan
            for value in scores.get(score, part.truth)
        ]
    )
    rows = list(zip(names, facts, part.itertuples(), strict=True))
    params = [fact.params_m if known else row.params_m for known, fact, row in rows]
    top1 = [fact.imagenet_top1 if known else row.imagenet_top1 for known, fact, row in rows]
    return Pool(
        name,
        str(first.table),
        kind,
        str(first.dataset),
        target,
        int(first.classes),
        tuple(map(str, part.model)),
        names,
        facts,
        part.truth.to_numpy(),
        np.array(params, dtype=np.float64),
        np.array(top1, dtype=np.float64),
        scores,
        score,
        place,
    )


def _facts(model: str, row: Any) -> Facts:
    """What a zoo file tells of a network without a name: its architecture, if it is timm's."""
    top1 = row.imagenet_top1
    params = row.params_m
    known = {
        "imagenet_top1": None if pd.isna(top1) else float(top1),
        "params_m": None if pd.isna(params) else float(params),
    }
    architecture = (
        "resnet18"
        if model.startswith(("demo-", "study-", "resnet18 "))
        else "tf_efficientnet_lite0"
        if model == "tf_efficientnet_lite0"
        else ""
    )
    said = facts_of_architecture(architecture) if architecture else Facts()
    return Facts(**{**vars(said), **known})


@dataclass(frozen=True)
class Known:
    """What is known of the candidates of a pool with some tables and datasets left out.

    Attributes:
        mean: prior means, (N,); NaN where nothing is known.
        deviation: their deviations, (N,).
        history: mean places on other datasets, (N,); NaN below three.
    """

    mean: Array
    deviation: Array
    history: Array


class Beforehand:
    """Priors with tables and datasets left out, each fit made once."""

    def __init__(self) -> None:
        self.published = book()
        self.fits: dict[frozenset[str], Book] = {}

    def of(self, pool: Pool, without: Collection[str]) -> Known:
        """What is known of a pool's candidates."""
        key = frozenset(without) & (set(self.published.tables) | set(self.published.domains))
        if key not in self.fits:
            self.fits[key] = refitted(self.published, tuple(sorted(key)))[0]
        left = self.fits[key]
        rows = []
        for name, facts in zip(pool.names, pool.facts, strict=True):
            found = _expected(name or None, facts, "", left)
            past = history_of(name, without=key, pages=self.published) if name else None
            rows.append((found.mean, found.deviation, past.mean if past else None))
        numbers = np.array(rows, dtype=np.float64)
        return Known(*numbers.T)
