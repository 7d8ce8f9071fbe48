"""Run the arms of a heat, each once, as long as there is time for them."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

from acrank.race.config import ChooseConfig
from acrank.race.journal import Journal
from acrank.race.laps import Job, Ran, failed, ran_from, run_job
from acrank.race.result import Arm
from acrank.race.standings import Heat
from acrank.runners.tasks import Tasks
from acrank.utils.duration import duration_text
from acrank.utils.files import folder_name

Said = Callable[[str], None]
# Name of what is kept of the arm that leads.
BEST = "best"
# Folder of the full fine-tunings in that of the race.
FULL = "full"


@dataclass(frozen=True)
class Running:
    """Means to run arms, which the parts of a choice share.

    Attributes:
        config: configuration of the choice.
        journal: keeps decisions and results.
        folder: folder of the race.
        budget: seconds for everything; infinite without a budget.
        say: takes a line.
        measure: name of the measure in sentences.
        decisions: beginning of the names that decisions are kept under.
        test: test images; None for none. No decision depends on them.
        trained: epochs that are done of full fine-tunings that the race has begun.
    """

    config: ChooseConfig
    journal: Journal
    folder: Path
    budget: float
    say: Said
    measure: str
    decisions: str = ""
    test: str | None = None
    trained: dict[Arm, int] = field(default_factory=dict)

    @property
    def left(self) -> float:
        """The seconds that are left."""
        return self.budget - self.journal.spent

    def fill(
        self,
        heat: Heat,
        arms: Sequence[Arm],
        name: str,
        *,
        job: Callable[[Arm], Job],
        admit: Callable[[Arm], bool],
        ended: Callable[[Arm, Ran], None],
        begin: Callable[[str], None] = lambda name: None,
        total: int | None = None,
    ) -> list[Arm]:
        """Run some arms; what is kept of an earlier call is not run again.

        Args:
            heat: takes the results.
            arms: arms in the order in which they run.
            name: name of this decision among those of the heat.
            job: gives what an arm has to do.
            admit: whether there is time for an arm; asked when there is room for it.
            ended: is told each result.
            begin: is told the name of an arm that begins.
            total: number of arms of the heat, for the messages; those of this call unless given.

        Returns:
            The arms that there was no time for.
        """
        skipped = f"{self.decisions}skipped-{name}"
        gone = self.journal.find(skipped)
        jobs = {arm: job(arm) for arm in arms if gone is None or arm.name not in gone}
        kept = {arm: self.journal.find(jobs[arm].key) for arm in jobs}
        for arm, record in kept.items():
            if record is not None:
                heat.ran[arm] = ran_from(record)
                ended(arm, heat.ran[arm])
        by_key = {jobs[arm].key: arm for arm in jobs if kept[arm] is None}
        results = self.tasks.run(
            [jobs[arm] for arm in by_key.values()],
            admit=lambda one: admit(by_key[one.key]),
            begin=begin,
            tell=self.say,
        )
        for ran in results:
            self.journal.keep(ran.key, asdict(ran))
            arm = by_key[ran.key]
            heat.ran[arm] = ran
            self._tell(heat, arm, total or len(arms))
            ended(arm, ran)
        late = [arm for arm in arms if arm not in heat.ran]
        if gone is None:
            self.journal.keep(skipped, [arm.name for arm in late])
        return late

    def keep_best(self, heat: Heat, arm: Arm, folder: str = "") -> None:
        """Write down which arm leads, and its network, for those who stop the choice here.

        Results of an earlier call are told again; what is known of a longer training stays.
        """
        value = f"{self.measure} {heat.ran[arm].value:.4f} after {heat.rung.words}"
        known = self.journal.find(BEST) or {}
        if known.get("epochs", 0) > heat.rung.epochs:
            return
        if folder or (known.get("name"), known.get("value")) != (arm.name, value):
            found = {"name": arm.name, "value": value, "folder": folder}
            self.journal.keep(BEST, {**found, "epochs": heat.rung.epochs})

    def full(self, arm: Arm) -> Job:
        """Return the full fine-tuning of an arm."""
        config = self.config
        tuning = config.finetuning(model=arm.model, method=arm.method, lr=arm.lr, test=self.test)
        folder = self.folder / FULL / folder_name(arm.model) / f"{arm.method}-lr{arm.lr:g}"
        key = f"full-{config.epochs}-{arm.model}-{arm.method}-{arm.lr:g}"
        clock = self.journal.clock
        return Job(key, arm.name, tuning, folder, weights=True, clock=clock)

    def rest(self, arm: Arm) -> int:
        """Return the epochs that the full fine-tuning of an arm has before it."""
        return self.config.epochs - self.trained.get(arm, 0)

    @property
    def tasks(self) -> Tasks[Job, Ran]:
        """The way in which fine-tunings run."""
        return tasks_of(self.config, self.folder)

    def _tell(self, heat: Heat, arm: Arm, total: int) -> None:
        rung, ran = heat.rung, heat.ran[arm]
        found = ran.reason or f"{self.measure} {ran.value:.4f}"
        left = "" if self.budget == math.inf else f"; {duration_text(max(0, self.left))} left"
        what = "full fine-tuning" if rung.full else f"rung {rung.number} ({rung.words})"
        count = f"[{len(heat.ran)}/{max(total, len(heat.ran))}]"
        self.say(f"{what} {count} {arm.name}: {found} ({ran.seconds:.1f} s{left})")


def leading(ran: Mapping[Arm, Ran]) -> list[Arm]:
    """Return the arms with a result, the one of the highest measure first."""
    found = {arm: one.value for arm, one in ran.items() if one.value is not None}
    return sorted(found, key=lambda arm: -found[arm])


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
