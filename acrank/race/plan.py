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

# The rungs of a race on smaller images end after such shares of the epochs: short trainings of
# their own. The first has at least so many steps, up to the length of the second: after a few
# steps all networks are at chance.
SHARES, STEPS = (1 / 9, 1 / 3), 20
# A race at the networks' own sizes has one rung of such a share, up to a half: its laps are the
# beginnings of the full fine-tunings, which the best then go on with, one after the other.
BEGUN = 0.3
# Of so many arms one goes on.
KEEP = 3
# No more arms race than what fits into such a share of the time after the look; the rest is for
# full fine-tunings. Of so few models that all may be fine-tuned fully, more race on small images.
RACING = 0.5
# An arm whose full fine-tuning takes more than this share of the time that is left does not race,
# unless it is the first of all: it would take the place of many others.
MOST = 0.7
# So many arms a race of so many rungs needs to be worth its rungs.
WORTH = {2: 3, 1: 2}


@dataclass(frozen=True)
class Plan:
    """A race that fits into the time.

    Attributes:
        rungs: rungs of the race; empty where there is only time to fine-tune.
        arms: arms of the first rung, in the order in which they run; without rungs, that which is
            fine-tuned.
        widths: most arms in each rung.
        folds: folds of the cross-validation that judges the choice; 0 for none.
        skipped: reason by name of each arm that the time does not allow.
        seconds: estimates for ``race``, ``judge``, and for ``final``, the dearest full fine-tuning
            of an arm, or what the race leaves of it.
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
        count: most rungs; there is one at the networks' own sizes, where a full fine-tuning is
            short, or where images are few.
        smaller: True if they have smaller images than some network's own.
        images: number of training images.
    """
    steps = math.ceil(STEPS / math.ceil(images / config.batch_size))
    if not smaller:
        lap = min(max(round(BEGUN * config.epochs), steps), round(config.epochs / 2))
        return (Rung(1, max(1, lap), None, resumed=False),)
    most = max(1, round(SHARES[1] * config.epochs))
    first = min(most, max(1, round(SHARES[0] * config.epochs), steps))
    # a second cycle of the rate that is shorter than the first would undo more than it adds
    ends = (first, most) if 2 * first <= most else (most,)
    return tuple(Rung(n, end, config.race_size, n > 1) for n, end in enumerate(ends[:count], 1))


def begun(rungs: Sequence[Rung]) -> int:
    """Return the epochs of a full fine-tuning that an arm of the last rung has behind it."""
    return rungs[-1].epochs if rungs and rungs[-1].image_size is None else 0


def lap_epochs(rungs: Sequence[Rung], rung: Rung) -> int:
    """Return the number of epochs that an arm trains for in a rung, if it ran in those before."""
    return rung.epochs - (rungs[rung.number - 2].epochs if rung.resumed else 0)


def cycles_of(rungs: Sequence[Rung]) -> tuple[int, ...]:
    """Return the cycles of the training that the rungs are parts of: each ends as a short one."""
    return tuple(lap_epochs(rungs, rung) for rung in rungs)


def make_plan(
    arms: Sequence[Arm],
    config: ChooseConfig,
    costs: Costs,
    left: float,
    *,
    tested: bool,
    smaller: bool,
    done: Sequence[Arm] = (),
    raced: float = 0.0,
    least: int = 1,
) -> Plan:
    """Plan the widest race that leaves time for a full fine-tuning.

    The first arm races whatever it costs; where no race with it fits, it is fine-tuned without
    one.

    Args:
        arms: arms that race, model by model, the most promising first.
        config: configuration of the choice.
        costs: estimates of what arms cost.
        left: seconds that are left; infinite without a budget.
        tested: True if there are test images, so that no cross-validation is needed.
        smaller: True if the rungs have smaller images than some network's own.
        done: arms that have run in the first rung.
        raced: seconds that the race has taken so far.
        least: fewest rungs of the race.

    Returns:
        The plan; without any arm where not even one full fine-tuning fits.
    """
    skipped = {}
    fitting = [*done]
    for arm in arms:
        if arm in done:
            continue
        full = costs.of(arm, config.epochs, None)
        if full > (left if arm == arms[0] else MOST * left):
            skipped[arm.name] = (
                f"a full fine-tuning of it takes about {duration_text(full)}, and "
                f"{duration_text(max(left, 0.0))} are left"
            )
        else:
            fitting.append(arm)
    folds = () if tested or not config.folds else (config.folds,)
    for judged in (*folds, 0):
        for count in (2, 1):
            rungs = rungs_for(config, count, smaller, costs.images[0])
            if len(rungs) < count or count < least:
                continue
            found = _widest(fitting, config, costs, left, rungs, judged, len(done), raced)
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
    raced: float,
) -> Plan | None:
    """Plan a race of the arms that fit, the first first; None if not even two do.

    An arm for which there is no time does not keep those after it from racing.
    """
    best, chosen = None, [*arms[:done]]
    for arm in arms[done:]:
        plan = _sized([*chosen, arm], config, costs, rungs, folds, done)
        models = len({one.model for one in plan.arms})
        few = models <= config.finalists and not begun(rungs)
        short = raced + plan.seconds["race"] <= RACING * (raced + left)
        if plan.total <= left and (few or short):
            chosen.append(arm)
            best = plan
    if best is None and done:
        best = _sized(chosen, config, costs, rungs, folds, done)
    return best if best and best.total <= left and len(best.arms) > 1 else None


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
    full = max(costs.of(arm, config.epochs, None) for arm in arms)
    final = max(costs.of(arm, config.epochs - begun(rungs), None) for arm in arms)
    # of the chosen arm alone; more of them are fine-tuned in each fold if there is time
    judge = full * (folds - 1) / costs.side_by_side(folds) if folds else 0.0
    seconds = {"race": race, "final": final, "judge": judge}
    return Plan(rungs, tuple(arms), widths, folds, {}, seconds)


def widths_of(arms: int, rungs: int, finalists: int) -> tuple[int, ...]:
    """Return how many arms run in each rung: a third goes on, twice the finalists or more."""
    return (arms, *[min(arms, max(2 * finalists, math.ceil(arms / KEEP)))] * (rungs - 1))


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
