"""Admit a model only if the round still fits the time budget, and time every model."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from acrank.results import ModelResult
from acrank.runners.budget.costs import Cost, Costs
from acrank.runners.budget.plan import afterwards
from acrank.runners.callbacks import Listener

# After so many models a round may end early, where all models fit at the full size.
FEW = 3


@dataclass
class Admission:
    """Says whether another model may start: if with it this round and those after it still fit.

    The first model of a round may in any case, so that something is finished, unless something is.

    Attributes:
        images: of the round's sample.
        later: sizes of the samples after it.
        costs: what models cost.
        left: seconds of the clock that are left.
        everything: all models of the run, where it may turn out that all of them fit at the full
            size; else empty.
        known: models that have results on this sample already.
        all_fit: whether that has turned out, so that the round ends.
    """

    images: int
    later: Sequence[int]
    costs: Costs
    left: Callable[[], float]
    everything: Sequence[str] = ()
    known: Sequence[str] = ()
    all_fit: bool = False
    _first: str = ""
    _let_in: set[str] = field(default_factory=set)

    def __call__(self, model: str) -> bool:
        """Whether a model may start now; it may be asked for more than once."""
        self.all_fit = self.all_fit or self._all_fit()
        if self.all_fit:
            return False
        if self._first in ("", model) and not self.known:
            self._first = model
            self._let_in.add(model)
            return True
        rest = afterwards(self.costs, len(self._let_in | {model, *self.known}), self.later)
        fits = self.costs.of(model, self.images) + rest <= self.left()
        (self._let_in.add if fits else self._let_in.discard)(model)
        return fits

    def _all_fit(self) -> bool:
        if not self.everything or self.costs.measured < FEW:
            return False
        return self.costs.together(self.everything, self.later[-1]) <= self.left()


class Watch:
    """Tells a listener, and a gate how long models took.

    Args:
        listener: is told of the progress.
        gate: of the round.
    """

    def __init__(self, listener: Listener, gate: Admission) -> None:
        self.gate = gate
        self.listener = listener
        self.message = listener.message
        self._left = gate.left()
        self._waiting = True

    def start(self, total: int) -> None:
        """The wait for the first model begins."""
        self._left = self.gate.left()
        self.listener.start(total)

    def begin(self, model: str) -> None:
        """The wait for the first model ends."""
        if self._waiting:
            self._waiting = False
            self.gate.costs.lag = self._passed()
        self.listener.begin(model)

    def done(self, result: ModelResult) -> None:
        """A model has ended; one that was kept took no time now, but will on another sample."""
        costs, passed = self.gate.costs, self._passed()
        if not result.kept:
            costs.passed(passed, result.seconds)
        if result.status != "failed":
            probing = max(0.0, result.seconds - result.loading)
            costs.measure(result.model, Cost(self.gate.images, result.loading, probing))
        self.listener.done(result)

    def _passed(self) -> float:
        before, self._left = self._left, self.gate.left()
        return before - self._left
