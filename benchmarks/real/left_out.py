"""Compute ``expected`` of the candidates: its weights have seen nothing of this study.

Where this study has become one of the tables that the weights are learned of, this is no longer so.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
from real_tables import RAW, Truth

from acrank.expectation import Expected, expect, outcomes
from acrank.priors import Prior

EXPECTED = "expected"
SCORE = "log_me"


def expected_of(dataset: str, truth: Truth) -> list[Expected]:
    """What is expected of each candidate, from the prior of its entry and its LogME."""
    table = pd.read_csv(RAW / "scores.csv")
    table = table[(table["dataset"] == dataset) & (table["run"] == "labels")]
    here = table.set_index("model").reindex(list(truth.models))
    shares = np.full(classes(dataset), 1 / classes(dataset))
    found = []
    for row in here.to_dict("records"):
        known = Prior(basis=str(row["basis"]), public=row["public"] == 1)
        if not math.isnan(row["prior"]):
            known = replace(known, mean=row["prior"], deviation=row["prior_deviation"])
        found.append(expect(known, SCORE, float(row[SCORE]), shares))
    return found


def classes(dataset: str) -> int:
    """The number of classes of a dataset."""
    return int(pd.read_csv(RAW / "targets.csv").set_index("dataset")["classes"].loc[dataset])


def outcome_row(dataset: str, truth: Truth, candidates: Sequence[Expected]) -> dict[str, Any]:
    """What is said to be lost by a choice, and what was; accuracies are means over seeds."""
    said = outcomes(candidates)
    accuracies = truth.mean
    order = np.argsort([-each.mean for each in candidates])
    lost = 100 * (accuracies.max() - accuracies[order])
    p_best = np.array(said.p_best)
    return {
        "dataset": dataset,
        "p_best_of_first": p_best[said.first],
        "p_best_of_best": p_best[accuracies.argmax()],
        "lost_first_said": said.lost_first,
        "lost_first_most": said.lost_first_most,
        "lost_first": lost[0],
        "lost_of_three_said": said.lost_several,
        "lost_of_three": lost[:3].min(),
        "alike": len(said.alike),
        "candidates": len(candidates),
    }
