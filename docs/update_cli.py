"""Write the help texts of all commands into ``docs/cli.md``; run it after changing an option."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from typer.main import get_command
from typer.testing import CliRunner

from acrank.cli.app import app
from acrank.config import RunConfig
from acrank.tasks.registry import TASKS
from acrank.utils.described import described, option_of

HEADER = """# Command line

Made by `python docs/update_cli.py`; a test compares it with the program.
"""
EXITS = """
## Exit codes

| code | meaning |
|---|---|
| 0 | ok |
| 1 | `acrank gate` failed; nothing else ends with it |
| 2 | wrong usage, configuration, zoo or data |
| 3 | done, but some models failed or could not be kept (`--strict`: or a flag, a guard, no rank) |
| 4 | no model could be scored |
| 70 | internal error: a bug in acrank |
| 130 | interrupted; what was done has been printed and written |

stdout carries the result; progress and messages go to stderr. Whether anybody reads them changes
nothing: closed streams and pipes whose reader has left cost neither the exit code, nor a file,
nor a score. Where stdout cannot be written for another reason, such as a full disk, the command
says so and ends with 2 instead of 0; the verdict of `acrank gate` stands all the same, but for
`--choose`, whose result is what it prints.

Off a terminal nothing is cut off, and there is no bar and no colour; `FORCE_COLOR=1` brings the
colour back. Names are shown with control characters, and what pipelines take for commands
(`::error::`, `##[error]`), as escapes. CSV files hold names as they are, so that they read back
the same: a spreadsheet takes one that begins with `=`, `+`, `-` or `@` for a formula unless the
column is imported as text.

No code in the working folder runs but that of a zoo's `factory:` under `--trust-code`. `python -m
acrank` is an exception that Python makes, for the few modules of its own that it imports first:
`python -P -m acrank` is none.
"""


def commands(group: Any = None, path: tuple[str, ...] = ()) -> Iterator[list[str]]:
    """Every command of the program, each after the group that it is in."""
    yield list(path)
    group = group or get_command(app)
    for name in group.list_commands(None):
        command = group.get_command(None, name)
        yield from (
            commands(command, (*path, name)) if hasattr(command, "commands") else [[*path, name]]
        )


def section(command: list[str]) -> str:
    """One command's help in a fenced block."""
    result = CliRunner().invoke(app, [*command, "--help"], prog_name="acrank", terminal_width=80)
    text = "\n".join(line.rstrip() for line in result.stdout.strip().splitlines())
    return f"\n## {' '.join(['acrank', *command])}\n\n```text\n{text}\n```\n"


def settings() -> str:
    """Say what depends on each setting of a run, and which commands have no option for it."""
    lines = [
        "\n## Settings of a run\n",
        "Files for `--config` and `acrank.RunConfig` have the same settings by these names. Kept",
        "results and comparisons of runs follow from what depends on a setting.\n",
        "| setting | option | for | what depends on it | not an option of |",
        "|---|---|---|---|---|",
    ]
    for name, setting in described(RunConfig).items():
        kind = ", ".join(key for key, task in TASKS.items() if setting.is_for(task))
        kind = kind if setting.of_some_data else "all"
        absent = "; ".join(f"`{command}`: {why}" for command, why in setting.not_for.items())
        option = option_of(RunConfig, name)
        lines.append(f"| `{name}` | `{option}` | {kind} | {setting.effect} | {absent} |")
    lines += [
        "",
        "`acrank benchmark` scores too. Options of fine-tuning have the same names there, so it",
        "takes settings of a run that it has no option for as `--set score.NAME=VALUE`.",
    ]
    return "\n".join(lines) + "\n"


def page() -> str:
    """The whole page."""
    return HEADER + "".join(section(command) for command in commands()) + settings() + EXITS


if __name__ == "__main__":
    (Path(__file__).parent / "cli.md").write_text(page(), encoding="utf-8")
