"""Choose who enters the race: the first of the ranking, and the static favourites."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from acrank.race.belief import Prior
from acrank.race.config import ChooseConfig
from acrank.race.costs import cost_of
from acrank.race.result import Arm
from acrank.results import RankedModel, Ranking


@dataclass(frozen=True)
class Entrant:
    """A model that enters the race.

    Attributes:
        row: its row in the ranking.
        why: why it enters, such as ``rank 1``.
    """

    row: RankedModel
    why: str

    @property
    def model(self) -> str:
        """The name of the model."""
        return self.row.result.model


# Gives what is expected of models, from the ranking of the look.
Expect = Callable[[Ranking], Mapping[str, Prior]]


def expected_of(ranking: Ranking) -> dict[str, Prior]:
    """Return what a ranking says of its models: the place of each score among the others.

    The places are normal quantiles of the ranks, as scores have scales of their own; models
    without a rank are left out. Networks that people know have the accuracy that is expected of
    them instead, with its deviation: their scores tell less than what they reached elsewhere.
    """
    rows = [row for row in ranking.rows if row.rank is not None]
    if ranking.outlook is not None and ranking.outlook.kind == "known":
        return _known(rows)
    quantiles = _normal_quantiles(len(rows))
    return {row.result.model: Prior(place) for row, place in zip(rows, quantiles, strict=True)}


def _known(rows: Sequence[RankedModel]) -> dict[str, Prior]:
    usual = float(np.mean([row.expected_deviation or 0.0 for row in rows]))
    return {
        row.result.model: Prior(row.expected or 0.0, (row.expected_deviation or usual) / usual)
        for row in rows
    }


def _normal_quantiles(count: int) -> list[float]:
    from scipy.stats import norm

    found: list[float] = norm.ppf(1 - (np.arange(count) + 0.5) / count).tolist()
    return found


def entrants(ranking: Ranking, config: ChooseConfig) -> tuple[list[Entrant], list[str]]:
    """Return the models that may enter, the most promising first, and what is said of them.

    The first of the ranking come first, with the model of best published ImageNet accuracy and
    the largest in second and third place: where scores of features mislead, these are what people
    would have taken. After the ranked ones come those that the look had no time to rank, in its
    order.

    Args:
        ranking: ranking of the look.
        config: configuration of the choice.
    """
    usable = [row for row in ranking.rows if row.result.status != "failed"]
    known = [row for row in usable if row.rank is not None]
    others = [row for row in usable if row.rank is None]
    listed = [
        *(Entrant(row, f"rank {row.rank}") for row in known),
        *(Entrant(row, "not ranked, but there was room") for row in others),
    ]
    chosen = {one.model: one for one in listed[: config.entrants]}
    order = [*chosen.values()]
    notes = []
    for row, why in favourites(usable):
        name = row.result.model
        if name in chosen:
            old = chosen[name]
            chosen[name] = Entrant(row, f"{old.why}, {why}")
            continue
        chosen[name] = Entrant(row, f"{why}; rank {row.rank}" if row.rank else why)
        if len(order) >= config.entrants > 1:
            last = order.pop()
            del chosen[last.model]
        order.insert(1 if order else 0, chosen[name])
        notes.append(f"{name} enters as the model of {why}")
    return [chosen[one.model] for one in order], notes


def favourites(rows: Sequence[RankedModel]) -> Iterator[tuple[RankedModel, str]]:
    """Yield the models that people would take unseen, with the reason for each."""
    known = [row for row in rows if row.result.imagenet_top1 is not None]
    if known:
        yield max(known, key=lambda row: row.result.imagenet_top1 or 0), "best ImageNet top-1"
    sized = [row for row in rows if row.result.params is not None]
    if len(sized) > 1:
        yield max(sized, key=lambda row: row.result.params or 0), "most parameters"


# So many ways to fine-tune a model race: by default all weights at two rates, and the head alone.
# In our study each of them was the best on some datasets, by up to 19 points: to take the same one
# for all datasets lost more than to take another model.
RACED = 3


def arms_of(models: Sequence[str], config: ChooseConfig) -> list[Arm]:
    """Return all arms of some models: those that race, model by model, and then the others."""
    ways = ways_of(config)
    raced = raced_of(models, config)
    return [*raced, *(Arm(model, *way) for way in ways[RACED:] for model in models)]


def raced_of(models: Sequence[str], config: ChooseConfig) -> list[Arm]:
    """Return the arms of some models that race, those that should run first coming first.

    Of a model the cheapest way comes first: where time is short, that is what there is time for.
    """
    ways = sorted(ways_of(config)[:RACED], key=lambda way: cost_of(way[0]))
    return [Arm(model, *way) for model in models for way in ways]


def ways_of(config: ChooseConfig) -> list[tuple[str, float]]:
    """Return the regimes with their learning rates, the first regime's rates coming first."""
    return [(method, lr) for method in config.methods for lr in config.rates(method)]


def own_size(row: RankedModel) -> int | None:
    """Return the larger side of the images that a network was made for; None if unknown."""
    size = row.result.input_size
    return max(size[1:]) if size and len(size) > 1 else None


# Training on an image relative to the look's forward pass: one pass forward and one back.
TRAINING = 3.0


def pace(row: RankedModel, images: int) -> float | None:
    """Estimate the seconds of training on one image of a model; None if they are unknown.

    Args:
        row: row of the ranking.
        images: images of the look.
    """
    result = row.result
    seconds = result.seconds - result.loading
    return (
        TRAINING * seconds / images if seconds > 0 and math.isfinite(seconds) and images else None
    )
