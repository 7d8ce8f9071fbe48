"""Read the learned weights of prior and score that acrank ships."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from acrank.errors import ExpectationError

FILE = Path(__file__).parent / "data" / "weights.json"
VERSION = 2
# What a score is of: images by one of three scores, or LogME of pixels and of voxels.
SLOTS = ("log_me", "linear_probe", "knn", "masks", "volumes")
# Kinds of candidates by which accuracies scatter; see acrank.expectation.outcomes.kind_of.
KINDS = ("known", "others", "masks", "volumes")
_DAMAGED = (ValueError, KeyError, TypeError, AttributeError)


@dataclass(frozen=True)
class Slot:
    """Weights of a score: what it tells of the accuracy after fine-tuning.

    Attributes:
        slope: places of the score for one unit of the log odds of the accuracy, above 0.
        noise: deviation of the score's place, given the accuracy, above 0.
        level: place of the score of a network of average prior.
        level_log_classes: what the logarithm of the number of classes adds to the level.
    """

    slope: float
    noise: float
    level: float
    level_log_classes: float


@dataclass(frozen=True)
class Weights:
    """The parameters of the normal model; log odds are those of the accuracy.

    Attributes:
        stretch: log odds for one standard deviation of the prior, above 0.
        base: deviation of log odds about a prior that is sure, above 0.
        unknown: prior mean of a candidate of which nothing is known, in standard deviations.
        doubt: prior deviation of such a candidate, in standard deviations.
        levels: deviation of the level of scores between datasets, in places.
        trust: mean share of differences between expectations that a dataset bears out.
        trust_deviation: its deviation between datasets.
        residuals: median scale of a dataset's residuals, beside the deviations that were stated,
            above 0.
        spread: deviation of the logarithm of that scale.
        points: points of accuracy for one unit of log odds, mean over datasets, above 0, by kind of
            candidates, :data:`KINDS`.
        points_spread: deviation of the logarithm of a dataset's points for one unit of log odds.
        slots: by what the score is of, :data:`SLOTS`.
        learned_of: names of the tables, and where each is from.
    """

    stretch: float
    base: float
    unknown: float
    doubt: float
    levels: float
    trust: float
    trust_deviation: float
    residuals: float
    spread: float
    points: Mapping[str, float]
    points_spread: float
    slots: Mapping[str, Slot]
    learned_of: Mapping[str, str]


@cache
def weights() -> Weights:
    """The weights that acrank ships.

    Raises:
        ExpectationError: the file is missing or damaged.
    """
    return read_weights(FILE)


def read_weights(path: Path) -> Weights:
    """Read a file of weights.

    Args:
        path: file that ``benchmarks/expected/leave_out.py`` wrote.

    Raises:
        ExpectationError: the file is missing or damaged.
    """
    try:
        raw = json.loads(path.read_text(encoding="utf-8"))
        if raw["version"] != VERSION:
            raise ValueError(f"version {raw['version']} instead of {VERSION}")
        return parsed(raw)
    except (*_DAMAGED, OSError) as error:
        reason = str(error) or type(error).__name__
        raise ExpectationError(
            f"The weights of the expected accuracy in '{path}' cannot be read: {reason}.",
            hint="Reinstall acrank.",
        ) from error


def parsed(raw: Mapping[str, Any]) -> Weights:
    """Make weights of the contents of their file.

    Raises:
        ValueError, KeyError, TypeError, AttributeError: something is missing or is no number.
    """
    numbers = {name: _number(raw[name]) for name in _NUMBERS}
    slots = {name: _slot(raw["slots"][name]) for name in SLOTS}
    points = {name: _number(raw["points"][name]) for name in KINDS}
    sources = {str(name): str(source) for name, source in raw["learned_of"].items()}
    found = Weights(**numbers, points=points, slots=slots, learned_of=sources)
    above = (found.stretch, found.base, found.doubt, found.residuals, *points.values())
    if min(*above, *(value for slot in slots.values() for value in (slot.slope, slot.noise))) <= 0:
        raise ValueError("a slope or a deviation is not above 0")
    return found


_NUMBERS = (
    *("stretch", "base", "unknown", "doubt"),
    *("levels", "trust", "trust_deviation", "residuals", "spread", "points_spread"),
)


def _slot(raw: Mapping[str, Any]) -> Slot:
    return Slot(**{name: _number(raw[name]) for name in Slot.__dataclass_fields__})


def _number(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise ValueError(f"{value!r} is no number")
    return float(value)
