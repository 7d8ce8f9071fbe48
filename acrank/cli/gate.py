"""``acrank gate``: let a pipeline choose a backbone, or guard the chosen one."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from acrank.cli.options import ConfigFile, with_options
from acrank.cli.output import (
    CsvFile,
    Format,
    JsonFile,
    OutputFormat,
    check_outputs,
    deliver,
    show,
    write_report,
)
from acrank.config import RunConfig, make_config, read_run_file
from acrank.errors import ConfigError, ExitCode
from acrank.fields import DATA
from acrank.gate.policy import read_policy
from acrank.gate.rules import RULES, Policy
from acrank.utils.described import option_of
from acrank.utils.streams import lost_output
from acrank.utils.visible import visible

if TYPE_CHECKING:
    from acrank.gate.judge import Verdict
    from acrank.results import Ranking


@with_options(Policy, "gate", into="rules")
@with_options(RunConfig, "gate")
def gate(
    rules: dict[str, Any],
    settings: dict[str, Any],
    config: ConfigFile = None,
    scores: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Judge an earlier run (acrank score --json): nothing is scored.",
            rich_help_panel=DATA,
        ),
    ] = None,
    choose: Annotated[
        bool,
        typer.Option(
            "--choose",
            help="Print only the name of the best model within the limits, even if the file "
            "requires another.",
            rich_help_panel=RULES,
        ),
    ] = False,
    csv: CsvFile = None,
    json: JsonFile = None,
    junit: Annotated[
        Path | None, typer.Option(help="Write a JUnit report with one test case for each rule.")
    ] = None,
    output: OutputFormat = Format.table,
) -> None:
    """Let a pipeline choose a backbone, or guard the one it has.

    Example: acrank gate --data photos --require resnet50.a1_in1k --top-k 3

    Scores a zoo on the data (--data, --zoo and the settings of acrank score), or judges an
    earlier run (--scores). The rules can also stand in the gate: section of the --config file.
    A backbone that cannot be judged fails: it is missing, could not be scored, or a guard warns
    about its score. In GitHub Actions the command also sets the outputs best, passed and ranking,
    writes a summary and marks each rule that is not met.

    Exit codes: 0 passed, 1 failed, 2 wrong usage, configuration or data, 4 no model could be
    scored, 130 interrupted.
    """
    started = time.perf_counter()
    from acrank.gate.judge import judge
    from acrank.report.builders.ranking import RankingReport
    from acrank.report.junit import to_junit

    policy = _policy(rules, choose, config)
    check_outputs(csv, json, junit)
    ranking = _ranking_to_judge(scores, settings, config, started, policy.baseline)
    verdict = judge(ranking, policy)

    junit_file = (junit, lambda: to_junit(verdict))
    deliver(
        lambda: _show(verdict, output, choose),
        lambda: write_report(RankingReport(ranking), csv, json, None, None, (), junit_file),
        lambda: _tell_github(verdict),
    )
    if not choose:
        _excuse_output()
    raise typer.Exit(_exit_code(ranking, verdict))


def _policy(rules: dict[str, Any], choose: bool, file: Path | None) -> Policy:
    if choose:
        if "require" in rules:
            raise ConfigError(
                "--choose and --require contradict each other.", hint="Omit one of them."
            )
        rules |= {"require": None, "top_k": None}  # whatever backbone the file names
    policy = read_policy(rules, file)
    if not (choose or policy.require or policy.has_rules):
        raise ConfigError(
            "The gate has no rule, so it would pass any best backbone.",
            hint="Give one, such as --require NAME, or --choose to print the best.",
        )
    return policy


def _ranking_to_judge(
    scores: Path | None,
    settings: dict[str, Any],
    file: Path | None,
    started: float,
    baseline: Path | None,
) -> Ranking:
    """Read an earlier run, or score the zoo; ``started`` is when the command began."""
    if scores:
        if settings:
            option = option_of(RunConfig, next(iter(settings)))
            raise ConfigError(
                f"{option} cannot be used with --scores: the models are scored already.",
                hint="Omit one of them.",
            )
        from acrank.results.file import read_ranking

        if file and "gate" not in read_run_file(file):
            typer.echo(
                f"note: {visible(str(file))} has no gate: section, the only part that --scores "
                "needs; only the rules of the command line apply",
                err=True,
            )
        return read_ranking(scores)
    from acrank.gate.judge import as_of_baseline
    from acrank.report.progress import ProgressListener
    from acrank.report.renderers.terminal import make_console
    from acrank.runners.rank import rank_zoo

    config, said = make_config(settings, file), ""
    if baseline is not None:  # what is wrong with it is found before anything is scored
        config, said = as_of_baseline(config, baseline)
    with ProgressListener(make_console(stderr=True)) as listener:
        if said:
            listener.message(said)
        return rank_zoo(config, listener, started=started)


def _show(verdict: Verdict, output: Format, choose: bool) -> None:
    from acrank.report.builders.verdict import VerdictReport
    from acrank.report.renderers.terminal import make_console, print_document

    report = VerdictReport(verdict)
    if choose:  # whatever else there is to say must not end up in a variable
        print_document(report.document(), make_console(stderr=True))
        if verdict.passed:
            typer.echo(visible(verdict.best))
            if visible(verdict.best) != verdict.best:
                typer.echo("note: the name is printed with escapes; rename the model", err=True)
    else:
        show(report, output)


def _tell_github(verdict: Verdict) -> None:
    from acrank.report.github import error_lines, write_github

    if os.environ.get("GITHUB_ACTIONS") == "true":
        for line in error_lines(verdict):
            typer.echo(line, err=True)
        write_github(verdict, os.environ)


def _excuse_output() -> None:
    """Say that stdout is lost; the verdict is in the exit code, and stands."""
    lost = lost_output()
    if lost:
        typer.echo(f"note: the verdict stands, but stdout could not be written: {lost}", err=True)


def _exit_code(ranking: Ranking, verdict: Verdict) -> ExitCode:
    if ranking.interrupted:
        return ExitCode.INTERRUPTED
    if ranking.best is None:
        return ExitCode.NOTHING_SCORED
    return ExitCode.OK if verdict.passed else ExitCode.GATE_FAILED
