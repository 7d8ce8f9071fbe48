"""Fine-tune the winner fully, export it, and time it on this machine."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from acrank.errors import AcrankError, ModelError, NotScoredError
from acrank.finetuning.exports import with_exports
from acrank.finetuning.latency import measure_latency
from acrank.finetuning.loop import LogRow
from acrank.finetuning.result import Finetuned
from acrank.finetuning.run import finetune
from acrank.finetuning.state import RECORD, OtherFinetuningError
from acrank.race.config import ChooseConfig
from acrank.race.costs import Costs
from acrank.race.journal import Journal
from acrank.race.laps import Job, Ran, ran_of
from acrank.race.result import Arm
from acrank.race.rungs import BEST, Said, tasks_of
from acrank.race.standings import Final, Pick, pick
from acrank.results import Ranking
from acrank.utils.serialise import loads

Epoch = Callable[[LogRow, int], None]
# Seconds to start a process and time a network in it.
TIMING = 30.0


@dataclass(frozen=True)
class Winner:
    """The arm that was fine-tuned fully.

    Attributes:
        pick: the arm, and why it.
        ran: what came of it.
        done: the fine-tuning.
        failures: reason by arm of each that would have come before it, but failed.
    """

    pick: Pick
    ran: Ran
    done: Finetuned
    failures: dict[Arm, str]


@dataclass
class Finish:
    """The last part of a choice.

    Attributes:
        config: configuration of the choice.
        output: folder for the network.
        test: test images; None for none.
        journal: keeps decisions.
        decisions: beginning of the names that decisions are kept under.
        budget: seconds for everything; infinite without a budget.
        say: takes a line.
        epoch: takes each row of the log; None for nobody.
    """

    config: ChooseConfig
    output: Path
    test: str | None
    journal: Journal
    decisions: str
    budget: float
    say: Said
    epoch: Epoch | None

    @property
    def left(self) -> float:
        """The seconds that are left."""
        return self.budget - self.journal.spent

    def carry_on(
        self, final: Final | None, finalists: Sequence[Arm], costs: Costs, ranking: Ranking
    ) -> Winner:
        """Fine-tune the winner fully; where that fails, the next.

        Args:
            final: comparison of all arms; None without a race.
            finalists: arms that may win.
            costs: estimates of what arms cost.
            ranking: ranking of the look.

        Raises:
            NotScoredError: all of them failed.
        """
        params = {row.result.model: row.result.params for row in ranking.rows}
        seconds = {arm: costs.of(arm, self.config.epochs, None) for arm in finalists}
        best = pick(final, finalists, self.config, seconds, params) if final else None
        order = best.order if best else tuple(finalists)

        def decide() -> list[dict[str, Any]]:
            fit = [arm for arm in order if seconds[arm] <= self.left]
            return [asdict(arm) for arm in (*fit, *(arm for arm in order if arm not in fit))]

        failures: dict[Arm, str] = {}
        for record in self.journal.once(f"{self.decisions}final", decide):
            arm = Arm(**record)
            job = self._job(arm)
            self.say(f"fine-tuning {arm.name} for {self.config.epochs} epochs")
            try:
                done = self._finetuned(job)
            except ModelError as error:
                failures[arm] = f"its full fine-tuning failed: {error.message}"
                self.say(f"{arm.name}: {failures[arm]}")
                continue
            why = best.why if best and arm == best.arm else _instead(best, failures)
            ran = ran_of(job, done)
            self._keep_best(arm, ran)
            return Winner(Pick(arm, why, order), ran, done, failures)
        raise NotScoredError(next(iter(failures.values())))

    def _keep_best(self, arm: Arm, ran: Ran) -> None:
        """Write down that the chosen network is there, for those who stop before it is judged."""
        value = "" if ran.value is None else f"{ran.measure.replace('_', ' ')} {ran.value:.4f} "
        found = {
            "name": arm.name,
            "value": f"{value}on its validation images after its full fine-tuning",
            "folder": f"local-dir:{self.output}",
        }
        self.journal.keep(BEST, found)

    def _job(self, arm: Arm) -> Job:
        tuning = self.config.finetuning(
            model=arm.model, method=arm.method, lr=arm.lr, test=self.test
        )
        return Job("final", arm.name, tuning, self.output, weights=True, clock=self.journal.clock)

    def _finetuned(self, job: Job) -> Finetuned:
        """Fine-tune here, or where the arms run.

        Raises:
            ModelError: it failed.
        """
        if self.config.jobs is None and self.config.engine == "local" and not self.config.timeout:

            def note(row: LogRow, epochs: int) -> None:
                self.journal.note_time()
                if self.epoch:
                    self.epoch(row, epochs)

            try:
                return finetune(job.config, job.folder, say=note)
            except OtherFinetuningError:  # of another budget, whose race ended otherwise
                return finetune(job.config, job.folder, say=note, fresh=True)
        ran = next(tasks_of(self.config, self.output).run([job], tell=self.say))
        if ran.reason:
            raise ModelError(ran.reason)
        record = loads((job.folder / RECORD).read_text(encoding="utf-8"))
        return Finetuned(job.folder, record, tuple(record["log"]))

    def exported(self, done: Finetuned) -> tuple[tuple[dict[str, Any], ...], str]:
        """Export the network as asked; return what was written, and what went wrong if it did."""
        if not self.config.export:
            return (), ""
        try:
            found = with_exports(done, self.config.export, trust_code=self.config.trust_code)
        except AcrankError as error:
            return (), f"the network could not be exported: {error}"
        exports = found.record["exports"]
        return tuple({"format": name, **about} for name, about in exports.items()), ""

    def latency(self) -> tuple[dict[str, Any], str]:
        """Time the network on this machine; return the record, and why there is none."""
        kept = self.journal.find("latency")
        if kept is not None:
            return kept["record"], kept["why"]
        record: dict[str, Any] = {}
        why = "the network was not timed, because there was no time left"
        if self.left > TIMING:
            try:
                found = measure_latency(
                    self.output,
                    device=self.config.device,
                    threads=self.config.threads,
                    trust_code=self.config.trust_code,
                )
                record, why = found.record(), ""
            except AcrankError as error:
                why = f"the network could not be timed: {error}"
        self.journal.keep("latency", {"record": record, "why": why})
        return record, why


def _instead(best: Pick | None, failures: dict[Arm, str]) -> str:
    if best is None:
        return "it is the first of the ranking, and there was no time for a race"
    return (
        f"{best.arm.name} could not be fine-tuned fully, and it is the next"
        if failures
        else f"there was no time to fine-tune {best.arm.name} fully, and it is the best that fits"
    )
