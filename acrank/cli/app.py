"""The application, and the one boundary at which errors become messages and exit codes."""

from __future__ import annotations

import functools
import os
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, NoReturn, ParamSpec

import typer

from acrank import __version__
from acrank.cli.benchmark import benchmark
from acrank.cli.blame import blamed
from acrank.cli.cache import cache, cache_ls, cache_path, cache_rm
from acrank.cli.compare import compare
from acrank.cli.docstrings import written_docstring
from acrank.cli.explain import explain
from acrank.cli.finetune import finetune
from acrank.cli.gate import gate
from acrank.cli.list_zoo import list_zoo
from acrank.cli.merge import merge
from acrank.cli.options import Grouped
from acrank.cli.report import report
from acrank.cli.score import score
from acrank.cli.validate import validate
from acrank.cli.zoo import zoo, zoo_add, zoo_check
from acrank.errors import AcrankError, ConfigError, ExitCode
from acrank.utils.streams import hold_streams, lost_output
from acrank.utils.visible import typed_line, visible

P = ParamSpec("P")

app = typer.Typer(
    name="acrank",
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


def _bounded(command: Callable[P, None]) -> Callable[P, None]:
    """Keep the documented exit codes where typer would end with 1, the code of a failed gate."""
    if command.__doc__ is None:  # python -OO leaves them out, and they are the help
        command.__doc__ = written_docstring(command)

    @functools.wraps(command)
    def run(*args: P.args, **kwargs: P.kwargs) -> None:
        try:
            _require_folder()
            command(*args, **kwargs)
        except KeyboardInterrupt:
            _say("interrupted")
            raise typer.Exit(ExitCode.INTERRUPTED) from None
        except (EOFError, BrokenPipeError) as error:  # not of stdout or stderr: they endure
            raise RuntimeError(typed_line(error)) from error

    return run


def _require_folder() -> None:
    """Refuse a working folder that has been removed: no relative path means anything in it."""
    try:
        Path.cwd()
    except OSError as error:
        raise ConfigError(
            f"The working folder cannot be used: {error.strerror}.",
            hint="It may have been removed; change to one that exists.",
        ) from None


app.command("score", cls=Grouped)(_bounded(score))
app.command("gate", cls=Grouped)(_bounded(gate))
app.command("compare")(_bounded(compare))
app.command("explain", cls=Grouped)(_bounded(explain))
app.command("finetune", cls=Grouped)(_bounded(finetune))
app.command("benchmark", cls=Grouped)(_bounded(benchmark))
app.command("list-zoo")(_bounded(list_zoo))
app.command("merge")(_bounded(merge))
app.command("report")(_bounded(report))
app.command("validate")(_bounded(validate))
for name, command in (("path", cache_path), ("ls", cache_ls), ("rm", cache_rm)):
    cache.command(name)(_bounded(command))
app.add_typer(cache, name="cache")
zoo.command("check")(_bounded(zoo_check))
zoo.command("add")(_bounded(zoo_add))
app.add_typer(zoo, name="zoo")


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
