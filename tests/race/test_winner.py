"""The network of the winner in the folder of the choice: whole, alone, and its own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from acrank.finetuning.state import RECORD, STATE
from acrank.race import winner
from acrank.race.config import make_choose_config
from acrank.race.journal import Journal
from acrank.race.laps import Job
from acrank.race.running import Running
from acrank.race.winner import Finish

FILES = ("config.json", "log.csv", "model.safetensors", RECORD)


class Stopped(BaseException):
    """Stands for a signal that kills the process."""


@pytest.fixture
def finish(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Finish:
    config = make_choose_config({"data": "demo", "zoo": "demo"})
    race = tmp_path / "chosen" / "race"
    running = Running(config, Journal(race, "identity"), race, 1e9, lambda line: None, "accuracy")

    def finetune(config: Any, output: Path, **_: Any) -> Any:
        from acrank.finetuning.result import Finetuned

        return Finetuned(output, {}, ())

    monkeypatch.setattr(winner, "finetune", finetune)
    return Finish(running, tmp_path / "chosen")


def job_of(finish: Finish, name: str) -> Job:
    config = finish.running.config.finetuning(model=name, method="full", lr=0.01)
    folder = finish.running.folder / "full" / name
    folder.mkdir(parents=True)
    for file in FILES:
        (folder / file).write_text(name)
    return Job(f"full-{name}", name, config, folder)


@pytest.mark.parametrize("moved", range(len(FILES)))
def test_a_network_that_was_half_moved_is_moved_on(
    finish: Finish, monkeypatch: pytest.MonkeyPatch, moved: int
) -> None:
    job, replace, left = job_of(finish, "a"), Path.replace, [moved]

    def stop(self: Path, target: Path) -> Path:
        if self.parent == job.folder:
            if not left[0]:
                raise Stopped
            left[0] -= 1
        return replace(self, target)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", stop)
        with pytest.raises(Stopped):
            finish.leave(job, kept=False)
    finish.leave(job, kept=True)
    assert {file: (finish.output / file).read_text() for file in FILES} == dict.fromkeys(FILES, "a")


def test_nothing_of_another_network_is_left_beside_the_new_one(finish: Finish) -> None:
    finish.leave(job_of(finish, "a"), kept=False)
    old = ("choice.json", "choice.html", "model.onnx", STATE)
    for file in old:
        (finish.output / file).write_text("a")
    finish.leave(job_of(finish, "b"), kept=False)
    assert not any((finish.output / file).exists() for file in old)
    assert {(finish.output / file).read_text() for file in FILES} == {"b"}


def test_the_report_of_the_same_network_stays(finish: Finish) -> None:
    job = job_of(finish, "a")
    finish.leave(job, kept=False)
    (finish.output / "choice.json").write_text("a")
    finish.leave(job, kept=True)
    assert (finish.output / "choice.json").is_file()


def test_each_network_is_timed_itself(finish: Finish, monkeypatch: pytest.MonkeyPatch) -> None:
    class Timed:
        made = 0

        def record(self) -> dict[str, Any]:
            Timed.made += 1
            return {"median_ms": Timed.made}

    monkeypatch.setattr(winner, "measure_latency", lambda *_, **__: Timed())
    first, second = job_of(finish, "a"), job_of(finish, "b")
    assert [finish.latency(job)[0]["median_ms"] for job in (first, second, first)] == [1, 2, 1]
