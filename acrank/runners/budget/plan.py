"""How a time budget is spent: on samples of which sizes, and on which models.

Successive halving (Karnin, Koren, Somekh, ICML 2013; Jamieson, Talwalkar, AISTATS 2016), with the
number that goes on told from measured costs. There is no clock in here and no network.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from acrank.runners.budget.costs import Costs

# While there is a choice there are two: of one model nobody can say that it is the better one.
FEWEST = 2


@dataclass(frozen=True)
class Step:
    """The next round.

    Attributes:
        models: that go on, best first.
        images: of its sample.
    """

    models: tuple[str, ...]
    images: int


@dataclass(frozen=True)
class Round:
    """One round: its number from 1, and the size of its sample and of the full one."""

    number: int
    images: int
    full: int

    def __str__(self) -> str:
        if self.last:
            name = "last" if self.number > 1 else "only"
            return f"the {name} round ({self.images} images)"
        return f"round {self.number} ({self.images} of {self.full} images)"

    @property
    def last(self) -> bool:
        """Whether it is the one on the full sample."""
        return self.images == self.full


def round_sizes(images: int, batches: int, least: int = 0) -> tuple[int, ...]:
    """Sizes of the samples of the rounds, in whole batches, each about half of the next.

    The size of a batch stays, because BatchNorm normalises by the batch.

    Args:
        images: in the whole sample.
        batches: in the whole sample, all of one size.
        least: images that every sample must have; it has two batches anyway.
    """
    size = images // batches
    counts = [batches]
    while counts[0] // 2 >= max(2, -(-least // size)):
        counts.insert(0, counts[0] // 2)
    return tuple(count * size for count in counts)


def half(count: int) -> int:
    """How many of some models go on where time is no reason for more or fewer."""
    return min(count, max(FEWEST, -(-count // 2)))


def afterwards(costs: Costs, count: int, later: Sequence[int]) -> float:
    """Estimated seconds of the clock for the rounds after one.

    Args:
        costs: what models cost.
        count: how many models that round finishes.
        later: sizes of the samples after it.
    """
    course = _course(half(count), later)
    return sum(costs.lag + costs.pace * n * costs.average(images) for n, images in course)


def decide(
    order: Sequence[str],
    ties: Sequence[int | None] | None,
    others: Sequence[str],
    later: Sequence[int],
    left: float,
    costs: Costs,
) -> Step:
    """Which models go on after a round, and on how many images.

    If all fit into the time at the full size, all go on to the last round. Else the better half
    does, and those that cannot be told from its last one, as far as time allows; fewer, if not
    even the half fits; at once to the full size, if as many fit there.

    Args:
        order: the models that the round has ranked, best first.
        ties: the tie group of each of them, None where it is not known; or None for all of them.
        others: models that it has no score of.
        later: sizes of the samples of the rounds to come; the last is the full one.
        left: seconds of the clock.
        costs: what models cost.
    """
    full = later[-1]
    everything = (*order, *others)
    if costs.together(everything, full) <= left:
        return Step(everything, full)
    ranked = tuple(order or others)
    fit = _most(ranked, full, left, costs)
    for count in range(_with_ties(len(ranked), ties), FEWEST, -1):
        if fit >= count or len(later) == 1:
            break
        if _schedule(ranked[:count], later, costs) <= left:
            return Step(ranked[:count], later[0])
    return Step(ranked[: max(fit, min(FEWEST, len(ranked)))], full)


def _most(models: Sequence[str], images: int, left: float, costs: Costs) -> int:
    """How many of some models fit into the time, the first ones first."""
    counts = range(len(models), 0, -1)
    return next((n for n in counts if costs.together(models[:n], images) <= left), 0)


def _with_ties(count: int, ties: Sequence[int | None] | None) -> int:
    """The better half of some models, with those that cannot be told from its last one."""
    last = half(count) - 1
    if not ties or last < 0 or ties[last] is None:
        return last + 1
    return max(place + 1 for place in range(count) if ties[place] == ties[last])


def _schedule(models: Sequence[str], later: Sequence[int], costs: Costs) -> float:
    """Estimated seconds of rounds to come that these models begin, each for half of the last.

    Which half is not known yet; the better ones of now are as good a guess as any.
    """
    course = _course(len(models), later)
    return sum(costs.together(models[:count], images) for count, images in course)


def _course(count: int, later: Sequence[int]) -> Iterator[tuple[int, int]]:
    """How many models run on which samples, if half of them go on after each round.

    The last two go to the full sample at once: on a smaller one there is nothing to decide.
    """
    for images in later:
        if count <= FEWEST:
            yield count, later[-1]
            return
        yield count, images
        count = half(count)
