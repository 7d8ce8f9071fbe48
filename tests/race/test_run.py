"""A whole choice on small images: its result, its folder, and how it goes on after a stop."""

from __future__ import annotations

import itertools
import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import timm
import yaml

import acrank.zoo
from acrank.errors import ConfigError, DataError, NotScoredError
from acrank.finetuning.config import FinetuneConfig
from acrank.finetuning.run import finetune
from acrank.race.announce import what_fits
from acrank.race.config import make_choose_config
from acrank.race.plan import Plan
from acrank.race.result import Choice, standing_record
from acrank.race.run import best_so_far, choose
from acrank.runners.callbacks import Callback
from acrank.utils.duration import duration_text
from tests.race.conftest import FAST


class Said(Callback):
    """Keeps what was said."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def message(self, text: str) -> None:
        self.lines.append(text)


TIMED = {"threads": 1, "median_ms": 1.0}


class Timed:
    """The latency of a network, which takes a process of its own to measure."""

    def record(self) -> dict[str, Any]:
        return TIMED


@pytest.fixture(autouse=True, scope="module")
def _no_timing() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("acrank.race.winner.measure_latency", lambda *_, **__: Timed())
        patch.setattr("acrank.race.plan.STEPS", 1)  # two rungs of a few steps
        patch.setattr("acrank.finetuning.run.BETWEEN", 0.0)  # each epoch is kept
        yield


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ACRANK_CACHE", str(tmp_path / "cache"))


def run(data: Path, output: Path, *, said: Said | None = None, **settings: Any) -> Choice:
    """Choose without workers."""
    config = make_choose_config({"data": str(data), **FAST, **settings})
    said = said or Said()
    return choose(config, output, say=said.message, callback=said)


def outcome(choice: Choice) -> dict[str, Any]:
    """What must be the same however often a choice was stopped: everything but times."""
    standings = []
    for one in choice.standings:
        record = standing_record(one)
        for lap in record["laps"]:
            del lap["seconds"]
        del record["seconds"], record["full_seconds"]
        standings.append(record)
    judged = choice.judged
    return {
        "chosen": choice.chosen.arm,
        "standings": standings,
        "judged": (judged.value, judged.low, judged.high, judged.images, judged.bias),
        "early": choice.early,
    }


@pytest.fixture(scope="module")
def done(_no_timing: None, stripes: Path, tmp_path_factory: pytest.TempPathFactory) -> Choice:
    """A choice that nobody stopped."""
    with pytest.MonkeyPatch.context() as patch:
        folder = tmp_path_factory.mktemp("done")
        patch.setenv("ACRANK_CACHE", str(folder / "cache"))
        return run(stripes, folder / "chosen")


def test_a_choice_leaves_a_network_that_timm_loads(done: Choice) -> None:
    assert (done.folder / "model.safetensors").is_file()
    model = timm.create_model(f"local-dir:{done.folder}", pretrained=True)
    assert model.num_classes == 2
    assert done.finetuned.record["config"]["method"] == done.chosen.arm.method


def test_the_chosen_arm_comes_first_and_others_by_place(done: Choice) -> None:
    assert done.chosen.status == "chosen"
    assert done.chosen.reason
    places = [one.place for one in done.standings[1:] if one.place is not None]
    assert places == sorted(places)
    assert sum(one.p_best or 0 for one in done.standings) == pytest.approx(1.0)
    assert done.chosen.behind == pytest.approx(0)
    assert len(done.standings) == 6
    assert [rung.words for rung in done.rungs] == [
        "2 epochs, own image size",
        "the full 6 epochs, own image size",
    ]


def test_models_race_in_several_ways_and_the_best_is_fine_tuned_in_all(
    stripes: Path, tmp_path: Path
) -> None:
    methods = ("full", "head", "ac-norm", "bn-only")
    found = run(stripes, tmp_path / "chosen", methods=methods, lrs=(0.01, 0.003), epochs=2)
    laps = {one.arm: [lap.rung for lap in one.laps] for one in found.standings}
    raced = {(arm.method, arm.lr) for arm, rungs in laps.items() if 1 in rungs}
    assert raced == {("full", 0.01), ("full", 0.003), ("head", 0.01)}
    full = [one for one in found.standings if one.laps and one.laps[-1].rung == 2]
    assert {one.status for one in full} == {"chosen", "raced"}
    ways = {(m, lr) for m in methods for lr in (0.01, 0.003)}
    best = {one.arm.model for one in full if one.arm.method == "bn-only"}
    assert len(best) == 1
    assert {(one.arm.method, one.arm.lr) for one in full if {one.arm.model} == best} == ways
    assert all(len(one.laps[-1].curve) == 2 for one in full)
    skipped = {one.reason for one in found.standings if one.status == "skipped"}
    assert skipped == {"only the best model was fine-tuned in this way"}


def test_test_images_judge(done: Choice) -> None:
    judged = done.judged
    assert judged.how == "test"
    assert judged.images == 12
    assert judged.value == done.finetuned.record["test"]["balanced_accuracy"]
    assert judged.low is not None
    assert judged.high is not None
    assert judged.low <= (judged.value or 0) <= judged.high
    assert judged.bias is not None


def test_what_fitted_is_told_with_the_time_that_it_took(done: Choice) -> None:
    assert f"in about {duration_text(done.times['race'])}," in done.plan[0]
    assert "the best 2 fine-tuned fully" in done.plan[0]


def test_no_more_are_promised_than_race(done: Choice) -> None:
    arms = tuple(one.arm for one in done.standings[:2])
    plan = Plan(done.rungs[:1], arms, (2,), 0, {}, {"race": 1.0, "final": 1.0})
    config = make_choose_config({"data": "demo", **FAST, "finalists": 50})
    assert "the best 2 fine-tuned fully" in what_fits(done.ranking, plan, config, True)[0]


def test_full_fine_tunings_say_what_an_epoch_takes(done: Choice) -> None:
    kept = [json.loads(file.read_text()) for file in (done.folder / "race").glob("full-*.json")]
    assert kept
    assert all(0 < one["epoch"] < one["seconds"] for one in kept)


def test_a_measure_that_the_validation_images_do_not_define_is_refused(
    stripes: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("acrank.finetuning.classes.ClassTuning.is_defined", lambda *_: False)
    with pytest.raises(DataError, match="--measure auroc is not defined on the 6 validation"):
        run(stripes, tmp_path / "chosen", measure="auroc")


def test_a_finished_choice_is_kept(done: Choice, stripes: Path) -> None:
    again = run(stripes, done.folder)
    assert again.finetuned.kept
    assert outcome(again) == outcome(done)
    assert again.times == done.times
    assert again.latency == TIMED


class Stopped(BaseException):
    """Stands for a signal that kills the process."""


def epochs_of(choice: Choice) -> int:
    """The epochs that a choice has trained for: laps are the beginnings of full fine-tunings."""
    return sum(max((len(lap.curve) for lap in one.laps), default=0) for one in choice.standings)


def test_the_race_changes_nothing_about_the_fine_tuning_of_the_winner(
    done: Choice, tmp_path: Path
) -> None:
    config = FinetuneConfig.model_validate(done.finetuned.record["config"])
    alone = finetune(config, tmp_path / "alone")
    assert alone.record["val"] == done.finetuned.record["val"]
    assert alone.record["test"] == done.finetuned.record["test"]
    files = [folder / "model.safetensors" for folder in (done.folder, tmp_path / "alone")]
    assert files[0].read_bytes() == files[1].read_bytes()


def test_no_epoch_is_trained_twice(
    done: Choice, stripes: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from acrank.finetuning.loop import Training

    counted, trained = itertools.count(), Training.run_epoch

    def count(self: Training) -> Any:
        next(counted)
        return trained(self)

    monkeypatch.setattr(Training, "run_epoch", count)
    assert outcome(run(stripes, tmp_path / "chosen")) == outcome(done)
    assert next(counted) == epochs_of(done)


# Images that are larger than those of the race.
LARGE: dict[str, Any] = {
    "image_size": 128,
    "race_size": 96,
    "models": ("demo-mixed", "demo-cifar10"),
}


def test_races_of_smaller_images_are_short_trainings_of_their_own(
    stripes: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from acrank.finetuning.loop import Training

    found = run(stripes, tmp_path / "chosen", **LARGE)
    assert [rung.words for rung in found.rungs] == [
        "1 epoch, 96 pixels",
        "2 epochs, 96 pixels",
        "the full 6 epochs, own image size",
    ]
    laps = {lap.rung: lap for lap in found.chosen.laps}
    assert laps[min(laps)].image_size == (96, 96)
    assert len(laps[3].curve) == 6

    # killed in the second rung, it ends the same
    counted, trained = itertools.count(1), Training.run_epoch

    def stop(self: Training) -> Any:
        if next(counted) == 6:
            raise Stopped
        return trained(self)

    monkeypatch.setattr(Training, "run_epoch", stop)
    with pytest.raises(Stopped):
        run(stripes, tmp_path / "again", **LARGE)
    assert outcome(run(stripes, tmp_path / "again", **LARGE)) == outcome(found)


@pytest.mark.parametrize("after", [1, 4, 7, 12, 20])
def test_a_choice_that_was_killed_ends_the_same(
    done: Choice, stripes: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, after: int
) -> None:
    """It is stopped in the middle of an epoch, with nothing to clean up after itself."""
    from acrank.finetuning.loop import Training

    counted, trained = itertools.count(1), Training.run_epoch

    def stop(self: Training) -> Any:
        if next(counted) == after:
            raise Stopped
        return trained(self)

    monkeypatch.setattr(Training, "run_epoch", stop)
    with pytest.raises(Stopped):
        run(stripes, tmp_path / "chosen")
    assert outcome(run(stripes, tmp_path / "chosen")) == outcome(done)
    # an epoch is trained twice only if it was not finished
    assert next(counted) - 1 <= epochs_of(done) + 1


def test_what_leads_is_there_before_the_end(
    stripes: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop(*_: Any, **__: Any) -> Any:
        raise Stopped

    monkeypatch.setattr("acrank.race.rungs.WORTH", 0.0)
    monkeypatch.setattr("acrank.finetuning.run.finetune", stop)
    with pytest.raises(Stopped):
        run(stripes, tmp_path / "chosen")
    said = best_so_far(tmp_path / "chosen")
    assert said.startswith("best so far: demo-")
    folder = Path(said.rpartition("local-dir:")[2])
    assert timm.create_model(f"local-dir:{folder}", pretrained=True).num_classes == 2


def test_what_leads_is_told_before_the_first_rung_ends(
    stripes: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from acrank.race import laps

    counted, ran = itertools.count(1), laps._run

    def stop(job: Any) -> Any:
        if next(counted) == 2:
            raise Stopped
        return ran(job)

    monkeypatch.setattr(laps, "_run", stop)
    with pytest.raises(Stopped):
        run(stripes, tmp_path / "chosen")
    assert "after 2 epochs" in best_so_far(tmp_path / "chosen")


def test_the_chosen_network_is_there_before_it_is_judged(
    stripes: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop(*_: Any, **__: Any) -> Any:
        raise Stopped

    monkeypatch.setattr("acrank.race.choosing.judge_by_folds", stop)
    with pytest.raises(Stopped):
        run(stripes / "train", tmp_path / "chosen", folds=2, epochs=2, methods=("head",))
    assert best_so_far(tmp_path / "chosen").endswith(f"local-dir:{tmp_path / 'chosen'}")


def test_without_test_images_folds_judge(stripes: Path, tmp_path: Path) -> None:
    found = run(stripes / "train", tmp_path / "chosen", folds=2, epochs=2)
    assert found.judged.how == "folds"
    assert found.judged.images == 24
    assert "without the images of the fold" in found.judged.told[0]
    assert "(2)" in found.judged.told[1] or "(1); " in found.judged.told[1]
    assert "on the 6 validation images that chose it" in found.judged.told[-1]


def test_folds_of_a_single_arm_do_not_speak_of_choosing(stripes: Path, tmp_path: Path) -> None:
    one: dict[str, Any] = {"models": ("demo-mixed",), "methods": ("full",), "epochs": 2}
    found = run(stripes / "train", tmp_path / "chosen", folds=2, **one)
    assert found.judged.how == "folds"
    assert "the chosen arm was fine-tuned fully without" in found.judged.told[0]
    assert not any("chosen by the folds" in line for line in found.judged.told)


def test_without_folds_the_result_is_said_to_be_too_high(stripes: Path, tmp_path: Path) -> None:
    found = run(stripes / "train", tmp_path / "chosen", folds=0, epochs=2)
    assert found.judged.how == "validation"
    assert "too high by choosing" in found.judged.told[0]


def test_other_settings_are_refused_and_fresh_starts_again(done: Choice, stripes: Path) -> None:
    with pytest.raises(ConfigError, match="another choice"):
        run(stripes, done.folder, seed=1)


def test_too_short_a_budget_says_what_it_takes(stripes: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="too short") as caught:
        run(stripes, tmp_path / "chosen", budget=0.01)
    assert "--budget" in (caught.value.hint or "")
    assert caught.value.exit_code == 2


def test_a_lap_that_shows_that_nothing_fits_is_a_budget_that_is_too_short(
    stripes: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The look took no time, and the first lap of one epoch takes two thirds of the budget."""
    from acrank.race import laps

    now, ran = [0.0], laps._run

    def slow(job: Any) -> Any:
        now[0] += 20.0
        done = ran(job)
        return replace(done, epoch=20.0)

    monkeypatch.setattr(laps, "_run", slow)
    config = make_choose_config({"data": str(stripes), **FAST, "budget": 30})
    said = Said()
    with pytest.raises(ConfigError, match="too short"):
        choose(config, tmp_path / "chosen", say=said.message, callback=said, clock=lambda: now[0])
    assert any(line.startswith("rung 1") for line in said.lines)


def test_more_time_looks_at_candidates_that_less_had_no_time_for(
    stripes: Path, tmp_path: Path
) -> None:
    with pytest.raises(ConfigError, match="too short"):
        run(stripes, tmp_path / "chosen", budget=0.01, epochs=2, methods=("head",))
    found = run(stripes, tmp_path / "chosen", budget="1h", epochs=2, methods=("head",))
    assert not found.ranking.count("dropped")


@pytest.fixture
def trouble(tmp_path: Path) -> Path:
    """A zoo with a model that cannot be loaded beside two good ones."""
    folder = tmp_path / "zoo"
    shutil.copytree(Path(acrank.zoo.__file__).parent / "demo", folder)
    file = folder / "zoo.yaml"
    listed = yaml.safe_load(file.read_text())
    models = [one for one in listed["models"] if one["name"] in ("demo-mixed", "demo-cifar10")]
    broken = {**models[0], "name": "broken", "weights": "absent.safetensors"}
    file.write_text(yaml.safe_dump({**listed, "models": [*models, broken]}))
    return file


def test_a_broken_model_costs_a_row(stripes: Path, tmp_path: Path, trouble: Path) -> None:
    said = Said()
    found = run(stripes, tmp_path / "chosen", said=said, zoo=str(trouble), models=(), epochs=2)
    rows = {row.result.model: row.result for row in found.ranking.rows}
    assert rows["broken"].status == "failed"
    assert found.chosen.arm.model.startswith("demo-")


def test_an_arm_that_diverges_is_one_row(stripes: Path, tmp_path: Path) -> None:
    found = run(stripes, tmp_path / "chosen", lrs=(0.01, 1e9), methods=("full",), epochs=2)
    wild = [one for one in found.standings if one.arm.lr > 1]
    assert wild
    assert {one.status for one in wild if one.laps} == {"failed"}
    assert all("the loss was" in one.reason for one in wild if one.laps)
    assert found.chosen.arm.lr == 0.01


def test_if_every_arm_fails_it_says_why(stripes: Path, tmp_path: Path) -> None:
    with pytest.raises(NotScoredError, match="No arm could be fine-tuned"):
        run(stripes, tmp_path / "chosen", lrs=(1e30,), methods=("full",), epochs=2)


def test_all_parts_of_a_choice_share_one_cluster(
    stripes: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    entered: list[bool] = []

    @contextmanager
    def engaged(*_: Any) -> Iterator[None]:
        entered.append(True)
        yield
        entered.append(False)

    class Looked(Said):
        def start(self, total: int) -> None:
            assert entered == [True]

    monkeypatch.setattr("acrank.runners.tasks.Tasks.engaged", engaged)
    run(stripes, tmp_path / "chosen", said=Looked(), epochs=1, methods=("head",))
    assert entered == [True, False]


@pytest.mark.parametrize("place", ["train/chosen", "train/across/chosen"])
def test_a_folder_among_the_images_is_refused_before_it_is_made(stripes: Path, place: str) -> None:
    with pytest.raises(ConfigError, match="is among the images"):
        run(stripes / "train", stripes / place)
    assert not (stripes / place).exists()


def test_nothing_is_left_of_a_choice_that_cannot_begin(stripes: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError):
        run(tmp_path / "absent", tmp_path / "chosen")
    assert not (tmp_path / "chosen").exists()


class Slow:
    """A clock by which everything takes a hundred times as long."""

    def __init__(self) -> None:
        import time

        self.now = time.perf_counter

    def __call__(self) -> float:
        return 100 * self.now()


def test_a_budget_is_kept_to_by_dropping_arms(stripes: Path, tmp_path: Path) -> None:
    config = make_choose_config({"data": str(stripes), **FAST, "budget": "1h"})
    said = Said()
    found = choose(config, tmp_path / "chosen", say=said.message, callback=said, clock=Slow())
    assert sum(found.times.values()) <= 1.2 * 3600
    assert found.chosen.status == "chosen"


def test_the_journal_holds_json_alone(done: Choice) -> None:
    files = [*(done.folder / "race").glob("*.json")]
    assert files
    for file in files:
        json.loads(file.read_text())
