"""The page of one model, layer by layer."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from acrank.metrics.registry import AC_CORR
from acrank.report import ranking_facts as facts
from acrank.report.builders.explanation_figures import panels
from acrank.report.explanation import Column, Row, channel_columns, layer_columns
from acrank.report.explanation_records import Moves
from acrank.report.explanation_text import LAYER_LEGEND, channel_legend, score_interval, summary
from acrank.report.html.page import render, require_html
from acrank.report.plotting import to_svg
from acrank.report.ranking_text import number_text
from acrank.report.repeat import SETTINGS_FILE, repeat_explanation
from acrank.report.tables import Table, make_table
from acrank.scoring.inspection import Explanation

if TYPE_CHECKING:
    from acrank.report.html.thumbnails import Gallery

CAVEAT = (
    "AC-Corr says how far the norm layers keep to what they have learned, by one cheap step. It "
    "does not predict fine-tuned accuracy everywhere."
)


def explanation_to_html(
    explained: Explanation, moves: Moves, gallery: Gallery | None = None
) -> str:
    """An explanation as one HTML file that needs nothing else and runs no script.

    Args:
        explained: the network.
        moves: the channels that move most, by heading.
        gallery: images of the sample; None for none.

    Raises:
        MissingExtraError: Jinja or matplotlib is not installed.
    """
    require_html()
    return render("explanation.html.j2", _content(explained, moves) | {"gallery": gallery})


def _content(explained: Explanation, moves: Moves) -> dict[str, Any]:
    lines = summary(explained)
    return {
        "heading": f"{explained.result.model} on {facts.dataset_name(explained)}",
        "outcome": lines[1:3],  # the facts below say what the first one does
        "caveat": CAVEAT,
        "summary": facts.run_summary(explained, _scores(explained)),
        "lines": lines[3:],
        "figure": _figure(explained),
        "layers": _layers(explained),
        "legend": LAYER_LEGEND,
        "moves": [_table(heading, channel_columns(listed), listed) for heading, listed in moves],
        "moves_legend": channel_legend(explained),
        "notes": [*explained.notes, *_flags(explained)],
        "run": facts.run_tables(explained),
        "repeat": repeat_explanation(explained.record, explained.result.model),
        "settings_file": SETTINGS_FILE,
    }


def _scores(explained: Explanation) -> dict[str, str]:
    if explained.silence:
        return {}
    ends = score_interval(explained)
    between = {"95 % interval": " … ".join(map(number_text, ends))} if ends else {}
    values = {name: number_text(explained.result.value(name)) for name in AC_CORR}
    return {**values, **between}


def _figure(explained: Explanation) -> str:
    title = f"AC-Corr and drift of {explained.result.model}, layer by layer"
    return to_svg(panels(explained).draw(), "layers-figure", title)


def _layers(explained: Explanation) -> Table:
    caption = "The layers, in the network's order"
    return _table(caption, layer_columns(explained), explained.layers)


def _table(caption: str, columns: Sequence[Column[Row]], rows: Iterable[Row]) -> Table:
    cells = ([column.cell(row) for column in columns] for row in rows)
    words = [column.heading for column in columns if column.left]
    return make_table(caption, [column.heading for column in columns], cells, text=words)


def _flags(explained: Explanation) -> list[str]:
    return [f"{name}: {text}" for name, text in explained.result.flags.items()]
