"""How every command gives its result: printed first, and written whatever becomes of stdout."""

from __future__ import annotations

import enum
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from acrank.errors import ConfigError, ExitCode

if TYPE_CHECKING:
    from acrank.data import AnySample
    from acrank.report.html.thumbnails import Gallery
    from acrank.results import Ranking


class Format(enum.StrEnum):
    """Output formats printed to stdout."""

    table = "table"
    csv = "csv"
    json = "json"
    md = "md"


# Options of every command that ends in a ranking.
Top = Annotated[
    int | None,
    typer.Option(min=1, metavar="N", help="Rows to show in the table."),
]
CsvFile = Annotated[
    Path | None,
    typer.Option(metavar="FILE", help="Write the ranking as CSV."),
]
JsonFile = Annotated[
    Path | None,
    typer.Option(metavar="FILE", help="Write everything: trials, layers, configuration."),
]
HtmlFile = Annotated[
    Path | None,
    typer.Option(metavar="FILE", help="Write a report as one HTML file (extra: report)."),
]
MarkdownFile = Annotated[
    Path | None,
    typer.Option(metavar="FILE", help="Write a report as Markdown, longer than --format md."),
]
NoImages = Annotated[
    bool,
    typer.Option(
        "--no-images", help="Leave sample images out of the page, for example patient data."
    ),
]
OutputFormat = Annotated[
    Format,
    typer.Option("--format", help="Output format printed to stdout."),
]
Strict = Annotated[
    bool,
    typer.Option("--strict", help="Exit 3 if any model has a flag or no rank, or a guard fires."),
]


class Collector:
    """Takes thumbnails of the sample while it is there; of stored features there is none."""

    def __init__(self) -> None:
        self.found: Gallery | None = None

    def __call__(self, sample: AnySample) -> None:
        """Take them."""
        from acrank.report.html.thumbnails import make_gallery

        self.found = make_gallery(sample)


def collector(html: Path | None, no_images: bool) -> Collector | None:
    """What takes the thumbnails of a page; None where there is to be none.

    Raises:
        ConfigError: images are left out of a page that is not asked for.
    """
    if no_images and not html:
        raise ConfigError("--no-images has no meaning without --html.", hint="Leave it out.")
    return Collector() if html and not no_images else None


def deliver(*parts: Callable[[], object]) -> None:
    """Give a result away: print it, write its files; what goes wrong with one costs only itself.

    Args:
        parts: what prints or writes; all of them run, in this order.

    Raises:
        BaseException: that of the first part that went wrong, or was interrupted.
    """
    failed: BaseException | None = None
    for part in parts:
        try:
            part()
        except BaseException as error:  # a full disk must not cost the other files
            failed = failed or error
    if failed:
        raise failed


def check_outputs(
    csv: Path | None = None,
    json: Path | None = None,
    html: Path | None = None,
    markdown: Path | None = None,
) -> None:
    """Refuse files of a ranking that could not be made or written, before any work is done.

    Raises:
        ConfigError: a file cannot be written.
        MissingExtraError: a page is asked for, and a package for it is missing.
    """
    from acrank.utils.files import check_all_writable

    check_all_writable(csv, json, html, markdown)
    if html:
        from acrank.report.html import require_html

        require_html()


def write_result(
    ranking: Ranking,
    csv: Path | None = None,
    json: Path | None = None,
    html: Path | None = None,
    markdown: Path | None = None,
    gallery: Gallery | None = None,
) -> None:
    """Write the files of a ranking that are asked for; a gallery is for the page."""
    from acrank.report.markdown import to_report
    from acrank.report.records import to_csv, to_json
    from acrank.utils.files import write_all

    write_all(
        (csv, lambda: to_csv(ranking)),
        (json, lambda: to_json(ranking)),
        (markdown, lambda: to_report(ranking)),
        (html, lambda: _page(ranking, gallery)),
    )


def _page(ranking: Ranking, gallery: Gallery | None) -> str:
    from acrank.report.html import to_html

    return to_html(ranking, gallery)


def print_result(ranking: Ranking, output: Format, top: int | None) -> None:
    """Print a ranking on stdout."""
    from acrank.report.records import to_csv, to_json, to_markdown
    from acrank.report.table import make_console, print_ranking

    if output is Format.table:
        print_ranking(ranking, make_console(), top)
        return
    text = {Format.csv: to_csv, Format.json: to_json, Format.md: to_markdown}[output](ranking)
    typer.echo(text, nl=False)


def exit_code(ranking: Ranking, strict: bool) -> ExitCode:
    """The documented exit code of a finished run."""
    from acrank.results import NOT_WRITTEN

    if ranking.interrupted:
        return ExitCode.INTERRUPTED
    if ranking.best is None:
        return ExitCode.NOTHING_SCORED
    flagged = any(
        row.result.flags or row.result.guards or row.result.status != "ok" for row in ranking.rows
    )
    unwritten = any(NOT_WRITTEN in row.result.flags for row in ranking.rows)
    if ranking.count("failed") or unwritten or (strict and flagged):
        return ExitCode.SOME_FAILED
    return ExitCode.OK
