"""``acrank compare``: what changed between two runs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from acrank.cli.output import Format, OutputFormat, deliver

if TYPE_CHECKING:
    from acrank.results.changes import Changes


def compare(
    old: Annotated[
        Path,
        typer.Argument(
            help="JSON file of the earlier run (acrank score --json).", show_default=False
        ),
    ],
    new: Annotated[Path, typer.Argument(help="JSON file of the later run.", show_default=False)],
    csv: Annotated[Path | None, typer.Option(help="Write every model as CSV.")] = None,
    json: Annotated[Path | None, typer.Option(help="Write everything as JSON.")] = None,
    output: OutputFormat = Format.table,
) -> None:
    """Compare two runs: what changed in data and settings, models, scores, ranks and flags.

    Example: acrank compare before.json after.json

    Exit codes: 0 ok, whether anything changed or not, 2 wrong usage or data. To fail a pipeline
    by what changed: acrank gate --baseline.
    """
    from acrank.report.comparison import to_csv, to_json
    from acrank.results.changes import changes
    from acrank.results.file import read_ranking
    from acrank.utils.files import check_all_writable, write_all

    check_all_writable(csv, json)
    found = changes(read_ranking(old), read_ranking(new))
    deliver(
        lambda: _show(found, output),
        lambda: write_all((csv, lambda: to_csv(found)), (json, lambda: to_json(found))),
    )


def _show(found: Changes, output: Format) -> None:
    from acrank.report.comparison import print_comparison, to_csv, to_json, to_markdown
    from acrank.report.table import make_console

    if output is Format.table:
        print_comparison(found, make_console())
        return
    text = {Format.csv: to_csv, Format.json: to_json, Format.md: to_markdown}[output]
    typer.echo(text(found), nl=False)
