"""Look at the data and rank the zoo on a sample: the first part of a choice."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from statistics import median
from typing import Any

from acrank.config import RunConfig
from acrank.data import blamed, find_source
from acrank.errors import DataError, NotScoredError
from acrank.finetuning.inputs import open_images
from acrank.finetuning.tuning import SplitImages
from acrank.race.config import ChooseConfig
from acrank.race.costs import Costs
from acrank.race.field import own_size, pace
from acrank.race.journal import Journal
from acrank.ranking import rank_results
from acrank.results import RankedModel, Ranking
from acrank.results.record import from_record, to_record
from acrank.runners.budget.costs import POWER
from acrank.runners.budget.samples import RoundConfig
from acrank.runners.callbacks import Callback, Callbacks
from acrank.runners.rank import choose_entries, rank_zoo
from acrank.tasks.registry import Task

# The share of the time that the ranking may take.
SHARE = 0.25
# What a ranking of all candidates is kept under.
WHOLE = "look"


@dataclass(frozen=True)
class Seen:
    """The facts of the data that are known before anything is fine-tuned.

    Attributes:
        task: task of the data.
        test: test images, as they are given to ``--data``; None for none.
        images: numbers of training and validation images of every arm.
        fingerprints: hashes of the parts.
        notes: sentences for the user.
        classes: names of the classes.
    """

    task: Task
    test: str | None
    images: tuple[int, int]
    fingerprints: tuple[str, ...]
    notes: tuple[str, ...]
    classes: tuple[str, ...]


def open_data(config: ChooseConfig, task: Task) -> Seen:
    """Open and check the data, and find the test images that belong to them.

    Args:
        config: configuration of the choice, for the task.
        task: task of the data.

    Raises:
        DataError: the data cannot be used, or the measure is not defined on the validation images.
    """
    source = find_source(config.data, config.task)
    test = config.test
    notes = []
    if test is None:
        with blamed(source):
            test = source.held_out(config.data).test
        if test is not None:
            notes.append(f"the chosen network is judged on the data's own part, {test}")
    settings = config.finetuning(model="-", method=config.methods[0], lr=None, test=test)
    images: SplitImages[Any] = open_images(settings.for_task(task))
    if images.monitor != config.measure:  # a race by the loss would be told as one by the measure
        raise DataError(
            f"--measure {config.measure} is not defined on the {len(images.validation)} validation "
            f"{task.things} of {config.data}: {'; '.join(images.notes)}.",
            hint="Give more or other data, a larger --val-share, another --seed or --measure.",
        )
    parts = (images.training, images.validation, *([images.test] if images.test else []))
    return Seen(
        task,
        test,
        (len(images.training), len(images.validation)),
        tuple(part.fingerprint for part in parts),
        (*images.read, *notes, *images.notes),
        tuple(images.training.classes),
    )


def look(
    config: ChooseConfig, task: Task, journal: Journal, budget: float | None, callback: Callback
) -> Ranking:
    """Rank the candidates, within a share of the time; a ranking that is kept is read again.

    One that had no time for some candidates is of its own budget alone: with another, the others
    are scored too.

    Args:
        config: configuration of the choice, for the task.
        task: task of the data.
        journal: keeps the ranking.
        budget: seconds for everything; None for no limit.
        callback: is told of the progress.

    Raises:
        NotScoredError: no candidate could be scored or loaded.
        KeyboardInterrupt: the user stopped it; finished models are in the cache.
    """
    seconds = None if budget is None else SHARE * budget
    # only what the race enters by: AC-Corr takes as long again as features and their scores
    scoring = RoundConfig.model_validate(config.scoring(seconds).model_dump(exclude_unset=True))
    own = f"look-{'none' if budget is None else f'{budget:g}'}"
    kept = journal.find(own) or journal.find(WHOLE)
    if kept is None:
        ranking = rank_zoo(scoring, _OfRanking([callback]))
        if ranking.interrupted:
            raise KeyboardInterrupt
        known = {entry.name: entry for entry in choose_entries(scoring)}
        # favourites are told from others by facts of the zoo, also where there was no time to look
        results = [
            replace(row.result, imagenet_top1=known[row.result.model].imagenet_top1)
            if row.result.status == "dropped" and row.result.model in known
            else row.result
            for row in ranking.rows
        ]
        kept = {
            "results": [to_record(result) for result in results],
            "warnings": list(ranking.warnings),
            "record": ranking.record,
        }
        name = own if ranking.count("dropped") else WHOLE
        journal.keep(name, kept)
        kept = journal.find(name)
    ranking = _ranked(kept, scoring.for_task(task))
    if all(row.result.status == "failed" for row in ranking.rows):
        reason = ranking.rows[0].result.reason if ranking.rows else "there is none"
        raise NotScoredError(f"No candidate could be scored: {reason}")
    return ranking


class _OfRanking(Callbacks):
    """Follows the ranking; says of its sentences that they are on it, and not on the race."""

    def message(self, text: str) -> None:
        """Pass a sentence on."""
        super().message(f"ranking: {text}")


def _ranked(kept: dict[str, Any], scoring: RunConfig) -> Ranking:
    results = [from_record(record) for record in kept["results"]]
    # those that have no rank get it, or its lack, anew
    results = [
        replace(one, status="ok", reason="") if one.status == "unranked" else one for one in results
    ]
    ranking = rank_results(
        results,
        scoring.rank_by,
        scoring.seed,
        metrics=scoring.metrics_wanted,
        voting=scoring.metrics_named,
        warnings=kept["warnings"],
        record=kept["record"],
        interrupted=False,
        mixed=scoring.norms == "mixed",
    )
    return replace(ranking, warnings=tuple(dict.fromkeys(ranking.warnings)))


def costs_of(ranking: Ranking, seen: Seen, config: ChooseConfig) -> Costs:
    """Estimate what fine-tuning each model costs from what the look took.

    Args:
        ranking: ranking of the look.
        seen: the data.
        config: configuration of the choice.
    """
    images = int(ranking.record["dataset"]["sampled"])
    rows = [row for row in ranking.rows if row.result.status != "failed"]
    timed = {
        row.result.model: value
        for row in rows
        if row.result.status == "ok" and (value := pace(row, images)) is not None
    }
    sizes = {row.result.model: size for row in rows if (size := own_size(row)) is not None}
    if config.image_size is not None:
        sizes = dict.fromkeys([row.result.model for row in rows], config.image_size)
    return Costs(
        {**_guessed(rows, timed), **timed},
        seen.images,
        seen.task.dimensions,
        sizes,
        {row.result.model: row.result.loading for row in rows if row.result.loading},
        config.jobs or 1,
        not seen.task.whole_images,
    )


def _guessed(rows: Sequence[RankedModel], timed: dict[str, float]) -> dict[str, float]:
    """Guess the pace of models that the look did not time, as the look guesses its own."""

    def bulk(row: RankedModel) -> float | None:
        size = own_size(row)
        return float((row.result.params * size**2) ** POWER) if row.result.params and size else None

    known = [(timed[r.result.model], bulk(r)) for r in rows if r.result.model in timed]
    ratios = [value / size for value, size in known if size]
    if not ratios:
        return {}
    usual = median(ratios)
    return {r.result.model: usual * size for r in rows if (size := bulk(r)) is not None}
