"""A fine-tuning as it goes on, and what it ended in."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.console import Console

from acrank.finetuning.catalogue import SMALLER_RATE
from acrank.report.cells import plain
from acrank.report.progress import ProgressBar
from acrank.report.table import print_rows
from acrank.tasks.registry import every_measure, task_named

if TYPE_CHECKING:
    from acrank.finetuning.loop import Row
    from acrank.finetuning.result import Finetuned


# Losses of which four decimals say nothing.
LARGE = 1e6


class EpochProgress(ProgressBar):
    """Shows a fine-tuning: a line an epoch."""

    def __init__(self, console: Console) -> None:
        super().__init__(console)
        self.task = self.bar.add_task("epoch")

    def row(self, row: Row, epochs: int) -> None:
        """Print an epoch's row of the log."""
        self.bar.update(self.task, completed=int(row["epoch"]), total=epochs)
        parts = [f"[{row['epoch']}/{epochs}] loss {row['train_loss']:.4g}"]
        if row["phase"] == "head":
            parts.append("(head alone)")
        told = (measure.key for measure in every_measure() if measure.told)
        for name in ("loss", *told):
            value = row.get(f"val_{name}")
            if value is not None:
                parts.append(f"val {name.replace('_', ' ')} {value:.4g}")
        self.line(", ".join(parts))


def print_finetuned(done: Finetuned, console: Console) -> None:
    """Print the measures of the weights that were kept, and where they are."""
    record = done.record
    measures = task_named(record["config"].get("task")).measure_keys
    rows = [
        [f"{part} ({record['images'][name]} images)", *(_number(record[part][m]) for m in measures)]
        for part, name in (("val", "validation"), ("test", "test"))
        if part in record
    ]
    print_rows(("", *measures), rows, measures, console)
    for line in _lines(done):
        console.print(plain(line), soft_wrap=not console.is_terminal)


def _number(value: float | None) -> str:
    if value is None:
        return ""
    return f"{value:.4f}" if value < LARGE else f"{value:.4g}"


def _lines(done: Finetuned) -> list[str]:
    record, config = done.record, done.record["config"]
    monitor = record["chosen_by"].replace("_", " ")
    lines = [
        f"{record['model']['name']} by {config['method']}: epoch {record['best_epoch']} of "
        f"{len(done.log)}, the best by {monitor} on the validation images."
    ]
    if record["stopped"]:
        hint = f" {SMALLER_RATE}" if record["diverged"] else ""
        lines.append(f"Ended early: {record['stopped']}.{hint}")
    if "not_tested" in record:
        lines.append(f"Not judged on the test images: {record['not_tested']}.")
    if done.kept:
        lines.append("It had been finished before (--fresh begins anew).")
    where = f"local-dir:{done.folder}"
    unloadable = record.get("not_for_timm")
    lines.append(
        f"Weights: {done.folder}/model.safetensors; {unloadable}."
        if unloadable
        else f"Weights: {where}, for timm.create_model and for zoos."
    )
    return lines
