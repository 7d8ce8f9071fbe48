"""Register every metric by name, from the catalogue and from installed packages."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable
from dataclasses import replace
from importlib.resources import files
from typing import Any

import yaml

from acrank.errors import ConfigError
from acrank.metrics.metric import CLASSIFICATION, Kind, Metric
from acrank.utils.plugins import Registry

# The score that orders a table unless --rank-by names another.
DEFAULT = "log_me"
# Orders the table by the mean of the others' ranks; see acrank.ranking.consensus.
CONSENSUS = "consensus"
# What a consensus is of where no metric is named.
CONSENSUS_DEFAULT = ("ac_corr", DEFAULT)
# Always computed: what the project is about.
AC_CORR = ("ac_corr", "ac_corr_channel", "ac_corr_zero")
# Why scores of the source's classes are undefined: no head, or one that no checkpoint filled.
NO_CLASSIFIER = "the network has no source classifier"
# Begins what orders a ranking of a race: a measure of fine-tuned networks. No metric has a blank.
FINE_TUNED = "fine-tuned "
# Words that name no metric: those of --metric and --rank-by, and columns of every result.
RESERVED = frozenset(
    (
        *("all", CONSENSUS, "dataset"),
        *("rank", "model", "status", "score", "score_low", "score_high", "p_best", "params_m"),
        *("norm_layers", "norm_channels", "input_size", "license", "revision", "seconds"),
        *("reason", "tie_group", "flags", "norm_kind"),
        *("prior", "prior_deviation", "prior_basis", "history", "history_n"),
        *("expected", "expected_deviation", "p_best_accuracy", "points_lost"),
    )
)


def _catalogue() -> dict[str, Metric]:
    text = files("acrank.metrics").joinpath("catalogue.yaml").read_text(encoding="utf-8")
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    entries: dict[str, dict[str, Any]] = yaml.load(text, Loader=loader)
    return {name: Metric(name=name, takes_set=True, **_plain(e)) for name, e in entries.items()}


def _plain(entry: dict[str, Any]) -> dict[str, Any]:
    """Texts on one line each, and lists that cannot be changed."""

    def plain(value: Any) -> Any:
        if isinstance(value, str):
            return " ".join(value.split())
        return tuple(value) if isinstance(value, list) else value

    return {name: plain(value) for name, value in entry.items()}


def _of_package(name: str, loaded: object) -> Metric:
    """A metric of another package under the name of its entry point.

    Raises:
        TypeError: it is no metric.
        ValueError: it cannot have that name, or its parts are no metrics.
    """
    if not isinstance(loaded, Metric):
        raise TypeError(f"it is of type {type(loaded).__name__}, not acrank.metrics.Metric")
    if not re.fullmatch(r"[a-z][a-z0-9_]*", name) or name in RESERVED:
        raise ValueError("no metric can have that name: use lower-case letters, digits and _")
    if loaded.name not in ("", name):
        raise ValueError(f"it has the name {loaded.name!r}")
    missing = [part for part in loaded.parts if part not in METRICS]
    if missing:
        raise ValueError(f"its part {missing[0]!r} is not a metric")
    return replace(loaded, name=name)


METRICS: Registry[Metric] = Registry("acrank.metrics", "metric", _catalogue, _of_package)


def metric_names(names: Iterable[str]) -> tuple[str, ...]:
    """Names as the user gave them, each as it is listed; ``all`` stays.

    Args:
        names: metrics, or ``all``; commas part several in one, hyphens stand for underscores.

    Raises:
        ConfigError: an unknown name.
    """
    wanted = [part.strip() for name in names for part in name.split(",") if part.strip()]
    return tuple(name if name == "all" else known_metric(name) for name in wanted)


def resolve_metrics(names: Iterable[str], task: str = CLASSIFICATION) -> tuple[str, ...]:
    """Names as the user gave them to metrics, each once.

    Args:
        names: metrics, or ``all``, as for :func:`metric_names`.
        task: of which ``all`` has the metrics.

    Raises:
        ConfigError: an unknown name.
    """
    chosen: list[str] = []
    for name in metric_names(names):
        everything = [metric.name for metric in METRICS.values() if metric.in_all(task)]
        chosen += everything if name == "all" else [name]
    return tuple(dict.fromkeys(chosen))


def refuse_foreign(names: Iterable[str], task: str) -> None:
    """Refuse metrics that are not defined for a task.

    Raises:
        ConfigError: names those that are.
    """
    foreign = [name for name in names if task not in METRICS[name].tasks]
    if foreign:
        defined = ", ".join(name for name, metric in METRICS.items() if task in metric.tasks)
        raise ConfigError(
            f"{', '.join(foreign)}: not defined for {task}.", hint=f"Defined are: {defined}."
        )


def known_metric(name: str) -> str:
    """The name as it is listed, if there is such a metric; hyphens stand for underscores.

    Raises:
        ConfigError: there is none; names the nearest.
    """
    listed = name.replace("-", "_")
    if listed in METRICS:
        return listed
    if name == CONSENSUS:
        raise ConfigError(
            "The consensus combines metrics and is not one of them.",
            hint="Use --rank-by consensus.",
        )
    near = difflib.get_close_matches(listed.lower(), METRICS, n=1)
    hint = f"Did you mean {near[0]}? " if near else ""
    raise ConfigError(f"There is no metric '{name}'.", hint=f"{hint}Known: {', '.join(METRICS)}.")


def is_fine_tuned(rank_by: str) -> bool:
    """Return whether a ranking is of a race, by a measure of the fine-tuned networks."""
    return rank_by.startswith(FINE_TUNED)


def is_metric(rank_by: str) -> bool:
    """Return whether a ranking is by a metric; else its scores are of the places alone."""
    return rank_by != CONSENSUS and not is_fine_tuned(rank_by)


def higher_is_better(rank_by: str) -> bool:
    """Return whether higher is better in a ranking; the measures of a race all are."""
    return not is_metric(rank_by) or METRICS[rank_by].higher_is_better


def is_relative(rank_by: str) -> bool:
    """Return whether a model's score in a ranking depends on what other models are in it."""
    if is_fine_tuned(rank_by):
        return False
    return rank_by == CONSENSUS or METRICS[rank_by].is_relative


def with_parts(names: Iterable[str]) -> tuple[str, ...]:
    """The metrics to compute for each model: relative ones are replaced by their parts."""
    return tuple(dict.fromkeys(part for name in names for part in METRICS[name].parts or (name,)))


def of_kind(kind: Kind, names: Iterable[str]) -> list[Metric]:
    """The metrics of one kind among some."""
    return [METRICS[name] for name in names if METRICS[name].kind == kind]
