"""An experiment's accuracies, ceilings and verdicts, on a terminal and as Markdown."""

from __future__ import annotations

from acrank.experiments.benchmark.config import MEASURE_NAMES
from acrank.experiments.benchmark.run import Experiment
from acrank.experiments.benchmark.scores import not_compared
from acrank.finetuning.catalogue import SEGMENTATION

# Below such a ceiling the accuracies do not tell the models apart, and no score can.
LOW = 0.5


def quality(done: Experiment) -> str:
    """What every fine-tuning is worth, in a word: accuracy of any kind, Dice or IoU."""
    if done.config.task != SEGMENTATION:
        return "accuracy"
    return MEASURE_NAMES[done.config.measure]


def qualities(done: Experiment) -> str:
    """The same of several fine-tunings."""
    return f"{quality(done)} values" if done.config.task == SEGMENTATION else "accuracies"


def things(done: Experiment) -> str:
    """What is fine-tuned on."""
    return done.task.things


def heading(done: Experiment) -> str:
    """What an experiment asks."""
    return f"Does a score predict the fine-tuned {quality(done)}?"


def notes(done: Experiment) -> list[str]:
    """What the reader must know of the accuracies themselves."""
    low = [name for name, value in done.ceilings.items() if value < LOW]
    lines = [
        *_of_masks(done),
        f"ceiling: mean weighted tau between the {qualities(done)} of two seeds; a score cannot be "
        "expected to do better.",
    ]
    if low:
        lines.append(f"Ceiling below {LOW}, so of little weight: {', '.join(low)}.")
    lines += _apart(done)
    if done.validation is None:
        lines.append("Fewer than three models have a result: no order to compare scores with.")
    if done.failed:
        lines.append(f"{len(done.failed)} fine-tunings failed; cells.csv says why.")
    lines.append(f"All tables: {done.folder}")
    return lines


def _of_masks(done: Experiment) -> list[str]:
    """What accuracies are where every pixel has a label, and where no model found anything."""
    if done.config.task != SEGMENTATION:
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
    """Whose AC-Corr is of other layers, and left out of the comparison."""
    names = sorted({name for ranking in done.rankings.values() for name in not_compared(ranking)})
    if not names:
        return []
    return [
        f"Without BatchNorm, so that AC-Corr is of other layers and not compared with the others' "
        f"(--norms mixed): {', '.join(names)}."
    ]


def ordered_models(done: Experiment) -> list[str]:
    """Those that have an accuracy, best mean first; one that is missing counts as 0."""
    models = dict.fromkeys(model for _, model in done.accuracies)

    def mean(model: str) -> float:
        found = [done.accuracies.get((dataset.name, model), 0.0) for dataset in done.datasets]
        return sum(found) / len(found)

    return sorted(models, key=lambda model: (-mean(model), model))
