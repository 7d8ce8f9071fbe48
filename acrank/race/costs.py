"""Estimate what fine-tuning an arm costs: by the look at first, by its own laps later."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from statistics import median

from acrank.race.result import Arm

# Seconds of a regime relative to those of ``full``: where most weights are frozen, no gradients of
# theirs are computed.
FACTORS = {"full": 1.0, "ac-norm": 1.1, "bn-only": 0.8, "head": 0.4, "delta": 1.7, "co-tuning": 1.1}
# The same for networks with decoders, which are trained in every regime.
WITH_DECODER = {**FACTORS, "bn-only": 0.9, "head": 0.75}
# Of a regime that is not listed.
OTHER = 1.2
# Judging an image relative to training on it: a forward pass alone.
JUDGING = 0.35
# Arms that have not run, nor any like them, are taken to cost so many times the estimate.
CAUTION = 1.25
# Seconds to set a network up, beyond loading it, and to write down what came of it.
SETUP = 0.3


def cost_of(method: str) -> float:
    """Return the seconds of a regime relative to those of ``full``."""
    return FACTORS.get(method, OTHER)


@dataclass(frozen=True)
class Timed:
    """A lap that was timed.

    Attributes:
        arm: the arm.
        predicted: seconds of an epoch that were predicted from the look alone.
        epoch: seconds that its last epoch took: the first has much to set up.
        setup: seconds that went into all else.
    """

    arm: Arm
    predicted: float
    epoch: float
    setup: float


@dataclass
class Costs:
    """Seconds that arms take.

    Attributes:
        paces: seconds of the look for one image by model, at the network's own size; those that
            are missing are taken to be like the median of the others.
        images: numbers of training and validation images.
        dimensions: sides of an image, 2 or 3.
        sizes: own image sizes of the models, where they are known.
        loading: seconds to load the models, where they are known.
        jobs: arms that run at a time.
        decoder: True if networks have a decoder, for masks and volumes.
    """

    paces: Mapping[str, float]
    images: tuple[int, int]
    dimensions: int = 2
    sizes: Mapping[str, int] = field(default_factory=dict)
    loading: Mapping[str, float] = field(default_factory=dict)
    jobs: int = 1
    decoder: bool = False
    _timed: list[Timed] = field(default_factory=list)

    def note(
        self, arm: Arm, epochs: int, image_size: int | None, seconds: float, epoch: float
    ) -> None:
        """Note what a lap took.

        Args:
            arm: the arm.
            epochs: number of epochs of the lap.
            image_size: height and width of the images; None for the network's own.
            seconds: seconds of the lap.
            epoch: seconds of its last epoch.
        """
        setup = max(0.0, seconds - epochs * epoch)
        self._timed.append(Timed(arm, self._epoch(arm, image_size), epoch, setup))

    def of(self, arm: Arm, epochs: int, image_size: int | None) -> float:
        """Estimate the seconds of an arm over some epochs, loading included.

        Args:
            arm: the arm.
            epochs: number of epochs.
            image_size: height and width of the images; None for the network's own.
        """
        alike = self._alike(arm)
        if not alike:
            setup = SETUP + self.loading.get(arm.model, SETUP)
            return CAUTION * (setup + epochs * self._epoch(arm, image_size))
        correction = sum(t.epoch for t in alike) / sum(t.predicted for t in alike)
        setup = sum(timed.setup for timed in alike) / len(alike)
        return setup + epochs * self._epoch(arm, image_size) * correction

    def side_by_side(self, count: int) -> int:
        """Return how many of some arms run at a time, at least one."""
        return max(1, min(self.jobs, count))

    def _epoch(self, arm: Arm, image_size: int | None) -> float:
        """Predict the seconds of an epoch from the look alone."""
        usual = median(self.paces.values()) if self.paces else 0.01
        factors = WITH_DECODER if self.decoder else FACTORS
        pace = self.paces.get(arm.model, usual) * factors.get(arm.method, OTHER)
        own = self.sizes.get(arm.model)
        if image_size is not None and own:
            pace *= (image_size / own) ** self.dimensions
        training, judging = self.images
        return pace * (training + JUDGING * judging)

    def _alike(self, arm: Arm) -> list[Timed]:
        """The laps that say most of an arm: its own, those of its model or regime, or all."""
        for alike in (
            lambda one: one == arm,
            lambda one: one.model == arm.model,
            lambda one: one.method == arm.method,
            lambda one: True,
        ):
            found = [timed for timed in self._timed if alike(timed.arm)]
            if found:
                return found
        return []
