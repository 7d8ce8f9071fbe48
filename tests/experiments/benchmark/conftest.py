"""Experiments without worker processes."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from acrank.config import RunConfig
from acrank.experiments.benchmark.jobs import Job, Outcome, tune
from acrank.results import Ranking
from acrank.runners.callbacks import Callback
from acrank.runners.rank import rank_zoo


@pytest.fixture
def in_this_process(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Fine-tunings and scorings without workers, whose start is what takes time."""

    def tuned(tasks: object, jobs: Sequence[Job], counted: Any) -> Iterator[Outcome]:
        for job in jobs:
            counted(outcome := tune(job))
            yield outcome

    def score(config: RunConfig, callback: Callback) -> Ranking:
        return rank_zoo(config.model_copy(update={"jobs": None}), callback, store=tmp_path / "kept")

    monkeypatch.setattr("acrank.experiments.benchmark.run._run", tuned)
    monkeypatch.setattr("acrank.experiments.benchmark.run.rank_zoo", score)
