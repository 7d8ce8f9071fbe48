"""Fine-tunings that are killed, interrupted or out of room: the same command goes on."""

import io
import os
import random
import signal
import sys
import threading
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any, cast

import pytest
import torch

from acrank.cli import main
from acrank.errors import ConfigError
from acrank.finetuning import loop
from acrank.finetuning.state import _save, load_state, save_state
from acrank.utils.alone import LOCK
from tests.cli.test_score import Acrank, acrank
from tests.processes import started_at_once

__all__ = ["acrank"]

# of each method; ten in the long form of this test
KILLS = int(os.environ.get("ACRANK_TEST_KILLS", "2"))
EPOCHS = max(3, KILLS)
COMMAND = (
    *("finetune", "--data", "demo", "--zoo", "demo", "--model", "demo-mixed", "--samples", "60"),
    *("--epochs", str(EPOCHS), "--batch-size", "16", "--lr", "0.02", "--threads", "1"),
)
METHODS = {
    "full": ("--method", "full", "--ema", "0.9"),
    "ac-norm": ("--method", "ac-norm", "--optimizer", "adamw", "--lr", "0.001"),
}
RESULT = ("config.json", "confusion.csv", "finetune.json", "log.csv", "model.safetensors")

Moment = tuple[str, int, float]


def run_and_die(said: Path, moment: Moment, command: Sequence[str]) -> None:
    """Run the command in this process, which kills itself.

    Args:
        said: file that gets what it says.
        moment: seconds after a file is, for the nth time, about to be put in its place whole, or
            removed.
        command: after the name of the program.
    """
    name, left, delay = moment

    def die() -> None:
        os.kill(os.getpid(), signal.SIGKILL)

    def watch(event: str, args: tuple[Any, ...]) -> None:
        nonlocal left
        place = {"os.rename": 1, "os.remove": 0}.get(event)
        if place is not None and Path(args[place]).name == name:
            left -= 1
            if left == 0:
                threading.Timer(delay, die).start() if delay else die()

    warnings.simplefilter("error")
    with said.open("wb") as stream:
        for output in (1, 2):
            os.dup2(stream.fileno(), output)
    sys.argv = ["acrank", *command]
    sys.addaudithook(watch)
    main()


def start(folder: Path, method: str, moment: Moment) -> BaseProcess:
    """The command in a process of its own, which dies at a moment."""
    command = [*COMMAND, *METHODS[method], "--output", str(folder / method)]
    process = cast(Any, started_at_once()).Process(
        target=run_and_die, args=(folder / f"{method}.txt", moment, command)
    )
    process.start()
    return cast(BaseProcess, process)


def moments(method: str) -> list[Moment]:
    """When a method is killed: a file, how often it was there, and seconds after it."""
    chance = random.Random(method)
    writing = ("state.pt", 2, 0.0)  # the second, before it takes the place of the first
    sometime = [("state.pt", 1, chance.uniform(0, 0.3)) for _ in range(1, KILLS)]
    if method == "ac-norm":  # when the epochs are done
        sometime[-1:] = [(chance.choice(RESULT), 1, 0.0)]
    return [writing, *sometime]


@pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX systems")
def test_killed_at_any_moment_it_ends_as_if_never_killed(acrank: Acrank, tmp_path: Path) -> None:
    for turn in range(KILLS):
        finished = [method for method in METHODS if (tmp_path / method / "finetune.json").exists()]
        running = {m: start(tmp_path, m, moments(m)[turn]) for m in METHODS if m not in finished}
        for method, process in running.items():
            process.join(timeout=300)
            assert process.exitcode == -signal.SIGKILL, (tmp_path / f"{method}.txt").read_text()
            if turn == 0:
                _was_killed_while_it_wrote(tmp_path / method)
    for method, options in METHODS.items():
        output, whole = tmp_path / method, tmp_path / f"{method}-whole"
        found, expected = (
            acrank(*COMMAND, *options, "--output", str(folder)) for folder in (output, whole)
        )
        assert found.returncode == expected.returncode == 0, found.stderr + expected.stderr
        assert [file.name for file in sorted(output.iterdir())] == list(RESULT)
        for name in RESULT:
            assert (output / name).read_bytes() == (whole / name).read_bytes(), name


def _was_killed_while_it_wrote(output: Path) -> None:
    files = [file for file in output.iterdir() if file.name != LOCK]
    kept, unfinished = sorted(files, key=lambda file: file.name.startswith("."))
    assert kept.name == "state.pt"
    assert torch.load(unfinished, weights_only=True)["state"]["log"][1]["epoch"] == 2
    assert len(torch.load(kept, weights_only=True)["state"]["log"]) == 1


def test_interrupted_it_says_how_to_go_on(
    acrank: Acrank, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usual = loop.Training.run_epoch

    def interrupt(training: loop.Training) -> loop.LogRow:
        if training.epoch == 1:
            signal.raise_signal(signal.SIGINT)
        return usual(training)

    command = (*COMMAND, "--method", "head")
    with monkeypatch.context() as patch:
        patch.setattr(loop.Training, "run_epoch", interrupt)
        stopped = acrank(*command)
        assert stopped.returncode == 130
        assert "the same command resumes after the last complete epoch" in stopped.stderr
        again = acrank(*command, "--fresh")
        assert "the same command without --fresh resumes" in again.stderr
    done = acrank(*command)
    assert done.returncode == 0
    assert "the training resumes after epoch 1" in done.stderr


@contextmanager
def no_file_above(size: int) -> Iterator[None]:
    """As a full disk: the system writes no more than so many bytes into a file."""
    import resource

    usual = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, usual[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, usual)


@pytest.mark.skipif(sys.platform == "win32", reason="limits of POSIX systems")
def test_a_full_disk_leaves_the_state_before(tmp_path: Path) -> None:
    save_state(tmp_path, "it", {"epoch": 1})
    with (
        no_file_above(200_000),
        pytest.raises(ConfigError, match=r"state\.pt' could not be written: File too large"),
    ):
        save_state(tmp_path, "it", {"epoch": 2, "weights": torch.zeros(100_000)})
    assert load_state(tmp_path, "it") == {"epoch": 1}
    assert [file.name for file in tmp_path.iterdir()] == ["state.pt"]


class Interrupted(io.BytesIO):
    """A file in the midst of whose writing comes Ctrl-C."""

    def write(self, data: Any) -> int:
        if self.tell() > 10_000:
            raise KeyboardInterrupt
        return super().write(data)


def test_an_interrupt_while_the_state_is_written_stays_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(KeyboardInterrupt):
        _save({"weights": torch.zeros(100_000)}, Interrupted())

    def interrupted(descriptor: int) -> None:
        raise KeyboardInterrupt

    save_state(tmp_path, "it", {"epoch": 1})
    monkeypatch.setattr(os, "fsync", interrupted)
    with pytest.raises(KeyboardInterrupt):
        save_state(tmp_path, "it", {"epoch": 2})
    assert load_state(tmp_path, "it") == {"epoch": 1}
    assert [file.name for file in tmp_path.iterdir()] == ["state.pt"]
