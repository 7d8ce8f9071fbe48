"""Print the result of a command, and write its files whatever becomes of stdout."""

from __future__ import annotations

import enum
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from acrank.errors import ConfigError, ExitCode

if TYPE_CHECKING:
    from acrank.data import AnySample
    from acrank.report.document import Block, Report
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
    typer.Option(metavar="FILE", help="Write all results as JSON: trials, layers, configuration."),
]
HtmlFile = Annotated[
    Path | None,
    typer.Option(metavar="FILE", help="Write a report as one HTML file (extra: report)."),
]
MarkdownFile = Annotated[
    Path | None,
    typer.Option(metavar="FILE", help="Write a report as Markdown; it is longer than --format md."),
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
    typer.Option(
        "--strict", help="Exit with code 3 if a model has a flag or no rank, or a guard fires."
    ),
]


class Collector:
    """Takes thumbnails of the sample while it is there; of stored features there is none."""

    def __init__(self) -> None:
        self.found: tuple[Block, ...] = ()

    def __call__(self, sample: AnySample) -> None:
        """Keep pictures of the sample."""
        from acrank.report.galleries import make_gallery

        self.found = make_gallery(sample)


def collector(html: Path | None, no_images: bool) -> Collector | None:
    """Make what takes the thumbnails of a page; None where there is to be none.

    Raises:
        ConfigError: images are left out of a page that is not asked for.
    """
    if no_images and not html:
        raise ConfigError("--no-images cannot be used without --html.", hint="Omit it.")
    return Collector() if html and not no_images else None


def deliver(*parts: Callable[[], object]) -> None:
    """Run what prints and writes a result; an error in one part costs only that part.

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


def check_outputs(*files: Path | None, html: Path | None = None) -> None:
    """Refuse result files that could not be made or written, before any work is done.

    Args:
        files: that are asked for; None where one is not.
        html: the page, likewise.

    Raises:
        ConfigError: a file cannot be written, or two are the same.
        MissingExtraError: a page is asked for, and a package for it is missing.
    """
    from acrank.utils.files import check_all_writable

    check_all_writable(*files, html)
    if html:
        from acrank.report.renderers.html import require_html

        require_html()


def show(report: Report, output: Format) -> None:
    """Print a result on stdout in the form that is asked for."""
    from acrank.report.renderers.markdown import to_markdown
    from acrank.report.renderers.records import to_csv, to_json
    from acrank.report.renderers.terminal import make_console, print_document

    if output is Format.table:
        print_document(report.document(), make_console())
    elif output is Format.md:
        typer.echo(to_markdown(report.document(), level=3), nl=False)
    else:
        typer.echo({Format.csv: to_csv, Format.json: to_json}[output](report), nl=False)


def write_report(
    report: Report,
    csv: Path | None,
    json: Path | None,
    markdown: Path | None = None,
    html: Path | None = None,
    gallery: tuple[Block, ...] = (),
    *others: tuple[Path | None, Callable[[], str | bytes]],
) -> None:
    """Write the files of a result that are asked for, whatever becomes of each other.

    Args:
        report: of the result.
        csv: file for its rows; None, here and below, for none.
        json: file for everything.
        markdown: file for the page without its figures.
        html: file for the page.
        gallery: images of the sample for the page.
        others: further files, with what makes their content.
    """
    from acrank.report.renderers.html import to_html
    from acrank.report.renderers.markdown import to_markdown
    from acrank.report.renderers.records import to_csv, to_json
    from acrank.utils.files import write_all

    write_all(
        (csv, lambda: to_csv(report)),
        (json, lambda: to_json(report)),
        (markdown, lambda: to_markdown(report.page())),
        (html, lambda: to_html(report.page(gallery))),
        *others,
    )


def exit_code(ranking: Ranking, strict: bool) -> ExitCode:
    """Choose the documented exit code of a finished run."""
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
