"""``acrank gate``: let a pipeline choose a backbone, or guard the chosen one."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from acrank.cli.gate_ranking import ranking_to_judge
from acrank.cli.options import (
    AllowPartial,
    BatchSize,
    Bootstrap,
    Budget,
    ConfigFile,
    Data,
    DeadChannelRule,
    Decoder,
    DeviceName,
    Fresh,
    HeadKind,
    ImageSize,
    IntensityWindow,
    Jobs,
    LayerNames,
    LearningRate,
    MetricNames,
    Models,
    NormsRule,
    Offline,
    PatchCount,
    PatchSize,
    PixelCount,
    PrecisionName,
    RankBy,
    Repeats,
    Samples,
    Seed,
    Steps,
    TaskOption,
    Threads,
    TimeoutPerModel,
    TrustCode,
    VoxelSpacing,
    ZooFile,
    settings_of,
)
from acrank.cli.output import (
    CsvFile,
    Format,
    JsonFile,
    OutputFormat,
    check_outputs,
    deliver,
    show,
    write_ranking,
)
from acrank.errors import ConfigError, ExitCode
from acrank.utils.streams import lost_output
from acrank.utils.visible import visible

if TYPE_CHECKING:
    from acrank.gate import Policy, Verdict
    from acrank.results import Ranking


def gate(
    data: Data = None,
    zoo: ZooFile = None,
    scores: Annotated[
        Path | None,
        typer.Option(help="Judge an earlier run (acrank score --json): nothing is scored."),
    ] = None,
    require: Annotated[
        str | None,
        typer.Option(help="The backbone to judge. [default: the best within the limits]"),
    ] = None,
    top_k: Annotated[
        int | None,
        typer.Option(
            help="It is among the first K, or cannot be told apart from one of them. "
            "[default: 1, if nothing else is asked of a required backbone]"
        ),
    ] = None,
    fail_under: Annotated[float | None, typer.Option(help="Its score is no worse than this.")] = (
        None
    ),
    max_regret: Annotated[
        float | None, typer.Option(help="Its score is at most so far below the best.")
    ] = None,
    baseline: Annotated[
        Path | None, typer.Option(help="JSON of an earlier run: its score has not dropped since.")
    ] = None,
    max_drop: Annotated[
        float | None, typer.Option(help="It may have dropped by so much. [default: 0]")
    ] = None,
    min_margin: Annotated[
        float | None, typer.Option(help="It is first, and so far above the next.")
    ] = None,
    max_params: Annotated[
        float | None, typer.Option(help="Million parameters; larger models are no candidates.")
    ] = None,
    license_: Annotated[
        list[str] | None,
        typer.Option(
            "--license", help="permissive, or SPDX names and wildcards; others are no candidates."
        ),
    ] = None,
    allow_different: Annotated[
        bool | None,
        typer.Option("--allow-different", help="Let the baseline be of other data or settings."),
    ] = None,
    allow_failed: Annotated[
        bool | None, typer.Option("--allow-failed", help="Judge although models failed.")
    ] = None,
    allow_guard: Annotated[
        list[str] | None,
        typer.Option(help="A guard that may speak against the score; repeatable."),
    ] = None,
    choose: Annotated[
        bool,
        typer.Option(
            "--choose",
            help="Print the best within the limits and nothing else, whatever the file requires.",
        ),
    ] = False,
    model: Models = None,
    metric: MetricNames = None,
    rank_by: RankBy = None,
    bootstrap: Bootstrap = None,
    task: TaskOption = None,
    decoder: Decoder = None,
    image_size: ImageSize = None,
    pixels: PixelCount = None,
    layers: LayerNames = None,
    patch: PatchSize = None,
    spacing: VoxelSpacing = None,
    window: IntensityWindow = None,
    patches: PatchCount = None,
    samples: Samples = None,
    batch_size: BatchSize = None,
    steps: Steps = None,
    repeats: Repeats = None,
    lr: LearningRate = None,
    head: HeadKind = None,
    norms: NormsRule = None,
    dead_channels: DeadChannelRule = None,
    seed: Seed = None,
    device: DeviceName = None,
    precision: PrecisionName = None,
    threads: Threads = None,
    offline: Offline = None,
    trust_code: TrustCode = None,
    allow_partial: AllowPartial = None,
    jobs: Jobs = None,
    timeout_per_model: TimeoutPerModel = None,
    budget: Budget = None,
    fresh: Fresh = None,
    config: ConfigFile = None,
    csv: CsvFile = None,
    json: JsonFile = None,
    junit: Annotated[
        Path | None, typer.Option(help="Write a JUnit report: one test case a rule.")
    ] = None,
    output: OutputFormat = Format.table,
) -> None:
    """Let a pipeline choose a backbone, or guard the one it has.

    Scores a zoo on the data (--data, --zoo and the settings of acrank score), or judges an
    earlier run (--scores). The rules can also stand in the gate: section of the --config file.
    What cannot be judged fails: a missing or failed model, no score, a guard that speaks against
    the score. In GitHub Actions it also sets the outputs best, passed and ranking, writes a
    summary and marks each rule that is not met.

    Exit codes: 0 passed, 1 failed, 2 wrong usage, configuration or data, 4 no model could be
    scored, 130 interrupted.
    """
    started = time.perf_counter()
    from acrank.gate import judge

    policy = _policy(locals(), config)
    check_outputs(csv, json, junit)
    ranking = ranking_to_judge(scores, settings_of(locals()), config, started, policy.baseline)
    verdict = judge(ranking, policy)

    deliver(
        lambda: _show(verdict, output, choose),
        lambda: write_ranking(ranking, csv, json),
        lambda: _write(verdict, junit),
        lambda: _tell_github(verdict),
    )
    if not choose:
        _excuse_output()
    raise typer.Exit(_exit_code(ranking, verdict))


# Fields of the policy by the name of their parameter.
_RULES = {
    **{name: name for name in ("require", "top_k", "fail_under", "max_regret", "baseline")},
    **{name: name for name in ("max_drop", "min_margin", "max_params", "allow_different")},
    **{name: name for name in ("allow_failed", "allow_guard")},
    "license_": "license",
}


def _policy(options: dict[str, Any], file: Path | None) -> Policy:
    from acrank.gate import read_policy

    given = {field: options[name] for name, field in _RULES.items()}
    settings = {field: value for field, value in given.items() if value is not None and value != []}
    if options["choose"]:
        if "require" in settings:
            raise ConfigError(
                "--choose and --require contradict each other.", hint="Leave one of them out."
            )
        settings |= {"require": None, "top_k": None}  # whatever backbone the file names
    policy = read_policy(settings, file)
    if not (options["choose"] or policy.require or policy.has_rules):
        raise ConfigError(
            "The gate has no rule: it would pass whatever is best.",
            hint="Give one, such as --require NAME, or --choose to print the best.",
        )
    return policy


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


def _write(verdict: Verdict, junit: Path | None) -> None:
    from acrank.report.junit import to_junit
    from acrank.utils.files import write_all

    write_all((junit, lambda: to_junit(verdict)))


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
