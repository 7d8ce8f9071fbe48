"""Plan a race: its rungs, its arms, and the time kept back for the winner and its judge."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from acrank.race.config import ChooseConfig
from acrank.race.costs import Costs
from acrank.race.result import Arm, Rung
from acrank.utils.duration import duration_text

# Of three arms about one goes on, and trains twice as long.
KEEP = 3
# The first rung has such a share of the epochs of a full fine-tuning, or as many as it takes to a
# number of steps, up to another share: after a few steps all networks are as good as chance.
FIRST, STEPS, LONGEST = 1 / 15, 20, 1 / 3
# An arm whose full fine-tuning takes more than this share of the time that is left is not raced.
MOST = 0.7
# So many arms a race of so many rungs needs to be worth its rungs.
WORTH = {3: 6, 2: 4, 1: 2}


@dataclass(frozen=True)
class Plan:
    """What fits into the time.

    Attributes:
        rungs: rungs of the race; empty where there is only time to fine-tune.
        arms: arms of the first rung, in the order in which they run; those that could follow
            later are not among them.
        widths: most arms in each rung.
        folds: folds of the cross-validation that judges the choice; 0 for none.
        skipped: reason by name of each arm that the time does not allow.
        seconds: estimates for ``race``, ``final`` and ``judge``.
    """

    rungs: tuple[Rung, ...]
    arms: tuple[Arm, ...]
    widths: tuple[int, ...]
    folds: int
    skipped: dict[str, str]
    seconds: dict[str, float]

    @property
    def total(self) -> float:
        """Seconds of everything that is planned."""
        return sum(self.seconds.values())


# No race at all.
NOTHING = Plan((), (), (), 0, {}, {})


def plan_from(record: dict[str, Any]) -> Plan:
    """Read a plan that was kept as JSON."""
    return Plan(
        tuple(Rung(**rung) for rung in record["rungs"]),
        tuple(Arm(**arm) for arm in record["arms"]),
        tuple(record["widths"]),
        record["folds"],
        record["skipped"],
        record["seconds"],
    )


def rungs_for(
    config: ChooseConfig, count: int, smaller: bool, images: int = 1000
) -> tuple[Rung, ...]:
    """Return the rungs of a race.

    Args:
        config: configuration of the choice.
        count: most rungs; there are fewer where a full fine-tuning is short.
        smaller: True if the rungs before the last have smaller images than some network's own.
        images: number of training images.
    """
    steps = STEPS / math.ceil(images / config.batch_size)
    first = max(1, round(config.epochs * FIRST), round(min(config.epochs * LONGEST, steps)))
    lengths = [first * 2**number for number in range(count)]
    while len(lengths) > 1 and sum(lengths) > config.epochs:  # no race longer than what it is for
        lengths.pop()
    rungs: list[Rung] = []
    for place, length in enumerate(lengths):
        small = smaller and (place + 1 < len(lengths) or not place)
        anew = smaller and place + 1 == len(lengths) and place > 0
        before = rungs[-1].epochs if rungs and not anew else 0
        size = config.race_size if small else None
        rungs.append(Rung(place + 1, before + length, size, bool(rungs) and not anew))
    return tuple(rungs)


def lap_epochs(rungs: Sequence[Rung], rung: Rung) -> int:
    """Return the number of epochs that an arm trains for in a rung, if it ran in those before."""
    return rung.epochs - (rungs[rung.number - 2].epochs if rung.resumed else 0)


def cycles_of(rungs: Sequence[Rung], rung: Rung) -> tuple[int, ...]:
    """Return the cycles of the training that a rung is a part of."""
    start = rung.number - 1
    while rungs[start].resumed:
        start -= 1
    parts = [rungs[start]]
    for other in rungs[start + 1 :]:
        if not other.resumed:
            break
        parts.append(other)
    return tuple(lap_epochs(rungs, part) for part in parts)


def make_plan(
    arms: Sequence[Arm],
    config: ChooseConfig,
    costs: Costs,
    left: float,
    *,
    tested: bool,
    smaller: bool,
    done: Sequence[Arm] = (),
) -> Plan:
    """Plan the widest race that fits.

    Args:
        arms: all arms, those that should run first coming first.
        config: configuration of the choice.
        costs: estimates of what arms cost.
        left: seconds that are left; infinite without a budget.
        tested: True if there are test images, so that no cross-validation is needed.
        smaller: True if the rungs before the last have smaller images than some network's own.
        done: arms that have run in the first rung.

    Returns:
        The plan; without any arm where not even one full fine-tuning fits.
    """
    skipped = {}
    fitting = [*done]
    for arm in arms:
        if arm in done:
            continue
        full = costs.of(arm, config.epochs, None)
        if full > MOST * left:
            skipped[arm.name] = (
                f"a full fine-tuning of it takes about {duration_text(full)}, and "
                f"{duration_text(max(left, 0.0))} are left"
            )
        else:
            fitting.append(arm)
    folds = () if tested or not config.folds else (config.folds,)
    for judged in (*folds, 0):
        for count in (3, 2, 1):
            rungs = rungs_for(config, count, smaller, costs.images[0])
            if len(rungs) < count:
                continue
            found = _widest(fitting, config, costs, left, rungs, judged, len(done))
            if found and len(found.arms) >= min(WORTH[count], len(fitting)):
                return replace(found, skipped=_rest(skipped, fitting, found))
    alone = [arm for arm in arms if costs.of(arm, config.epochs, None) <= left]
    seconds = {"final": costs.of(alone[0], config.epochs, None)} if alone else {}
    return Plan((), tuple(alone[:1]), (), 0, skipped, seconds)


def _rest(skipped: dict[str, str], fitting: Sequence[Arm], plan: Plan) -> dict[str, str]:
    others = [arm for arm in fitting if arm not in plan.arms]
    return {**skipped, **{arm.name: "no time for it in the first rung" for arm in others}}


def _widest(
    arms: Sequence[Arm],
    config: ChooseConfig,
    costs: Costs,
    left: float,
    rungs: tuple[Rung, ...],
    folds: int,
    done: int,
) -> Plan | None:
    """Return the plan of the most arms that fits; None if not even two do."""
    best = None
    for count in range(max(2, done), len(arms) + 1):
        plan = _sized(arms[:count], config, costs, rungs, folds, done)
        if plan.total <= left:
            best = plan
    return best


def _sized(
    arms: Sequence[Arm],
    config: ChooseConfig,
    costs: Costs,
    rungs: tuple[Rung, ...],
    folds: int,
    done: int,
) -> Plan:
    widths = widths_of(len(arms), len(rungs), config.finalists)
    race = 0.0
    for rung, width in zip(rungs, widths, strict=True):
        laps = [costs.of(arm, lap_epochs(rungs, rung), rung.image_size) for arm in arms]
        count = width if rung.number > 1 else width - done
        race += mean(laps[done:] if rung.number == 1 else laps) * count / costs.side_by_side(count)
    last = [costs.of(arm, rungs[-1].epochs, None) for arm in arms]
    final = max(costs.of(arm, config.epochs, None) for arm in arms)
    fits = folds * widths[-1]
    judge = mean(last) * (1 - 1 / folds) * fits / costs.side_by_side(fits) if folds else 0.0
    seconds = {"race": race, "final": final, "judge": judge}
    return Plan(rungs, tuple(arms), widths, folds, {}, seconds)


def widths_of(arms: int, rungs: int, finalists: int) -> tuple[int, ...]:
    """Return how many arms run in each rung."""
    widths = [arms]
    for left in range(rungs - 2, -1, -1):
        least = min(finalists, widths[-1])
        widths.append(least if not left else max(least, math.ceil(widths[-1] / KEEP)))
    return tuple(widths)


def mean(values: Sequence[float]) -> float:
    """Return the mean of some numbers; 0 for none."""
    return sum(values) / len(values) if values else 0.0


def as_many_as_fit(
    arms: Sequence[Arm], lap: Callable[[Arm], float], reserve: Callable[[Arm], float], left: float
) -> list[Arm]:
    """Return the first arms whose next lap fits, with the dearest full fine-tuning among them.

    Args:
        arms: arms, the best first.
        lap: gives the seconds of the next lap of an arm.
        reserve: gives the seconds that everything takes after it if the arm wins.
        left: seconds that are left.
    """
    chosen: list[Arm] = []
    spent = dearest = 0.0
    for arm in arms:
        spent_then, dearest_then = spent + lap(arm), max(dearest, reserve(arm))
        if spent_then + dearest_then <= left:
            chosen.append(arm)
            spent, dearest = spent_then, dearest_then
    return chosen
