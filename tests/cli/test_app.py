import re
import runpy
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from typer.main import get_command
from typer.testing import CliRunner

from acrank import __version__
from acrank.cli.app import app, main
from acrank.config import RunConfig
from acrank.errors import AcrankError, ConfigError, ExitCode, MissingExtraError
from acrank.experiments.benchmark.config import BenchmarkConfig
from acrank.finetuning.config import FinetuneConfig
from acrank.gate.rules import Policy
from acrank.utils.described import described
from acrank.utils.settings import Settings

ROOT = Path(__file__).parents[2]
UPDATE = runpy.run_path(str(ROOT / "docs" / "update_cli.py"))
COMMANDS = list(UPDATE["commands"]())


@pytest.mark.parametrize("arguments", [["--version"], *[[*c, "--help"] for c in COMMANDS]])
def test_help_and_version_load_nothing_heavy(arguments: list[str]) -> None:
    code = (
        "import sys\nfrom acrank.cli import main\n"
        f"sys.argv = ['acrank', *{arguments}]\n"
        "try:\n    main()\nexcept SystemExit as end:\n    assert not end.code\n"
        "heavy = {'torch', 'pandas', 'timm', 'numpy', 'sklearn', 'PIL'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    assert "acrank" in done.stdout


def test_version() -> None:
    assert CliRunner().invoke(app, ["--version"]).stdout.strip() == f"acrank {__version__}"


@pytest.mark.parametrize(
    ("error", "code", "words"),
    [
        (AcrankError("wrong.", hint="Mend it."), 2, ["error: wrong.", "Mend it."]),
        (MissingExtraError("hfds/", "datasets"), 2, ["acrank[datasets]"]),
        (RuntimeError("oops"), 70, ["internal error: RuntimeError: oops", "ACRANK_DEBUG"]),
    ],
)
def test_errors_become_messages_and_exit_codes(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    error: Exception,
    code: int,
    words: list[str],
) -> None:
    def broken() -> None:
        raise error

    monkeypatch.setattr("acrank.cli.app.app", broken)
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == code
    captured = capsys.readouterr()
    assert captured.out == ""
    for word in words:
        assert word in captured.err
    assert "Traceback" not in captured.err


def test_interrupting_outside_the_run_is_130(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*args: object, **settings: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("acrank.runners.rank.rank_zoo", interrupted)
    result = CliRunner().invoke(app, ["score", "--data", "demo", "--zoo", "demo"])
    assert result.exit_code == ExitCode.INTERRUPTED


def test_the_documented_help_is_the_real_one() -> None:
    assert UPDATE["page"]() == (ROOT / "docs" / "cli.md").read_text(encoding="utf-8")
    assert {"score", "merge"} <= {command[0] for command in COMMANDS if command}


@pytest.mark.parametrize("error", [BrokenPipeError(32, "Broken pipe"), EOFError()])
def test_no_error_ends_as_a_gate_that_failed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], error: Exception
) -> None:
    """Typer ends with 1 on these."""

    def broken(*args: object, **settings: object) -> None:
        raise error

    monkeypatch.setattr("acrank.runners.rank.rank_zoo", broken)
    monkeypatch.setattr(sys, "argv", ["acrank", "score", "--data", "demo", "--zoo", "demo"])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == ExitCode.INTERNAL
    assert type(error).__name__ in capsys.readouterr().err


def test_help_stays_where_docstrings_are_left_out() -> None:
    code = (
        "import sys; sys.argv = ['acrank', 'gate', '--help']; from acrank.cli import main; main()"
    )
    shown = [
        subprocess.run(
            [sys.executable, *optimise, "-c", code], capture_output=True, text=True, cwd=ROOT
        ).stdout
        for optimise in ((), ("-OO",))
    ]
    assert "Let a pipeline choose a backbone" in shown[0]
    assert shown[0] == shown[1]


@pytest.mark.parametrize("command", [c for c in COMMANDS if c and c not in (["cache"], ["zoo"])])
def test_the_example_on_top_of_a_help_is_a_command(command: list[str]) -> None:
    text = CliRunner().invoke(app, [*command, "--help"], terminal_width=200).stdout
    usage, summary, example, *_ = text.split("\n\n")
    assert usage.startswith("Usage: ")
    assert summary.strip()
    words = shlex.split(example.strip().removeprefix("Example: "))
    assert words[: len(command) + 1] == ["acrank", *command]
    found: Any = get_command(app)
    for name in command:
        found = found.get_command(None, name)
    found.make_context(command[-1], words[len(command) + 1 :])  # parses, and runs nothing


@pytest.mark.parametrize("fields", [RunConfig, FinetuneConfig, BenchmarkConfig, Policy])
def test_every_setting_is_described_and_in_a_group(fields: type[Settings]) -> None:
    settings = described(fields)
    assert settings.keys() == fields.model_fields.keys()
    for name, setting in settings.items():
        assert setting.group
        assert setting.help.endswith(".")
        assert setting.help in str(fields.__doc__)
        assert f"    {name}: " in str(fields.__doc__)


def test_options_stand_under_titles() -> None:
    text = CliRunner().invoke(app, ["score", "--help"], terminal_width=100).stdout
    titles = re.findall(r"^(\S.*):$", text, re.MULTILINE)
    groups = dict.fromkeys(setting.group for setting in described(RunConfig).values())
    assert titles == [*groups, "Output and help"]


def test_a_setting_without_a_meaning_for_a_command_is_refused_with_the_reason() -> None:
    done = CliRunner().invoke(app, ["explain", "net", "--data", "demo", "--bootstrap", "9"])
    assert isinstance(done.exception, ConfigError)
    assert "--bootstrap cannot be used with acrank explain: it shows AC-Corr" in str(done.exception)
    assert "--bootstrap" not in CliRunner().invoke(app, ["explain", "--help"]).stdout
