"""Describe a metric: its inputs, direction, range, words and function."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Literal, get_args

Kind = Literal["affine", "features", "facts", "weights", "relative", "passes"]
Role = Literal["score", "control", "baseline", "part"]
Need = Literal["source_probs", "random_features", "boundary_voxels", "shuffled_labels"]
Cost = Literal["free", "cheap", "dear", "extra"]

# The task of a run whose data have not been looked at.
CLASSIFICATION = "classification"


@dataclass(frozen=True)
class KindFacts:
    """The properties that all metrics of one kind share.

    Attributes:
        source: what they are computed from, for the reference pages.
        needs_network: whether kept features do not suffice to compute them.
        sees_images: whether the target's images decide on them.
    """

    source: str
    needs_network: bool = False
    sees_images: bool = True


KINDS: dict[Kind, KindFacts] = {
    "affine": KindFacts("the affine parameters before and after the step", needs_network=True),
    "features": KindFacts("features of the unchanged network and labels"),
    "facts": KindFacts("the model alone", sees_images=False),
    "weights": KindFacts("the network's weights alone", needs_network=True, sees_images=False),
    "relative": KindFacts("its parts over all models of the zoo"),
    "passes": KindFacts("further passes of the network", needs_network=True),
}


@dataclass(frozen=True, kw_only=True)
class Metric:
    """A score: the function that computes it, and what a reader must know about it.

    What the function is given depends on the kind: ``features`` (N, D) and labels (N,) as
    arrays, then what ``needs`` names; for ``affine`` an
    :class:`acrank.metrics.affine.AffineTrials`; for ``facts`` the
    :class:`acrank.metrics.facts.Facts` of a model; for ``weights`` those of its layers by name,
    each (O, I) or (O, I, ...); for ``passes`` the
    network and the batches as :class:`acrank.scoring.types.Passes`. It returns a number; or one for
    each batch or training, of which the score is the mean; or a mapping from metrics to either,
    where several metrics name one function. NaN or a :class:`acrank.errors.MetricError` leave
    the score undefined.

    Attributes:
        name: as in tables and on the command line; that of the entry point where it is empty.
        kind: what it is computed from: ``affine`` parameters before and after the step,
            ``features`` of the unchanged network, ``facts`` about the model, its ``weights``
            (kept by what they are, whatever the target), further ``passes`` of the network, or
            ``relative``: its parts over all models of the zoo.
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
        function: computes it; as text ``module:function``, a module without dots being one of
            ``acrank.metrics``. None of ``relative``.
        takes_set: whether a function of features takes one
            :class:`acrank.metrics.feature_set.FeatureSet`, to share what other metrics need.
        needs: what it takes besides: of features ``source_probs``, the probabilities over source
            classes (N, K); ``random_features``, those of the architecture with random weights
            (N, D'); or ``boundary_voxels``, which rows are of voxels on boundaries, bool (N,),
            with further rows of such voxels; of affines ``shuffled_labels``, a second step on
            labels in random order.
        parts: metrics that a ``relative`` one combines, each with its weight.
        intervals: whether parts of the sample tell how far it varies.
        tasks: on what kinds of target it is defined.
    """

    name: str = ""
    kind: Kind = "features"
    higher_is_better: bool
    bounds: str
    summary: str
    distrust: str
    reference: str
    role: Role = "score"
    form_of: str = ""
    cost: Cost = "cheap"
    function: Callable[..., Any] | str = ""
    takes_set: bool = False
    needs: tuple[Need, ...] = ()
    parts: Mapping[str, float] = field(default_factory=dict)
    intervals: bool = True
    tasks: tuple[str, ...] = (CLASSIFICATION,)

    def __post_init__(self) -> None:
        """Refuse what could not be computed.

        Raises:
            ValueError: says what is wrong.
        """
        relative = self.kind == "relative"
        if relative != bool(self.parts) or relative == bool(self.function):
            raise ValueError("a relative metric needs parts, and any other metric needs a function")
        for value, words in (
            (self.kind, get_args(Kind)),
            (self.role, get_args(Role)),
            (self.cost, get_args(Cost)),
            *((need, get_args(Need)) for need in self.needs),
        ):
            if value not in words:
                raise ValueError(f"{value!r} is none of {', '.join(words)}")

    @property
    def needs_network(self) -> bool:
        """Return whether kept features do not suffice to compute it."""
        return KINDS[self.kind].needs_network

    @property
    def sees_images(self) -> bool:
        """Return whether the target's images decide on it."""
        return KINDS[self.kind].sees_images

    @property
    def of_norms(self) -> bool:
        """Return whether it is of norm affines: no value compares between kinds of norm layers."""
        return self.kind == "affine"

    @property
    def is_relative(self) -> bool:
        """Return whether a model's value depends on the other models."""
        return self.kind == "relative"

    @property
    def sign(self) -> float:
        """1 where a higher value is better, else -1."""
        return 1.0 if self.higher_is_better else -1.0

    def in_all(self, task: str = CLASSIFICATION) -> bool:
        """Return whether ``--metric all`` includes it."""
        return self.cost != "extra" and self.role != "part" and task in self.tasks

    def load(self) -> Callable[..., Any]:
        """The function that computes it; its module is imported now."""
        if not isinstance(self.function, str):
            return self.function
        function: Callable[..., Any] = getattr(importlib.import_module(self.module), self._called)
        return function

    @property
    def decides(self) -> dict[str, Any]:
        """The parts of the declaration that numbers depend on, besides the function's code."""
        words = ("name", "function", "summary", "distrust", "reference", "bounds")
        return {one.name: getattr(self, one.name) for one in fields(self) if one.name not in words}

    @property
    def module(self) -> str:
        """The module of the function; empty of a relative metric."""
        if not isinstance(self.function, str):
            return self.function.__module__
        module = self.function.partition(":")[0]
        return module if "." in module or not module else f"acrank.metrics.{module}"

    @property
    def _called(self) -> str:
        return str(self.function).partition(":")[2]
