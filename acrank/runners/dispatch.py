"""Chooses the engine of a run, and collects what it finds."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from contextlib import closing
from pathlib import Path

from acrank.cache import open_store
from acrank.results import ModelResult
from acrank.runners.callbacks import Listener
from acrank.runners.candidate import Scorer, Work
from acrank.runners.fetch import downloads_ahead
from acrank.runners.inprocess import run_in_process
from acrank.runners.processes import run_in_processes
from acrank.runners.types import GoOn, always
from acrank.zoo import ZooEntry


def score_all(
    entries: Sequence[ZooEntry],
    work: Work,
    listener: Listener,
    store: Path | None = None,
    go_on: GoOn = always,
) -> tuple[list[ModelResult], bool]:
    """Score every entry, and tell of each as it finishes.

    Args:
        entries: the candidates.
        work: what they have in common; its configuration chooses the engine.
        listener: is told of the progress.
        store: folder of the kept results; None for that in the cache folder.
        go_on: whether to score an entry; asked as late as the engine can, maybe more than once.

    Returns:
        One result an entry that was to be scored, in their order; and whether the user stopped
        the run, in which case those that were not finished are missing too.

    Raises:
        AcrankError: the engine cannot start.
    """
    results: dict[str, ModelResult] = {}
    scorer = Scorer(work, open_store(store, listener.message))
    listener.start(len(entries))
    interrupted = False
    try:
        with closing(_results(entries, scorer, listener, go_on)) as found:
            for result in found:
                results[result.model] = result
                listener.done(result)
    except KeyboardInterrupt:
        interrupted = True
    kept = sum(result.kept for result in results.values())
    if kept:
        listener.message(f"{kept} of {len(entries)} had been scored before (--fresh scores anew).")
    return [results[entry.name] for entry in entries if entry.name in results], interrupted


def _results(
    entries: Sequence[ZooEntry], scorer: Scorer, listener: Listener, go_on: GoOn
) -> Generator[ModelResult]:
    config = scorer.work.config
    if config.engine == "local" and config.jobs is None and config.timeout_per_model is None:
        yield from run_in_process(entries, scorer, listener.begin, go_on)
        return
    left = []
    for entry in entries:
        found = scorer.recall(entry)
        if found is None:
            left.append(entry)
        else:
            yield found
    if left:
        yield from _elsewhere(left, scorer, listener, go_on)


def _elsewhere(
    entries: Sequence[ZooEntry], scorer: Scorer, listener: Listener, go_on: GoOn
) -> Iterator[ModelResult]:
    config, work, store = scorer.work.config, scorer.work, scorer.store
    if config.engine == "ray":
        from acrank.runners.on_ray import run_on_ray

        yield from run_on_ray(entries, work, store, listener.begin, go_on, listener.message)
        return
    jobs = min(config.jobs or 1, len(entries))
    with downloads_ahead(entries, scorer.hub, 2 * jobs) as handed_out:

        def began(name: str) -> None:
            handed_out()
            listener.begin(name)

        timeout = config.timeout_per_model
        yield from run_in_processes(entries, work, store, jobs, began, timeout, go_on)
