"""Choose where the models of a run are scored, and collect their results."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from contextlib import closing
from pathlib import Path

from acrank.cache import open_store
from acrank.results import ModelResult
from acrank.runners.callbacks import Callback
from acrank.runners.inprocess import run_in_process
from acrank.runners.model import Admit, ModelRunner, RunContext, admit_all
from acrank.runners.processes import downloads_ahead, run_in_processes
from acrank.zoo import ZooEntry


def score_all(
    entries: Sequence[ZooEntry],
    context: RunContext,
    callback: Callback,
    store: Path | None = None,
    admit: Admit = admit_all,
) -> tuple[list[ModelResult], bool]:
    """Score every entry, and tell the callback of each as it finishes.

    Args:
        entries: the candidates.
        context: what they have in common; its configuration chooses the engine.
        callback: is told of the progress.
        store: folder of the kept results; None for that in the cache folder.
        admit: whether to score an entry; asked as late as the engine can, maybe more than once.

    Returns:
        One result an entry that was to be scored, in their order; and whether the user stopped
        the run, in which case those that were not finished are missing too.

    Raises:
        AcrankError: the engine cannot start.
    """
    results: dict[str, ModelResult] = {}
    runner = ModelRunner(context, open_store(store, callback.message))
    callback.start(len(entries))
    interrupted = False
    try:
        with closing(_results(entries, runner, callback, admit)) as found:
            for result in found:
                results[result.model] = result
                callback.done(result)
    except KeyboardInterrupt:
        interrupted = True
    kept = sum(result.kept for result in results.values())
    if kept:
        callback.message(
            f"{kept} of {len(entries)} had been scored before (--fresh scores them again)."
        )
    return [results[entry.name] for entry in entries if entry.name in results], interrupted


def _results(
    entries: Sequence[ZooEntry], runner: ModelRunner, callback: Callback, admit: Admit
) -> Generator[ModelResult]:
    config = runner.context.config
    if config.engine == "local" and config.jobs is None and config.timeout_per_model is None:
        yield from run_in_process(entries, runner, callback.begin, admit)
        return
    left = []
    for entry in entries:
        found = runner.recall(entry)
        if found is None:
            left.append(entry)
        else:
            yield found
    if left:
        yield from _elsewhere(left, runner, callback, admit)


def _elsewhere(
    entries: Sequence[ZooEntry], runner: ModelRunner, callback: Callback, admit: Admit
) -> Iterator[ModelResult]:
    config, context, store = runner.context.config, runner.context, runner.store
    if config.engine == "ray":
        from acrank.runners.ray.run import run_on_ray

        yield from run_on_ray(entries, context, store, callback.begin, admit, callback.message)
        return
    jobs = min(config.jobs or 1, len(entries))
    with downloads_ahead(entries, runner.hub, 2 * jobs) as handed_out:

        def began(name: str) -> None:
            handed_out()
            callback.begin(name)

        timeout = config.timeout_per_model
        yield from run_in_processes(entries, context, store, jobs, began, timeout, admit)
