"""``acrank score``: rank a zoo on a target dataset."""

from __future__ import annotations

import enum
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from acrank.cli.output import (
    CsvFile,
    Format,
    JsonFile,
    OutputFormat,
    Strict,
    Top,
    deliver,
    exit_code,
    print_result,
    write_result,
)
from acrank.errors import ConfigError

if TYPE_CHECKING:
    from acrank.results import Ranking


class Device(enum.StrEnum):
    """Where networks run."""

    auto = "auto"
    cpu = "cpu"
    cuda = "cuda"
    mps = "mps"


class Precision(enum.StrEnum):
    """Of the forward and backward pass."""

    auto = "auto"
    fp32 = "fp32"
    bf16 = "bf16"


class Engine(enum.StrEnum):
    """Where models are scored."""

    local = "local"
    ray = "ray"


class Head(enum.StrEnum):
    """Classifier over the target's classes."""

    random = "random"
    ridge = "ridge"


class DeadChannels(enum.StrEnum):
    """What to do with channels that pass no signal on."""

    exclude = "exclude"
    keep = "keep"


def score(
    data: Annotated[
        str | None,
        typer.Option(
            help="Target: a folder of class folders, a CSV (path,label), hfds/NAME, or demo.",
            show_default=False,
        ),
    ] = None,
    zoo: Annotated[
        str | None,
        typer.Option(help="Candidates: a zoo file, or demo. [default: the packaged zoo]"),
    ] = None,
    model: Annotated[
        list[str] | None,
        typer.Option(help="Name or wildcard, of the zoo or else of timm; repeatable."),
    ] = None,
    metric: Annotated[
        list[str] | None,
        typer.Option(help="Further scores: NAME, NAME,NAME or all; repeatable. See docs/metrics."),
    ] = None,
    rank_by: Annotated[
        str | None,
        typer.Option(help="Score that orders the table, or consensus. [default: ac_corr]"),
    ] = None,
    bootstrap: Annotated[
        int | None,
        typer.Option(
            help="Random parts of the sample for intervals of feature scores. [default: 50]"
        ),
    ] = None,
    samples: Annotated[
        int | None, typer.Option(help="Images to draw, stratified by class. [default: 256]")
    ] = None,
    batch_size: Annotated[int | None, typer.Option(help="Images in a batch. [default: 32]")] = None,
    steps: Annotated[
        str | None,
        typer.Option(
            help="1: one step of the norm affines a batch. N or epoch: train everything. "
            "[default: 1]"
        ),
    ] = None,
    repeats: Annotated[
        int | None, typer.Option(help="Trainings, with several steps. [default: 3]")
    ] = None,
    lr: Annotated[
        float | None, typer.Option(help="Learning rate of the SGD step. [default: 0.01]")
    ] = None,
    head: Annotated[
        Head | None,
        typer.Option(help="Drawn a batch, or ridge regression. [default: random]"),
    ] = None,
    dead_channels: Annotated[
        DeadChannels | None,
        typer.Option(help="keep is the authors' form. [default: exclude]"),
    ] = None,
    seed: Annotated[
        int | None, typer.Option(help="Of the sample, batches and heads. [default: 0]")
    ] = None,
    device: Annotated[
        Device | None, typer.Option(help="Where networks run. [default: auto]")
    ] = None,
    precision: Annotated[
        Precision | None,
        typer.Option(help="auto is bf16 where the hardware has it. [default: auto]"),
    ] = None,
    threads: Annotated[
        int | None, typer.Option(help="CPU threads. [default: physical cores]")
    ] = None,
    offline: Annotated[bool | None, typer.Option("--offline", help="Use no network.")] = None,
    trust_code: Annotated[
        bool | None,
        typer.Option("--trust-code", help="Allow zoo entries with a factory: to run their code."),
    ] = None,
    jobs: Annotated[
        int | None,
        typer.Option(
            help="Score N models at a time in worker processes; a crash costs one row. "
            "[default: one after the other in this process]"
        ),
    ] = None,
    timeout_per_model: Annotated[
        str | None, typer.Option(help="Give a model up after so long: 90s, 10m.")
    ] = None,
    budget: Annotated[
        str | None,
        typer.Option(help="Time for the whole run (10m, 1h): drops models on small samples."),
    ] = None,
    shard: Annotated[
        str | None,
        typer.Option(help="I/N: the I-th of N parts of the zoo; see acrank merge."),
    ] = None,
    engine: Annotated[
        Engine | None,
        typer.Option(help="This machine, or a Ray cluster (extra: ray). [default: local]"),
    ] = None,
    ray_address: Annotated[
        str | None,
        typer.Option(help="Of a running Ray cluster. [default: start one on this machine]"),
    ] = None,
    fresh: Annotated[
        bool | None, typer.Option("--fresh", help="Score again what was scored before.")
    ] = None,
    config: Annotated[
        Path | None, typer.Option(help="YAML file with these settings; options win over it.")
    ] = None,
    top: Top = None,
    csv: CsvFile = None,
    json: JsonFile = None,
    features: Annotated[
        Path | None, typer.Option(help="Write each model's features into this folder.")
    ] = None,
    from_features: Annotated[
        Path | None,
        typer.Option(help="Rank the features in this folder again: no images, no networks."),
    ] = None,
    output: OutputFormat = Format.table,
    strict: Strict = False,
) -> None:
    """Rank pretrained backbones for a target dataset.

    Each candidate takes one AC-Norm step on a sample of the target; AC-Corr says how well it
    would transfer. Printed best first, with 95 % intervals, the probability of being best and
    groups that cannot be told apart.

    Exit codes: 0 ok, 2 wrong usage, configuration or data, 3 done but some models failed (or
    --strict found something), 4 no model could be scored, 130 interrupted.
    """
    given = {
        "data": data,
        "zoo": zoo,
        "models": tuple(model) if model else None,
        "metrics": tuple(metric) if metric else None,
        "rank_by": rank_by,
        "bootstrap": bootstrap,
        "samples": samples,
        "batch_size": batch_size,
        "steps": int(steps) if steps and steps.isdecimal() else steps,
        "repeats": repeats,
        "lr": lr,
        "head": head,
        "dead_channels": dead_channels,
        "seed": seed,
        "device": device,
        "precision": precision,
        "threads": threads,
        "offline": offline,
        "trust_code": trust_code,
        "jobs": jobs,
        "timeout_per_model": timeout_per_model,
        "budget": budget,
        "shard": shard,
        "engine": engine,
        "ray_address": ray_address,
        "fresh": fresh,
    }
    settings = {
        name: str(value) if isinstance(value, enum.StrEnum) else value
        for name, value in given.items()
        if value is not None
    }
    if from_features and features:
        raise ConfigError(
            "--features has no meaning with --from-features: they are there already.",
            hint="Leave one of them out.",
        )
    outputs = [path for path in (csv, json) if path]
    ranking = _run(settings, config, features, from_features, outputs)
    deliver(lambda: print_result(ranking, output, top), lambda: write_result(ranking, csv, json))
    raise typer.Exit(exit_code(ranking, strict))


def _run(
    settings: dict[str, Any],
    file: Path | None,
    features: Path | None,
    from_features: Path | None,
    outputs: list[Path],
) -> Ranking:
    started = time.perf_counter()  # what is imported below takes some of a budget
    from acrank.common.files import check_writable
    from acrank.config import make_config

    stored = {"data": str(from_features)} if from_features else {}
    config = make_config({**stored, **settings}, file)
    for path in outputs:
        check_writable(path)

    from acrank.report.progress import ProgressListener
    from acrank.report.table import make_console
    from acrank.rerank import rerank
    from acrank.run import run

    with ProgressListener(make_console(stderr=True)) as listener:
        if from_features:
            return rerank(from_features, config, listener)
        return run(config, listener, features, started=started)
