"""Report a choice: the network that a race chose, how sure that is, and the race itself."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from acrank.errors import MissingExtraError
from acrank.race.result import JSON, PAGE, Choice
from acrank.report.builders import choice_tables as tables
from acrank.report.builders import choice_words as words
from acrank.report.builders.choice_data import choice_data
from acrank.report.builders.choice_figures import cost_plots, race_plot
from acrank.report.builders.finetuning_figures import curves
from acrank.report.builders.ranking import RankingReport
from acrank.report.builders.run import (
    dataset_name,
    images_section,
    items_name,
    part_of,
    run_facts,
    run_section,
)
from acrank.report.document import (
    Block,
    Code,
    Details,
    Document,
    Figure,
    Group,
    Items,
    Records,
    Report,
    Section,
    Text,
)
from acrank.report.galleries import MIND
from acrank.report.renderers.html import require_html, to_html
from acrank.report.renderers.records import to_json
from acrank.report.repeat import repeat
from acrank.results.file import CHOICE
from acrank.tasks.registry import loaded
from acrank.utils.files import write_all
from acrank.utils.visible import typed_line


def write_choice(choice: Choice, *, images: bool = True) -> tuple[str, ...]:
    """Write ``choice.json`` and ``choice.html`` into the folder of a choice.

    Args:
        choice: finished.
        images: whether the page may show images of the data with their predicted masks.

    Returns:
        Sentences on what was not written; nothing where all was.

    Raises:
        ConfigError: a file cannot be written; the other one has been tried.
    """
    report = ChoiceReport(choice, images)
    page: Path | None = choice.folder / PAGE
    notes: tuple[str, ...] = ()
    try:
        require_html()
    except MissingExtraError as error:
        page, notes = None, (f"{PAGE} is not written: {error}",)
    write_all(
        (choice.folder / JSON, lambda: to_json(report)), (page, lambda: to_html(report.page()))
    )
    return notes


@dataclass(frozen=True)
class ChoiceReport(Report):
    """A choice, to show.

    Attributes:
        choice: to show.
        images: whether the page may show images of the data with their predicted masks.
    """

    choice: Choice
    images: bool = True

    def document(self) -> Document:
        """Make the answer, the table of arms and what was dropped; notes were told on the way."""
        choice = self.choice
        ran = tables.ran(choice)
        shown = ran[: tables.SHOWN]
        cut = len(ran) - len(shown)
        lines = [f"{cut} more arms not shown; {JSON} has all."] if cut else []
        lines += [*words.reading_notes(choice), *words.lessons(choice), *self._ended()]
        return Document(
            (
                tables.arms_table(choice, shown),
                Items((*lines, *words.dropped(choice), words.saved(choice))),
            ),
            outcome=tuple(words.outcome(choice)),
        )

    def page(self, gallery: tuple[Block, ...] = ()) -> Document:
        """Make the whole report: the answer, the race, costs, the network, the plan, the run.

        Args:
            gallery: images of the sample of the look; empty for none.
        """
        choice = self.choice
        name = choice.chosen.arm.model
        return Document(
            (
                Section("The race", "race", tuple(self._race())),
                *self._costs(),
                Section(
                    "The fine-tuned network", "network", tuple(self._network()), link="Network"
                ),
                Section("What was dropped, and why", "dropped", tuple(self._dropped()), "Dropped"),
                Section("Plan and time", "plan", tuple(self._plan())),
                *images_section(gallery),
                run_section(choice, repeat(self._record())),
            ),
            title=f"{name} for {dataset_name(choice)}",
            outcome=tuple(words.outcome(choice)),
            facts=self._facts(),
            caveat=words.CAVEAT,
        )

    def records(self) -> Records:
        """Make a CSV row for each arm."""
        return tables.arm_records(self.choice)

    def data(self) -> dict[str, Any]:
        """Give everything, in a form that is a ranking of the models as well."""
        return choice_data(self.choice)

    def _record(self) -> dict[str, Any]:
        return {**self.choice.record, "schema": CHOICE, "folder": str(self.choice.folder)}

    @property
    def _full(self) -> int:
        """The number of arms with a full fine-tuning."""
        full = {rung.number for rung in self.choice.rungs if rung.full}
        return sum(any(lap.rung in full for lap in one.laps) for one in self.choice.standings)

    def _facts(self) -> tuple[tuple[str, str], ...]:
        choice = self.choice
        raced = {one.arm.model for one in choice.standings if one.laps}
        arms = sum(bool(one.laps) for one in choice.standings)
        images = {"train": "training", "validate": "validation", "test": "test"}
        known = choice.finetuned.record["images"]
        found = {
            **{f"to {verb}": str(known[part]) for verb, part in images.items() if known.get(part)},
            "ranked": f"{len(choice.ranking.rows)} models",
            "raced": f"{arms} arms of {len(raced)} models",
            "rungs": str(sum(not rung.full for rung in choice.rungs)),
            "fine-tuned fully": f"{self._full} arms",
            "chosen by": choice.measure_words,
        }
        facts = run_facts(choice, found)
        sampled = items_name(part_of(choice, "dataset"))
        return tuple((f"{sampled} ranked on" if n == sampled else n, v) for n, v in facts)

    def _ended(self) -> list[str]:
        early = self.choice.early
        return [words.sentence(f"One full fine-tuning was enough: {early}")] if early else []

    def _race(self) -> Iterator[Block]:
        choice = self.choice
        told = (*self._ended(), *words.lessons(choice), *words.reading_notes(choice))
        figure, notes = race_plot(choice), Items(told)
        yield Group((figure, notes), "figures") if figure else notes
        table = tables.arms_table(choice, tables.ran(choice), reasons=True)
        yield replace(table, silent=False)

    def _costs(self) -> Iterator[Section]:
        figures = tuple(cost_plots(self.choice))
        if figures:
            title = "Cost against what is expected"
            yield Section(title, "costs", (Group(figures, "figures"),), link="Costs")

    def _network(self) -> Iterator[Block]:
        choice = self.choice
        yield Text(words.saved(choice))
        whole = words.task_of(choice).whole_images
        if not (whole and "not_for_timm" in choice.finetuned.record):
            yield Code(words.loading(choice), "Python", "python")
        figure = self._figure()
        told = (
            tables.measures_table(choice),
            tables.latency_table(choice),
            *tables.export_tables(choice),
        )
        blocks = tuple(table for table in told if table)
        if isinstance(figure, Figure):
            yield Group((figure, *blocks), "figures")
        else:
            yield from (*([figure] if figure else []), *blocks)
        drawing = replace(curves(choice.finetuned), title="")
        epochs = f"{len(choice.finetuned.log)} epochs"
        title = f"{words.arm_text(choice.chosen.arm)}, {epochs}"
        yield Details("The full fine-tuning, epoch by epoch", (Figure(title, drawing),))

    def _figure(self) -> Block | None:
        """Draw the figure of the task, or say why it is not there."""
        task = words.task_of(self.choice)
        if not task.figure:
            return None
        if not (task.whole_images or self.images):
            return Text("Cases with their predicted masks are left out, as they show images.")
        name = "Confusion matrix" if task.whole_images else "Cases, from the worst to the best"
        try:
            drawing = loaded(task.figure)(self.choice.finetuned)
        except Exception as error:  # a file of the folder is gone, or a package's task is broken
            return Text(f"{name}: it cannot be drawn ({typed_line(error)}).")
        return Figure(name, drawing, note="" if task.whole_images else MIND)

    def _dropped(self) -> Iterator[Block]:
        lines = tuple(words.dropped(self.choice))
        yield Items(lines) if lines else Text("Nothing was dropped.")
        skipped = tables.skipped_table(self.choice)
        if skipped:
            count = len(skipped.rows)
            yield Details(f"{count} arm{'' if count == 1 else 's'} that did not run", (skipped,))
        looked = RankingReport(self.choice.ranking).document()
        yield Details(f"The ranking of the look, by {self.choice.ranking.rank_by}", looked.blocks)

    def _plan(self) -> Iterator[Block]:
        choice = self.choice
        times = tables.times_table(choice)
        if choice.plan:
            yield Items(tuple(map(words.sentence, choice.plan)))
        if times:
            yield replace(times, silent=False)
        if choice.notes:
            yield Section("Notes", "notes", (Items(tuple(words.notes(choice))),))
        if not (choice.plan or times or choice.notes):
            yield Text("Nothing is recorded of the plan.")
