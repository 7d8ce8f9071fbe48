"""Fine-tune the best of the race fully, one after the other as time allows."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace

from acrank.finetuning.loop import LogRow
from acrank.race.belief import Prior
from acrank.race.costs import Costs
from acrank.race.field import ways_of
from acrank.race.laps import Job, Ran
from acrank.race.result import Arm, Rung
from acrank.race.running import Running, leading
from acrank.race.standings import Heat

Epoch = Callable[[LogRow, int], None]


@dataclass
class Finals:
    """Full fine-tunings: of the arms that lead, of the best model in other ways, then of others.

    Attributes:
        running: runs arms.
        costs: estimates of what arms cost, which each full fine-tuning corrects.
        priors: what is expected of the models.
        reserve: seconds that are kept back for judging one arm by folds; further arms are
            fine-tuned only if all finalists can be judged after them.
        epoch: takes each row of the logs; None for nobody.
        out: reason by arm of each that was not fine-tuned fully.
        began: arms that were fine-tuned in this call, or were to be.
    """

    running: Running
    costs: Costs
    priors: Mapping[str, Prior]
    reserve: float
    epoch: Epoch | None
    out: dict[Arm, str] = field(default_factory=dict)
    began: list[str] = field(default_factory=list)

    def run(
        self, number: int, candidates: Sequence[Arm], spare: Sequence[Arm], *, early: bool
    ) -> Heat:
        """Fine-tune candidates fully; the first in any case, the others as time allows.

        Args:
            number: number of this last rung.
            candidates: arms, the one that is to be taken first; others follow where it fails.
            spare: arms that fell out or have not raced, for what is left of a budget in the end.
            early: True if they are about equally good, so that one of them is enough.

        Returns:
            The results; without any, all candidates failed.
        """
        config = self.running.config
        heat = Heat(
            Rung(number, config.epochs, None, resumed=bool(self.running.trained), full=True)
        )
        order = self._order(candidates)
        count = 1 if early else config.finalists
        self._fill(heat, order[:count], "full-1", needed=True)
        # those that there was no time for beside one that failed come before the ones after them
        for place, arm in enumerate(order, 1):
            if not heat.finished and arm not in heat.ran:
                self._fill(heat, [arm], f"full-1-{place}", needed=True)
        heat.judge(self.priors, None, config.seed)
        if heat.finished and not early:
            best = heat.order[0].model
            arms = [Arm(best, *way) for way in ways_of(config)]
            others = [arm for arm in arms if arm not in heat.ran]
            self._fill(heat, others, f"full-2-{best}")
            if self.running.budget != math.inf:
                further = [arm for arm in (*order, *spare) if arm not in heat.ran]
                self._fill(heat, further, "full-3", reserve=config.finalists * self.reserve)
            heat.judge(self.priors, None, config.seed)
        return heat

    def _order(self, candidates: Sequence[Arm]) -> list[Arm]:
        """Put those first that there is time for."""

        def decide() -> list[dict[str, object]]:
            left = self.running.left
            fit = [a for a in candidates if self.costs.of(a, self.running.rest(a), None) <= left]
            return [asdict(arm) for arm in (*fit, *(arm for arm in candidates if arm not in fit))]

        name = f"{self.running.decisions}final"
        return [Arm(**one) for one in self.running.journal.once(name, decide)]

    def _fill(
        self,
        heat: Heat,
        arms: Sequence[Arm],
        name: str,
        *,
        needed: bool = False,
        reserve: float | None = None,
    ) -> None:
        kept = self.reserve if reserve is None else reserve
        admitted: list[Arm] = []

        def admit(arm: Arm) -> bool:
            cost = self.costs.of(arm, self.running.rest(arm), None) + kept
            first = needed and not admitted and not heat.finished
            if first or cost <= self.running.left:
                admitted.append(arm)
                return True
            return False

        def ended(arm: Arm, ran: Ran) -> None:
            if ran.value is None:
                return
            if ran.epoch > 0:  # of one that went on after a kill the seconds are of its rest alone
                self.costs.note(arm, self.running.rest(arm), None, ran.seconds, ran.epoch)
            folder = self.job(arm).folder
            if leading(heat.ran)[:1] == [arm] and folder.is_dir():  # gone when all was done
                self.running.keep_best(heat, arm, f"local-dir:{folder}")

        late = self.running.fill(
            *(heat, arms, name), job=self.job, admit=admit, ended=ended, begin=self._begin
        )
        self.out |= dict.fromkeys(late, "no time for its full fine-tuning")

    def _begin(self, name: str) -> None:
        self.began.append(name)
        self.running.say(f"fine-tuning {name} for {self.running.config.epochs} epochs")

    def job(self, arm: Arm) -> Job:
        """Return the full fine-tuning of an arm."""
        epoch = self._note if self.running.tasks.here else None
        return replace(self.running.full(arm), epoch=epoch)

    def _note(self, row: LogRow, epochs: int) -> None:
        self.running.journal.note_time()
        if self.epoch:
            self.epoch(row, epochs)
