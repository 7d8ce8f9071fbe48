"""Experiments to draw, made up."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from acrank.experiments.benchmark.config import BenchmarkConfig, make_benchmark_config
from acrank.experiments.benchmark.jobs import Job, Outcome
from acrank.experiments.benchmark.run import Experiment
from acrank.experiments.benchmark.tables import Tables
from acrank.experiments.parts.base import Dataset
from acrank.experiments.validation import Validation
from acrank.experiments.validation.evaluate import StatisticSettings, evaluate
from acrank.experiments.validation.tables import MetricScores
from acrank.metrics.estimate import Estimate
from acrank.results import ModelResult, Ranking
from acrank.tasks.registry import task_named
from tests.report.rankings import HOSTILE, make_ranking

# A score that knows the accuracy, one that knows it reversed, one that knows nothing, a fact.
METRICS = ("log_me", "affine_shift", "knn", "params")
LOWER = ("affine_shift",)
MODELS = tuple(f"model-{letter}" for letter in "abcdef")


def config(datasets: Sequence[str], **settings: Any) -> BenchmarkConfig:
    given = {"data": tuple(f"data/{name}" for name in datasets), "seeds": 2, "epochs": 5}
    return make_benchmark_config({**given, **settings})


def outcome(given: BenchmarkConfig, dataset: str, model: str, seed: int, value: float) -> Outcome:
    """A fine-tuning that ended with an accuracy; one that failed where that is NaN."""
    lr = (given.lrs or (None,))[0]
    settings = given.finetuning(data="x", model=model, seed=seed, lr=lr)
    job = Job(dataset, model, lr, seed, settings, Path("x"))
    if math.isnan(value):
        return Outcome(job, {}, {}, 1.0, "out of memory")
    found: dict[str, float | None] = {"accuracy": value, given.measure: value, "loss": 1.0}
    return Outcome(job, found, found, 31.5)


def make_experiment(
    datasets: Sequence[str] = ("cells", "tiles"),
    models: Sequence[str] = MODELS,
    *,
    noise: float = 0.02,
    failing: Sequence[str] = (),
    metrics: Sequence[str] = METRICS,
    **settings: Any,
) -> Experiment:
    """Models whose accuracies fall in their order, but for noise.

    Args:
        datasets: names.
        models: names, best first.
        noise: standard deviation over the seeds.
        failing: models whose fine-tunings fail and that have no score.
        metrics: of ``METRICS``.
        settings: of the experiment.
    """
    given = config(datasets, **settings)
    generator = np.random.default_rng(0)
    outcomes = [
        outcome(given, dataset, model, seed, math.nan if model in failing else value)
        for dataset in datasets
        for place, model in enumerate(models)
        for seed in range(given.seeds)
        for value in [0.95 - 0.1 * place + noise * generator.standard_normal()]
    ]
    parts = [Dataset(name, Path("x"), Path("x"), (120, 80)) for name in datasets]
    tables = Tables(given, parts, models, outcomes)
    rankings = {name: _ranking(models, failing, metrics, generator) for name in datasets}
    return Experiment(
        datasets=tuple(parts),
        outcomes=tuple(outcomes),
        accuracies=tables.accuracies,
        ceilings=tables.ceilings,
        validation=_validation(tables.accuracies, rankings, metrics),
        folder=Path("study"),
        config=given,
        task=task_named(given.task if given.task != "auto" else "classification"),
        by_seed=tables.by_seed,
        rankings=rankings,
    )


def _ranking(
    models: Sequence[str],
    failing: Sequence[str],
    metrics: Sequence[str],
    generator: np.random.Generator,
) -> Ranking:
    results = []
    for place, model in enumerate(models):
        if model in failing:
            results.append(ModelResult.failed(model, "out of memory"))
            continue
        values = {
            "log_me": 1.0 - place,
            "affine_shift": 0.1 + place,
            "knn": float(generator.standard_normal()),
            "params": 1e6 * (1 + place % 3),
        }
        scores = {name: Estimate(values[name]) for name in metrics}
        results.append(ModelResult(model, "ok", scores=scores))
    if len(results) > 1 and results[-1].scores:  # one that lacks a score
        last = dict(list(results[-1].scores.items())[1:])
        why = {metrics[0]: "too few features"}
        results[-1] = replace(results[-1], scores=last, undefined=why)
    return make_ranking(results, by=metrics[0], metrics=tuple(metrics))


def _validation(
    accuracies: dict[tuple[str, str], float], rankings: dict[str, Ranking], metrics: Sequence[str]
) -> Validation | None:
    by_dataset: dict[str, dict[str, float]] = {}
    for (dataset, model), value in accuracies.items():
        by_dataset.setdefault(dataset, {})[model] = value
    by_dataset = {name: values for name, values in by_dataset.items() if len(values) >= 3}
    if not by_dataset:
        return None
    found = [
        MetricScores(
            metric,
            {
                dataset: {
                    row.result.model: row.result.value(metric)
                    for row in ranking.rows
                    if metric in row.result.scores
                }
                for dataset, ranking in rankings.items()
            },
            baseline=metric == "params",
            higher_is_better=metric not in LOWER,
        )
        for metric in metrics
    ]
    notes = ["mind the sample."]
    summaries, comparisons = evaluate(by_dataset, found, StatisticSettings(draws=50), notes)
    return Validation(summaries, comparisons, (), tuple(notes), {})


def edge_cases() -> dict[str, Experiment]:
    """Experiments in which something that mostly is there is not, or is odd."""
    long = "a-name-without-any-gap-that-would-let-it-be-broken-" * 4
    return {
        "some": make_experiment(),
        "one seed": make_experiment(seeds=1),
        "two models": make_experiment(models=MODELS[:2]),
        "three models": make_experiment(models=MODELS[:3]),
        "failures": make_experiment(failing=MODELS[:2], lrs=(0.01, 0.02)),
        "all but two failed": make_experiment(failing=MODELS[:4]),
        "no signal": make_experiment(noise=5.0, seeds=4),
        "equal": make_experiment(models=("a", "b", "c"), metrics=("params",), noise=0.0),
        "lower is better": make_experiment(metrics=LOWER),
        "a baseline alone": make_experiment(metrics=("params",)),
        "many": make_experiment([f"dataset number {i}" for i in range(12)]),
        "other measure": make_experiment(measure="balanced_accuracy", score={"lr": 0.1}),
        "long names": make_experiment([long, f"{long}2"], [f"{long}{i}" for i in range(6)]),
        "hostile": make_experiment([HOSTILE], [HOSTILE, *MODELS[:3]], failing=[MODELS[2]]),
    }
