"""Compute how well predictors tell which network fine-tunes best, and what following them loses.

    python benchmarks/real/real_evidence.py

Reads ``raw/``, writes ``results/``: truth.csv (accuracies and ceilings), agreement.csv (a predictor
on a dataset), means.csv (over datasets, with 95 % intervals over datasets drawn anew), against.csv
(differences from LogME), expected.csv (what ``expected`` says is lost), and pool.csv (as
``benchmarks/expected/raw/cells.csv`` has its tables).
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from cells import read
from left_out import EXPECTED, expected_of, outcome_row
from real_tables import (
    ELSEWHERE,
    LOW_CEILING,
    NAMES,
    PRIORS,
    RAW,
    RESULTS,
    Array,
    Truth,
    read_predictors,
    read_truth,
)

from acrank.experiments.validation.agreement import relative_accuracy, weighted_tau
from acrank.experiments.validation.resampling import percentile_interval
from acrank.metrics.registry import METRICS

DRAWS = 2000
STATISTICS = ("tau", "lost_first", "lost_of_three")
RANDOM = "random list"
REFERENCE = "log_me"
# Columns of `benchmarks/expected/raw/cells.csv`.
POOL = ("pool", "table", "kind", "dataset", "classes", "model", "name", "params_m", "imagenet_top1")
POOL_SCORES = ("log_me", "knn", "linear_probe", "h_score", "ac_corr")


def main() -> None:
    """Write the tables."""
    argparse.ArgumentParser(description=__doc__).parse_args()
    truths = read_truth()
    counted = [d for d, t in truths.items() if t.ceiling >= LOW_CEILING]
    predictors = read_predictors(truths)
    candidates = {d: expected_of(d, t) for d, t in truths.items()}
    predictors[EXPECTED] = {
        dataset: np.array([each.mean for each in found]) for dataset, found in candidates.items()
    }
    rows: list[dict[str, Any]] = [
        {"dataset": dataset, "predictor": name, "kind": kind_of(name), **agree(values[dataset], t)}
        for name, values in predictors.items()
        for dataset, t in truths.items()
        if dataset in values
    ]
    agreement = pd.DataFrame(rows + [random_row(d, t) for d, t in truths.items()])
    write("truth", pd.DataFrame([truth_row(d, t) for d, t in truths.items()]))
    write("agreement", agreement)
    costs = seconds()
    means = [
        {"datasets_that": label, **mean_row(name, table, some, costs)}
        for label, some in (("all", list(truths)), ("count", counted))
        for name, table in agreement.groupby("predictor", sort=False)
        if some
    ]
    write("means", pd.DataFrame(means))
    write("against", pd.DataFrame(against(agreement, list(truths))))
    write("expected", pd.DataFrame([outcome_row(d, t, candidates[d]) for d, t in truths.items()]))
    write("pool", pool(truths))


def write(name: str, table: pd.DataFrame) -> None:
    """Write a table of results."""
    RESULTS.mkdir(parents=True, exist_ok=True)
    table.to_csv(RESULTS / f"{name}.csv", index=False, float_format="%.4f", lineterminator="\n")


def kind_of(name: str) -> str:
    """What a predictor is computed from."""
    if name in METRICS:
        metric = METRICS[name]
        return metric.role if metric.role in ("control", "baseline") else metric.kind
    if name in (*PRIORS, EXPECTED):
        return "prior"
    if name in NAMES.values():
        return "fine-tuning"
    return "baseline" if name == ELSEWHERE else "control"


def agree(values: Array, truth: Truth) -> dict[str, float]:
    """Weighted tau, and the points lost by taking the first, or the best of the first three."""
    best = truth.mean.max()
    reached = (float(relative_accuracy(values, truth.mean, k)) * best for k in (1, 3))
    lost = [100 * (best - value) for value in reached]
    return dict(zip(STATISTICS, (float(weighted_tau(values, truth.mean)), *lost), strict=True))


def random_row(dataset: str, truth: Truth) -> dict[str, Any]:
    """What lists in random order give on average."""
    lists = np.random.default_rng(0).random((DRAWS, len(truth.models)))
    found = pd.DataFrame([agree(values, truth) for values in lists]).mean()
    return {
        "dataset": dataset,
        "predictor": RANDOM,
        "kind": "chance",
        **{str(k): float(v) for k, v in found.items()},
    }


def truth_row(dataset: str, truth: Truth) -> dict[str, Any]:
    """What fine-tuning reached on a dataset, and how well it tells models apart."""
    mean = truth.mean
    several = len(truth.seeds) > 1
    tau, lost = truth.attainable() if several else (np.nan, np.nan)
    return {
        "dataset": dataset,
        "models": len(truth.models),
        "seeds": len(truth.seeds),
        "lowest": mean.min(),
        "median": np.median(mean),
        "highest": mean.max(),
        "best": truth.models[int(mean.argmax())],
        "deviation_of_seeds": truth.noise,
        "deviation_of_models": mean.std(ddof=1),
        "ceiling": truth.ceiling,
        "attainable_tau": tau,
        "attainable_lost": lost,
    }


def mean_row(
    name: object, table: pd.DataFrame, some: list[str], costs: Mapping[str, float]
) -> dict[str, Any]:
    """Means of a predictor over datasets, with intervals over datasets drawn anew."""
    here = table[table["dataset"].isin(some)]
    row: dict[str, Any] = {"predictor": name, "kind": table["kind"].iloc[0]}
    row |= {"datasets": len(here), "seconds_a_model": costs.get(str(name), np.nan)}
    for statistic in STATISTICS:
        values = here[statistic].to_numpy(np.float64)
        low, high = interval(values)
        row |= {statistic: values.mean() if len(values) else np.nan}
        row |= {f"{statistic}_low": low, f"{statistic}_high": high}
    return row


def interval(values: Array) -> tuple[float, float]:
    """The 95 % interval of a mean over datasets that are drawn anew."""
    if len(values) < 2:
        return float("nan"), float("nan")
    places = np.random.default_rng(0).integers(0, len(values), (DRAWS, len(values)))
    return percentile_interval(values[places].mean(axis=1))


def against(agreement: pd.DataFrame, some: list[str]) -> list[dict[str, Any]]:
    """How far every predictor is ahead of LogME, on the datasets that have both."""
    rows = []
    wide = {s: agreement.pivot(index="dataset", columns="predictor", values=s) for s in STATISTICS}
    for name in wide["tau"].columns:
        row: dict[str, Any] = {"predictor": name}
        for statistic, table in wide.items():
            difference = (table[name] - table[REFERENCE]).reindex(some).dropna().to_numpy()
            low, high = interval(difference)
            row |= {"datasets": len(difference), statistic: difference.mean()}
            row |= {f"{statistic}_low": low, f"{statistic}_high": high}
        rows.append(row)
    return rows


def seconds() -> dict[str, float]:
    """Seconds of one thread a model: scores as they were timed, fine-tunings as in the study."""
    costs = read(RAW / "score_costs.csv")  # empty where scores have not been timed yet
    timed = {row["score"]: float(row["seconds_a_model"]) for row in costs}
    cells = pd.read_csv(RAW / "cells.csv")
    # every learning rate that is tried costs
    mean = cells.groupby(["protocol", "rate"])["train_seconds"].mean().groupby("protocol").sum()
    found = {NAMES.get(str(protocol), str(protocol)): value for protocol, value in mean.items()}
    kinds = {"features": "features", "affine": "ac_corr"}
    for name, metric in METRICS.items():
        source = name if name in timed else kinds.get(metric.kind, "")
        if source in timed:
            found[name] = timed[source]
    return found


def pool(truths: Mapping[str, Truth]) -> pd.DataFrame:
    """The study as one more pool for the weights of ``expected``."""
    scores = pd.read_csv(RAW / "scores.csv")
    scores = scores[scores["run"] == "labels"].set_index(["dataset", "model"])
    own = pd.read_csv(RAW / "targets.csv").set_index("dataset")
    rows = []
    for dataset, truth in truths.items():
        deviation = truth.seeds.std(axis=0, ddof=1) if len(truth.seeds) > 1 else truth.mean * np.nan
        for model, mean, apart in zip(truth.models, truth.mean, deviation, strict=True):
            found: Any = scores.loc[(dataset, model)]
            values = ("real", "real", "mixed", dataset, own.classes[dataset], model, "")
            row = dict(zip(POOL, (*values, found.params / 1e6, found.imagenet_top1), strict=True))
            row |= {"truth": mean, "deviation": apart, "seeds": len(truth.seeds)}
            rows.append(row | {name: found[name] for name in POOL_SCORES})
    return pd.DataFrame(rows)


if __name__ == "__main__":
    main()
