"""What models cost, told from those that have run."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

# Models that have not run are taken to cost so many times what their size says.
CAUTION = 2.0


@dataclass(frozen=True)
class Cost:
    """What one model took.

    Attributes:
        images: of the sample.
        loading: seconds that do not depend on the sample.
        probing: seconds that grow with it.
    """

    images: int
    loading: float
    probing: float

    def at(self, images: int) -> float:
        """Seconds on a sample of another size."""
        return self.loading + self.probing * images / self.images


@dataclass
class Costs:
    """What models cost, as far as it is known.

    A model's seconds are its own: several may run side by side, and one is loaded while another
    is probed. ``pace`` turns them into seconds of the clock.

    Attributes:
        sizes: of models, on any scale that their cost grows with; unknown ones are missing.
        dearer: by the size of a sample, how many times dearer it is taken to be than its images
            say, until a model has run on it: more is computed on the full one, for example.
        paid: models that have run on a sample already, with its size.
        pace: seconds of the clock for a second of a model, until it is measured.
        lag: seconds of the clock before the first model of a round starts.
    """

    sizes: Mapping[str, float] = field(default_factory=dict)
    dearer: Mapping[int, float] = field(default_factory=dict)
    paid: set[tuple[str, int]] = field(default_factory=set)
    pace: float = 1.0
    lag: float = 0.0
    _measured: dict[str, Cost] = field(default_factory=dict)
    _expected: dict[int, tuple[float, float]] = field(default_factory=dict)
    _clock: float = 0.0
    _own: float = 0.0

    @property
    def measured(self) -> int:
        """Of how many models the cost is known."""
        return len(self._measured)

    def measure(self, name: str, cost: Cost) -> None:
        """Note what a model took; the latest counts."""
        before = self._measured.get(name)
        if before is not None and before.images != cost.images:
            expected, found = self._expected.get(cost.images, (0.0, 0.0))
            expected += before.at(cost.images)
            self._expected[cost.images] = expected, found + cost.at(cost.images)
        self._measured[name] = cost

    def passed(self, clock: float, own: float) -> None:
        """Note that the clock moved on while models took seconds of their own."""
        self._clock += clock
        self._own += own
        if self._own > 0:
            self.pace = self._clock / self._own

    def of(self, name: str, images: int) -> float:
        """Estimated seconds of one model: from its last run, or else from its size."""
        if (name, images) in self.paid:
            return 0.0
        if name in self._measured:
            return self._at(self._measured[name], images)
        return self._guess(images)(name)

    def average(self, images: int) -> float:
        """Estimated seconds of a model like those that have run; 0 if none has."""
        costs = [self._at(cost, images) for cost in self._measured.values()]
        return sum(costs) / len(costs) if costs else 0.0

    def together(self, models: Sequence[str], images: int) -> float:
        """Estimated seconds of the clock for a round."""
        guess = self._guess(images)
        own = sum(
            self.of(model, images) if model in self._measured else CAUTION * guess(model)
            for model in models
        )
        return self.lag + self.pace * own

    def _at(self, cost: Cost, images: int) -> float:
        """What a model costs on a sample, corrected by what others cost more than expected."""
        seconds = cost.loading + cost.probing
        if cost.images == images:
            return seconds
        expected, found = self._expected.get(images, (0.0, 0.0))
        factor = found / expected if expected else self.dearer.get(images, 1.0)
        estimate = factor * cost.at(images)
        # what the first model of a process takes longer makes more images look cheap
        return max(seconds, estimate) if images > cost.images else estimate

    def _guess(self, images: int) -> Callable[[str], float]:
        """Estimates the seconds of models that have not run."""
        average = self.average(images)
        sized = [(self._at(cost, images), self.sizes.get(n)) for n, cost in self._measured.items()]
        total = sum(size or 0 for _, size in sized)
        rate = sum(seconds for seconds, size in sized if size) / total if total else 0.0
        return lambda model: rate * self.sizes.get(model, 0.0) or average
