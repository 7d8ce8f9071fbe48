"""Report a finished fine-tuning."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from acrank.finetuning.catalogue import SMALLER_RATE
from acrank.finetuning.exports import told_exports
from acrank.report.document import Document, Items, Records, Report, table_of
from acrank.tasks.registry import task_named

if TYPE_CHECKING:
    from acrank.finetuning.result import Finetuned

# Losses of which four decimals say nothing.
LARGE = 1e6


@dataclass(frozen=True)
class FinetuneReport(Report):
    """A finished fine-tuning, to show."""

    done: Finetuned

    @property
    def _measures(self) -> tuple[str, ...]:
        return task_named(self.done.record["config"].get("task")).measure_keys

    def document(self) -> Document:
        """Make a table of the measures, and say how the training ended."""
        headings = ("", *(name.replace("_", " ") for name in self._measures))
        rows = [
            (f"{row['part']} ({row['images']} images)", *(_number(row[m]) for m in self._measures))
            for row in self._rows()
        ]
        table = table_of("Measures", headings, rows, silent=True)
        return Document((table, Items(tuple(self.lines()))))

    def records(self) -> Records:
        """Make a CSV row for the validation images and one for the test images."""
        return Records(("part", "images", *self._measures), self._rows())

    def data(self) -> dict[str, Any]:
        """Give the whole record of the fine-tuning."""
        return {"folder": str(self.done.folder), **self.done.record}

    def _rows(self) -> list[dict[str, Any]]:
        record = self.done.record
        return [
            {
                "part": part,
                "images": record["images"][name],
                **{measure: record[part][measure] for measure in self._measures},
            }
            for part, name in (("val", "validation"), ("test", "test"))
            if part in record
        ]

    def lines(self) -> list[str]:
        """Say which epoch was kept, what went wrong and where the weights are."""
        done, record = self.done, self.done.record
        monitor = record["chosen_by"].replace("_", " ")
        lines = [
            f"{record['model']['name']} by {record['config']['method']}: epoch "
            f"{record['best_epoch']} of {len(done.log)}, the best by {monitor} on the validation "
            "images."
        ]
        if record["stopped"]:
            hint = f" {SMALLER_RATE}" if record["diverged"] else ""
            lines.append(f"Ended early: {record['stopped']}.{hint}")
        if "not_tested" in record:
            lines.append(f"Not evaluated on the test images: {record['not_tested']}.")
        if done.kept:
            lines.append("It was already finished (--fresh starts again).")
        unloadable = record.get("not_for_timm")
        lines.append(
            f"Weights: {done.folder}/model.safetensors; {unloadable}."
            if unloadable
            else f"Weights: local-dir:{done.folder}, for timm.create_model and for zoos."
        )
        return lines + told_exports(done)


def _number(value: float | None) -> str:
    if value is None:
        return ""
    return f"{value:.4f}" if value < LARGE else f"{value:.4g}"
