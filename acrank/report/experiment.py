"""An experiment's accuracies, ceilings and verdicts, on a terminal and as Markdown."""

from __future__ import annotations

import math
from collections.abc import Sequence

from rich.console import Console

from acrank.experiments.benchmark.run import Experiment
from acrank.experiments.benchmark.scores import not_compared
from acrank.report import validation_records
from acrank.report.cells import markdown_table, plain
from acrank.report.markdown import escaped
from acrank.report.table import print_rows
from acrank.report.validation import print_validation

# Below such a ceiling the accuracies do not tell the models apart, and no score can.
LOW = 0.5


def quality(done: Experiment) -> str:
    """What every fine-tuning is worth, in a word: accuracy of any kind, Dice or IoU."""
    return done.task.measure(done.config.measure).quality[0]


def qualities(done: Experiment) -> str:
    """The same of several fine-tunings."""
    return done.task.measure(done.config.measure).quality[1]


def things(done: Experiment) -> str:
    """What is fine-tuned on."""
    return done.task.things


def heading(done: Experiment) -> str:
    """What an experiment asks."""
    return f"Does a score predict the fine-tuned {quality(done)}?"


def print_experiment(done: Experiment, console: Console) -> None:
    """Print the accuracies, then how well every metric predicts them."""
    print_rows(_head(done), _rows(done), _head(done)[1:], console)
    if done.validation:
        console.print()
        print_validation(done.validation, console)
    for line in notes(done):
        console.print(plain(line), soft_wrap=not console.is_terminal)


def to_markdown(done: Experiment) -> str:
    """The experiment as a page."""
    parts = [
        f"# {heading(done)}\n",
        f"## Fine-tuned {qualities(done)}\n",
        markdown_table(_head(done), _rows(done)),
    ]
    said = notes(done)
    if done.validation:
        compared = validation_records.to_markdown(done.validation)
        parts += [f"## Scores against {qualities(done)}\n", compared]
        said += done.validation.notes
    return "\n".join([*parts, *(f"{escaped(line)}\n" for line in said)])


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
    """Whose AC-Corr is of other layers, and left out of the comparison."""
    names = sorted({name for ranking in done.rankings.values() for name in not_compared(ranking)})
    if not names:
        return []
    return [
        f"Without BatchNorm, so that AC-Corr is of other layers and not compared with the others' "
        f"(--norms mixed): {', '.join(names)}."
    ]


def _head(done: Experiment) -> tuple[str, ...]:
    return ("model", *(dataset.name for dataset in done.datasets))


def ordered_models(done: Experiment) -> list[str]:
    """Those that have an accuracy, best mean first; one that is missing counts as 0."""
    models = dict.fromkeys(model for _, model in done.accuracies)

    def mean(model: str) -> float:
        found = [done.accuracies.get((dataset.name, model), 0.0) for dataset in done.datasets]
        return sum(found) / len(found)

    return sorted(models, key=lambda model: (-mean(model), model))


def _rows(done: Experiment) -> list[Sequence[str]]:
    names = [dataset.name for dataset in done.datasets]
    rows = [
        [model, *(_number(done.accuracies.get((name, model), math.nan)) for name in names)]
        for model in ordered_models(done)
    ]
    return [*rows, ["(ceiling)", *(_number(done.ceilings[name]) for name in names)]]


def _number(value: float) -> str:
    return "" if math.isnan(value) else f"{value:.4f}"
