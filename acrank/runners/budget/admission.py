"""Admit a model only if its round still fits the time budget, and time every model."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from acrank.results import ModelResult
from acrank.runners.budget.costs import Cost, Costs
from acrank.runners.callbacks import Callback

# After so many models a round may end early, where all models fit on the full sample.
FEW = 3
# While there is a choice there are two: of one model nobody can say that it is the better one.
FEWEST = 2


def half(count: int) -> int:
    """Return how many of some models go on where time allows exactly the better half."""
    return min(count, max(FEWEST, -(-count // 2)))


def time_of_rounds(costs: Costs, count: int, sizes: Sequence[int]) -> float:
    """Estimate the seconds that later rounds take, if half of the models go on after each.

    The last two go to the full sample at once: on a smaller one there is nothing to decide.

    Args:
        costs: what models cost.
        count: how many models begin the first of them.
        sizes: of their samples; the last is the full one.
    """
    seconds = 0.0
    for images in sizes:
        images = sizes[-1] if count <= FEWEST else images
        seconds += costs.lag + costs.pace * count * costs.average(images)
        if images == sizes[-1]:
            break
        count = half(count)
    return seconds


@dataclass
class Admission:
    """Admits a model if, with it, this round and the later ones still fit the budget.

    The first model of a round may start in any case, so that something is finished, unless
    something is.

    Attributes:
        images: of the round's sample.
        costs: what models cost.
        left: seconds of the clock that are left to the run.
        later: sizes of the samples of the rounds to come; the last is the full one.
        everyone: all models of the run, where it may turn out that all of them fit on the full
            sample; else empty.
        known: models that have results on this sample already.
        all_fit: whether that has turned out, so that the round ends.
    """

    images: int
    costs: Costs
    left: Callable[[], float]
    later: Sequence[int] = ()
    everyone: Sequence[str] = ()
    known: Sequence[str] = ()
    all_fit: bool = False
    _first: str = field(default="", init=False)
    _admitted: set[str] = field(default_factory=set, init=False)

    def __call__(self, model: str) -> bool:
        """Return whether a model may start now; it may be asked more than once for one model."""
        self.all_fit = self.all_fit or self._all_fit()
        if self.all_fit:
            return False
        if self._first in ("", model) and not self.known:
            self._first = model
            self._admitted.add(model)
            return True
        count = len(self._admitted | {model, *self.known})
        rest = time_of_rounds(self.costs, half(count), self.later)
        fits = self.costs.of(model, self.images) + rest <= self.left()
        (self._admitted.add if fits else self._admitted.discard)(model)
        return fits

    def _all_fit(self) -> bool:
        if not self.everyone or self.costs.measured < FEW:
            return False
        return self.costs.together(self.everyone, self.later[-1]) <= self.left()


class Stopwatch(Callback):
    """A callback that takes the time of every model of a round, and tells another callback.

    Args:
        callback: is told of the progress.
        costs: are told what models take.
        images: of the round's sample.
        left: seconds of the clock that are left.
    """

    def __init__(
        self, callback: Callback, costs: Costs, images: int, left: Callable[[], float]
    ) -> None:
        self._callback = callback
        self._costs = costs
        self._images = images
        self._clock = left
        self._left = left()
        self._waiting = True

    def message(self, text: str) -> None:
        """Pass a sentence on."""
        self._callback.message(text)

    def start(self, total: int) -> None:
        """Start to measure the wait for the first model."""
        self._left = self._clock()
        self._callback.start(total)

    def begin(self, model: str) -> None:
        """Stop to measure the wait, if this model is the first."""
        if self._waiting:
            self._waiting = False
            self._costs.lag = self._passed()
        self._callback.begin(model)

    def done(self, result: ModelResult) -> None:
        """Note the time of a model; a kept one took none now, but will on another sample."""
        passed = self._passed()
        if not result.kept:
            self._costs.passed(passed, result.seconds)
        if result.status != "failed":
            probing = max(0.0, result.seconds - result.loading)
            self._costs.measure(result.model, self._images, Cost(result.loading, probing))
        self._callback.done(result)

    def _passed(self) -> float:
        before, self._left = self._left, self._clock()
        return before - self._left
