"""``acrank report``: a finished run as a page or a Markdown file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from acrank.cli.output import HtmlFile, MarkdownFile, check_outputs, write_report
from acrank.errors import ConfigError

if TYPE_CHECKING:
    from acrank.report.document import Block
    from acrank.results import Ranking


def report(
    result: Annotated[
        Path,
        typer.Argument(
            help="JSON file of a run (acrank score --json or merge --json).", show_default=False
        ),
    ],
    html: HtmlFile = None,
    markdown: MarkdownFile = None,
    data: Annotated[
        str | None,
        typer.Option(
            help="Dataset of the run, to show some of its images in the page; omit it for patient "
            "data. [default: no images]"
        ),
    ] = None,
    offline: Annotated[bool, typer.Option("--offline", help="Do not use the internet.")] = False,
) -> None:
    """Draw the report of a finished run again, from its JSON file, without scoring.

    Example: acrank report ranking.json --html report.html

    Exit codes: 0 ok, 2 wrong usage or data.
    """
    if not (html or markdown):
        raise ConfigError("There is nothing to write.", hint="Give --html FILE or --markdown FILE.")
    if data is not None and not html:
        raise ConfigError(
            "--data is for images in a page, and there is none.", hint="Give --html FILE as well."
        )
    check_outputs(markdown, html=html)
    from acrank.report.builders.ranking import RankingReport
    from acrank.results.file import read_ranking

    ranking = read_ranking(result)
    gallery = () if data is None else _gallery(ranking, data, offline)
    write_report(RankingReport(ranking), None, None, markdown, html, gallery)
    for path in (html, markdown):
        if path:
            typer.echo(f"note: wrote {path} ({_size(path)})", err=True)


def _gallery(ranking: Ranking, data: str, offline: bool) -> tuple[Block, ...]:
    from acrank.report.galleries import gallery_again

    return gallery_again(ranking, data, offline=offline)


def _size(path: Path) -> str:
    size = path.stat().st_size
    return f"{size / 1e6:.1f} MB" if size >= 1e6 else f"{max(1, round(size / 1e3))} kB"
