"""Lead through the parts of a choice: look, race, full fine-tunings, judgement."""

from __future__ import annotations

import math
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from acrank.errors import DataError, NotScoredError
from acrank.finetuning.export import WEIGHTS
from acrank.finetuning.result import Finetuned
from acrank.finetuning.state import STATE
from acrank.race.announce import too_short, what_fits
from acrank.race.config import ChooseConfig
from acrank.race.costs import Costs
from acrank.race.field import Entrant, Expect, entrants, raced_of
from acrank.race.finals import Epoch, Finals
from acrank.race.journal import Journal
from acrank.race.judging import judge_by_folds, judged_by_test, judged_by_validation
from acrank.race.laps import Ran
from acrank.race.look import Seen, costs_of, look
from acrank.race.plan import Plan, make_plan, rungs_for
from acrank.race.result import Arm, Choice, Judged
from acrank.race.rungs import Race
from acrank.race.running import FULL, Running, Said
from acrank.race.standings import Final, Heat, Pick, compare, pick
from acrank.race.summary import standings_of
from acrank.race.winner import Finish
from acrank.results import Ranking
from acrank.runners.callbacks import Callback
from acrank.tasks.registry import Task

# Folder of the race in that of the choice.
RACE = "race"


@dataclass
class Choosing:
    """A choice whose data are open.

    Attributes:
        config: configuration of the choice, for the task.
        task: task of the data.
        output: folder for the network.
        seen: the data.
        journal: keeps decisions and results.
        say: takes a line for each fine-tuning.
        callback: progress callback of the ranking; takes sentences for the user.
    """

    config: ChooseConfig
    task: Task
    output: Path
    seen: Seen
    journal: Journal
    say: Said
    callback: Callback

    @property
    def budget(self) -> float:
        """The seconds for everything; infinite without a budget."""
        return math.inf if self.config.budget is None else self.config.budget

    @property
    def left(self) -> float:
        """The seconds that are left."""
        return self.budget - self.journal.spent

    def run(self, expect: Expect, epoch: Epoch | None) -> Choice:
        """Run all parts, or what an earlier call has left of them.

        Args:
            expect: gives what is expected of models from the ranking.
            epoch: takes each row of the logs of full fine-tunings; None for nobody.

        Raises:
            NotScoredError: no candidate could be scored or fine-tuned.
            ConfigError: the budget is too short for anything.
        """
        config, times = self.config, _Times(self.journal, self._decision(""))
        ranking = look(config, self.task, self.journal, config.budget, self.callback)
        times.end("look")
        models, notes = entrants(ranking, config)
        costs = costs_of(ranking, self.seen, config)
        for line in notes:
            self.callback.message(line)
        race = self._race(models, costs, ranking, expect)
        race.run()
        times.end("race")
        # the last plan of a race is of its rest alone
        spent = {**race.plan.seconds, "race": times.seconds["race"]}
        plan = replace(race.plan, seconds=spent)
        told = what_fits(ranking, plan, config, self.seen.test is not None)
        params = {row.result.model: row.result.params for row in ranking.rows}
        finals = Finals(
            race.running,
            costs,
            race.priors,
            race.plan.seconds.get("judge", 0.0),
            epoch,
        )
        wanted = self._wanted(race, params)
        full = finals.run(len(race.heats) + 1, wanted, race.others, early=bool(race.early))
        final = compare([*race.heats, full])
        if final is None or not full.finished:
            raise NotScoredError(f"No arm could be fine-tuned: {self._first_reason(race, full)}")
        chosen = pick(final, full.order, config, self._seconds(costs, full.order), params)
        chosen = replace(chosen, why=_instead(wanted[0], full, chosen))
        finish = Finish(race.running, self.output)
        done = finish.leave(finals.job(chosen.arm), kept=chosen.arm.name not in finals.began)
        _free(self.output / RACE)
        times.end("final")
        judged = self._judge(race, full, full.ran[chosen.arm], done)
        times.end("judge")
        exported, unexported = finish.exported(done)
        latency, untimed = finish.latency(finals.job(chosen.arm))
        late = tuple(filter(None, (unexported, untimed)))
        for line in late:
            self.callback.message(line)
        return Choice(
            folder=self.output,
            ranking=ranking,
            standings=standings_of(race, full, final, chosen, finals.out, models, costs, config),
            rungs=tuple(heat.rung for heat in (*race.heats, full)),
            measure=config.measure,
            measure_words=self.task.measure(config.measure).words,
            judged=judged,
            finetuned=done,
            early=race.early,
            alike=_alike(final, chosen.arm),
            times=times.seconds,
            plan=tuple(told),
            notes=(*self.seen.notes, *notes, *late),
            record=self._record(ranking),
            latency=latency,
            exported=exported,
        )

    def _wanted(self, race: Race, params: Mapping[str, int | None]) -> Sequence[Arm]:
        """Return the arms to fine-tune fully, the first first: by the race, else by the ranking."""
        compared = compare(race.heats)
        if compared is None:
            return list(dict.fromkeys((*race.plan.arms, *race.arms)))
        seconds = self._seconds(race.costs, race.finalists)
        return pick(compared, race.finalists, self.config, seconds, params).order

    def _seconds(self, costs: Costs, arms: Sequence[Arm]) -> dict[Arm, float]:
        return {arm: costs.of(arm, self.config.epochs, None) for arm in arms}

    def _decision(self, name: str) -> str:
        """The name that a decision is kept under: those of another budget are taken anew."""
        return f"budget-{'none' if self.config.budget is None else f'{self.budget:g}'}-{name}"

    def _race(
        self, models: Sequence[Entrant], costs: Costs, ranking: Ranking, expect: Expect
    ) -> Race:
        config, tested = self.config, self.seen.test is not None
        arms = raced_of([one.model for one in models], config)
        flat = self.task.dimensions == 2
        smaller = flat and any(costs.sizes.get(m.model, 0) > config.race_size for m in models)
        said: set[int] = set()
        began = self.journal.once(self._decision("race-began"), lambda: self.journal.spent)

        def plan(done: Sequence[Arm], left: float, least: int) -> Plan:
            raced = self.journal.spent - began
            found = make_plan(
                *(arms, config, costs, left),
                tested=tested,
                smaller=smaller,
                done=done,
                raced=raced,
                least=least,
            )
            if not found.arms and len(done) < 2:  # at most one lap has been tried
                raise too_short(arms, costs, config, self.journal.spent)
            if len(found.arms) not in said and (found.rungs or len(done) < 2):
                said.add(len(found.arms))
                for line in what_fits(ranking, found, config, tested):
                    self.callback.message(line)
            return found

        running = Running(
            config,
            self.journal,
            self.output / RACE,
            self.budget,
            self.say,
            self.task.measure(config.measure).words,
            self._decision(""),
            self.seen.test,
        )
        longest = rungs_for(config, 2, smaller, self.seen.images[0])
        return Race(running, arms, plan, longest, costs, expect(ranking))

    def _judge(self, race: Race, full: Heat, ran: Ran, done: Finetuned) -> Judged:
        raced = max(1, len({a for heat in (*race.heats, full) for a in heat.ran}))
        images, things = done.record["images"], self.task.things
        if self.seen.test is not None:
            return judged_by_test(ran, done, images["test"], raced, things)
        why = f"there are neither test {things} nor --folds"
        finalists, folds = self._folds(race, full, ran)
        if folds:
            try:
                return judge_by_folds(
                    self.config,
                    self.task,
                    finalists,
                    folds,
                    self.journal,
                    self.output / RACE / "folds",
                    lambda jobs: list(race.running.tasks.run(jobs, tell=self.say)),
                    self.callback.message,
                    ran,
                )
            except DataError as error:
                why = f"there are no test {things}, and no folds: {error.message.rstrip('.')}"
        elif self.config.folds:
            why = f"there are no test {things}, and there was no time for cross-validation"
        return judged_by_validation(ran, done, images["validation"], raced, why, things)

    def _folds(self, race: Race, full: Heat, ran: Ran) -> tuple[Sequence[Arm], int]:
        """Return the arms to judge in folds, and how many folds there is time for; 0 for none.

        The chosen arm comes first; without time for others, the folds judge it alone.
        """
        order = sorted(full.order, key=lambda arm: full.ran[arm] is not ran)
        order = order[: self.config.finalists]
        if not self.config.folds:
            return order, 0

        def most() -> list[int]:
            wanted = [(n, self.config.folds) for n in range(len(order), 0, -1)]
            for count, folds in [*wanted, (1, 2)]:
                fits = sum(race.costs.of(arm, self.config.epochs, None) for arm in order[:count])
                if (folds - 1) * fits / race.costs.side_by_side(count * folds) <= self.left:
                    return [count, folds]
            return [0, 0]

        count, folds = self.journal.once(self._decision("folds"), most)
        if (count, folds) != (len(order), self.config.folds):
            self.callback.message(
                f"there is time for {folds} folds with {count} of {len(order)} finalists"
                if folds
                else "there is no time for folds"
            )
        return order[:count], folds

    def _record(self, ranking: Ranking) -> dict[str, Any]:
        record = {n: v for n, v in ranking.record.items() if n not in ("order", "notes", "budget")}
        return {
            **record,
            "config": self.config.model_dump(mode="json"),
            "seed": self.config.seed,
            "seconds": round(self.journal.spent, 3),
        }

    @staticmethod
    def _first_reason(race: Race, full: Heat) -> str:
        heats = (full, *race.heats)
        reasons = [ran.reason for heat in heats for ran in heat.ran.values() if ran.reason]
        return (reasons or list(race.out.values()) or ["there was no time"])[0]


def _instead(wanted: Arm, full: Heat, chosen: Pick) -> str:
    """Say why an arm is chosen, and why not the one that led before."""
    if wanted in full.finished:
        return chosen.why
    if wanted in full.ran:
        return f"{wanted.name} could not be fine-tuned fully; {chosen.why}"
    return f"there was no time to fine-tune {wanted.name} fully; {chosen.why}"


class _Times:
    """The seconds of each part, from the journal's clock; those of earlier calls are kept."""

    def __init__(self, journal: Journal, decisions: str) -> None:
        self.journal, self.decisions = journal, decisions
        self.seconds: dict[str, float] = {}
        self._last = 0.0

    def end(self, part: str) -> None:
        """Note that a part has ended."""
        now = self.journal.once(
            f"{self.decisions}ended-{part}", lambda: round(self.journal.spent, 3)
        )
        self.seconds[part] = round(max(0.0, float(now) - self._last), 3)
        self._last = float(now)


def _alike(final: Final | None, chosen: Arm) -> tuple[str, ...]:
    if final is None or chosen not in final.arms:
        return ()
    others = (arm for arm in final.arms if arm != chosen)
    return tuple(arm.name for arm in others if final.alike(arm, chosen))


def _free(folder: Path) -> None:
    """Remove the weights of all arms: the chosen network is there now."""
    for name in (STATE, WEIGHTS):
        for file in (folder / "arms").rglob(name):
            file.unlink()
    shutil.rmtree(folder / FULL, ignore_errors=True)
