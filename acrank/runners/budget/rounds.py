"""Rounds on growing samples, each with fewer models, until the time is spent."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from acrank.results import ModelResult, RankedModel
from acrank.runners.budget.admission import Admission, Watch
from acrank.runners.budget.costs import Costs
from acrank.runners.budget.plan import FEWEST, Round, Step, decide
from acrank.runners.callbacks import Listener

# The share of the time that the engine may take to start for a trial on the full sample.
WAIT = 0.05


class Score(Protocol):
    """Scores models on a sample; see :func:`acrank.runners.score_all`."""

    def __call__(
        self, models: Sequence[str], images: int, listener: Listener, admit: Callable[[str], bool]
    ) -> tuple[list[ModelResult], bool]:
        """Results of those that were let in, and whether the user stopped it."""


@dataclass
class Halving:
    """A run within a budget, round by round.

    The first model tries out what images cost: it is scored on the smallest and on the full
    sample before anything is decided. Time that is left in the last round goes to models that
    were dropped, the best ones first.

    Attributes:
        sizes: of the samples, ascending.
        score: scores models.
        compare: ranks the results of a round before the last.
        costs: what models cost.
        left: seconds of the clock that are left.
        listener: is told of the progress.
        finished: results of the last round, or of the one in which the user stopped the run.
        dropped: what is known of the others; the latest round first, the best first.
        failed: results of models that failed.
        trial: what was tried out before the rounds, for the record.
        rounds: what each round did, for the record.
        round: that ``finished`` is of.
        interrupted: whether the user stopped the run.
    """

    sizes: Sequence[int]
    score: Score
    compare: Callable[[Sequence[ModelResult]], Sequence[RankedModel]]
    costs: Costs
    left: Callable[[], float]
    listener: Listener
    finished: list[ModelResult] = field(default_factory=list)
    dropped: list[ModelResult] = field(default_factory=list)
    failed: list[ModelResult] = field(default_factory=list)
    trial: dict[str, Any] | None = None
    rounds: list[dict[str, Any]] = field(default_factory=list)
    round: Round | None = None
    interrupted: bool = False
    _known: dict[tuple[str, int], ModelResult] = field(default_factory=dict)
    _stood: dict[str, tuple[ModelResult, str]] = field(default_factory=dict)
    _left_in: dict[str, int] = field(default_factory=dict)

    @property
    def early(self) -> Round | None:
        """The round that was interrupted, where ``finished`` is of a smaller sample."""
        early = self.interrupted and self.round is not None and not self.round.last
        return self.round if early else None

    def run(self, models: Sequence[str]) -> None:
        """Score models until the last round is done.

        Args:
            models: in the order in which they are to be reached.
        """
        if len(models) <= FEWEST or self.left() <= 0:  # nothing to choose, or nothing to choose by
            self.sizes = self.sizes[-1:]
        step: Step | None = Step(tuple(models), self.sizes[0])
        try:
            if len(self.sizes) > 1:
                step = self._try_out(models)
            while step is not None and step.models:
                step = self._go(step)
        except KeyboardInterrupt:
            self.interrupted = True
        gone = {result.model for result in (*self.dropped, *self.failed)}
        self.finished = [result for result in self.finished if result.model not in gone]
        for result in self.dropped:
            self.rounds[self._left_in[result.model]]["dropped"] += 1

    def _try_out(self, models: Sequence[str]) -> Step | None:
        """Score the first model on the smallest and on the full sample; then the first round."""
        model, sizes = models[0], (self.sizes[0], self.sizes[-1])
        self.listener.message(f"{model} tries out what {sizes[0]} and {sizes[1]} images cost")
        started = self.left()
        for images in sizes:
            if self.failed or self.costs.lag > WAIT * self.left() or self.left() <= 0:
                break
            gate = Admission(images, (), self.costs, self.left)
            found, self.interrupted = self.score((model,), images, Watch(self.listener, gate), gate)
            self._take(found, Round(1, images, sizes[1]))
            if self.interrupted:
                return None
            self._known |= {(result.model, images): result for result in found}
            self.costs.paid.add((model, images))
        self.trial = {"model": model, "seconds": round(started - self.left(), 3)}
        return Step(tuple(models[1:] if self.failed else models), self.sizes[0])

    def _go(self, step: Step) -> Step | None:
        """One round; the next one, if there is one."""
        now = Round(len(self.rounds) + 1, step.images, self.sizes[-1])
        spare = [result.model for result in self.dropped] if now.last else []
        wanted = (*step.models, *spare)
        known = {m: self._known[m, now.images] for m in wanted if (m, now.images) in self._known}
        gate = self._open(step, now, spare, tuple(known))
        started = self.left()
        found, self.interrupted = self.score(
            [m for m in wanted if m not in known], now.images, Watch(self.listener, gate), gate
        )
        found = [*known.values(), *found]
        self._take(found, now)
        names = {result.model for result in found}
        following, gone = self._sort_out(step, now, found, gate)
        self.dropped = [*gone, *(result for result in self.dropped if result.model not in names)]
        self._left_in |= {result.model: len(self.rounds) for result in gone}
        self.rounds.append(
            {
                "samples": now.images,
                "models": len({*step.models, *names}),
                "finished": sum(result.status != "failed" for result in found),
                "dropped": 0,
                "seconds": round(started - self.left(), 3),
            }
        )
        return following

    def _open(
        self, step: Step, now: Round, spare: Sequence[str], known: Sequence[str]
    ) -> Admission:
        """Begin a round."""
        count = len(step.models)
        models = f"{count} model" + "s" * (count != 1)
        models += f", and others of {len(spare)} if time is left" if spare else ""
        self.listener.message(f"{now}: {models}")
        later = self._later(now)
        everything = step.models if now.number == 1 and later else ()
        return Admission(now.images, later, self.costs, self.left, everything, known)

    def _later(self, now: Round) -> tuple[int, ...]:
        """The sizes of samples after a round's."""
        return tuple(images for images in self.sizes if images > now.images)

    def _take(self, found: Sequence[ModelResult], now: Round) -> None:
        """Keep what a round found."""
        finished = [result for result in found if result.status != "failed"]
        self.failed += [result for result in found if result.status == "failed"]
        if finished or not self.interrupted:
            self.finished, self.round = finished, now

    def _sort_out(
        self, step: Step, now: Round, found: Sequence[ModelResult], gate: Admission
    ) -> tuple[Step | None, list[ModelResult]]:
        """Who goes on after a round, and what is known of those who do not."""
        failed = {result.model for result in self.failed}
        finished = [result for result in found if result.model not in failed]
        if self.interrupted:
            return None, self._stopped(step, now, finished)
        if gate.all_fit:
            self._stood |= {r.model: (r, f"scored in {now}") for r in finished}
            left = tuple(model for model in step.models if model not in failed)
            return Step(left, self.sizes[-1]), []
        not_reached = self._not_reached(step, now, found)
        if now.last or not finished:
            return None, not_reached
        following, lower = self._halve(finished, now)
        return following, [*lower, *not_reached]

    def _halve(self, finished: Sequence[ModelResult], now: Round) -> tuple[Step, list[ModelResult]]:
        """Compare the models of a round: who goes on, and what is known of the others."""
        rows = self.compare(finished)
        ranked = [row for row in rows if row.rank is not None]
        step = decide(
            [row.result.model for row in ranked],
            [row.tie_group for row in ranked],
            [row.result.model for row in rows if row.rank is None],
            self._later(now),
            self.left(),
            self.costs,
        )
        gone = []
        for row in rows:
            place = _place(row, len(ranked))
            self._stood[row.result.model] = (row.result, f"{place} in {now}")
            if row.result.model not in step.models:
                went = f", {len(step.models)} went on" if row.rank else ""
                gone.append(row.result.dropped(f"after {now}: {place}{went}"))
        return step, gone

    def _not_reached(
        self, step: Step, now: Round, found: Sequence[ModelResult]
    ) -> list[ModelResult]:
        """What is known of models that a round had no time for."""
        names = {result.model for result in found}
        reached = sum(model in names or model in self._stood for model in step.models)
        never = f"not reached in the budget ({reached} of {len(step.models)} models were)"
        gone = []
        for model in step.models:
            if model in self._stood and model not in names:
                result, stood = self._stood[model]
                gone.append(result.dropped(f"out of time in {now}: {stood}"))
            elif model not in names:
                gone.append(ModelResult(model, "dropped", never))
        return gone

    def _stopped(
        self, step: Step, now: Round, finished: Sequence[ModelResult]
    ) -> list[ModelResult]:
        """What is known of models that a round had not finished when the user stopped it.

        Those that no round has scored have no row, as in a run without a budget. Where the round
        has finished none, the one before it is ranked.
        """
        names = {result.model for result in (*finished, *self.failed)}
        return [
            self._stood[model][0].dropped(f"interrupted in {now}: {self._stood[model][1]}")
            for model in step.models
            if finished and model in self._stood and model not in names
        ]


def _place(row: RankedModel, ranked: int) -> str:
    return f"place {row.rank} of {ranked}" if row.rank else f"no rank: {row.result.reason}"
