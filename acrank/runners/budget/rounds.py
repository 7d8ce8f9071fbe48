"""Successive halving: rounds on growing samples, each with the better half of the models.

Karnin, Koren, Somekh (ICML 2013); Jamieson, Talwalkar (AISTATS 2016). How many models a round
has time for is told from measured seconds.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from acrank.results import ModelResult, RankedModel
from acrank.runners.budget.admission import FEWEST, Admission, Stopwatch, half
from acrank.runners.budget.costs import Costs
from acrank.runners.callbacks import Callback

# The share of the time that workers may take to start for a trial on the full sample.
WAIT = 0.05


class Score(Protocol):
    """Scores models on a sample; see :func:`acrank.runners.dispatch.score_all`."""

    def __call__(
        self, models: Sequence[str], images: int, callback: Callback, admit: Callable[[str], bool]
    ) -> tuple[list[ModelResult], bool]:
        """Results of the models that were admitted, and whether the user stopped it."""


@dataclass(frozen=True)
class Round:
    """One round: its number from 1, and the size of its sample and of the full one."""

    number: int
    images: int
    full: int

    def __str__(self) -> str:
        if self.last:
            name = "last" if self.number > 1 else "only"
            return f"the {name} round ({self.images} images)"
        return f"round {self.number} ({self.images} of {self.full} images)"

    @property
    def last(self) -> bool:
        """Return whether this is the round on the full sample."""
        return self.images == self.full


@dataclass
class Halving:
    """Scores models within a budget, round by round.

    The first model tries out what images cost: it is scored on the smallest and on the full
    sample before anything is decided. Time that is left in the last round goes to models that
    were dropped, the best ones first.

    Attributes:
        sizes: of the samples, ascending.
        score: scores models.
        compare: ranks the results of a round before the last.
        costs: what models cost.
        left: seconds of the clock that are left.
        callback: is told of the progress.
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
    callback: Callback
    finished: list[ModelResult] = field(default_factory=list)
    dropped: list[ModelResult] = field(default_factory=list)
    failed: list[ModelResult] = field(default_factory=list)
    trial: dict[str, Any] | None = None
    rounds: list[dict[str, Any]] = field(default_factory=list)
    round: Round | None = None
    interrupted: bool = False
    _tried: dict[tuple[str, int], ModelResult] = field(default_factory=dict)
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
        waiting, images = list(models), self.sizes[0]
        try:
            if len(self.sizes) > 1:
                waiting = self._try_out(waiting)
            while waiting:
                waiting, images = self._round(waiting, images)
        except KeyboardInterrupt:
            self.interrupted = True
        gone = {result.model for result in (*self.dropped, *self.failed)}
        self.finished = [result for result in self.finished if result.model not in gone]
        for result in self.dropped:  # some that were dropped may have been reached after all
            self.rounds[self._left_in[result.model]]["dropped"] += 1

    def _try_out(self, models: list[str]) -> list[str]:
        """Score the first model on the smallest and on the full sample; return who is left."""
        model, sizes = models[0], (self.sizes[0], self.sizes[-1])
        self.callback.message(f"{model} tries out what {sizes[0]} and {sizes[1]} images cost")
        started = self.left()
        for images in sizes:
            if self.failed or self.costs.lag > WAIT * self.left() or self.left() <= 0:
                break
            found = self._score([model], Admission(images, self.costs, self.left))
            self._take(found, Round(1, images, sizes[1]))
            if self.interrupted:
                return []
            self._tried |= {(result.model, images): result for result in found}
        self.trial = {"model": model, "seconds": round(started - self.left(), 3)}
        return models[1:] if self.failed else models

    def _round(self, models: list[str], images: int) -> tuple[list[str], int]:
        """Run one round; return the models and the sample of the next one."""
        now = Round(len(self.rounds) + 1, images, self.sizes[-1])
        spare = [result.model for result in self.dropped] if now.last else []
        count = f"{len(models)} model" + "s" * (len(models) != 1)
        count += f", and others of {len(spare)} if time is left" if spare else ""
        self.callback.message(f"{now}: {count}")
        wanted = (*models, *spare)
        tried = {m: self._tried[m, images] for m in wanted if (m, images) in self._tried}
        later = [size for size in self.sizes if size > images]
        everyone = self._untried(models) if now.number == 1 and later else ()
        left = self.left()
        admission = Admission(images, self.costs, self.left, later, everyone, tuple(tried))
        found = self._score([m for m in wanted if m not in tried], admission)
        found = [*tried.values(), *found]
        self._take(found, now)
        following, size, gone = self._choose(models, now, found, all_fit=admission.all_fit)
        names = {result.model for result in found}
        self.dropped = [*gone, *(result for result in self.dropped if result.model not in names)]
        self._left_in |= {result.model: len(self.rounds) for result in gone}
        self.rounds.append(
            {
                "samples": images,
                "models": len({*models, *names}),
                "finished": sum(result.status != "failed" for result in found),
                "dropped": 0,
                "seconds": round(left - self.left(), 3),
            }
        )
        return following, size

    def _score(self, models: Sequence[str], admission: Admission) -> list[ModelResult]:
        watch = Stopwatch(self.callback, self.costs, admission.images, self.left)
        found, self.interrupted = self.score(models, admission.images, watch, admission)
        return found

    def _take(self, found: Sequence[ModelResult], now: Round) -> None:
        """Keep what a round found."""
        finished = [result for result in found if result.status != "failed"]
        self.failed += [result for result in found if result.status == "failed"]
        if finished or not self.interrupted:
            self.finished, self.round = finished, now

    def _untried(self, models: Sequence[str]) -> list[str]:
        """Return those of some models that have no result on the full sample yet."""
        return [model for model in models if (model, self.sizes[-1]) not in self._tried]

    def _fit(self, models: Sequence[str]) -> bool:
        """Return whether there is time for some models on the full sample."""
        return self.costs.together(self._untried(models), self.sizes[-1]) <= self.left()

    def _choose(
        self, models: Sequence[str], now: Round, found: Sequence[ModelResult], *, all_fit: bool
    ) -> tuple[list[str], int, list[ModelResult]]:
        """Decide who goes on after a round, and to which sample; explain the others."""
        failed = {result.model for result in self.failed}
        finished = [result for result in found if result.model not in failed]
        if self.interrupted:
            return [], now.full, self._stopped(models, now, finished)
        if all_fit:
            self._stood |= {r.model: (r, f"scored in {now}") for r in finished}
            return [model for model in models if model not in failed], now.full, []
        not_reached = self._not_reached(models, now, found)
        if now.last or not finished:
            return [], now.full, not_reached
        rows = self.compare(finished)
        following, size = self._better(rows, now)
        ranked = sum(row.rank is not None for row in rows)
        gone = []
        for row in rows:
            place = _place(row, ranked)
            self._stood[row.result.model] = (row.result, f"{place} in {now}")
            if row.result.model not in following:
                went = f", {len(following)} went on" if row.rank else ""
                gone.append(row.result.dropped(f"after {now}: {place}{went}"))
        return following, size, [*gone, *not_reached]

    def _better(self, rows: Sequence[RankedModel], now: Round) -> tuple[list[str], int]:
        """Return the models that go on, best first, and the sample that they go on to.

        All of them go on to the full sample, if there is time. Else the better half goes on, with
        those that cannot be told from its last one: to the full sample, if as many fit there, or
        no more than two do.
        """
        everyone = [row.result.model for row in rows]
        if self._fit(everyone):
            return everyone, now.full
        ranked = [row for row in rows if row.rank is not None]
        order = [row.result.model for row in ranked] or everyone
        count = half(len(order))
        last = ranked[count - 1].tie_group if ranked else None
        if last is not None:
            count = max(place + 1 for place, row in enumerate(ranked) if row.tie_group == last)
        fit = next((n for n in range(len(order), FEWEST, -1) if self._fit(order[:n])), FEWEST)
        larger = next(size for size in self.sizes if size > now.images)
        if larger == now.full or fit >= count or fit <= FEWEST:
            return order[:fit], now.full
        return order[:count], larger

    def _not_reached(
        self, models: Sequence[str], now: Round, found: Sequence[ModelResult]
    ) -> list[ModelResult]:
        """Return a result for each model that a round had no time for."""
        names = {result.model for result in found}
        reached = sum(model in names or model in self._stood for model in models)
        never = f"not reached in the budget ({reached} of {len(models)} models were)"
        gone = []
        for model in models:
            if model in self._stood and model not in names:
                result, stood = self._stood[model]
                gone.append(result.dropped(f"out of time in {now}: {stood}"))
            elif model not in names:
                gone.append(ModelResult(model, "dropped", never))
        return gone

    def _stopped(
        self, models: Sequence[str], now: Round, finished: Sequence[ModelResult]
    ) -> list[ModelResult]:
        """Return a result for each model that a round had not finished when the user stopped it.

        Those that no round has scored have no row, as in a run without a budget. Where the round
        has finished none, the one before it is ranked.
        """
        names = {result.model for result in (*finished, *self.failed)}
        return [
            self._stood[model][0].dropped(f"interrupted in {now}: {self._stood[model][1]}")
            for model in models
            if finished and model in self._stood and model not in names
        ]


def _place(row: RankedModel, ranked: int) -> str:
    return f"place {row.rank} of {ranked}" if row.rank else f"no rank: {row.result.reason}"
