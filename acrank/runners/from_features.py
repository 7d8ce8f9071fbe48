"""Rank models from the features that a run has written: no network and no images are needed."""

from __future__ import annotations

import fnmatch
import time
from collections.abc import Sequence
from pathlib import Path

from acrank.cache.features import read_features
from acrank.config import RunConfig
from acrank.errors import ConfigError
from acrank.metrics.registry import METRICS, with_parts
from acrank.results import ModelResult, Ranking
from acrank.runners.callbacks import Callback, all_callbacks
from acrank.runners.rank import finish_run, run_record
from acrank.scoring.extract import Extracted
from acrank.scoring.score import Scores, add_feature_scores, with_fact_scores
from acrank.utils.described import described, option_of, options_text

# What files of features do not have: published numbers go by entries of a zoo.
UNEXPECTED = (
    "Features on disk do not say what is known of their networks beforehand, so no accuracy after "
    "fine-tuning is expected of them: rank the zoo for that."
)


def rank_from_features(
    folder: Path, config: RunConfig, callback: Callback | None = None
) -> Ranking:
    """Rank the features that a run has written.

    Scores of features are computed anew; those that only a network gives (AC-Corr and its
    controls) are as the run left them.

    Args:
        folder: written by ``acrank score --features``.
        config: its fields that are described as of features, and the folder as its data; without
            a seed that of the run.
        callback: is told of the progress.

    Raises:
        DataError: the folder cannot be used.
        ConfigError: no model has the name asked for, or a setting that would have no effect.
    """
    _refuse_idle(folder, config)
    callback = all_callbacks(callback, *config.callbacks)
    started = time.perf_counter()
    every, dataset = read_features(folder)
    settings = dataset.pop("settings")
    known = {"norms": settings.get("norms", "batch")}
    if "seed" not in config.model_fields_set:  # the parts of the sample are then the run's
        known["seed"] = settings["seed"]
    config = config.model_copy(update=known)
    read = [pair for pair in every if _chosen(pair[0].model, config.models)]
    if not read:
        names = ", ".join(sorted(pair[0].model for pair in every))
        raise ConfigError(
            f"No model in '{folder}' is called {', '.join(config.models)}.",
            hint=f"It has: {names}.",
        )
    callback.start(len(read))
    results = []
    for result, extracted in read:
        callback.begin(result.model)
        results.append(_score(result, extracted, config))
        callback.done(results[-1])
    given = config.model_dump(mode="json", include={*_of_features()})
    record = run_record({"from_features": str(folder), **settings, **given}, dataset)
    record["seconds"] = round(time.perf_counter() - started, 3)
    callback.message(UNEXPECTED)
    return finish_run(results, config, record, callback, notes=[UNEXPECTED])


def _of_features() -> list[str]:
    """Return the settings that apply to features on disk."""
    return [name for name, setting in described(RunConfig).items() if setting.of_features]


def _refuse_idle(folder: Path, config: RunConfig) -> None:
    """Refuse settings of networks and images: they would have no effect here."""
    idle = sorted(config.model_fields_set - {*_of_features(), "data"})
    if config.data != str(folder):
        idle.insert(0, "data")
    if idle:
        raise ConfigError(
            f"{option_of(RunConfig, idle[0])} cannot be used with --from-features: the features "
            "are there already.",
            hint=f"It takes {options_text(RunConfig, _of_features())}.",
        )


def _chosen(model: str, patterns: Sequence[str]) -> bool:
    return not patterns or any(fnmatch.fnmatch(model, pattern) for pattern in patterns)


def _score(result: ModelResult, extracted: Extracted, config: RunConfig) -> ModelResult:
    started = time.perf_counter()
    found = Scores(scores=dict(result.scores), undefined=dict(result.undefined))
    wanted = with_parts(config.metrics_wanted)
    add_feature_scores(found, extracted, wanted, config)
    for name in wanted:
        if name not in found.scores and METRICS[name].needs_network:
            found.undefined.setdefault(
                name, "it needs the network and cannot be computed from features"
            )
    scored = with_fact_scores(found.result_like(result), wanted, config.seed)
    return scored.with_seconds(time.perf_counter() - started)
