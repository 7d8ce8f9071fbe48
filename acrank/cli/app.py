"""The application, and the one boundary at which errors become messages and exit codes."""

from __future__ import annotations

import functools
import importlib
import os
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, NoReturn, ParamSpec

import typer.main
from typer.core import TyperCommand, TyperGroup

from acrank import __version__
from acrank.cli.blame import blamed
from acrank.cli.docstrings import written_docstring
from acrank.errors import AcrankError, ConfigError, ExitCode
from acrank.utils.streams import hold_streams, lost_output
from acrank.utils.visible import typed_line, visible

P = ParamSpec("P")

# Every command and the module that has it, as a function or a group of the command's name.
COMMANDS = {
    "score": "acrank.cli.score",
    "gate": "acrank.cli.gate",
    "compare": "acrank.cli.compare",
    "explain": "acrank.cli.explain",
    "finetune": "acrank.cli.finetune",
    "benchmark": "acrank.cli.benchmark",
    "list-zoo": "acrank.cli.list_zoo",
    "merge": "acrank.cli.merge",
    "report": "acrank.cli.report",
    "validate": "acrank.cli.validate",
    "cache": "acrank.cli.cache",
    "zoo": "acrank.cli.zoo",
}


# Title of the options that belong to no other group in the help.
OTHER = "Output and help"
# Columns that options take up, so that the descriptions of all groups begin in one.
_COLUMN = 30


class Grouped(TyperCommand):
    """A command whose help lists the options under titles, in plain text."""

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """Write a section for each group of options, in the order of their first options."""
        sections: dict[str, list[tuple[str, str]]] = {}
        for one in self.get_params(ctx):
            record = one.get_help_record(ctx)
            if record is not None:
                usual = "Arguments" if one.param_type_name == "argument" else OTHER
                title = getattr(one, "rich_help_panel", None) or usual
                sections.setdefault(title, []).append(record)
        titled = sections.keys() - {"Arguments", OTHER}
        for title in sorted(sections, key=OTHER.__eq__):  # the others last
            with formatter.section(title if titled or title != OTHER else "Options"):
                formatter.write_dl([(name.ljust(_COLUMN), text) for name, text in sections[title]])


class Commands(TyperGroup):
    """The commands, each imported when it is called: configurations take half of a start."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**{**settings, "commands": dict.fromkeys(COMMANDS)})

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """The command of a name; None where there is none."""
        return _made(cmd_name) if cmd_name in self.commands else None

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """List the commands with their first sentences, which no import is needed for."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, _summary(name)) for name in COMMANDS])


def _summary(name: str) -> str:
    text = written_docstring(COMMANDS[name], name.replace("-", "_"))
    return (text or _made(name).help).partition("\n")[0]


@functools.cache
def _made(name: str) -> Any:
    found = getattr(importlib.import_module(COMMANDS[name]), name.replace("-", "_"))
    made = found
    if not isinstance(found, typer.Typer):
        made = typer.Typer(add_completion=False, rich_markup_mode=None)
        made.command(name)(found)
    for command in made.registered_commands:
        command.cls, command.callback = Grouped, _bounded(command.callback)
    return typer.main.get_command(made)


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


def _bounded(command: Callable[P, None]) -> Callable[P, None]:
    """Keep the documented exit codes where typer would end with 1, the code of a failed gate."""
    if command.__doc__ is None:  # python -OO leaves them out, and they are the help
        command.__doc__ = written_docstring(command.__module__, command.__name__)

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
