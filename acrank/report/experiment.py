"""An experiment's accuracies, ceilings and verdicts, on a terminal and as Markdown."""

from __future__ import annotations

import math
from collections.abc import Sequence

from rich.console import Console

from acrank.report import validation_records
from acrank.report.cells import markdown_table, plain
from acrank.report.markdown import escaped
from acrank.report.table import print_rows
from acrank.report.validation import print_validation
from acrank.transfer.run import Experiment

HEADING = "Does a score predict the fine-tuned accuracy?"
# Below such a ceiling the accuracies do not tell the models apart, and no score can.
LOW = 0.5


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
        f"# {HEADING}\n",
        "## Fine-tuned accuracies\n",
        markdown_table(_head(done), _rows(done)),
    ]
    said = notes(done)
    if done.validation:
        parts += ["## Scores against accuracies\n", validation_records.to_markdown(done.validation)]
        said += done.validation.notes
    return "\n".join([*parts, *(f"{escaped(line)}\n" for line in said)])


def notes(done: Experiment) -> list[str]:
    """What the reader must know of the accuracies themselves."""
    low = [name for name, value in done.ceilings.items() if value < LOW]
    lines = [
        "ceiling: mean weighted tau between the accuracies of two seeds; a score cannot be "
        "expected to do better."
    ]
    if low:
        lines.append(f"Ceiling below {LOW}, so of little weight: {', '.join(low)}.")
    if done.validation is None:
        lines.append("Fewer than three models have an accuracy: no order to compare scores with.")
    if done.failed:
        lines.append(f"{len(done.failed)} fine-tunings failed; cells.csv says why.")
    lines.append(f"All tables: {done.folder}")
    return lines


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
