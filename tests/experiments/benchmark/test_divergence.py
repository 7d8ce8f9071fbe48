"""Networks that diverge in an experiment: the reason is in their row, whatever the data are."""

import csv
from pathlib import Path

import pytest

from acrank.experiments.benchmark.config import make_benchmark_config
from acrank.experiments.benchmark.jobs import tune
from acrank.experiments.benchmark.run import experiment
from tests.finetuning.diverging import KINDS, SETTINGS, STEPS, write_kind, write_zoo

IN_VALIDATION = "the outputs on validation images were not finite in epoch"


@pytest.mark.parametrize("kind", KINDS)
def test_the_reason_is_in_the_row(kind: str, tmp_path: Path, in_this_process: None) -> None:
    settings = {
        **{"data": (str(write_kind(tmp_path / kind, kind)),), "metrics": ("params",)},
        **{"zoo": str(write_zoo(tmp_path / "zoo.yaml", kind, first=1, later=STEPS + 1, fine=999))},
        **{"epochs": 3, "seeds": 1, "lrs": (0.01,), "threads": 1, "trust_code": True},
    }
    said: list[str] = []
    given = make_benchmark_config({**SETTINGS[kind], **settings})
    done = experiment(given, tmp_path / "study", say=said.append)
    file = tmp_path / "study" / "cells.csv"
    rows = {row["model"]: row for row in csv.DictReader(file.read_text().splitlines())}
    hint = "A smaller --lr may help."
    reason = f"first: {IN_VALIDATION} 1, before any epoch had finite results. {hint}"
    assert rows["first"]["reason"] == reason
    assert [outcome.reason for outcome in done.failed] == [reason]
    assert rows["later"]["reason"] == rows["fine"]["stopped"] == ""
    assert rows["later"]["stopped"].startswith(IN_VALIDATION)
    assert rows["later"]["stopped"].endswith(hint)
    assert rows["later"]["test_loss"]
    (line,) = [line for line in said if "later" in line]
    assert f"; ended early: {IN_VALIDATION}" in line
    # again: what is finished is kept, and says the same
    (outcome,) = [outcome for outcome in done.outcomes if outcome.stopped]
    again = tune(outcome.job)
    assert (again.kept, again.stopped) == (True, outcome.stopped)


def test_notes_on_the_images_are_told_once(tmp_path: Path, in_this_process: None) -> None:
    data = write_kind(tmp_path / "images", "images")
    for file in [*data.rglob("*.png")]:
        for number in range(3):
            file.with_name(f"{number}-{file.name}").write_bytes(file.read_bytes())
    given = make_benchmark_config(
        {
            **{"data": (str(data),), "zoo": "demo", "models": ("demo-mixed", "demo-cifar10")},
            **{"epochs": 1, "seeds": 1, "method": "head", "metrics": ("params",), "threads": 1},
        }
    )
    said: list[str] = []
    experiment(given, tmp_path / "study", say=said.append)
    notes = [line for line in said if line.startswith("note: images: ")]
    assert len(notes) == len(set(notes)) == 3
    assert all("are byte-equal to" in note for note in notes)
    assert sum("test images are byte-equal to training images" in note for note in notes) == 1
