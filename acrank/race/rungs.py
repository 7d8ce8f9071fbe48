"""Run the rungs of a race: each arm a lap, the better ones on to the next rung."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from typing import Any

from acrank.finetuning.paused import drop_state
from acrank.finetuning.state import STATE
from acrank.race.belief import Array, Prior
from acrank.race.costs import Costs
from acrank.race.laps import Job, Ran
from acrank.race.plan import (
    NOTHING,
    RACING,
    Plan,
    as_many_as_fit,
    begun,
    cycles_of,
    lap_epochs,
    plan_from,
)
from acrank.race.result import Arm, Rung
from acrank.race.running import BEST, Running, leading
from acrank.race.standings import Heat
from acrank.utils.files import folder_name

# From the arms that have run, the seconds that are left, and the fewest rungs.
Planner = Callable[[Sequence[Arm], float, int], Plan]
# How often the race is planned: a trial, and then as long as laps show that more fits.
STEPS = 5
# An arm shows what laps cost: the first, which races in any case, if a race has time for its lap,
# or else the cheapest of the first so many, if that takes no more than such a share of the time.
TRIED, TRIAL = 6, 0.2
# So many times the arms that run on keep their weights until it is known which these are.
SPARE = 2
# Seconds of racing after which it is worth writing the network of the arm that leads.
WORTH = 20.0


@dataclass
class Race:
    """A race in progress.

    Attributes:
        running: runs arms.
        arms: arms that race, those that should run first coming first.
        planner: plans the race.
        longest: rungs of a race without a limit of time.
        costs: estimates, which laps correct.
        priors: what is expected of the models.
        plan: what fits into the time.
        heats: results by rung.
        out: reason by arm why it does not run on.
        early: why the choice ends without comparing full fine-tunings; else empty.
    """

    running: Running
    arms: Sequence[Arm]
    planner: Planner
    longest: tuple[Rung, ...]
    costs: Costs
    priors: Mapping[str, Prior]
    plan: Plan = NOTHING
    heats: list[Heat] = field(default_factory=list)
    out: dict[Arm, str] = field(default_factory=dict)
    early: str = ""

    def run(self) -> None:
        """Run all rungs, or as many as are worth it."""
        heat = Heat(self.longest[0])
        self._first(heat)
        if not self.plan.rungs:
            return
        spread = self._ended(heat, None)
        for rung in self.plan.rungs[1:]:
            chosen = self._once(f"field-{rung.number}", partial(self._next, rung))
            arms = [Arm(**record) for record in chosen["arms"]]
            self.out |= {Arm(**r["arm"]): r["reason"] for r in chosen["out"]}
            if len(arms) < 2:
                return
            heat = Heat(rung)
            self._fill(heat, arms, str(rung.number), len(arms))
            spread = self._ended(heat, spread)
        if self.heats[-1].settled(self.running.config.points):
            self.early = (
                f"after rung {self.heats[-1].rung.number} all arms that are left are about equally "
                f"good: they differ by no more than the noise of their validation images"
            )

    @property
    def finalists(self) -> list[Arm]:
        """The arms that may still be the best, the best expected first; all without a race."""
        heat = next((heat for heat in reversed(self.heats) if heat.finished), None)
        return heat.hopeful if heat else []

    @property
    def others(self) -> list[Arm]:
        """The arms that fell out and may still be good, the best first, then those not run."""
        fell = [arm for heat in reversed(self.heats) for arm in heat.hopeful]
        ran = {arm for heat in self.heats for arm in heat.ran}
        never = [arm for arm in self.arms if arm not in ran]
        return [arm for arm in dict.fromkeys((*fell, *never)) if arm not in self.finalists]

    def _once(self, name: str, make: Callable[[], Any]) -> Any:
        return self.running.journal.once(f"{self.running.decisions}{name}", make)

    def _ended(self, heat: Heat, spread: Array | None) -> Array | None:
        heat.judge(self.priors, spread, self.running.config.seed)
        self.heats.append(heat)
        self._leave_best(heat)
        return heat.belief.spread if heat.belief else spread

    def _first(self, heat: Heat) -> None:
        """Run the first rung: one arm to see what it costs, then as many as fit, then more.

        What the look says of costs is rough, so that the race is planned again whenever laps have
        told more.
        """
        for step in range(STEPS):
            plan = plan_from(self._once(f"plan-{step}", partial(self._step, step, heat)))
            if step and (plan.rungs or not self.plan.rungs or step == 1):
                self.plan = plan
            new = [arm for arm in plan.arms if arm not in heat.ran and arm not in self.out]
            if step and (not plan.rungs or not new):
                return
            self._fill(heat, new, f"1-{step}", len(plan.arms))

    def _step(self, step: int, heat: Heat) -> dict[str, Any]:
        done, left = [arm for arm in heat.ran if heat.ran[arm].value is not None], self.running.left
        if step:
            # what comes later is not given up for more arms in the first rung
            return asdict(self.planner(done, left, max(1, len(self.plan.rungs))))
        nothing = replace(NOTHING, rungs=self.longest[:1], widths=(0,))
        if self.running.budget == math.inf:  # all arms run, whatever they cost
            return asdict(nothing)
        cheapest = min(self.arms[:TRIED], key=lambda arm: self.costs.of(arm, 1, None))
        for trial, share in ((self.arms[0], RACING), (cheapest, TRIAL)):
            seconds = self.costs.of(trial, heat.rung.epochs, heat.rung.image_size)
            if len(self.arms) > 1 and seconds <= share * left:
                return asdict(replace(nothing, arms=(trial,), widths=(1,)))
        return asdict(nothing)

    def _leave_best(self, heat: Heat) -> None:
        """Write down which arm leads, and after some time its network."""
        if not heat.order:
            return
        best, folder = heat.order[0], ""
        known = self.running.journal.find(BEST) or {}
        if known.get("folder") and known["epochs"] >= heat.rung.epochs:  # of an earlier call
            return
        if sum(ran.seconds for one in self.heats for ran in one.ran.values()) >= WORTH:
            job = self._job(heat.rung, best)
            leave = replace(job, key=f"leave-{job.key}", weights=True)
            ran = next(iter(self.running.tasks.run([leave])))
            folder = "" if ran.reason else f"local-dir:{job.folder}"
        self.running.keep_best(heat, best, folder)

    def _next(self, rung: Rung) -> dict[str, object]:
        """Decide who runs in a rung; may depend on the time that is left."""
        before = self.heats[-1]
        order, hopeful = before.order, before.hopeful
        out = {arm: "far behind the best in validation" for arm in order if arm not in hopeful}
        out |= {arm: f"place {order.index(arm) + 1} of {len(order)}" for arm in hopeful}
        wanted = _best_of_each_way(hopeful)[: self.plan.widths[rung.number - 1]]
        chosen = as_many_as_fit(
            wanted,
            partial(self._lap_seconds, rung),
            partial(self._after, rung),
            self.running.left,
        )
        short = [arm for arm in wanted if arm not in chosen]
        out |= dict.fromkeys(short, "no time for its next lap")
        stay = chosen if len(chosen) > 1 else hopeful
        return {
            "arms": [asdict(arm) for arm in chosen],
            "out": [{"arm": asdict(a), "reason": why} for a, why in out.items() if a not in stay],
        }

    def _lap_seconds(self, rung: Rung, arm: Arm) -> float:
        ran = bool(self.heats) and arm in self.heats[-1].ran
        epochs = lap_epochs(self.longest, rung) if ran else rung.epochs
        return self.costs.of(arm, epochs, rung.image_size)

    def _after(self, rung: Rung, arm: Arm) -> float:
        """Return the seconds that remain to be spent if an arm wins that has run in a rung."""
        rest = self.running.config.epochs - begun([rung])
        return self.costs.of(arm, rest, None) + self.plan.seconds.get("judge", 0.0)

    def _fill(self, heat: Heat, arms: Sequence[Arm], name: str, total: int) -> None:
        """Run the laps of some arms."""

        def admit(arm: Arm) -> bool:
            # whichever of this arm and those that lead wins, there must be time for it
            leaders = leading(heat.ran)[: self.running.config.finalists]
            dearest = max(self._after(heat.rung, one) for one in (arm, *leaders))
            return self._lap_seconds(heat.rung, arm) + dearest <= self.running.left

        def ended(arm: Arm, ran: Ran) -> None:
            if ran.value is not None and ran.epoch > 0:
                before = bool(self.heats) and arm in self.heats[-1].ran
                epochs = lap_epochs(self.longest, heat.rung) if before else heat.rung.epochs
                self.costs.note(arm, epochs, heat.rung.image_size, ran.seconds, ran.epoch)
            # of a choice that was finished before, with a shorter budget, the states are gone
            state = self._job(heat.rung, arm).folder / STATE
            if ran.value is not None and begun([heat.rung]) and state.is_file():
                self.running.trained[arm] = heat.rung.epochs
            if not self.heats and leading(heat.ran)[:1] == [arm]:
                self.running.keep_best(heat, arm)
            self._free(heat)

        job = partial(self._job, heat.rung)
        late = self.running.fill(heat, arms, name, job=job, admit=admit, ended=ended, total=total)
        self.out |= dict.fromkeys(late, f"no time for it in rung {heat.rung.number}")
        # results come as they finish, and the first rung's in several steps
        heat.ran = {arm: heat.ran[arm] for arm in self.arms if arm in heat.ran}

    def _job(self, rung: Rung, arm: Arm) -> Job:
        if begun([rung]):
            whole = self.running.full(arm)
            return replace(
                whole, key=f"lap-{rung.epochs}-{whole.key}", until=rung.epochs, weights=False
            )
        # that of the longest race, whatever is planned now: the training is the same in each
        cycles = cycles_of(self.longest)
        settings: dict[str, Any] = {"cycles": cycles, "epochs": sum(cycles)}
        size = self._size(rung, arm)
        if size is not None:
            settings["image_size"] = size
        config = self.running.config.finetuning(
            model=arm.model, method=arm.method, lr=arm.lr, **settings
        ).model_copy(update={"test": None})
        size_name = "own" if size is None else f"{size}px"
        key = f"lap-{rung.number}-{rung.epochs}-{size_name}-{arm.model}-{arm.method}-{arm.lr:g}"
        folder = self.running.folder / "arms" / folder_name(arm.model)
        place = folder / f"{arm.method}-lr{arm.lr:g}-{size_name}"
        clock = self.running.journal.clock
        return Job(key, arm.name, config, place, rung.epochs, clock=clock)

    def _size(self, rung: Rung, arm: Arm) -> int | None:
        """Return the image size of an arm in a rung; None for the network's own."""
        own = self.costs.sizes.get(arm.model)
        smaller = rung.image_size is not None and (own is None or own > rung.image_size)
        return rung.image_size if smaller else None

    def _free(self, heat: Heat) -> None:
        """Remove the weights of arms that will hardly run on: each takes several networks' room.

        An arm that runs on after all is trained again from its beginning.
        """
        place = heat.rung.number
        following = self.plan.widths[place] if place < len(self.plan.rungs) else 1
        if begun([heat.rung]):
            following = max(following, self.running.config.finalists)
        for arm in leading(heat.ran)[SPARE * following :]:
            folder = self._job(heat.rung, arm).folder
            self.running.trained.pop(arm, None)
            if (folder / STATE).exists():
                drop_state(folder)


def _best_of_each_way(arms: Sequence[Arm]) -> list[Arm]:
    """Put the best arm of each way first: some ways are ahead at first, others in the end."""
    ways = {(arm.method, arm.lr): arm for arm in reversed(arms)}
    first = [arm for arm in arms if arm in ways.values()]
    return [*first, *(arm for arm in arms if arm not in first)]
