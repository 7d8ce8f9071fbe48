"""``acrank score --budget`` as a user calls it; nothing but models makes its clock go."""

import csv
import io
import json
import time
from pathlib import Path

import pytest

from acrank.results import ModelResult
from acrank.runners.model import Candidate, ModelRunner
from tests.cli.test_score import Acrank, acrank, images, save_network, write_zoo

__all__ = ["acrank", "images"]  # fixtures

# Samples of 8, 16 and 32 images.
SMALL = ("--samples", "32", "--batch-size", "4")
DEMO = ("score", "--data", "demo", "--zoo", "demo", "--rank-by", "ac_corr", *SMALL)
# Seconds that a made-up model takes for an image: 1000 for the smallest sample. What passes for
# other reasons in a test is nothing beside it.
AN_IMAGE = 125.0


class Clock:
    """Stands still but for models."""

    def __init__(self) -> None:
        self.seconds = time.perf_counter()

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """Every model takes the same time for an image; what was kept takes none."""
    clock, finish = Clock(), ModelRunner.finish

    def slowly(runner: ModelRunner, prepared: Candidate) -> ModelResult:
        result = finish(runner, prepared)
        if result.kept:
            return result
        seconds = AN_IMAGE * len(runner.context.sample)
        clock.seconds += seconds
        return result.with_seconds(seconds)

    monkeypatch.setattr(ModelRunner, "finish", slowly)
    monkeypatch.setattr("acrank.runners.budget.within.now", clock)
    return clock


def rows_of(text: str) -> list[dict[str, str]]:
    rows = list(csv.DictReader(io.StringIO(text)))
    for row in rows:
        del row["seconds"]
    return rows


def test_a_large_budget_gives_the_table_of_none(acrank: Acrank, tmp_path: Path) -> None:
    some = ("--samples", "40", "--model", "demo-[cu]*", "--bootstrap", "5")
    run = (*DEMO, *some, "--metric", "log_me,ncti", "--format", "csv", "--fresh")
    for by in ("ac_corr", "consensus"):
        without = acrank(*run, "--rank-by", by)
        within = acrank(*run, "--rank-by", by, "--budget", "1h", "--json", "out.json")
        assert (without.returncode, within.returncode) == (0, 0), within.stderr
        assert rows_of(within.stdout) == rows_of(without.stdout)
        assert "dropped" not in within.stderr
        budget = json.loads((tmp_path / "out.json").read_text())["budget"]
        assert budget["seconds"] == 3600
        assert 0 < budget["spent"] < 3600
        assert [entry["dropped"] for entry in budget["rounds"]] == [0, 0]


def test_all_models_go_on_as_soon_as_they_are_seen_to_fit(acrank: Acrank, tmp_path: Path) -> None:
    done = acrank(*DEMO, "--budget", "1h", "--json", "out.json")
    assert done.returncode == 0, done.stderr
    rounds = json.loads((tmp_path / "out.json").read_text())["budget"]["rounds"]
    assert [(r["samples"], r["models"], r["finished"]) for r in rounds] == [
        (8, 10, 3),
        (32, 10, 10),
    ]
    assert "note: round 1 (8 of 32 images): 10 models" in done.stderr
    assert "note: the last round (32 images): 10 models" in done.stderr
    assert "[9/9]" in done.stderr  # every round counts anew; one model has been tried out


@pytest.mark.usefixtures("clock")
def test_a_small_budget_drops_models_and_says_so(acrank: Acrank, tmp_path: Path) -> None:
    # The trial takes 5000 s, five more models of round 1 as many, three of the last round 12000.
    # A seventh model would leave too little for those that go on.
    done = acrank(*DEMO, "--budget", "24500", "--csv", "out.csv", "--json", "out.json")
    assert done.returncode == 0, done.stderr
    rows = rows_of((tmp_path / "out.csv").read_text())
    assert len(rows) == 10
    # the one that was tried out, the fifth, is ranked too
    assert [row["status"] for row in rows] == ["ok"] * 4 + ["dropped"] * 6
    assert [row["rank"] for row in rows] == ["1", "2", "3", "4"] + [""] * 6
    after = "after round 1 (8 of 32 images): place {} of 6, 3 went on"
    never = "not reached in the budget (6 of 10 models were)"
    expected = [after.format(4), after.format(6), *[never] * 4]
    assert [row["reason"] for row in rows[4:]] == expected
    assert all(row["ac_corr"] and not row["score"] for row in rows[4:6])
    assert (
        "Budget of 6h48m20s: 6 of 10 models dropped (2 on fewer images, 4 not reached)"
        in done.stderr
    )
    assert "dropped: after round 1" in done.stdout
    assert "their numbers come from fewer images" in done.stdout
    document = json.loads((tmp_path / "out.json").read_text())
    assert document["budget"]["trial"] == {"model": "demo-blood-cells", "seconds": 5000}
    assert document["budget"]["rounds"] == [
        {"samples": 8, "models": 10, "finished": 6, "dropped": 6, "seconds": 5000},
        {"samples": 32, "models": 4, "finished": 4, "dropped": 0, "seconds": 12000},
    ]
    assert 21000 < document["budget"]["spent"] < 24500
    assert document["dataset"]["sampled"] == 32
    dropped = [model for model in document["models"] if model["status"] == "dropped"]
    assert len(dropped[0]["trials"]["ac_corr"]) == 2  # batches of its small sample
    assert any("6 of 10 models dropped" in text for text in document["warnings"])


@pytest.mark.usefixtures("clock")
def test_a_dropped_model_has_no_rank_which_strict_minds(acrank: Acrank) -> None:
    assert acrank(*DEMO, "--budget", "24500", "--strict").returncode == 3


def test_a_repeated_command_goes_on_where_the_time_was_over(acrank: Acrank, clock: Clock) -> None:
    def ranked() -> list[str]:
        clock.seconds = time.perf_counter()
        done = acrank(*DEMO, "--budget", "24500", "--format", "csv")
        assert done.returncode == 0, done.stderr
        return [row["model"] for row in rows_of(done.stdout) if row["rank"]]

    first = ranked()
    second = ranked()
    assert len(first) == 4
    assert set(second) > set(first)


@pytest.mark.usefixtures("clock")
def test_one_model_is_finished_in_any_case(acrank: Acrank) -> None:
    done = acrank(*DEMO, "--budget", "1s", "--format", "csv")
    assert done.returncode == 0, done.stderr
    rows = rows_of(done.stdout)
    assert [row["status"] for row in rows] == ["ok"] + ["dropped"] * 9
    assert "more than the budget of 1s" in done.stderr


@pytest.mark.usefixtures("clock")
def test_if_all_that_run_fail_the_rows_say_so_and_it_is_exit_4(
    acrank: Acrank, images: Path, tmp_path: Path
) -> None:
    entry = save_network(tmp_path, channels=[8, 8, 8, 8], layers=[1, 1, 1, 1])
    missing = [{**entry, "name": name, "weights": "nowhere.safetensors"} for name in "mn"]
    zoo = write_zoo(tmp_path, *missing, *({**entry, "name": name} for name in "ab"))
    run = ("score", "--data", str(images), "--zoo", zoo, *SMALL, "--format", "csv")
    done = acrank(*run, "--budget", "1s")
    assert done.returncode == 4
    rows = {row["model"]: row for row in rows_of(done.stdout)}
    assert {name: row["status"] for name, row in rows.items()} == {
        "a": "dropped",
        "b": "dropped",
        "m": "failed",
        "n": "failed",
    }
    assert "not reached in the budget" in rows["a"]["reason"]
    assert acrank(*run, "--budget", "9h").returncode == 3


@pytest.mark.usefixtures("clock")
def test_an_interrupt_ranks_what_is_finished(
    acrank: Acrank, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    prepare_finish, count = ModelRunner.finish, 0

    def stop(runner: ModelRunner, prepared: Candidate) -> ModelResult:
        nonlocal count
        count += 1
        if count == 5:
            raise KeyboardInterrupt
        return prepare_finish(runner, prepared)

    monkeypatch.setattr(ModelRunner, "finish", stop)
    done = acrank(*DEMO, "--budget", "24500", "--csv", "out.csv", "--json", "out.json")
    assert done.returncode == 130
    rows = rows_of((tmp_path / "out.csv").read_text())
    assert [row["status"] for row in rows] == ["ok"] * 3  # one of them was run twice
    assert "the ranking is of round 1 (8 of 32 images)" in done.stderr
    assert json.loads((tmp_path / "out.json").read_text())["dataset"]["sampled"] == 8


@pytest.mark.usefixtures("clock")
def test_features_are_those_of_the_full_sample(acrank: Acrank, tmp_path: Path) -> None:
    done = acrank(*DEMO, "--budget", "24500", "--features", "features", "--format", "csv")
    assert done.returncode == 0, done.stderr
    ranked = [row["model"] for row in rows_of(done.stdout) if row["rank"]]
    assert sorted(path.stem for path in (tmp_path / "features").iterdir()) == sorted(ranked)
