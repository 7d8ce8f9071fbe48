"""Report an experiment: fine-tuned accuracies, and how well scores predict them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from acrank.experiments.benchmark.run import Experiment
from acrank.experiments.validation.results import Validation
from acrank.report.builders import experiment_tables as tables
from acrank.report.builders.experiment_figures import scatter_plots, tau_plot
from acrank.report.builders.experiment_words import (
    LOW,
    best_metric,
    caveat,
    notes,
    outcome,
    qualities,
    quality,
    summary,
)
from acrank.report.builders.validation import ValidationReport, means_table, reading_notes
from acrank.report.document import Block, Details, Document, Group, Items, Section, Text

# Columns of a table that still has room beside a figure.
BESIDE = 8


@dataclass(frozen=True)
class ExperimentReport:
    """An experiment, to show."""

    done: Experiment

    def document(self) -> Document:
        """Make the tables of accuracies and of how well every metric predicts them."""
        done = self.done
        compared = ValidationReport(done.validation).blocks() if done.validation else []
        return Document((tables.accuracies(done), *compared, Items(tuple(notes(done)))))

    def page(self) -> Document:
        """Make the whole report, for a page and for the experiment's folder."""
        done = self.done
        found = done.validation
        said = (*notes(done), *(found.notes if found else ()))
        words = qualities(done)
        return Document(
            (
                Section(
                    f"Fine-tuned {words}",
                    "accuracies",
                    tuple(self._accuracies()),
                    link=f"{words[0].upper()}{words[1:]}",
                ),
                Section(f"Scores against {words}", "scores", tuple(self._scores())),
                *(self._best(found) if found else ()),
                Section("What failed", "failed", tuple(self._failures())),
                Section("Notes", "notes", (Items(said),)),
            ),
            title=f"Does a score predict the fine-tuned {quality(done)}?",
            outcome=tuple(outcome(done)),
            facts=tuple(summary(done)),
            caveat=caveat(done),
        )

    def _accuracies(self) -> Iterator[Block]:
        done, words = self.done, qualities(self.done)
        yield Text(
            "An empty cell means that the model has no result there. A ceiling marked ! is below "
            f"{LOW}: those {words} do not tell the models apart, and no score can be judged by "
            "them."
        )
        yield Text("Within a column, the deeper the tint, the higher.", tints=True)
        yield tables.accuracy_grid(done)
        spreads = "Deviations over the seeds, and the learning rates used"
        yield Details(spreads, (tables.every_accuracy(done),))

    def _scores(self) -> Iterator[Block]:
        found = self.done.validation
        if found is None:
            yield Text(
                "There is nothing to compare, because there is no order of models to compare "
                "scores with. The notes give the reasons."
            )
            return
        taus, grid = tau_plot(self.done, found), tables.tau_grid(self.done, found)
        blocks: tuple[Block, ...] = (
            *([taus] if taus else []),
            grid,
            Text("The deeper the tint, the higher; at 0 and below there is none.", True, True),
            Details("Intervals on each dataset", (tables.every_tau(found),)),
        )
        if len(grid.columns) <= BESIDE:
            blocks = (Group(blocks, "figures"),)
        yield from blocks
        legend = Items(tuple(reading_notes(found)))
        means = replace(means_table(found), silent=False)
        yield Details("All statistics, means over the datasets", (means, legend))

    def _best(self, found: Validation) -> Iterator[Section]:
        best = best_metric(found)
        if best is None:
            return
        note = (
            f"{best.metric} against the {quality(self.done)}, each dataset on a scale of its own. "
            "Diamond: the model that the score would have picked. Line: standard deviation over "
            "the seeds."
        )
        scatters = Group(tuple(scatter_plots(self.done, found, best)), "multiples", note)
        yield Section("The best score on each dataset", "best", (scatters,), "The best score")

    def _failures(self) -> Iterator[Block]:
        done = self.done
        yield tables.failed(done) or Text("No fine-tuning failed.")
        yield tables.unscored(done) or Text("Every model was scored on every dataset.")
        undefined = tables.undefined(done)
        if undefined:
            yield Details(undefined.caption, (undefined,))
