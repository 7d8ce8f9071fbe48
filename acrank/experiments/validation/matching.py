"""Match scores with accuracies, and report what only one side has."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from acrank.errors import ConfigError, DataError
from acrank.experiments.validation.layout import UNNAMED
from acrank.experiments.validation.sheets import listing
from acrank.experiments.validation.tables import MetricScores, Values
from acrank.metrics import METRICS

# Fewer models than this have no order worth speaking of.
FEWEST_MODELS = 3


def name_dataset(accuracies: Values, metrics: Sequence[MetricScores]) -> Values:
    """Give accuracies that name no dataset the name of the only dataset of the scores.

    Raises:
        DataError: the scores are of several datasets.
    """
    named = {dataset for metric in metrics for dataset in metric.values} - {UNNAMED}
    if UNNAMED not in accuracies or not named:
        return accuracies
    if len(named) > 1:
        raise DataError(
            f"The accuracies name no dataset, but the scores are of {len(named)}: "
            f"{listing(sorted(named))}.",
            hint="Add a column 'dataset' to the accuracies.",
        )
    for metric in metrics:
        metric.values = {next(iter(named)): next(iter(metric.values.values()))}
    return {next(iter(named)): accuracies[UNNAMED]}


def settle_zeros(accuracies: Values, missing: bool, notes: list[str]) -> Values:
    """Drop accuracies of exactly 0 as missing, or report them.

    Args:
        accuracies: dataset -> model -> accuracy.
        missing: True if zeros are missing values.
        notes: takes a sentence that counts them.
    """
    zeros = [
        f"{model} on {dataset}" if dataset else model
        for dataset, models in accuracies.items()
        for model, accuracy in models.items()
        if accuracy == 0
    ]
    if not zeros:
        return accuracies
    if not missing:
        notes.append(
            f"Accuracies of exactly 0: {len(zeros)} ({listing(zeros)}). If they mean missing "
            "values, pass --zero-is-missing."
        )
        return accuracies
    notes.append(f"Accuracies of 0 treated as missing: {len(zeros)} ({listing(zeros)}).")
    return {
        dataset: {model: accuracy for model, accuracy in models.items() if accuracy != 0}
        for dataset, models in accuracies.items()
    }


def settle_directions(metrics: Sequence[MetricScores], lower: Iterable[str]) -> None:
    """Set the direction of each metric: the user's, else the known one, else higher is better.

    Raises:
        ConfigError: the user names a metric that is not there.
    """
    asked = set(lower)
    unknown = sorted(asked - {metric.name for metric in metrics})
    if unknown:
        raise ConfigError(
            f"--lower-is-better: no metric {listing(unknown)}.",
            hint=f"There are: {', '.join(metric.name for metric in metrics) or 'none'}.",
        )
    for metric in metrics:
        known = METRICS.get(metric.name)
        higher = known.higher_is_better if known else True
        metric.higher_is_better = higher and metric.name not in asked


def shared_datasets(
    accuracies: Values, metrics: Sequence[MetricScores], notes: list[str]
) -> Values:
    """Return the accuracies of models that some metric scores, for datasets with 3 or more.

    Without metrics it returns all accuracies.

    Args:
        accuracies: dataset -> model -> accuracy.
        metrics: metrics without the static baselines.
        notes: takes sentences on what is left out.

    Raises:
        DataError: nothing is left.
    """
    if metrics:
        _tell_unmatched(accuracies, metrics, notes)
    kept: Values = {}
    for dataset, models in accuracies.items():
        scored = {model for metric in metrics for model in metric.values.get(dataset, {})}
        shared = {model: models[model] for model in sorted(models) if model in scored}
        shared = shared if metrics else models
        if len(shared) >= FEWEST_MODELS:
            kept[dataset] = shared
        elif scored or not metrics:
            where = f"{dataset}: " if dataset else ""
            notes.append(
                f"{where}left out: {len(shared)} model(s) with a score and an accuracy, and an "
                f"order needs {FEWEST_MODELS}."
            )
    if not kept:
        raise _nothing_shared(accuracies, metrics)
    return kept


def tell_missing(accuracies: Values, metrics: Sequence[MetricScores], notes: list[str]) -> None:
    """Note for each metric which models of :func:`shared_datasets` it does not score.

    Models that it never scores are named once, others with their datasets.
    """
    total = sum(map(len, accuracies.values()))
    every = list(dict.fromkeys(model for models in accuracies.values() for model in models))
    for metric in metrics:
        scored = {model for dataset in accuracies for model in metric.values.get(dataset, {})}
        never = [model for model in every if model not in scored]
        if never:
            notes.append(
                f"{metric.name}: none for {len(never)} of {len(every)} models ({listing(never)}); "
                "it is compared on fewer."
            )
        missing = [
            f"{model} on {dataset}" if dataset else model
            for dataset, models in accuracies.items()
            for model in models
            if model in scored and model not in metric.values.get(dataset, {})
        ]
        if missing:
            notes.append(
                f"{metric.name}: no score for {len(missing)} of {total} pairs of model and "
                f"dataset ({listing(missing)}); it is compared on fewer."
            )


def _tell_unmatched(accuracies: Values, metrics: Sequence[MetricScores], notes: list[str]) -> None:
    scores = _pairs(metric.values for metric in metrics)
    truth = _pairs([accuracies])
    for one, other, what in (
        (scores, truth, "scores but no accuracies"),
        (truth, scores, "accuracies but no scores"),
    ):
        for kind, place in (("dataset", 0), ("model", 1)):
            alone = {pair[place] for pair in one} - {pair[place] for pair in other}
            if alone:
                notes.append(f"{len(alone)} {kind}(s) with {what}: {listing(sorted(alone))}.")
            one = {pair for pair in one if pair[place] not in alone}
        single = [f"{model} on {dataset}" for dataset, model in sorted(one - other)]
        if single:
            notes.append(
                f"{len(single)} pair(s) of model and dataset with {what}: {listing(single)}."
            )


def _pairs(tables: Iterable[Values]) -> set[tuple[str, str]]:
    return {
        (dataset, model)
        for table in tables
        for dataset, models in table.items()
        for model in models
    }


def _nothing_shared(accuracies: Values, metrics: Sequence[MetricScores]) -> DataError:
    scores = _pairs(metric.values for metric in metrics)
    truth = _pairs([accuracies])
    for place, kind in ((0, "dataset"), (1, "model")):
        ours = sorted({pair[place] for pair in scores})
        theirs = sorted({pair[place] for pair in truth})
        if scores and not set(ours) & set(theirs):
            return DataError(
                f"Scores and accuracies share no {kind}. Scores: {listing(ours)}. "
                f"Accuracies: {listing(theirs)}.",
                hint="Names must agree exactly, upper and lower case included.",
            )
    return DataError(
        f"No dataset has {FEWEST_MODELS} models with a score and an accuracy.",
        hint="Fewer models give no meaningful order; add models.",
    )
