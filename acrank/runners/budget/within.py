"""Score a zoo within a time budget."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from acrank.cache import open_store
from acrank.data import AnySample, AnyTarget
from acrank.errors import AcrankError
from acrank.results import ModelResult
from acrank.runners.budget.costs import Costs, cheapest_first, model_sizes
from acrank.runners.budget.rounds import Halving, Round
from acrank.runners.budget.samples import Samples
from acrank.runners.callbacks import Callback
from acrank.runners.model import ModelRunner, RunContext
from acrank.utils.duration import duration_text
from acrank.zoo import Hub, ZooEntry
from acrank.zoo.sources.registry import weights_of

# The share of the time that may go into finding out how large the models are.
LOOKING = 0.05

now = time.perf_counter


@dataclass(frozen=True)
class Scored:
    """The results of scoring a zoo, within a budget or without one.

    Attributes:
        results: one a model; those that were dropped come last, the best of them first.
        interrupted: whether the user stopped it.
        sample: that the results are of, but for those of dropped models.
        notes: sentences about the run as a whole.
        record: for the result file.
    """

    results: list[ModelResult]
    interrupted: bool
    sample: AnySample
    notes: tuple[str, ...] = ()
    record: dict[str, Any] = field(default_factory=dict)


def score_within(
    entries: Sequence[ZooEntry],
    context: RunContext,
    target: AnyTarget,
    callback: Callback,
    store: Path | None,
    started: float,
) -> Scored:
    """Score the better entries on the full sample, and the others as far as the budget goes.

    Args:
        entries: the candidates.
        context: what they have in common, with the full sample; its configuration has the budget.
        target: that the sample is of.
        callback: is told of the progress.
        store: folder of the kept results; None for that in the cache folder.
        started: when the run began, by :func:`time.perf_counter`.
    """
    budget = context.config.budget or 0.0

    def left() -> float:
        return budget - (now() - started)

    kept = _kept(entries, context, store)
    if kept:
        callback.message(f"{len(kept)} of {len(entries)} had been scored on all images before.")
    rest = [entry for entry in entries if entry.name not in kept]
    samples = Samples(rest, context, target, store)
    looked = max(0.0, left() - LOOKING * budget)
    sizes = model_sizes(rest, lambda: len(rest) > 2 and left() > looked)
    halving = Halving(samples.sizes, samples.score, samples.compare, Costs(sizes), left, callback)
    halving.run(cheapest_first(rest, sizes))
    early = None if kept else halving.early
    results = _results(entries, halving, kept)
    spent = budget - left()
    record = {
        "seconds": budget,
        "spent": round(spent, 3),
        "trial": halving.trial,
        "rounds": halving.rounds,
    }
    notes = _notes(results, budget, spent, early)
    sample = samples.context(early.images).sample if early else context.sample
    return Scored(results, halving.interrupted, sample, tuple(notes), {"budget": record})


def _kept(
    entries: Sequence[ZooEntry], context: RunContext, store: Path | None
) -> dict[str, ModelResult]:
    """Find results on the full sample that earlier runs have left: they cost no time."""
    runner = ModelRunner(context, open_store(store))
    here = [entry for entry in entries if _is_here(entry, runner.hub)]
    found = ((entry.name, runner.recall(entry)) for entry in here)
    return {name: result for name, result in found if result is not None}


def _is_here(entry: ZooEntry, hub: Hub) -> bool:
    """Return whether an entry's weights are on this machine, without a request to the hub."""
    try:
        weights = weights_of(entry)
    except AcrankError:
        return False
    return weights is None or not weights.must_be_fetched(hub)


def _results(
    entries: Sequence[ZooEntry], halving: Halving, kept: Mapping[str, ModelResult]
) -> list[ModelResult]:
    """List every result once: ranked models and failures in the order of the zoo, then others."""
    finished, dropped = halving.finished, halving.dropped
    if kept and halving.early:  # the full sample outranks the one that was interrupted
        reason = f"interrupted in {halving.early}"
        finished, dropped = [], [*(result.dropped(reason) for result in finished), *dropped]
    found = {result.model: result for result in (*finished, *halving.failed)} | dict(kept)
    return [*(found[entry.name] for entry in entries if entry.name in found), *dropped]


def _notes(
    results: Sequence[ModelResult], budget: float, spent: float, early: Round | None
) -> list[str]:
    """Say what a reader must know about the run as a whole."""
    dropped = [result for result in results if result.status == "dropped"]
    unseen = sum(not result.scores and not result.undefined for result in dropped)
    counts = {"on fewer images": len(dropped) - unseen, "not reached": unseen}
    text = duration_text(budget)
    notes = []
    if dropped:
        how = ", ".join(f"{count} {words}" for words, count in counts.items() if count)
        notes.append(
            f"Budget of {text}: {len(dropped)} of {len(results)} models dropped ({how}); their "
            "rows give the reasons."
        )
    if early:
        notes.append(f"Interrupted: the ranking is of {early}.")
    if spent > budget:
        notes.append(
            f"The run took {duration_text(spent)}, more than the budget of {text}: models that "
            "have started are finished, and at least one model is scored."
        )
    return notes
