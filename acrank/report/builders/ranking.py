"""Report a ranking: the table with its notes, or everything about the run."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any

from acrank.metrics.guards import GUARDS
from acrank.metrics.registry import AC_CORR, CONSENSUS, is_fine_tuned
from acrank.ranking import consensus
from acrank.ranking.statistics import DRAWS
from acrank.report.builders import outlook_words as ahead
from acrank.report.builders import ranking_words as words
from acrank.report.builders.places import places_section
from acrank.report.builders.ranking_figures import (
    PROFILES_NOTE,
    cost_plots,
    dot_plot,
    layer_profiles,
)
from acrank.report.builders.run import dataset_name, images_section, run_facts, run_section
from acrank.report.document import (
    Block,
    Column,
    Details,
    Document,
    Group,
    Items,
    Records,
    Report,
    Section,
    Table,
    Text,
    Tone,
    table_of,
    tabulate,
)
from acrank.report.repeat import repeat
from acrank.results import RankedModel, Ranking, row_values
from acrank.results.file import SCHEMA
from acrank.results.record import to_record

CAVEAT = (
    "A transferability score is a cheap indicator. None predicts fine-tuned accuracy everywhere; "
    "intervals and P(top) describe only the variation between image samples."
)
OF_RACE = (
    "A race sees shortened fine-tunings on some validation images, and the best of many is better "
    "on these than on others."
)
_TONES: dict[str, Tone] = {"failed": "failed", "unranked": "quiet", "dropped": "quiet"}

Field = tuple[Column, Callable[[RankedModel], str]]


@dataclass(frozen=True)
class RankingReport(Report):
    """A ranking, to show.

    Attributes:
        ranking: to show.
        top: how many rows the table has; None for all.
    """

    ranking: Ranking
    top: int | None = None

    def document(self) -> Document:
        """Make the table of ranks and metrics, with notes on reading it."""
        ranking = self.ranking
        shown = ranking.rows[: self.top]
        cut = len(ranking.rows) - len(shown)
        notes = [f"{cut} more rows not shown (--top)."] if cut else []
        notes += [*ahead.outlook_lines(ranking), *_reading_notes(ranking)]
        notes += words.guard_notes(ranking)
        table = _table(ranking, shown, left_out=("norm layers", "licence"))
        return Document((table, *([Items(tuple(notes))] if notes else [])))

    def page(self, gallery: tuple[Block, ...] = ()) -> Document:
        """Make the whole report: outcome, ranking, guards, metrics, images, the run.

        Args:
            gallery: images of the sample; empty for none.
        """
        ranking = self.ranking
        ranks = f"{len(words.ranked(ranking))} of {len(ranking.rows)} models"
        table = _table(ranking, ranking.rows, left_out=ranking.metrics)  # they have their own
        return Document(
            (
                Section("Ranking", "ranking-section", (self._figures(), table)),
                Section("Notes and guards", "notes", tuple(self._notes())),
                *places_section(ranking),
                *_layers_section(ranking),
                *images_section(gallery),
                run_section(ranking, repeat(ranking.record)),
            ),
            title=heading(ranking),
            outcome=tuple(outcome(ranking)),
            facts=run_facts(ranking, {"ranked": ranks, "ranked by": ranking.rank_by}),
            caveat=OF_RACE if is_fine_tuned(ranking.rank_by) else CAVEAT,
        )

    def _figures(self) -> Block:
        dots = dot_plot(self.ranking)
        figures = (*([dots] if dots else []), *cost_plots(self.ranking))
        why = "There is nothing to draw, because no model has a rank. The table gives the reasons."
        return Group(figures, "figures") if figures else Text(why)

    def _notes(self) -> Iterable[Block]:
        ranking = self.ranking
        lines = (*ranking.warnings, *_reading_notes(ranking))
        yield Items(lines) if lines else Text("There are no notes on this run.")
        guards, particulars = _guards_table(ranking), _particulars_table(ranking)
        if guards:
            yield Text("A guard warns about each number marked !: it means less than it seems.")
            yield guards
        else:
            yield Text("No guard fired.")
        if particulars:
            yield Details(particulars.caption, (particulars,))

    def records(self) -> Records:
        """Make a CSV row for each model, in columns that never change."""
        ranking = self.ranking
        return Records(ranking.columns, [row_values(row, ranking.metrics) for row in ranking.rows])

    def data(self) -> dict[str, Any]:
        """Give rows, trials, layers, configuration, versions and dataset."""
        ranking = self.ranking
        return {
            "schema_version": SCHEMA,
            **ranking.record,
            "rank_by": ranking.rank_by,
            "interrupted": ranking.interrupted,
            "warnings": list(ranking.warnings),
            "metrics": list(ranking.metrics),
            **_uncertainty(ranking.rank_by),
            "outlook": asdict(ranking.outlook) if ranking.outlook else None,
            "norm_notes": words.norm_notes(ranking),
            "models": [_model_record(row, ranking.metrics) for row in ranking.rows],
        }


def _reading_notes(ranking: Ranking) -> list[str]:
    return [*words.reading_notes(ranking), *ahead.expected_notes(ranking)]


def _layers_section(ranking: Ranking) -> tuple[Section, ...]:
    profiles = layer_profiles(ranking)
    blocks = (Group(tuple(profiles), "multiples", PROFILES_NOTE),)
    return (Section("AC-Corr by layer", "layers", blocks, link="Layers"),) if profiles else ()


def _table(ranking: Ranking, rows: Sequence[RankedModel], left_out: Sequence[str]) -> Table:
    """Tabulate models, without some columns."""
    by, metrics = ranking.rank_by, [name for name in ranking.metrics if name != ranking.rank_by]
    sure = partial(words.uncertainty, compared=words.any_compared(ranking.rows))
    fields: list[Field] = [
        (Column("rank"), lambda row: str(row.rank or "")),
        (Column("model", words=True), lambda row: row.result.model),
        (Column(f"{by} {words.arrow(by)}"), lambda row: words.score_text(row, by)),
        (Column("95 % interval", priority=2), lambda row: sure(row).interval),
        (Column(words.chance_heading(by)), lambda row: sure(row).p_best),
        (Column("tie", priority=1), lambda row: sure(row).tie),
        *_expected_fields(rows),
        (Column("places", priority=1), words.places_text),
        *(_metric_field(name) for name in metrics),
        (Column("params M", priority=4), lambda row: words.millions_text(row.result.params)),
        (Column("norm layers"), _norm_layers),
        (Column("seconds", priority=5), lambda row: f"{words.seconds_of(row):.1f}"),
        (Column("licence", words=True), lambda row: row.result.license or ""),
        (Column("status", words=True), words.status_text),
    ]
    left_out = (*left_out, *(() if by == CONSENSUS else ("places",)))
    shown = [(column, cell) for column, cell in fields if column.heading not in left_out]
    caption = f"Every model, ordered by {by} ({words.better(by)})"
    return tabulate(caption, shown, rows, tone=_tone, header=1, silent=True)


def _expected_fields(rows: Sequence[RankedModel]) -> list[Field]:
    """Return the columns of expected accuracies that say anything of some rows."""
    fields: list[Field] = [
        (Column(ahead.EXPECTED, priority=2), ahead.expected_text),
        (Column(ahead.BEST), lambda row: words.chance_text(row.p_best_accuracy)),
        (Column(ahead.LOST), lambda row: ahead.points_text(row.points_lost)),
    ]
    return [(column, cell) for column, cell in fields if any(map(cell, rows))]


def _metric_field(name: str) -> Field:
    # what was asked for by name goes later than what is always there
    column = Column(name, priority=3 if name in AC_CORR else 2)
    return column, lambda row: words.metric_text(row, name)


def _norm_layers(row: RankedModel) -> str:
    layers = row.result.norm_layers
    return "" if layers is None else f"{layers}{words.norms_text(row)}"


def _tone(row: RankedModel) -> Tone:
    return "best" if row.tie_group == 1 else _TONES.get(row.result.status, "")


def _uncertainty(rank_by: str) -> dict[str, str]:
    if is_fine_tuned(rank_by):
        of_race = "of the race, given its validation images"
        return {"interval": f"95 % {of_race}", "p_best": f"posterior probability {of_race}"}
    if rank_by == CONSENSUS:
        drawn = f"of {consensus.DRAWS} draws of the posterior of every metric that votes"
        return {"interval": f"95 % quantiles {drawn}", "p_best": f"share {drawn}"}
    return {
        "interval": "Student's 95 %, over trials (batches) or replicates (parts of the sample)",
        "p_best": f"multivariate t of the paired estimates, {DRAWS} draws",
    }


def _model_record(row: RankedModel, metrics: tuple[str, ...]) -> dict[str, Any]:
    values = {**row_values(row, metrics), **to_record(row.result)}
    values["places"] = row.places
    return values


def heading(ranking: Ranking) -> str:
    """Say how many models the report ranks for which data."""
    count = len(ranking.rows)
    return f"{count} pretrained {'model' if count == 1 else 'models'} for {dataset_name(ranking)}"


def outcome(ranking: Ranking) -> list[str]:
    """Say which model is first, how sure that is, and what became of the others."""
    best = ranking.best
    lines = [_first(ranking, best)] if best else ["No model could be ranked."]
    if best and best.tie_group is not None:
        tied = [row for row in words.ranked(ranking)[1:] if row.tie_group == best.tie_group]
        names = words.listed([row.result.model for row in tied])
        lines += [f"It cannot be told apart from {names}."] if tied else []
    elif best and words.any_compared(ranking.rows):
        lines.append("It is unknown whether it can be told apart from the others.")
    counts = {status: ranking.count(status) for status in ("dropped", "unranked", "failed")}
    rest = [f"{count} {status}" for status, count in counts.items() if count]
    lines += [f"Not ranked: {', '.join(rest)}; the table gives the reasons."] if rest else []
    return [*lines, *ahead.outlook_lines(ranking)]


def _first(ranking: Ranking, best: RankedModel) -> str:
    parts = [words.better(ranking.rank_by)]
    parts += [f"95 % interval {words.interval_text(best)}"] if best.low is not None else []
    chance = words.probability_text(best)
    what = "being best" if is_fine_tuned(ranking.rank_by) else "the highest score"
    parts += [f"probability of {what} {chance}"] if chance else []
    score = words.number_text(best.score)
    return f"{best.result.model} is first by {ranking.rank_by}: {score} ({'; '.join(parts)})."


def _guards_table(ranking: Ranking) -> Table | None:
    """Tabulate the guards that fired and their metrics; None if none did."""
    rows = []
    for guard, meaning in GUARDS.items():
        counts = {
            metric: sum(guard in row.result.guards.get(metric, {}) for row in ranking.rows)
            for metric in ranking.metrics
        }
        fired = [f"{metric} ({count})" for metric, count in counts.items() if count]
        if fired:
            rows.append([guard, meaning, ", ".join(fired)])
    columns = ("guard", "what it means", "metrics (models)")
    return table_of("Guards that fired", columns, rows, words=columns) if rows else None


def _particulars_table(ranking: Ranking) -> Table | None:
    """Tabulate guards and flags model by model; None if there are none."""
    rows = []
    for row in ranking.rows:
        model = row.result.model
        rows += [[model, "model", name, text] for name, text in row.result.flags.items()]
        for metric in ranking.metrics:
            found = row.result.guards.get(metric, {})
            rows += [[model, metric, name, text] for name, text in found.items()]
    columns = ("model", "of", "guard or flag", "particulars")
    caption = "Guards and flags of each model"
    return table_of(caption, columns, rows, words=columns) if rows else None
