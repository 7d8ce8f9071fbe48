"""Run the rungs of a race: each arm a lap, the better ones on to the next rung."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

from acrank.finetuning.paused import drop_state
from acrank.finetuning.state import STATE
from acrank.race.belief import Array, Prior
from acrank.race.config import ChooseConfig
from acrank.race.costs import Costs
from acrank.race.field import arms_of
from acrank.race.journal import Journal
from acrank.race.laps import Job, Ran, failed, ran_from, run_job
from acrank.race.plan import (
    NOTHING,
    Plan,
    as_many_as_fit,
    cycles_of,
    lap_epochs,
    plan_from,
)
from acrank.race.result import Arm, Rung
from acrank.race.standings import Heat
from acrank.runners.tasks import Tasks
from acrank.utils.duration import duration_text
from acrank.utils.files import folder_name

Said = Callable[[str], None]
Planner = Callable[[Sequence[Arm], float], Plan]
# How often the race is planned: a trial, and then as long as laps show that more fits.
STEPS = 5
# The cheapest of the first so many arms shows what laps cost, if it takes no more than a share.
TRIED, TRIAL = 6, 0.2
# Name of what is kept of the arm that leads.
BEST = "best"
# So many times the arms that run on keep their weights until it is known which these are.
SPARE = 2
# Seconds of racing after which it is worth writing the network of the arm that leads.
WORTH = 20.0


@dataclass
class Race:
    """A race in progress.

    Attributes:
        config: configuration of the choice.
        arms: all arms, those that should run first coming first.
        planner: plans the race, given the arms that have run and the seconds that are left.
        longest: rungs of a race without a limit of time.
        costs: estimates, which laps correct.
        priors: what is expected of the models.
        journal: what has been decided and run.
        budget: seconds for everything; infinite without a budget.
        folder: folder of the arms.
        say: takes a line for each lap.
        measure: name of the measure in sentences.
        decisions: beginning of the names that decisions are kept under.
        plan: what fits into the time.
        heats: results by rung.
        out: reason by arm why it does not run on.
        early: why the race ended before its last rung; else empty.
    """

    config: ChooseConfig
    arms: Sequence[Arm]
    planner: Planner
    longest: tuple[Rung, ...]
    costs: Costs
    priors: Mapping[str, Prior]
    journal: Journal
    budget: float
    folder: Path
    say: Said
    measure: str
    decisions: str = ""
    plan: Plan = NOTHING
    heats: list[Heat] = field(default_factory=list)
    out: dict[Arm, str] = field(default_factory=dict)
    early: str = ""

    @property
    def left(self) -> float:
        """The seconds that are left."""
        return self.budget - self.journal.spent

    def run(self) -> None:
        """Run all rungs, or as many as are worth it."""
        heat = Heat(self.longest[0])
        self._first(heat)
        if not self.plan.rungs:
            return
        spread = self._ended(heat, None)
        for rung in self.plan.rungs[1:]:
            chosen = self.journal.once(
                f"{self.decisions}field-{rung.number}", partial(self._next, rung)
            )
            arms = [Arm(**record) for record in chosen["arms"]]
            self.out |= {Arm(**r["arm"]): r["reason"] for r in chosen["out"]}
            self.early = chosen["early"]
            if self.early:
                return
            heat = Heat(rung)
            self._fill(heat, arms, str(rung.number))
            spread = self._ended(heat, spread)

    def _ended(self, heat: Heat, spread: Array | None) -> Array | None:
        heat.judge(self.priors, spread, self.config.seed)
        self.heats.append(heat)
        self._keep_best(heat)
        return heat.belief.spread if heat.belief else spread

    def _first(self, heat: Heat) -> None:
        """Run the first rung: one arm to see what it costs, then as many as fit, then more.

        What the look says of costs is rough, so that the race is planned again whenever laps have
        told more.
        """
        for step in range(STEPS):
            name = f"{self.decisions}plan-{step}"
            plan = plan_from(self.journal.once(name, partial(self._step, step, heat)))
            if step and (plan.rungs or not self.plan.rungs or step == 1):
                self.plan = plan
            new = [arm for arm in plan.arms if arm not in heat.ran and arm not in self.out]
            if step and (not plan.rungs or not new):
                return
            self._fill(heat, new, f"1-{step}")

    def _step(self, step: int, heat: Heat) -> dict[str, Any]:
        done = [arm for arm in heat.ran if heat.ran[arm].value is not None]
        if step:
            return asdict(self.planner(done, self.left))
        if self.budget == math.inf:  # all arms run, whatever they cost
            return asdict(replace(NOTHING, rungs=self.longest[:1], widths=(0,)))
        trial = min(self.arms[:TRIED], key=lambda arm: self.costs.of(arm, 1, None))
        seconds = self.costs.of(trial, heat.rung.epochs, heat.rung.image_size)
        arms = (trial,) if seconds <= TRIAL * self.left else ()
        return asdict(replace(NOTHING, rungs=self.longest[:1], arms=arms, widths=(1,)))

    def _keep_best(self, heat: Heat) -> None:
        """Write down which arm leads, and its network, for those who stop the race here."""
        if not heat.order:
            return
        best, job = heat.order[0], self._job(heat.rung, heat.order[0])
        value = f"{self.measure} {heat.ran[best].value:.4f} after {heat.rung.words}"
        known = self.journal.find(BEST) or {}
        if (known.get("name"), known.get("value")) == (best.name, value):
            return
        folder = ""
        if sum(ran.seconds for one in self.heats for ran in one.ran.values()) >= WORTH:
            leave = replace(job, key=f"leave-{job.key}", weights=True)
            ran = next(iter(tasks_of(self.config, self.folder).run([leave])))
            folder = "" if ran.reason else f"local-dir:{job.folder}"
        self.journal.keep(BEST, {"name": best.name, "value": value, "folder": folder})

    @property
    def finalists(self) -> list[Arm]:
        """The arms of the last rung that gave a result in any, the best expected first."""
        return next((heat.order for heat in reversed(self.heats) if heat.finished), [])

    def _next(self, rung: Rung) -> dict[str, object]:
        """Decide who runs in a rung; may depend on the time that is left."""
        before = self.heats[-1]
        order, hopeful = before.order, before.hopeful
        out = {arm: "far behind the best in validation" for arm in order if arm not in hopeful}
        early = ""
        if rung.number > 2 and before.settled(self.config.points):
            early = (
                f"after rung {before.rung.number} all arms that are left are about equally "
                f"good: they differ by no more than the noise of their validation images"
            )
        elif len(hopeful) < 2:
            early = f"after rung {before.rung.number} a single arm is left"
        wanted = hopeful[: self.plan.widths[rung.number - 1]]
        out |= {arm: f"place {order.index(arm) + 1} of {len(order)}" for arm in hopeful}
        chosen = as_many_as_fit(
            wanted + self._siblings(rung, wanted),
            lambda arm: self._lap_seconds(rung, arm),
            self._after,
            self.left,
        )
        short = [arm for arm in wanted if arm not in chosen]
        out |= dict.fromkeys(short, "no time for its next lap")
        if not early and len(chosen) < 2:
            early = f"there is no time for another rung after rung {before.rung.number}"
        stay = order if early else chosen
        return {
            "arms": [asdict(arm) for arm in chosen],
            "out": [{"arm": asdict(a), "reason": why} for a, why in out.items() if a not in stay],
            "early": early,
        }

    def _siblings(self, rung: Rung, leading: Sequence[Arm]) -> list[Arm]:
        """Return other regimes and rates of the leading models that have not run yet.

        They catch up with the training of the others, so that they enter only where that goes on.
        """
        if not rung.resumed:
            return []
        ran = {arm for heat in self.heats for arm in heat.ran}
        models = list(dict.fromkeys(arm.model for arm in leading))[:2]
        return [arm for arm in arms_of(models, self.config) if arm not in ran]

    def _lap_seconds(self, rung: Rung, arm: Arm) -> float:
        ran = bool(self.heats) and arm in self.heats[-1].ran
        epochs = lap_epochs(self.plan.rungs, rung) if ran else rung.epochs
        return self.costs.of(arm, epochs, rung.image_size)

    def _after(self, arm: Arm) -> float:
        """Return the seconds that remain to be spent if an arm wins."""
        return self.costs.of(arm, self.config.epochs, None) + self.plan.seconds.get("judge", 0.0)

    def _fill(self, heat: Heat, arms: Sequence[Arm], name: str) -> None:
        """Run the laps of some arms; what is kept of an earlier call is not run again."""
        rung, skipped = heat.rung, f"{self.decisions}skipped-{name}"
        gone = self.journal.find(skipped)
        going = [arm for arm in arms if gone is None or arm.name not in gone]
        kept = {arm: self.journal.find(_key(rung, arm)) for arm in going}
        for arm, record in kept.items():
            if record is not None:
                self._note(heat, arm, ran_from(record))
        jobs = {self._job(rung, arm).key: arm for arm in going if kept[arm] is None}
        for ran in self._run([self._job(rung, arm) for arm in jobs.values()], rung, jobs):
            self.journal.keep(ran.key, asdict(ran))
            self._note(heat, jobs[ran.key], ran)
            total = len(self.plan.arms) if rung.number == 1 else len(arms)
            self._tell(heat, jobs[ran.key], total)
            self._free(heat)
        late = [arm for arm in arms if arm not in heat.ran]
        self.out |= dict.fromkeys(late, f"no time for it in rung {rung.number}")
        if gone is None:
            self.journal.keep(skipped, [arm.name for arm in late])
        # results come as they finish, and the first rung's in several steps
        heat.ran = {arm: heat.ran[arm] for arm in self.arms if arm in heat.ran}

    def _run(self, jobs: Sequence[Job], rung: Rung, arms: Mapping[str, Arm]) -> Iterator[Ran]:
        def admit(job: Job) -> bool:
            arm = arms[job.key]
            return self._lap_seconds(rung, arm) + self._after(arm) <= self.left

        yield from tasks_of(self.config, self.folder).run(jobs, admit=admit, tell=self.say)

    def _job(self, rung: Rung, arm: Arm) -> Job:
        goes_on = rung.number == 1 or rung.resumed
        # that of the longest race, whatever is planned now: the training is the same in each
        cycles = cycles_of(self.longest, self.longest[0]) if goes_on else (rung.epochs,)
        settings: dict[str, Any] = {"cycles": cycles, "epochs": sum(cycles)}
        size = self.size_of(rung, arm)
        if size is not None:
            settings["image_size"] = size
        config = self.config.finetuning(
            model=arm.model, method=arm.method, lr=arm.lr, **settings
        ).model_copy(update={"test": None})
        size_name = "own" if size is None else f"{size}px"
        start = 1 if goes_on else rung.number
        folder = self.folder / folder_name(arm.model) / f"{arm.method}-lr{arm.lr:g}"
        place = folder / f"from-rung{start}-{size_name}"
        return Job(_key(rung, arm), arm.name, config, place, rung.epochs, clock=self.journal.clock)

    def size_of(self, rung: Rung, arm: Arm) -> int | None:
        """Return the image size of an arm in a rung; None for the network's own."""
        own = self.costs.sizes.get(arm.model)
        smaller = rung.image_size is not None and (own is None or own > rung.image_size)
        return rung.image_size if smaller else None

    def _note(self, heat: Heat, arm: Arm, ran: Ran) -> None:
        rung = heat.rung
        heat.ran[arm] = ran
        if ran.value is not None and ran.epoch > 0:
            before = bool(self.heats) and arm in self.heats[-1].ran
            epochs = lap_epochs(self.plan.rungs, rung) if before else rung.epochs
            self.costs.note(arm, epochs, rung.image_size, ran.seconds, ran.epoch)

    def _free(self, heat: Heat) -> None:
        """Remove the weights of arms that will hardly run on: each takes several networks' room.

        An arm that runs on after all is trained again from its beginning.
        """
        rungs, place = self.plan.rungs, heat.rung.number
        going = place < len(rungs) and rungs[place].resumed
        room = SPARE * self.plan.widths[place] if going else SPARE
        values = {arm: heat.ran[arm].value or -math.inf for arm in heat.ran}
        for arm in sorted(values, key=lambda arm: -values[arm])[room:]:
            folder = self._job(heat.rung, arm).folder
            if (folder / STATE).exists():
                drop_state(folder)

    def _tell(self, heat: Heat, arm: Arm, total: int) -> None:
        rung, ran = heat.rung, heat.ran[arm]
        found = ran.reason or f"{self.measure} {ran.value:.4f}"
        left = "" if self.budget == float("inf") else f"; {duration_text(max(0, self.left))} left"
        where = f"rung {rung.number} of {len(self.plan.rungs) or 1} ({rung.words})"
        count = f"[{len(heat.ran)}/{max(total, len(heat.ran))}]"
        self.say(f"{where} {count} {arm.name}: {found} ({ran.seconds:.1f} s{left})")


def _key(rung: Rung, arm: Arm) -> str:
    size = "own" if rung.image_size is None else rung.image_size
    conditions = f"{rung.number}-{rung.epochs}-{size}-{'on' if rung.resumed else 'anew'}"
    return f"lap-{conditions}-{arm.model}-{arm.method}-{arm.lr:g}"


def tasks_of(config: ChooseConfig, folder: Path) -> Tasks[Job, Ran]:
    """Return the way in which the fine-tunings of a choice run."""
    return Tasks(
        work=run_job,
        failed=failed,
        jobs=config.jobs,
        threads=config.threads,
        engine=config.engine,
        ray_address=config.ray_address,
        timeout=config.timeout,
        device=config.device,
        batch_size=config.batch_size,
        folder=folder.absolute(),
    )
