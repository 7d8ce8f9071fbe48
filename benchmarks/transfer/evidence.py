"""How well every score predicts the fine-tuned accuracies of the study.

    python benchmarks/transfer/evidence.py

Reads ``raw/``, writes ``results/``: truth.csv (accuracies and ceilings), agreement.csv (every score
on every dataset) and means.csv (over the datasets that count, with 95 % intervals).
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from study_tables import (
    CHOOSING,
    REPORTING,
    RESULTS,
    ZOOS,
    Array,
    Truth,
    read_scores,
    read_truth,
    static_list,
)

from acrank.experiments.validation.agreement import agreement
from acrank.experiments.validation.resampling import (
    means_over_datasets,
    percentile_interval,
    resamples,
)
from acrank.metrics.registry import METRICS

DRAWS = 500
STATISTICS = ("weighted_tau", "pearson", "rel1")
MEASURES = ("accuracy", "auroc")
CHANCE, CHANCE_STATIC = "random list", "random static list"
EXPERIENCE = "accuracy on the other datasets"
HALVES = {"choosing": CHOOSING, "reporting": REPORTING}


@dataclass(frozen=True)
class Agreement:
    """A score on a dataset.

    Attributes:
        value: of each statistic.
        draws: the same on resampled models, (B,).
    """

    value: dict[str, float]
    draws: dict[str, Array]


def main() -> None:
    """Write the tables."""
    argparse.ArgumentParser(description=__doc__).parse_args()
    RESULTS.mkdir(exist_ok=True)
    truth_rows, rows, means = [], [], []
    for zoo in ZOOS:
        for measure in MEASURES:
            truths = read_truth(zoo, measure)
            truth_rows += [_truth_row(zoo, measure, name, t) for name, t in truths.items()]
            counted = [name for name, truth in truths.items() if truth.counts]
            scores = all_scores(truths)
            for name, values in scores.items():
                found = {d: agree(values[d], aim(name, truths[d])) for d in truths if d in values}
                here = {"zoo": zoo, "measure": measure, "score": name, "kind": kind_of(name)}
                rows += [{**here, "dataset": d, **a.value} for d, a in found.items()]
                means.append({**here, **mean_row(found, counted)})
            for name, band in chance(truths, counted).items():
                here = {"zoo": zoo, "measure": measure, "score": name, "kind": "chance"}
                means.append({**here, **band})
    for name, table in (("truth", truth_rows), ("agreement", rows), ("means", means)):
        pd.DataFrame(table).to_csv(
            RESULTS / f"{name}.csv", index=False, float_format="%.4f", lineterminator="\n"
        )


def all_scores(truths: Mapping[str, Truth]) -> dict[str, dict[str, Array]]:
    """Scores, forms, the best static list, and one fine-tuning as a score of itself."""
    scores = read_scores(dict(truths))
    scores[EXPERIENCE] = static_list(dict(truths))
    for place, rate in enumerate(("lowest", "middle", "highest")):
        scores[f"one fine-tuning, {rate} rate"] = {
            d: truth.tried[place] - 1e-6 * truth.tried_loss[place] for d, truth in truths.items()
        }
    best = {d: (t.tried - 1e-6 * t.tried_loss).max(axis=0) for d, t in truths.items()}
    scores["one fine-tuning, best of three rates"] = best
    return scores


def kind_of(name: str) -> str:
    """What a score is computed from."""
    if name in METRICS:
        metric = METRICS[name]
        return metric.role if metric.role in ("control", "baseline") else metric.kind
    if name.startswith("one fine-tuning"):
        return "fine-tuning"
    return "baseline" if name == EXPERIENCE else "form"


def aim(name: str, truth: Truth) -> Array:
    """What a score is to predict: a fine-tuning of the first seed, what the other seeds reach."""
    seeds = truth.seeds[1:] if name.startswith("one fine-tuning") else truth.seeds
    mean: Array = seeds.mean(axis=0)
    return mean


def agree(score: Array, truth: Array) -> Agreement:
    """Statistics of one score on one dataset, and on resampled models."""
    point = agreement(score[None], truth[None])
    places = resamples(len(truth), DRAWS, 0)
    draws = agreement(score[places], truth[places])
    return Agreement(
        {name: float(point[name][0]) for name in STATISTICS},
        {name: draws[name] for name in STATISTICS},
    )


def mean_row(
    found: Mapping[str, Agreement],
    counted: list[str],
    halves: Mapping[str, Sequence[str]] = HALVES,
) -> dict[str, float]:
    """Means over the datasets that count, with intervals over models and datasets."""
    row: dict[str, float] = {}
    defined = [d for d in counted if d in found and np.isfinite(found[d].value["weighted_tau"])]
    row["datasets"] = len(defined)
    for name in STATISTICS:
        row |= dict.fromkeys((name, f"{name}_low", f"{name}_high"), float("nan"))
        if defined:
            row[name] = float(np.mean([found[d].value[name] for d in defined]))
            draws = means_over_datasets([found[d].draws[name] for d in defined], 0)
            row[f"{name}_low"], row[f"{name}_high"] = percentile_interval(draws)
    for label, half in halves.items():
        values = [found[d].value["weighted_tau"] for d in defined if d in half]
        row[f"tau_{label}"] = float(np.mean(values)) if values else float("nan")
    return row


def chance(truths: Mapping[str, Truth], counted: list[str]) -> dict[str, dict[str, float]]:
    """The 95 % range of lists that know nothing: another on every dataset, or always the same."""
    if not counted:
        return {}
    generator = np.random.default_rng(0)
    union = sorted({model for name in counted for model in truths[name].models})
    shared = generator.random((4 * DRAWS, len(union)))
    found = {}
    for label in (CHANCE, CHANCE_STATIC):
        taus = []
        for name in counted:
            models = truths[name].models
            lists = shared[:, [union.index(model) for model in models]]
            if label == CHANCE:
                lists = generator.random(lists.shape)
            truth = np.tile(truths[name].mean, (len(lists), 1))
            taus.append(agreement(lists, truth)["weighted_tau"])
        means = np.mean(taus, axis=0)
        low, high = percentile_interval(means)
        found[label] = {
            "datasets": float(len(counted)),
            "weighted_tau": float(means.mean()),
            "weighted_tau_low": low,
            "weighted_tau_high": high,
        }
    return found


def _truth_row(zoo: str, measure: str, name: str, truth: Truth) -> dict[str, object]:
    described = truth_row(truth)
    return {"zoo": zoo, "measure": measure, "dataset": name, **described, "counts": truth.counts}


def truth_row(truth: Truth) -> dict[str, object]:
    """What fine-tuning reached on a dataset, and how well it tells models apart."""
    mean = truth.mean
    return {
        "models": len(truth.models),
        "lowest": mean.min(),
        "median": np.median(mean),
        "highest": mean.max(),
        "deviation_of_seeds": truth.seeds.std(axis=0, ddof=1).mean(),
        "deviation_of_models": mean.std(ddof=1),
        "ceiling": truth.ceiling,
        "attainable": truth.attainable,
    }


if __name__ == "__main__":
    main()
