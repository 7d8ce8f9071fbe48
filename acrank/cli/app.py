"""The application, and the one boundary at which errors become messages and exit codes."""

from __future__ import annotations

import functools
import io
import os
import sys
import traceback
from collections.abc import Callable
from typing import Annotated, NoReturn, ParamSpec

import typer

from acrank import __version__
from acrank.cli.benchmark import benchmark
from acrank.cli.cache import cache, cache_ls, cache_path, cache_rm
from acrank.cli.compare import compare
from acrank.cli.explain import explain
from acrank.cli.finetune import finetune
from acrank.cli.gate import gate
from acrank.cli.list_zoo import list_zoo
from acrank.cli.merge import merge
from acrank.cli.report import report
from acrank.cli.score import score
from acrank.cli.validate import validate
from acrank.cli.zoo import zoo, zoo_add, zoo_check
from acrank.common.visible import visible
from acrank.errors import AcrankError, ExitCode

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


def _interruptible(command: Callable[P, None]) -> Callable[P, None]:
    """Keep the documented exit codes on Ctrl-C and a closed pipe; typer's is 1, a failed gate."""

    @functools.wraps(command)
    def run(*args: P.args, **kwargs: P.kwargs) -> None:
        try:
            command(*args, **kwargs)
        except KeyboardInterrupt:
            _say("interrupted")
            raise typer.Exit(ExitCode.INTERRUPTED) from None
        except BrokenPipeError:
            # The reader of our stdout has gone (`acrank ... | head`): nothing is left to say.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            raise typer.Exit(ExitCode.OK) from None

    return run


app.command("score")(_interruptible(score))
app.command("gate")(_interruptible(gate))
app.command("compare")(_interruptible(compare))
app.command("explain")(_interruptible(explain))
app.command("finetune")(_interruptible(finetune))
app.command("benchmark")(_interruptible(benchmark))
app.command("list-zoo")(_interruptible(list_zoo))
app.command("merge")(_interruptible(merge))
app.command("report")(_interruptible(report))
app.command("validate")(_interruptible(validate))
for name, command in (("path", cache_path), ("ls", cache_ls), ("rm", cache_rm)):
    cache.command(name)(_interruptible(command))
app.add_typer(cache, name="cache")
zoo.command("check")(_interruptible(zoo_check))
zoo.command("add")(_interruptible(zoo_add))
app.add_typer(zoo, name="zoo")


def main() -> NoReturn:
    """Run the command line and end the process with the documented exit code."""
    if isinstance(sys.stdout, io.TextIOWrapper):  # a result is not lost for a letter in it
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        app()
    except AcrankError as error:
        _say(f"error: {error.message}")
        if error.hint:
            _say(f"  {error.hint}")
        sys.exit(error.exit_code)
    except Exception as error:  # the last boundary: a bug, not a user's mistake
        _say(f"internal error: {type(error).__name__}: {error}")
        if os.environ.get("ACRANK_DEBUG"):
            traceback.print_exc()
        else:
            _say("  This is a bug in acrank. Set ACRANK_DEBUG=1 to see where it happened.")
        sys.exit(ExitCode.INTERNAL)
    sys.exit(ExitCode.OK)


def _say(text: str) -> None:
    typer.echo(visible(text, keep="\n"), err=True)  # a list of files is one message
