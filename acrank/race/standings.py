"""Put the arms of all rungs in order, and choose one."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from acrank.race.belief import FURTHER, Array, Belief, Prior, believe, ends
from acrank.race.config import ChooseConfig
from acrank.race.laps import Ran
from acrank.race.result import Arm, Rung

# Why an arm is chosen that needs no further reason.
BEST_EXPECTED = "it has the best expected result"
# Below this probability of being the best an arm that is told apart does not go on.
HOPELESS = 0.005


@dataclass
class Heat:
    """The results of one rung.

    Attributes:
        rung: the rung.
        ran: results by arm, of failures too.
        belief: what the arms with a result are worth; None where there is none.
    """

    rung: Rung
    ran: dict[Arm, Ran] = field(default_factory=dict)
    belief: Belief | None = None

    @property
    def finished(self) -> list[Arm]:
        """The arms with a result."""
        return [arm for arm, ran in self.ran.items() if ran.value is not None]

    def judge(self, priors: Mapping[str, Prior], before: Array | None, seed: int) -> None:
        """Shrink the results by their noise."""
        arms = self.finished
        if arms:
            each = {arm.name: _numbers(self.ran[arm].each) for arm in arms}
            models = [arm.model for arm in arms]
            further = 0.0 if self.rung.full else FURTHER
            self.belief = believe(each, models, priors, before=before, further=further, seed=seed)

    def expected(self, arm: Arm) -> float:
        """Return the expected value of an arm; minus infinity for one without a result."""
        if self.belief is None or arm not in self.finished:
            return -math.inf
        return float(self.belief.expected[self.place(arm)])

    def place(self, arm: Arm) -> int:
        """The place of an arm in the belief."""
        assert self.belief is not None
        return self.belief.names.index(arm.name)

    @property
    def order(self) -> list[Arm]:
        """The arms with a result, the best expected first."""
        return sorted(self.finished, key=lambda arm: -self.expected(arm))

    @property
    def hopeful(self) -> list[Arm]:
        """Those of them that may still be the best."""
        if self.belief is None:
            return []
        p_best, leader = self.belief.p_best, self.belief.leader
        return [
            arm
            for arm in self.order
            if p_best[self.place(arm)] >= HOPELESS or self.belief.alike(self.place(arm), leader)
        ]

    def settled(self, points: float) -> bool:
        """Return whether all arms are about equally good: there is nothing left to find out."""
        belief = self.belief
        if belief is None or len(belief.names) < 2:
            return False
        leader, places = belief.leader, range(len(belief.names))
        return all(
            belief.behind(arm, leader)[0] <= points / 100 and belief.alike(arm, leader)
            for arm in places
        )


def _numbers(each: Sequence[float | None]) -> list[float]:
    return [math.nan if value is None else value for value in each]


@dataclass(frozen=True)
class Final:
    """All arms with a result, compared through the rungs that they shared.

    Attributes:
        arms: the arms, the best expected first.
        draws: draws of their values, (D, A), on the scale of the last rung.
    """

    arms: tuple[Arm, ...]
    draws: Array

    def expected(self, arm: Arm) -> float:
        """Return the expected value of an arm."""
        return float(self.draws[:, self.arms.index(arm)].mean())

    def p_best(self, arm: Arm) -> float:
        """The probability that an arm is the best of all."""
        return float((self.draws.argmax(axis=1) == self.arms.index(arm)).mean())

    def behind(self, arm: Arm, other: Arm) -> tuple[float, float, float]:
        """Return an arm's expected loss against another, with the ends of its 95 % interval."""
        lost = self.draws[:, self.arms.index(other)] - self.draws[:, self.arms.index(arm)]
        return float(lost.mean()), *ends(lost)

    def alike(self, arm: Arm, other: Arm) -> bool:
        """Return whether two arms cannot be told apart."""
        _, low, high = self.behind(arm, other)
        return low <= 0 <= high


def compare(heats: Sequence[Heat]) -> Final | None:
    """Compare all arms: those that fell out early through the last rung that they ran in.

    An arm that fell out is placed relative to the best arm of its rung that went on. What further
    training would have changed is not known, so that the comparison is of the arms as they were.

    Args:
        heats: results by rung.

    Returns:
        The comparison; None without any result.
    """
    columns: dict[Arm, Array] = {}
    for heat in reversed([heat for heat in heats if heat.belief is not None]):
        belief = heat.belief
        assert belief is not None
        both = [arm for arm in heat.order if arm in columns]
        shift: Array | float = 0.0
        if both:
            shift = columns[both[0]] - belief.draws[:, heat.place(both[0])]
        for arm in heat.order:
            if arm not in columns:
                columns[arm] = belief.draws[:, heat.place(arm)] + shift
    if not columns:
        return None
    order = sorted(columns, key=lambda arm: -float(columns[arm].mean()))
    return Final(tuple(order), np.stack([columns[arm] for arm in order], axis=1))


@dataclass(frozen=True)
class Pick:
    """The arm to fine-tune fully.

    Attributes:
        arm: the arm.
        why: reason in a sentence.
        order: all arms that may be taken, in the order in which they would be.
    """

    arm: Arm
    why: str
    order: tuple[Arm, ...]


def pick(
    final: Final,
    finalists: Sequence[Arm],
    config: ChooseConfig,
    seconds: Mapping[Arm, float],
    params: Mapping[str, int | None],
) -> Pick:
    """Choose among some arms: the cheapest of those that are about equally good.

    Args:
        final: the comparison of all arms.
        finalists: arms to choose from.
        config: says what is preferred, and how many points count.
        seconds: time of a full fine-tuning by arm.
        params: parameters by model.
    """
    order = [arm for arm in final.arms if arm in finalists]
    leader = order[0]

    def close(arm: Arm) -> bool:
        lost = final.behind(arm, leader)[0]
        return lost <= config.points / 100 and final.alike(arm, leader)

    def cost(arm: Arm) -> float:
        if config.prefer == "fast":
            return seconds[arm]
        # not seconds, which differ from run to run: the same race has to end with the same arm
        size = params.get(arm.model)
        return math.inf if size is None else size

    good = [arm for arm in order if close(arm)]
    chosen = min(good, key=lambda arm: (cost(arm), order.index(arm)))
    rest = sorted((arm for arm in good if arm != chosen), key=order.index)
    after = [arm for arm in order if arm not in good]
    return Pick(chosen, _why(final, leader, chosen, good, config), (chosen, *rest, *after))


def _why(final: Final, leader: Arm, chosen: Arm, good: Sequence[Arm], config: ChooseConfig) -> str:
    if len(good) == 1:
        return BEST_EXPECTED
    by = "it is the fastest to train" if config.prefer == "fast" else "it is the smallest"
    if chosen == leader:
        return f"{BEST_EXPECTED}, and {by} of the {len(good)} that are as good"
    lost = 100 * final.behind(chosen, leader)[0]
    return (
        f"{by} of {len(good)} arms that are about equally good; {leader.name} is expected to be "
        f"{lost:.2f} points better, which is within {config.points:g}"
    )
