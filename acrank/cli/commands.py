"""The commands: which there are, how they are imported, and how their help looks."""

from __future__ import annotations

import ast
import functools
import importlib
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any, ParamSpec

import typer.main
from typer.core import TyperCommand, TyperGroup

from acrank.errors import ConfigError, ExitCode
from acrank.utils.visible import typed_line

P = ParamSpec("P")

# In the order of the help. Each is a function, or a group of commands, in a module of its name.
COMMANDS = (
    *(
        "choose",
        "score",
        "gate",
        "compare",
        "explain",
        "finetune",
        "benchmark",
        "list-zoo",
        "merge",
    ),
    *("report", "validate", "cache", "zoo"),
)
# Columns that options take up, so that the descriptions of all groups begin in one.
_COLUMN = 30


class Grouped(TyperCommand):
    """A command whose help lists the options under titles, in plain text."""

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """Write a section for each group of options, in the order of their first options."""
        from acrank.fields import OTHER  # whatever command this is has loaded it already

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
    text = written_docstring(*_place(name))
    first, _, _ = (text or _made(name).help).partition("\n\n")
    return " ".join(first.split())


def _place(name: str) -> tuple[str, str]:
    """The module of a command, and the function or group in it."""
    attribute = name.replace("-", "_")
    return f"acrank.cli.{attribute}", attribute


@functools.cache
def _made(name: str) -> Any:
    module, attribute = _place(name)
    found = getattr(importlib.import_module(module), attribute)
    made = found
    if not isinstance(found, typer.Typer):
        made = typer.Typer(add_completion=False, rich_markup_mode=None)
        made.command(name)(found)
    for command in made.registered_commands:
        command.cls, command.callback = Grouped, _bounded(command.callback)
    return typer.main.get_command(made)


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
            typer.echo("interrupted", err=True)
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


def written_docstring(module: str, function: str) -> str | None:
    """The docstring of a function in the source of its module, which is not imported.

    Args:
        module: its full name; the package that it is in is imported.
        function: its name.

    Returns:
        None where there is none, or no source.
    """
    defined = (node for node in _body(module) if isinstance(node, ast.FunctionDef))
    found = next((node for node in defined if node.name == function), None)
    return ast.get_docstring(found) if found else None


@functools.cache
def _body(module: str) -> list[ast.stmt]:
    spec = find_spec(module)
    try:
        source = Path(spec.origin if spec and spec.origin else "").read_text(encoding="utf-8")
        return ast.parse(source).body
    except (OSError, SyntaxError, ValueError):  # or installed without its source
        return []
