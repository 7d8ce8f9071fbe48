"""Show progress on stderr: a bar on a terminal, plain lines elsewhere."""

from __future__ import annotations

from types import TracebackType
from typing import TYPE_CHECKING, Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from acrank.report.renderers.terminal import plain
from acrank.results import ModelResult, Ranking
from acrank.runners.callbacks import Callback
from acrank.tasks.registry import every_measure
from acrank.utils.visible import visible

if TYPE_CHECKING:
    from acrank.finetuning.loop import LogRow


class ProgressBar:
    """Lines on a console above a progress bar; a context manager."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self.bar = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
            console=console,
            transient=True,
            disable=not console.is_terminal,
        )

    def __enter__(self) -> Self:
        self.bar.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.bar.stop()

    def message(self, text: str) -> None:
        """Print a sentence for the user."""
        self.console.print(plain(f"note: {text}"), soft_wrap=True)

    def line(self, text: str) -> None:
        """Print what has been done."""
        self.console.print(plain(text), soft_wrap=True)


class ProgressListener(ProgressBar, Callback):
    """Show a run on a console."""

    def __init__(self, console: Console) -> None:
        super().__init__(console)
        self.total = 0
        self.finished = 0

    def start(self, total: int) -> None:
        """Show an empty bar."""
        self.total = total
        self.finished = 0
        for task in self.bar.task_ids:  # of the round before
            self.bar.remove_task(task)
        self.task = self.bar.add_task("", total=total)

    def begin(self, model: str) -> None:
        """Name the model that runs."""
        self.bar.update(self.task, description=visible(model))

    def done(self, result: ModelResult) -> None:
        """Advance; without a terminal, print a line."""
        self.finished += 1
        self.bar.advance(self.task)
        if not self.console.is_terminal:
            line = f"[{self.finished}/{self.total}] {result.model}: {result.status}"
            line += " (kept)" if result.kept else f" ({result.seconds:.1f} s)"
            line += f" {result.reason}" if result.reason else ""
            self.console.print(plain(line), soft_wrap=True)


class EpochProgress(ProgressBar):
    """Shows a fine-tuning with a line for each epoch."""

    def __init__(self, console: Console) -> None:
        super().__init__(console)
        self.task = self.bar.add_task("epoch")

    def row(self, row: LogRow, epochs: int) -> None:
        """Print an epoch's row of the log."""
        self.bar.update(self.task, completed=int(row["epoch"]), total=epochs)
        self.line(epoch_line(row, epochs))


def epoch_line(row: LogRow, epochs: int) -> str:
    """Write an epoch's row of the log in words."""
    parts = [f"[{row['epoch']}/{epochs}] loss {row['train_loss']:.4g}"]
    if row["phase"] == "head":
        parts.append("(head alone)")
    told = (measure.key for measure in every_measure() if measure.told)
    for name in ("loss", *told):
        value = row.get(f"val_{name}")
        if value is not None:
            parts.append(f"val {name.replace('_', ' ')} {value:.4g}")
    return ", ".join(parts)


class ChoiceProgress(ProgressListener):
    """Shows a choice: the ranking, the laps of the race, the epochs of the winner."""

    def __init__(self, console: Console) -> None:
        super().__init__(console)
        self._told: set[str] = set()

    def message(self, text: str) -> None:
        """Print a sentence for the user once: several parts of a choice open the same data."""
        if text not in self._told:
            self._told.add(text)
            super().message(text)

    def ranked(self, ranking: Ranking) -> None:
        """Remove the bar of the ranking."""
        for task in self.bar.task_ids:
            self.bar.remove_task(task)

    def row(self, row: LogRow, epochs: int) -> None:
        """Print an epoch of the full fine-tuning."""
        self.line(epoch_line(row, epochs))
