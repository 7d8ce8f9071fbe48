"""What each score is, which way is better, and where its function lives."""

from __future__ import annotations

import difflib
import importlib
from collections.abc import Callable, Iterable
from importlib.resources import files
from typing import Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict

from acrank.errors import ConfigError

Kind = Literal["affine", "features", "static", "relative", "passes"]
Role = Literal["score", "control", "baseline", "part"]
Cost = Literal["free", "cheap", "dear", "extra"]

# Orders the table by the mean of the others' ranks; see acrank.ranking.consensus.
CONSENSUS = "consensus"
# The task of a run whose data have not been looked at.
CLASSIFICATION = "classification"
# Always computed: what the project is about.
AC_CORR = ("ac_corr", "ac_corr_channel", "ac_corr_zero")
# Why scores of the source's classes are undefined: no head, or one that no checkpoint filled.
NO_CLASSIFIER = "the network has no source classifier"


class Metric(BaseModel):
    """What a reader must know of a score.

    Attributes:
        name: as in tables and on the command line.
        kind: what it is computed from: ``affine`` parameters before and after the step,
            ``features`` of the unchanged network, ``static`` facts about the model, further
            ``passes`` of the network, or ``relative``: its parts over all models of the zoo.
        higher_is_better: the direction.
        bounds: the range, in words.
        summary: what it measures, in one line.
        distrust: when not to believe it.
        reference: where it is defined.
        role: a ``score`` votes in a consensus; a ``control`` or ``baseline`` says what a score
            must beat; a ``part`` is of use to another metric only.
        form_of: a metric of which it is another form: both together have one vote.
        cost: ``free``, ``cheap`` or ``dear`` beside the network's pass; ``extra`` needs further
            passes, and is computed only where it is asked for by name.
        function: ``module:function`` within ``acrank.metrics``, for ``features``.
        needs: what of the network besides features: ``source_probs``.
        parts: metrics that a ``relative`` one combines, each with its weight.
        intervals: whether parts of the sample tell how far it varies.
        tasks: on what kinds of target it is defined.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    kind: Kind
    higher_is_better: bool
    bounds: str
    summary: str
    distrust: str
    reference: str
    role: Role = "score"
    form_of: str = ""
    cost: Cost = "cheap"
    function: str = ""
    needs: tuple[str, ...] = ()
    parts: dict[str, float] = {}
    intervals: bool = True
    tasks: tuple[str, ...] = (CLASSIFICATION,)

    def in_all(self, task: str = CLASSIFICATION) -> bool:
        """Whether ``--metric all`` includes it."""
        return self.cost != "extra" and self.role != "part" and task in self.tasks

    def load(self) -> Callable[..., float]:
        """The function that computes it; its module is imported now."""
        module, _, name = self.function.partition(":")
        function: Callable[..., float] = getattr(
            importlib.import_module(f"acrank.metrics.{module}"), name
        )
        return function


def _read_catalogue() -> dict[str, Metric]:
    text = files("acrank.metrics").joinpath("catalogue.yaml").read_text(encoding="utf-8")
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    entries: dict[str, dict[str, Any]] = yaml.load(text, Loader=loader)
    return {name: Metric(name=name, **_plain(entry)) for name, entry in entries.items()}


def _plain(entry: dict[str, Any]) -> dict[str, Any]:
    """Texts on one line each."""
    return {k: " ".join(v.split()) if isinstance(v, str) else v for k, v in entry.items()}


METRICS: dict[str, Metric] = _read_catalogue()


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
        raise ConfigError("The consensus is of metrics.", hint="Use --rank-by consensus.")
    near = difflib.get_close_matches(listed.lower(), METRICS, n=1)
    hint = f"Did you mean {near[0]}? " if near else ""
    raise ConfigError(f"There is no metric '{name}'.", hint=f"{hint}Known: {', '.join(METRICS)}.")


def higher_is_better(rank_by: str) -> bool:
    """Which way is better, of a metric or of the consensus."""
    return rank_by == CONSENSUS or METRICS[rank_by].higher_is_better


def is_relative(rank_by: str) -> bool:
    """Whether a model's score depends on the other models: of a metric or of the consensus."""
    return rank_by == CONSENSUS or METRICS[rank_by].kind == "relative"


def with_parts(names: Iterable[str]) -> tuple[str, ...]:
    """The metrics to compute for each model: relative ones are replaced by their parts."""
    return tuple(dict.fromkeys(part for name in names for part in METRICS[name].parts or (name,)))
