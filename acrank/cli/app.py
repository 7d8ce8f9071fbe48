"""The application, and the one boundary at which errors become messages and exit codes."""

from __future__ import annotations

import os
import sys
import traceback
from typing import Annotated, NoReturn

import typer

from acrank import __version__
from acrank.cli.blame import blamed
from acrank.cli.commands import Commands
from acrank.errors import AcrankError, ExitCode
from acrank.utils.streams import hold_streams, lost_output
from acrank.utils.visible import visible

app = typer.Typer(
    name="acrank",
    cls=Commands,
    help="Which pretrained backbone should I fine-tune on my data?",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,  # plain help: half the start-up time, and [default: x] stays
)


def _show_version(value: bool) -> None:
    if value:
        typer.echo(f"acrank {__version__}")
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[
        bool,
        typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version."),
    ] = False,
) -> None:
    """Which pretrained backbone should I fine-tune on my data?"""


def main() -> NoReturn:
    """Run the command line and end the process with the documented exit code."""
    hold_streams()
    code = _run()
    lost = lost_output()
    if lost:
        _say(f"error: what was printed is lost: stdout could not be written: {lost}.")
        code = code or ExitCode.USAGE
    sys.exit(code)


def _run() -> int:
    """Run the command line; returns the exit code."""
    try:
        app()
    except SystemExit as ended:
        return ended.code if isinstance(ended.code, int) else ExitCode.OK
    except AcrankError as error:
        return _told(error)
    except Exception as error:  # the last boundary
        known = blamed(error)
        if known is not None and not os.environ.get("ACRANK_DEBUG"):
            return _told(known)
        _say(f"internal error: {type(error).__name__}: {error}")
        if os.environ.get("ACRANK_DEBUG"):
            traceback.print_exc()
        else:
            _say("  This is a bug in acrank. Set ACRANK_DEBUG=1 to see where it happened.")
        return ExitCode.INTERNAL
    return ExitCode.OK


def _told(error: AcrankError) -> ExitCode:
    """Say what is wrong; returns the exit code."""
    _say(f"error: {error.message}")
    if error.hint:
        _say(f"  {error.hint}")
    return error.exit_code


def _say(text: str) -> None:
    typer.echo(visible(text, keep="\n"), err=True)  # a list of files is one message
