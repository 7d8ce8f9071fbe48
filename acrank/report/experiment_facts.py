"""What a page says of an experiment in words: the outcome, its settings, what failed."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from acrank.experiments.benchmark.run import Experiment
from acrank.experiments.benchmark.tables import best_rate, deviation
from acrank.experiments.validation.agreement import STATISTICS
from acrank.experiments.validation.results import CHANCE, PairedTest, Summary, Validation
from acrank.report.experiment import ordered_models, qualities, things
from acrank.report.tables import Table, make_table
from acrank.report.validation_records import interval, number, p_value
from acrank.results import Ranking
from acrank.utils.duration import duration_text

MAIN = STATISTICS[0]


def measure(done: Experiment) -> str:
    """What the scores are to predict, in words."""
    return done.task.measure(done.config.measure).words


def caveat(done: Experiment) -> str:
    """How far the outcome is to be believed."""
    return (
        f"The best of many scores is chosen by these very {qualities(done)}: expect less of it on "
        "other datasets, and of scores whose intervals overlap no order at all."
    )


def best_metric(found: Validation) -> Summary | None:
    """The score of highest mean weighted tau; a static baseline where no other is defined."""
    defined = [row for row in found.summaries if row.kind != "chance" and row.datasets]
    scores = [row for row in defined if row.kind == "metric"]
    return next(iter(scores or defined), None)


def mean_ceiling(done: Experiment) -> float:
    """Over the datasets that have one; NaN if none has."""
    known = [value for value in done.ceilings.values() if math.isfinite(value)]
    return float(np.mean(known)) if known else math.nan


def outcome(done: Experiment) -> list[str]:
    """Which score does best, and what it is to be held against; a sentence each."""
    best = best_metric(done.validation) if done.validation else None
    if done.validation is None or best is None:
        return ["There is no order of models to compare scores with."]
    chance = done.validation.summary(CHANCE)
    told = [f"mean weighted tau {number(best.statistics[MAIN].value, 2)}"]
    told += [f"95 % interval {interval(best)}"] if interval(best) else []
    lines = [f"{best.metric} agrees best with the {measure(done)}: {', '.join(told)}."]
    limits = [f"Random lists reach {interval(chance)}"] if interval(chance) else []
    ceiling = mean_ceiling(done)
    limits += [] if math.isnan(ceiling) else [f"the mean ceiling is {number(ceiling, 2)}"]
    text = "; ".join(limits)
    lines += [f"{text[0].upper()}{text[1:]}."] if text else []
    if best.statistics[MAIN].low < chance.statistics[MAIN].high:
        lines.append(f"The interval of {best.metric} reaches into the range of random lists.")
    return lines + ([_over_best(best.test)] if best.test else [])


def _over_best(test: PairedTest) -> str:
    told = f"Over {test.baseline}, the best static baseline: {number(test.difference, 2)}"
    if test.baseline == CHANCE:
        told = f"No static baseline is above random lists; over those: {number(test.difference, 2)}"
    if math.isnan(test.p_holm):
        return f"{told}; for a test there are too few datasets."
    return f"{told} (p {p_value(test.p_holm)}, Holm)."


def summary(done: Experiment) -> list[tuple[str, str]]:
    """The experiment at a glance."""
    config = done.config
    options = ", ".join(f"{name}={value}" for name, value in config.options.items())
    models = {outcome.cell.model for outcome in done.outcomes}
    averaged = f", {done.task.averaged}" if done.task.averaged else ""
    facts = {
        "models": f"{len(ordered_models(done))} of {len(models)} fine-tuned",
        "method": f"{config.method} ({options})" if options else config.method,
        "learning rates": _rates(done),
        "seeds": str(config.seeds),
        "epochs": str(config.epochs),
        "batch size": str(config.batch_size),
        "scored on": f"up to {config.score_samples} training {things(done)}",
        "to predict": f"test {measure(done)}{averaged}",
        "decoder": "" if done.task.whole_images else _decoder(done),
        "patches": "; ".join(_patches(done)),
        "intensities": "{:g} to {:g}".format(*config.window) if config.window else "",
        "norms": "" if config.norms == "batch" else config.norms,
        "further settings": ", ".join(_further(done)),
        f"{things(done)} (training + test)": "; ".join(
            f"{found.name}: {found.images[0]} + {found.images[1]}" for found in done.datasets
        ),
        "fine-tunings took": duration_text(sum(found.seconds for found in done.outcomes)),
    }
    return [(name, value) for name, value in facts.items() if value]


def _decoder(done: Experiment) -> str:
    config = done.config
    size = "" if done.task.dimensions == 3 else f", {config.image_size} pixels"
    return f"{config.decoder}{size}"


def _patches(done: Experiment) -> Iterator[str]:
    """How the volumes of each dataset are cut."""
    for dataset in done.datasets:
        if dataset.settled.keys() >= {"patch", "spacing"}:
            voxels = " x ".join(map(str, dataset.settled["patch"]))
            sides = " x ".join(f"{side:g}" for side in dataset.settled["spacing"])
            yield f"{dataset.name}: {voxels} voxels of {sides} mm"


def _rates(done: Experiment) -> str:
    if done.config.lrs:
        tried = ", ".join(f"{rate:g}" for rate in done.config.lrs)
        return tried if len(done.config.lrs) == 1 else f"{tried}: best on validation images"
    usual = {found.cell.config.highest_lr for found in done.outcomes}
    return f"{', '.join(f'{rate:g}' for rate in sorted(usual))} (usual)"


def _further(done: Experiment) -> Iterator[str]:
    for part, settings in (("finetune", done.config.finetune), ("score", done.config.score)):
        for name, value in settings.items():
            yield f"{part}.{name}={value}"


def accuracies_table(done: Experiment) -> Table:
    """The accuracy of every model on every dataset, with its spread over the seeds."""
    rows = []
    for dataset in done.datasets:
        for model in ordered_models(done):
            values = done.by_seed.get((dataset.name, model))
            best = best_rate(done.outcomes, dataset.name, model, done.config)
            if values and best:
                mean, rate = done.accuracies[dataset.name, model], best.cell.config.highest_lr
                numbers = (f"{mean:.4f}", spread(values), str(len(values)), f"{rate:g}")
                rows.append((dataset.name, model, *numbers))
    columns = ("dataset", "model", measure(done), "deviation", "seeds", "learning rate")
    caption = "Mean over the seeds, and their standard deviation"
    return make_table(caption, columns, rows, header="model", text=("dataset",))


def spread(values: list[float]) -> str:
    """Standard deviation over the seeds; empty for a single one."""
    found = deviation(values)
    return "" if found is None else f"{found:.4f}"


def failed_table(done: Experiment) -> Table | None:
    """Fine-tunings without a result; None if all have one."""
    columns = ("model", "dataset", "learning rate", "seed", "why")
    rows = [
        (
            found.cell.model,
            found.cell.dataset,
            f"{found.cell.config.highest_lr:g}",
            str(found.cell.seed),
            found.reason,
        )
        for found in done.failed
    ]
    caption = "Fine-tunings that failed"
    return make_table(caption, columns, rows, text=("dataset", "why")) if rows else None


def unscored_table(done: Experiment) -> Table | None:
    """Models that could not be scored, on the full sample or at all; None if all could."""
    rows = [
        (row.result.model, dataset, f"{row.result.status}: {row.result.reason}")
        for dataset, ranking in done.rankings.items()
        for row in ranking.rows
        if row.result.status in ("failed", "dropped")
    ]
    columns = ("model", "dataset", "why")
    caption = "Models that could not be scored"
    return make_table(caption, columns, rows, text=columns) if rows else None


def undefined_table(done: Experiment) -> Table | None:
    """Scores that models do not have though they were scored; None if all have all."""
    rows = [
        (model, dataset, ", ".join(metrics), why)
        for dataset, ranking in done.rankings.items()
        for model, metrics, why in _undefined(ranking)
    ]
    columns = ("model", "dataset", "scores", "why")
    caption = "Scores that are undefined"
    return make_table(caption, columns, rows, text=columns) if rows else None


def _undefined(ranking: Ranking) -> Iterator[tuple[str, list[str], str]]:
    """Model, what it lacks and why; scores that are missing for one reason together."""
    for row in ranking.rows:
        reasons: dict[str, list[str]] = {}
        for metric in ranking.metrics:
            if metric in row.result.undefined:
                reasons.setdefault(row.result.undefined[metric], []).append(metric)
        for why, metrics in reasons.items():
            yield row.result.model, metrics, why
