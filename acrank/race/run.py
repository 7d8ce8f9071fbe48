"""Choose a backbone: rank the zoo, race the best, fine-tune the winner, and judge it."""

from __future__ import annotations

import hashlib
import json
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import torch

from acrank.data import known_task
from acrank.errors import ConfigError
from acrank.finetuning.tuning import tuning_of
from acrank.race.choosing import RACE, Choosing
from acrank.race.config import ChooseConfig
from acrank.race.field import Expect, expected_of
from acrank.race.finals import Epoch
from acrank.race.journal import Clock, Journal
from acrank.race.look import Seen, open_data
from acrank.race.result import Choice
from acrank.race.running import BEST, FULL, Said, tasks_of
from acrank.runners.callbacks import Callback, all_callbacks
from acrank.runners.rank import choose_entries
from acrank.tasks.registry import TASKS
from acrank.utils.alone import alone_in
from acrank.utils.described import described
from acrank.utils.device import cpu_threads
from acrank.utils.duration import duration_text
from acrank.utils.paths import user_path
from acrank.utils.serialise import loads
from acrank.zoo.sources.registry import source_of


def choose(
    config: ChooseConfig,
    output: Path,
    *,
    fresh: bool = False,
    say: Said | None = None,
    epoch: Epoch | None = None,
    callback: Callback | None = None,
    expect: Expect = expected_of,
    clock: Clock = time.perf_counter,
) -> Choice:
    """Choose a backbone, a regime and a learning rate, and leave the fine-tuned network.

    A choice that was stopped continues when it is called again with the same settings: nothing is
    run or decided twice. ``budget`` counts the time of all calls.

    Args:
        config: configuration of the choice.
        output: folder for the network; the race is in ``race/`` below it.
        fresh: begin anew, whatever is in the folder.
        say: takes a line for each fine-tuning.
        epoch: takes each row of the log of the full fine-tuning.
        callback: progress callback of the ranking.
        expect: gives what is expected of models from the ranking.
        clock: gives the time.

    Raises:
        ConfigError: the budget is too short for anything, or the folder holds another choice.
        NotScoredError: no candidate could be scored or fine-tuned.
        AcrankError: a setting, the zoo or the data cannot be used.
    """
    began = clock()
    callback = all_callbacks(callback, *config.callbacks)
    task = TASKS[known_task(config.data, config.task)]
    config = config.for_task(task)
    tuning_of(task).require(config.finetuning(model="-", method=config.methods[0], lr=None))
    torch.set_num_threads(cpu_threads(config.threads))
    folder = output / RACE
    _refuse_among_images(config.data, output)
    with _left_only_if_used(output), alone_in(folder):
        seen = open_data(config, task)
        for note in seen.notes:
            callback.message(note)
        if fresh:
            _forget(folder)
        journal = Journal(folder, _identity(config, seen), clock, began)
        if journal.resumed:
            callback.message(f"it goes on after {duration_text(journal.spent)} of earlier work")
        work = Choosing(config, task, output, seen, journal, say or callback.message, callback)
        with tasks_of(config, folder).engaged(callback.message):  # one Ray cluster for all parts
            return work.run(expect, epoch)


def _identity(config: ChooseConfig, seen: Seen) -> str:
    """Hash everything that a choice depends on, but for the time that it has."""
    about = described(ChooseConfig)
    equal = {name for name, setting in about.items() if setting.effect.held_equal}
    entries = choose_entries(config.scoring(None))
    content = {
        "settings": config.model_dump(mode="json", include=equal),
        "data": seen.fingerprints,
        "candidates": [[entry.name, source_of(entry).name] for entry in entries],
    }
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def _refuse_among_images(data: str, output: Path) -> None:
    """Refuse a folder for results in the folder of the data, where it would be taken for a class.

    Raises:
        ConfigError: it is there.
    """
    root = user_path(data)
    if root.is_dir() and output.absolute().resolve().is_relative_to(root.resolve()):
        raise ConfigError(
            f"--output {output} is among the images of --data {data}.",
            hint="Give a folder outside of it.",
        )


@contextmanager
def _left_only_if_used(folder: Path) -> Iterator[None]:
    """Remove a folder that was made for nothing."""
    new = not folder.exists()
    try:
        yield
    finally:
        if new:
            with suppress(OSError):  # it holds something
                folder.rmdir()


def _forget(folder: Path) -> None:
    for file in folder.glob("*.json"):
        file.unlink()
    for part in ("arms", FULL, "folds"):
        shutil.rmtree(folder / part, ignore_errors=True)


def best_so_far(output: Path) -> str:
    """Say which arm leads in an unfinished choice, and where its network is; empty for none."""
    file = output / RACE / f"{BEST}.json"
    if not file.is_file():
        return ""
    found = loads(file.read_text(encoding="utf-8"))
    network = f"; its network: {found['folder']}" if found["folder"] else ""
    return f"best so far: {found['name']}, {found['value']}{network}"
