"""Explain one model: run the probe of ``acrank score`` and keep what it shows of every layer."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from acrank.cache import Nowhere
from acrank.config import RunConfig, make_config
from acrank.data import AnySample
from acrank.errors import NotScoredError, ZooError
from acrank.metrics.affine import Probe
from acrank.results import ModelResult
from acrank.runners.callbacks import Callback, all_callbacks
from acrank.runners.inprocess import run_in_process
from acrank.runners.model import ModelRunner, RunContext
from acrank.runners.rank import choose_entries, prepare_run, prepared_record
from acrank.scoring.inspection.layers import explain_layers
from acrank.scoring.inspection.types import Explanation
from acrank.utils.described import described, given
from acrank.zoo import ZooEntry, read_zoo


def explain(
    model: str,
    data: str | Path,
    zoo: str | Path | None = None,
    *,
    callbacks: Sequence[Callback | str] = (),
    listener: Callback | None = None,
    **settings: Any,
) -> Explanation:
    """Explain the AC-Corr of one model on a target dataset, layer by layer.

    The numbers are those of :func:`acrank.rank` with the same settings. A trial is a batch of
    the sample (one step) or a training (several steps); numbers of layers and channels are means
    over the trials, those of channels with standard deviations.

    Args:
        model: its name in the zoo; without a zoo that of timm, or ``hf-hub:ORG/NAME`` or
            ``local-dir:PATH``.
        data: a folder of class folders, a CSV file (``path,label``), ``hfds/NAME`` or ``demo``.
        zoo: a zoo file, ``demo`` or ``default``; None for timm.
        callbacks: follow the run, as in :func:`acrank.rank`; no ranking comes of it.
        listener: one more callback, by the name that this argument had before.
        **settings: further fields of :class:`acrank.RunConfig`. Those that are about several
            models or other metrics have no effect.

    Returns:
        The network's scores, its layers and their channels. A network whose AC-Corr is undefined
        has them too, and the reason in ``silence``.

    Raises:
        NotScoredError: the model cannot be loaded or probed; says why.
        AcrankError: a setting, the name or the data cannot be used.
    """
    wanted = {"data": str(data), **settings, "models": (model,)}
    if zoo is not None:
        wanted["zoo"] = str(zoo)
    return explain_one(make_config(wanted), all_callbacks(listener, *callbacks))


def explain_one(
    config: RunConfig,
    callback: Callback | None = None,
    on_sample: Callable[[AnySample], None] | None = None,
) -> Explanation:
    """Explain the one model that a configuration names.

    Args:
        config: with one name in ``models``.
        callback: is told of the progress.
        on_sample: is given the sample that the numbers are of, once they are there.

    Raises:
        NotScoredError: the model cannot be loaded or probed.
        AcrankError: a setting, the name or the data cannot be used.
    """
    callback = all_callbacks(callback, *config.callbacks)
    started = time.perf_counter()
    config = config.model_copy(update=_alone(config))
    entry = _the_one(config)
    prepared = prepare_run(config, [entry], callback)
    result, probe = _probe(prepared.entries[0], prepared.context, callback)
    if on_sample:
        on_sample(prepared.context.sample)
    record = prepared_record(prepared, prepared.context.sample)
    record["seconds"] = round(time.perf_counter() - started, 3)
    layers = explain_layers(probe, result.layers, config.dead_channels)
    return Explanation(result, layers, record, prepared.notes)


def _alone(config: RunConfig) -> dict[str, Any]:
    """Return the defaults of settings that have no meaning for one model and AC-Corr alone.

    A setting that nobody has given stays so: one of volumes would be refused for images.
    """
    others = [name for name, one in described(RunConfig).items() if "explain" in one.not_for]
    usual = {name: RunConfig.model_fields[name].default for name in given(config, others)}
    return {**usual, "models": config.models, "rank_by": "ac_corr", "fresh": True}


def _the_one(config: RunConfig) -> ZooEntry:
    """Return the model of that very name, or the only one that it matches as a wildcard."""
    if config.zoo is not None:
        for entry in read_zoo(config.zoo).entries:
            if (entry.name,) == config.models:
                return entry
    entries = choose_entries(config)
    if len(entries) == 1:
        return entries[0]
    found = ", ".join(entry.name for entry in entries[:6])
    more = f" and {len(entries) - 6} more" if len(entries) > 6 else ""
    raise ZooError(
        f"{config.models[0]!r} matches {len(entries)} models; explain takes one.",
        hint=f"They are {found}{more}.",
    )


def _probe(entry: ZooEntry, context: RunContext, callback: Callback) -> tuple[ModelResult, Probe]:
    probes: list[Probe] = []
    # a result that is kept would have no affines to explain
    runner = ModelRunner(context, Nowhere(""), probes.append)
    callback.start(1)
    (result,) = run_in_process([entry], runner, callback.begin)
    if result.status == "failed" or not probes:
        raise NotScoredError(f"'{entry.name}' cannot be explained: {result.reason}")
    callback.done(result)
    return result, probes[-1]
