"""The registry of tasks: each is whole, needs no torch to be known, and packages can add theirs."""

import subprocess
import sys
from pathlib import Path

import pytest

from acrank.config import make_config
from acrank.data import known_task
from acrank.data.sources.registry import SOURCES
from acrank.errors import ConfigError
from acrank.experiments.parts.base import Parts, parts_of
from acrank.finetuning.tuning import Tuning, tuning_of
from acrank.tasks.registry import TASKS, every_measure, loaded, task_named
from tests.packages import install

GRADES = """
from dataclasses import replace
from acrank.data.sources.base import DataSource, Recognised, Sure
from acrank.tasks.kinds.classification import CLASSIFICATION

GRADES = replace(CLASSIFICATION, key="grades", name="grading", samples=100)


class Grades(DataSource):
    name = "graded"
    task = "grades"
    written = "graded:FOLDER"

    def recognise(self, spec, *, asked):
        return Recognised("graded images", Sure.WRITTEN) if spec.startswith("graded:") else None

    def open(self, spec, how):
        raise NotImplementedError
"""


@pytest.mark.parametrize("key", list(TASKS))
def test_every_task_is_whole(key: str) -> None:
    task = TASKS[key]
    assert task.key == key
    tuning = tuning_of(task)
    assert isinstance(tuning, Tuning)
    assert tuning.task is task
    assert isinstance(parts_of(task), Parts)
    assert callable(loaded(task.gallery))
    assert callable(loaded(task.figure))
    assert task.monitor in task.measure_keys
    assert task.measure("loss").higher_is_better is False
    assert all(measure.higher_is_better for measure in task.predicted)
    assert key in {source.task for source in SOURCES.values()}


def test_tasks_are_known_without_torch() -> None:
    code = "import sys; from acrank.tasks.registry import TASKS; list(TASKS); "
    code += "assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_measure_means_the_same_for_every_task() -> None:
    known = {measure.key: measure for measure in every_measure()}
    for task in TASKS.values():
        assert all(known[measure.key] == measure for measure in task.measures)


def test_what_no_task_is_called_is_named() -> None:
    assert task_named(None) is task_named("auto") is TASKS["classification"]
    with pytest.raises(ConfigError, match="no task 'clustering'"):
        task_named("clustering")


def test_another_package_brings_a_task(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    points = {
        "acrank.tasks": {"grades": "grades:GRADES"},
        "acrank.data_sources": {"graded": "grades:SOURCE"},
    }
    install(monkeypatch, tmp_path, "grades", points, GRADES + "\n\nSOURCE = Grades()\n")
    for registry in (TASKS, SOURCES):
        registry.forget()
    try:
        assert known_task("graded:scans", "auto") == "grades"
        config = make_config({"data": "graded:scans", "task": "grading"})
        assert config.for_task(TASKS["grades"]).samples == 100
    finally:
        monkeypatch.undo()
        for registry in (TASKS, SOURCES):
            registry.forget()
    with pytest.raises(ConfigError, match="'task' is 'grading'"):
        make_config({"data": "graded:scans", "task": "grading"})
