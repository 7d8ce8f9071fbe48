"""Estimate what models cost: by their size until some have run, by measured seconds after that."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from acrank.zoo import Hub, ZooEntry
from acrank.zoo.description import describe

# Models that have not run are taken to cost so many times what their size says.
CAUTION = 2.0
# The cost of a model grows with its size to this power: small networks take most of their time for
# other things than arithmetic, so that one of ten times the size takes about five times as long.
POWER = 0.7


def model_sizes(entries: Sequence[ZooEntry], time_left: Callable[[], bool]) -> dict[str, float]:
    """Compute parameters times pixels of each model, which its cost grows with.

    No weights are loaded.

    The structure has to be built for it, which takes from 0.02 to 0.7 seconds.

    Args:
        entries: the candidates.
        time_left: whether there is time for another one.

    Returns:
        Sizes by name; unknown ones are missing: those of the user's own code, which is not run
        for this, and of entries whose trouble loading them will tell.
    """
    hub = Hub(offline=True)
    sizes = {}
    for entry in entries:
        if not time_left():
            break
        try:
            info = describe(entry, hub=hub)
        except Exception:
            continue
        if info.params:
            sizes[entry.name] = float(info.params * max(1, math.prod(info.input_size[1:])))
    return sizes


def cheapest_first(entries: Sequence[ZooEntry], sizes: Mapping[str, float]) -> list[str]:
    """Sort names by size: ties in the order of the zoo, unknown sizes in the middle."""
    middle = statistics.median(sizes.values()) if sizes else 0.0
    names = [entry.name for entry in entries]
    return sorted(names, key=lambda name: sizes.get(name, middle))


@dataclass(frozen=True)
class Cost:
    """Seconds that one model took to load, and to probe, which grows with the images."""

    loading: float
    probing: float


@dataclass
class Costs:
    """Seconds that models take, measured or estimated.

    A model's seconds are its own; several models may run side by side, and one is loaded while
    another is probed. ``pace`` turns them into seconds of the clock.

    Attributes:
        sizes: of models, on any scale that their cost grows with; unknown ones are missing.
        pace: seconds of the clock for a second of a model, until it is measured.
        lag: seconds of the clock before the first model of a round starts.
    """

    sizes: Mapping[str, float] = field(default_factory=dict)
    pace: float = 1.0
    lag: float = 0.0
    _measured: dict[str, dict[int, Cost]] = field(default_factory=dict)
    _clock: float = 0.0
    _own: float = 0.0

    @property
    def measured(self) -> int:
        """The number of models that have run."""
        return len(self._measured)

    def measure(self, model: str, images: int, cost: Cost) -> None:
        """Note what a model took on a sample of so many images."""
        self._measured.setdefault(model, {})[images] = cost

    def passed(self, clock: float, own: float) -> None:
        """Note that the clock moved on while models took seconds of their own."""
        self._clock += clock
        self._own += own
        if self._own > 0:
            self.pace = self._clock / self._own

    def of(self, model: str, images: int) -> float:
        """Estimate the seconds of one model on a sample; 0 if nothing has run yet."""
        if model in self._measured:
            return self._known(model, images)
        size = self.sizes.get(model)
        sized = [name for name in self._measured if name in self.sizes]
        if size is None or not sized:
            return self.average(images)
        total = sum(self.sizes[name] ** POWER for name in sized)
        return float(size**POWER * sum(self._known(name, images) for name in sized) / total)

    def average(self, images: int) -> float:
        """Estimate the seconds of a model like those that have run; 0 if none has."""
        known = [self._known(name, images) for name in self._measured]
        return sum(known) / len(known) if known else 0.0

    def together(self, models: Sequence[str], images: int) -> float:
        """Estimate the seconds of the clock for a round of some models; 0 for none."""
        own = sum(
            self.of(model, images) * (1.0 if model in self._measured else CAUTION)
            for model in models
        )
        return self.lag + self.pace * own if models else 0.0

    def _known(self, model: str, images: int) -> float:
        """Return the seconds of a model that has run, estimated if that was on another sample."""
        runs = self._measured[model]
        if images in runs:
            return runs[images].loading + runs[images].probing
        growths = {seen: self._growth(seen, images) for seen in sorted(runs)}
        # where no model has run on both samples, the larger one tells more
        seen = next((n for n, growth in growths.items() if growth is not None), max(runs))
        growth = growths[seen] or images / seen
        return runs[seen].loading + growth * runs[seen].probing

    def _growth(self, seen: int, images: int) -> float | None:
        """Compare how long probing took on two samples, over the models that ran on both."""
        both = [runs for runs in self._measured.values() if seen in runs and images in runs]
        before = sum(runs[seen].probing for runs in both)
        if not before:
            return None
        growth = sum(runs[images].probing for runs in both) / before
        # what the first model of a process takes longer makes more images look cheap
        return max(1.0, growth) if images > seen else growth
