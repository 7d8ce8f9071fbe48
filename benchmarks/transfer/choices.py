"""What to choose at which budget: on half of the datasets, reported on the other half.

    python benchmarks/transfer/choices.py

Writes ``results/choices.csv``. Every candidate of a budget, and the mean rank (Borda) of every two
and three of them, is ranked by its mean weighted tau on the choosing datasets; the best is reported
on the others. As one division of five datasets is a matter of luck, the same is done for every way
to divide them, and the mean of what was reported is given beside it.
"""

from __future__ import annotations

import argparse
import itertools
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from evidence import EXPERIENCE, aim, all_scores, kind_of
from study_tables import CHOOSING, RESULTS, ZOOS, Array, Truth, centred_ranks, read_truth

from acrank.experiments.validation.agreement import weighted_tau
from acrank.metrics.registry import METRICS

# Candidates by budget: each has those before it too.
ONE_STEP = ("affine", "features", "form")
TEN_STEPS = ("passes", "epoch")
HUNDRED_STEPS = ("fine-tuning",)
BUDGETS = {
    "one step": ONE_STEP,
    "ten steps": (*ONE_STEP, *TEN_STEPS),
    "hundred steps": (*ONE_STEP, *TEN_STEPS, *HUNDRED_STEPS),
}
DEFAULT = "ac_corr"
# Forms are many and much alike: they are chosen among themselves, and not combined.
COMBINED = ("affine", "features", "passes", "fine-tuning")


def main() -> None:
    """Write the table."""
    argparse.ArgumentParser(description=__doc__).parse_args()
    rows = []
    for zoo in ZOOS:
        truths = {name: t for name, t in read_truth(zoo).items() if t.counts}
        if len(truths) < 2:
            print(f"{zoo}: fewer than two datasets count, there is nothing to choose by")
            continue
        scores = all_scores(truths)
        scores = {n: v for n, v in scores.items() if len(v) == len(truths)}
        for budget, kinds in BUDGETS.items():
            names = [name for name in scores if family(name) in kinds]
            forms = [name for name in names if family(name) in ("affine", "form", "epoch")]
            mixed = [name for name in names if family(name) in COMBINED]
            pools: dict[str, list[tuple[str, ...]]] = {
                "AC-Corr in any form": [(name,) for name in forms],
                "any single score": [(name,) for name in names],
                "mean rank of two": list(itertools.combinations(mixed, 2)),
                "mean rank of three": list(itertools.combinations(mixed, 3)),
            }
            for pool, candidates in pools.items():
                taus = taus_of(candidates, scores, truths)
                rows.append({"zoo": zoo, "budget": budget, "pool": pool, **chosen(taus, truths)})
        for name in (DEFAULT, EXPERIENCE):
            taus = taus_of([(name,)], scores, truths)
            rows.append({"zoo": zoo, "budget": "-", "pool": name, **chosen(taus, truths)})
    pd.DataFrame(rows).to_csv(
        RESULTS / "choices.csv", index=False, float_format="%.4f", lineterminator="\n"
    )


def family(name: str) -> str:
    """What a score costs and is computed from; empty for what is no candidate."""
    if name in METRICS:
        metric = METRICS[name]
        usable = metric.role == "score" and metric.kind in ("affine", "features", "passes")
        return metric.kind if usable else ""
    kind = kind_of(name)
    return "epoch" if kind == "form" and "_epoch_" in name else kind.replace("baseline", "")


def taus_of(
    candidates: Sequence[tuple[str, ...]],
    scores: Mapping[str, Mapping[str, Array]],
    truths: Mapping[str, Truth],
) -> dict[tuple[str, ...], Array]:
    """Weighted tau of every candidate on every dataset."""
    columns = []
    for dataset, truth in truths.items():
        ranks = {n: centred_ranks(v[dataset]) for n, v in scores.items()}
        lists = np.array([np.mean([ranks[n] for n in names], axis=0) for names in candidates])
        tuned = any("one fine-tuning" in n for names in candidates for n in names)
        goal = aim("one fine-tuning" if tuned else "", truth)
        columns.append(weighted_tau(lists, np.tile(goal, (len(lists), 1))))
    return dict(zip(candidates, np.array(columns).T, strict=True))


def chosen(taus: Mapping[tuple[str, ...], Array], truths: Mapping[str, Truth]) -> dict[str, object]:
    """The choice on one half, its worth on the other, and the mean over all divisions."""
    datasets = list(truths)
    table = np.array(list(taus.values()))
    first = [datasets.index(name) for name in CHOOSING if name in datasets]
    size = max(1, len(datasets) // 2)
    held_out = [
        _held_out(table, list(half)) for half in itertools.combinations(range(len(datasets)), size)
    ]
    best = list(taus)[int(table[:, first].mean(axis=1).argmax())] if first else ()
    return {
        "candidates": len(taus),
        "choice": " + ".join(best),
        "tau_choosing": taus[best][first].mean() if best else np.nan,
        "tau_reporting": _held_out(table, first) if first else np.nan,
        "tau_reporting_all_divisions": float(np.mean(held_out)),
        "best_of_all": " + ".join(list(taus)[int(table.mean(axis=1).argmax())]),
        "tau_best_of_all": table.mean(axis=1).max(),
    }


def _held_out(table: Array, half: list[int]) -> float:
    best = int(table[:, half].mean(axis=1).argmax())
    others = [place for place in range(table.shape[1]) if place not in half]
    return float(table[best, others].mean())


if __name__ == "__main__":
    main()
