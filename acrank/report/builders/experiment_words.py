"""Put an experiment into words: its outcome, its settings and notes on reading it."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from acrank.experiments.benchmark.run import Experiment
from acrank.experiments.benchmark.tables import not_compared
from acrank.experiments.validation.results import CHANCE, PairedTest, Summary, Validation
from acrank.report.builders.validation import MAIN, interval, number, p_value
from acrank.utils.duration import duration_text

# Below such a ceiling the accuracies do not tell the models apart, and no score can.
LOW = 0.5


def quality(done: Experiment) -> str:
    """Name the measure of a fine-tuning: accuracy of any kind, Dice or IoU."""
    return done.task.measure(done.config.measure).quality[0]


def qualities(done: Experiment) -> str:
    """Name the measure of several fine-tunings."""
    return done.task.measure(done.config.measure).quality[1]


def things(done: Experiment) -> str:
    """Name the items of the datasets: ``images`` or ``volumes``."""
    return done.task.things


def measure(done: Experiment) -> str:
    """Name the measure that the scores are to predict."""
    return done.task.measure(done.config.measure).words


def caveat(done: Experiment) -> str:
    """Warn of choosing and testing the best score on the same accuracies."""
    return (
        f"The best of many scores was chosen by these very {qualities(done)}: expect it to do "
        "worse on other datasets, and do not order scores whose intervals overlap."
    )


def best_metric(found: Validation) -> Summary | None:
    """Find the score of highest mean weighted tau, or else the best static baseline."""
    defined = [row for row in found.summaries if row.kind != "chance" and row.datasets]
    scores = [row for row in defined if row.kind == "metric"]
    return next(iter(scores or defined), None)


def mean_ceiling(done: Experiment) -> float:
    """Average the ceilings of the datasets that have one; NaN if none has."""
    known = [value for value in done.ceilings.values() if math.isfinite(value)]
    return float(np.mean(known)) if known else math.nan


def outcome(done: Experiment) -> list[str]:
    """Say which score does best, beside random lists, ceiling and baseline."""
    best = best_metric(done.validation) if done.validation else None
    if done.validation is None or best is None:
        return ["There is no order of models with which to compare scores."]
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
        return f"{told}; there are too few datasets for a test."
    return f"{told} (p {p_value(test.p_holm)}, Holm)."


def summary(done: Experiment) -> list[tuple[str, str]]:
    """List the settings and sizes of an experiment as names and values."""
    config = done.config
    options = ", ".join(f"{name}={value}" for name, value in config.options.items())
    models = {outcome.job.model for outcome in done.outcomes}
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
        "image size": _image_size(done),
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


def _image_size(done: Experiment) -> str:
    """Give the size of images that networks saw in place of their own."""
    size = done.config.image_size
    return f"{size} pixels, for every network" if done.task.whole_images and size else ""


def _decoder(done: Experiment) -> str:
    config = done.config
    size = "" if done.task.dimensions == 3 else f", {config.image_size} pixels"
    return f"{config.decoder}{size}"


def _patches(done: Experiment) -> Iterator[str]:
    """Describe the patches that the volumes of each dataset are cut into."""
    for dataset in done.datasets:
        if dataset.settled.keys() >= {"patch", "spacing"}:
            voxels = " x ".join(map(str, dataset.settled["patch"]))
            sides = " x ".join(f"{side:g}" for side in dataset.settled["spacing"])
            yield f"{dataset.name}: {voxels} voxels of {sides} mm"


def _rates(done: Experiment) -> str:
    if done.config.lrs:
        tried = ", ".join(f"{rate:g}" for rate in done.config.lrs)
        return tried if len(done.config.lrs) == 1 else f"{tried}: best on validation images"
    usual = {found.job.config.highest_lr for found in done.outcomes}
    return f"{', '.join(f'{rate:g}' for rate in sorted(usual))} (usual)"


def _further(done: Experiment) -> Iterator[str]:
    for part, settings in (("finetune", done.config.finetune), ("score", done.config.score)):
        for name, value in settings.items():
            yield f"{part}.{name}={value}"


def notes(done: Experiment) -> list[str]:
    """Explain the accuracies and their ceilings, a sentence each."""
    low = [name for name, value in done.ceilings.items() if value < LOW]
    lines = [
        *_of_masks(done),
        f"ceiling: mean weighted tau between the {qualities(done)} of two seeds; no score can be "
        "expected to do better.",
    ]
    if low:
        lines.append(
            f"The ceiling is below {LOW}, so these datasets tell little: {', '.join(low)}."
        )
    lines += _apart(done)
    if done.validation is None:
        lines.append(
            "Fewer than three models have a result, so there is no order with which to compare "
            "scores."
        )
    if done.failed:
        lines.append(f"{len(done.failed)} fine-tunings failed; cells.csv gives the reasons.")
    lines.append(f"All tables: {done.folder}")
    return lines


def _of_masks(done: Experiment) -> list[str]:
    """Explain the measure of masks, and name datasets where no model found an object."""
    if not done.task.averaged:
        return []
    told = (
        f"accuracy: mean {quality(done)} of the foreground classes over the test {things(done)}, "
        "0 to 1."
    )
    values = {
        d.name: [v for (n, _), v in done.accuracies.items() if n == d.name] for d in done.datasets
    }
    empty = [name for name, found in values.items() if found and not any(found)]
    if not empty:
        return [told]
    return [
        told,
        f"No model found any foreground: {', '.join(empty)}. More --epochs, a higher --lr, a "
        f"{'finer --spacing' if done.task.dimensions == 3 else 'larger --image-size'} or "
        "--set finetune.class_weights=balanced may help.",
    ]


def _apart(done: Experiment) -> list[str]:
    """Name the models without BatchNorm, whose AC-Corr is left out of the comparison."""
    names = sorted({name for ranking in done.rankings.values() for name in not_compared(ranking)})
    if not names:
        return []
    return [
        "These models have no BatchNorm, so their AC-Corr covers other layers and is not compared "
        f"with the others (--norms mixed): {', '.join(names)}."
    ]


def ordered_models(done: Experiment) -> list[str]:
    """Order models by their mean accuracy, best first; a missing one counts as 0."""
    models = dict.fromkeys(model for _, model in done.accuracies)

    def mean(model: str) -> float:
        found = [done.accuracies.get((dataset.name, model), 0.0) for dataset in done.datasets]
        return sum(found) / len(found)

    return sorted(models, key=lambda model: (-mean(model), model))
