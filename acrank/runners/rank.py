"""Score every model of a zoo on a dataset and rank them."""

from __future__ import annotations

import platform
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch

from acrank import __version__
from acrank.config import RunConfig
from acrank.data import AnySample, AnyTarget, Drawing, open_any
from acrank.data.decode import told_enlarged
from acrank.data.summary import summary
from acrank.errors import ConfigError
from acrank.fields import told_unused
from acrank.ranking import rank_results
from acrank.results import NOT_KEPT, ModelResult, Ranking
from acrank.runners.beforehand import check_published, with_beforehand
from acrank.runners.budget import Scored, score_within
from acrank.runners.callbacks import Callback, all_callbacks
from acrank.runners.dispatch import score_all
from acrank.runners.model import RunContext
from acrank.scoring.stepping import Stepping
from acrank.tasks.registry import TASKS
from acrank.utils.device import choose_autocast, choose_device, cpu_threads, precision_name
from acrank.zoo import Hub, ZooEntry, read_zoo, select_entries


def choose_entries(config: RunConfig) -> tuple[ZooEntry, ...]:
    """Return the candidates of a run: from the zoo, or from timm where only names are given.

    Raises:
        ZooError: the zoo cannot be read, or a name matches nothing.
    """
    if config.zoo is None and config.models:
        entries = select_entries(None, config.models)
    else:
        zoo = read_zoo(config.zoo or "default")
        entries = select_entries(zoo, config.models) if config.models else zoo.entries
    part, parts = config.part
    if parts > len(entries):
        raise ConfigError(
            f"Shard {config.shard} of {len(entries)} models.", hint="Use as many shards or fewer."
        )
    return entries[part::parts]


@dataclass(frozen=True)
class PreparedRun:
    """A run whose target is open and whose sample is drawn.

    Attributes:
        context: what its models have in common.
        target: that the sample is of.
        notes: sentences about the run as a whole; the callbacks have been told.
        entries: the candidates, at the image size of the run.
    """

    context: RunContext
    target: AnyTarget
    notes: tuple[str, ...]
    entries: tuple[ZooEntry, ...]


def prepare_run(
    config: RunConfig,
    entries: Sequence[ZooEntry],
    callback: Callback,
    features: Path | None = None,
) -> PreparedRun:
    """Choose the device, open the target and draw the sample.

    Args:
        config: of the run.
        entries: the candidates.
        callback: is told what was read, and what a user should know of the data and the network.
        features: folder for every model's features, or None.

    Raises:
        AcrankError: the configuration or the data cannot be used.
    """
    device = choose_device(config.device, elsewhere=config.engine == "ray")
    dtype = choose_autocast(config.precision, device)
    torch.set_num_threads(cpu_threads(config.threads))
    target = open_any(config.data, config.task, offline=config.offline, window=config.window)
    task = TASKS[target.task]
    config = config.for_task(task)
    task.require(config)
    if features and not task.whole_images:
        raise ConfigError(f"--features keeps one row per image, but the data are for {task.name}.")
    sample = target.draw(Drawing.of(config.model_dump()))
    hub = Hub(offline=config.offline)
    size = config.image_size if task.whole_images else None
    entries = tuple(entry.at_size(size) for entry in entries)
    told = (*told_unused(config, task), *_told_size(size))
    notes = (*sample.warnings, *told, *filter(None, [hub.preflight(entries)]))
    for note in (summary(sample, target), *notes):
        callback.message(note)
    return PreparedRun(
        RunContext(config, sample, device, dtype, hub.offline, features), target, notes, entries
    )


def _told_size(size: int | None) -> list[str]:
    """Say that images have one size for all networks."""
    if size is None:
        return []
    told = f"images at {size} pixels for every network, whatever its own size is"
    return [told, *told_enlarged(size)]


def rank_zoo(
    config: RunConfig,
    callback: Callback | None = None,
    features: Path | None = None,
    store: Path | None = None,
    started: float | None = None,
    on_sample: Callable[[AnySample], None] | None = None,
) -> Ranking:
    """Score every candidate on the target and rank them.

    Args:
        config: of the run.
        callback: is told of the progress.
        features: folder to write every model's features into; see :mod:`acrank.cache.features`.
        store: folder of the kept results; None for that in the cache folder.
        started: when the run began, by :func:`time.perf_counter`; None for now.
        on_sample: is given the sample that the results are of, once they are there.

    Returns:
        The ranking; that of the finished models if the user interrupts.

    Raises:
        AcrankError: the configuration, the zoo or the data cannot be used, or the published
            numbers that acrank ships are damaged. A model that fails does not raise: its row has
            the reason.
    """
    callback = all_callbacks(callback, *config.callbacks)
    started = time.perf_counter() if started is None else started
    entries = choose_entries(config)
    check_published()
    prepared = prepare_run(config, entries, callback, features)
    context, target, entries = prepared.context, prepared.target, prepared.entries
    config = context.config  # the task is known now
    if config.budget is None:
        scored = Scored(*score_all(entries, context, callback, store), context.sample)
    else:
        scored = score_within(entries, context, target, callback, store, started)
        for note in scored.notes:
            callback.message(note)
    if on_sample:
        on_sample(scored.sample)
    record = {**prepared_record(prepared, scored.sample), **scored.record}
    record["seconds"] = round(time.perf_counter() - started, 3)
    notes = [*prepared.notes, *scored.notes]
    results = with_beforehand(scored.results, entries)
    return finish_run(
        results, config, record, callback, notes=notes, interrupted=scored.interrupted
    )


def finish_run(
    results: Sequence[ModelResult],
    config: RunConfig,
    record: dict[str, Any],
    callback: Callback,
    *,
    notes: Sequence[str] = (),
    interrupted: bool = False,
) -> Ranking:
    """Rank the results of a run, and give the ranking and its notes to the callbacks.

    Args:
        results: one a model.
        config: of the run.
        record: of :func:`run_record`.
        callback: is told.
        notes: what it has been told already.
        interrupted: whether the run was stopped before its end.
    """
    results, unkept = _without_not_kept(results)
    record = {**record, "order": [result.model for result in results], "notes": list(notes)}
    ranking = rank_results(
        results,
        config.rank_by,
        config.seed,
        metrics=config.metrics_wanted,
        voting=config.metrics_named,
        warnings=[*notes, *unkept],
        record=record,
        interrupted=interrupted,
        mixed=config.norms == "mixed",
    )
    for note in ranking.warnings[len(notes) :]:
        callback.message(note)
    callback.ranked(ranking)
    return ranking


def _without_not_kept(results: Sequence[ModelResult]) -> tuple[list[ModelResult], list[str]]:
    """Turn the flags of results that could not be kept into one warning of the run."""
    reasons = [result.flags[NOT_KEPT] for result in results if NOT_KEPT in result.flags]
    plain = [
        replace(result, flags={n: text for n, text in result.flags.items() if n != NOT_KEPT})
        for result in results
    ]
    if not reasons:
        return plain, []
    return plain, [
        f"{len(reasons)} result(s) could not be kept for a later run: {reasons[0]} "
        "(ACRANK_CACHE names another folder)"
    ]


def run_record(settings: dict[str, Any], dataset: dict[str, Any]) -> dict[str, Any]:
    """Record what a result must say about its run.

    Args:
        settings: of the run, among them the seed.
        dataset: the target's name, classes, size and fingerprint.
    """
    packages = ("torch", "timm", "huggingface_hub", "numpy", "scipy", "scikit-learn", "pillow")
    return {
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "config": settings,
        "seed": settings["seed"],
        "versions": {
            "acrank": __version__,
            "python": platform.python_version(),
            **{name: version(name) for name in packages},
        },
        "dataset": dataset,
    }


def prepared_record(prepared: PreparedRun, sample: AnySample) -> dict[str, Any]:
    """Record what a result must say about its run and its device.

    Args:
        prepared: the run.
        sample: that the results are of.
    """
    config = prepared.context.config
    record = run_record(config.model_dump(mode="json"), _dataset(config, sample, prepared.target))
    record["device"] = {
        "type": prepared.context.device.type,
        "precision": precision_name(prepared.context.dtype),
        "threads": torch.get_num_threads(),
    }
    return record


def _dataset(config: RunConfig, sample: AnySample, target: AnyTarget) -> dict[str, Any]:
    stepping = Stepping.on(sample, config.repeats, config.step_images)
    return {
        "name": config.data,
        "task": sample.task,
        "classes": list(sample.classes),
        # how many images of the sample hold each class
        "class_images": sample.held().sum(axis=0).tolist(),
        "images": len(target.items),
        "sampled": len(sample),
        "batches": len(sample.batches),
        **({"stepped": [stepping.count, stepping.images]} if config.steps == 1 else {}),
        "fingerprint": sample.fingerprint,
        **sample.facts,
    }
