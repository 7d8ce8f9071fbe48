"""Write the files of a choice into its folder."""

from __future__ import annotations

from pathlib import Path

from acrank.errors import MissingExtraError
from acrank.race.result import Choice
from acrank.report.builders.choice import ChoiceReport
from acrank.report.renderers.html import require_html, to_html
from acrank.report.renderers.records import to_json
from acrank.utils.files import write_all

JSON, HTML = "choice.json", "choice.html"


def write_choice(done: Choice) -> tuple[str, ...]:
    """Write ``choice.json`` and, where the packages for it are there, ``choice.html``.

    Args:
        done: the choice.

    Returns:
        A sentence on what could not be written for want of a package; empty otherwise.

    Raises:
        ConfigError: a file cannot be written.
    """
    report = ChoiceReport(done)
    notes: tuple[str, ...] = ()
    page: Path | None = done.folder / HTML
    try:
        require_html()
    except MissingExtraError as error:
        page, notes = None, (f"there is no {HTML}: {error}",)
    write_all((done.folder / JSON, lambda: to_json(report)), (page, lambda: to_html(report.page())))
    return notes
