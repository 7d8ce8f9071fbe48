"""What is said of the images that the chosen network was judged on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from acrank.finetuning.result import Finetuned
from acrank.race.config import ChooseConfig, make_choose_config
from acrank.race.journal import Journal
from acrank.race.judging import judge_by_folds, judged_by_test, judged_by_validation
from acrank.race.laps import Job, Ran
from acrank.race.result import Arm, Judged
from acrank.tasks.registry import TASKS
from tests.race.conftest import FAST


def ran(inner: list[float], outer: list[float]) -> Ran:
    """A full fine-tuning with outcomes on validation and test images."""
    return Ran(
        "final",
        measure="accuracy",
        value=sum(inner) / len(inner),
        each=tuple(inner),
        test=tuple(outer),
    )


def done(value: float) -> Finetuned:
    record = {"test": {"accuracy": value}, "val": {"accuracy": value}}
    return Finetuned(Path("chosen"), record, ())


def test_test_images_of_another_kind_are_told() -> None:
    good, bad = [1.0] * 90 + [0.0] * 10, [1.0] * 40 + [0.0] * 60
    found = judged_by_test(ran(good, bad), done(0.4), 100, 20)
    assert found.told[1].endswith("it reached 0.900, 50.0 points more than on the test images")
    assert "the test images may be of another kind" in found.told[2]
    same = judged_by_test(ran(good, good), done(0.9), 100, 1)
    assert len(same.told) == 2
    assert "among 1 arm and" in same.told[1]


def test_volumes_are_called_volumes() -> None:
    found = judged_by_test(ran([0.7] * 4, [0.7] * 9), done(0.7), 9, 3, "volumes")
    assert "images" not in " ".join(found.told)
    few = judged_by_validation(
        ran([0.7] * 4, []), done(0.7), 4, 3, "there are no test volumes", "volumes"
    )
    assert "the result on the 4 validation volumes" in few.told[0]


def test_the_look_uses_no_more_images_than_are_to_be_used() -> None:
    config = ChooseConfig(data="scans", samples=120)
    assert config.scoring(None).samples == 120
    assert ChooseConfig(data="scans", samples=1000).scoring(None).samples == 256
    assert ChooseConfig(data="scans").scoring(None).samples == 256


def test_folds_of_another_number_are_not_taken_for_these(stripes: Path, tmp_path: Path) -> None:
    """A longer budget may have time for three folds where two were run."""
    config = make_choose_config({**FAST, "data": str(stripes / "train")}).for_task(
        TASKS["classification"]
    )
    journal, ran_jobs = Journal(tmp_path / "race", "identity"), list[Job]()

    def play(jobs: Sequence[Job]) -> list[Ran]:
        ran_jobs.extend(jobs)
        return [
            replace(ran([1.0, 0.0], [1.0]), key=job.key, measure=config.measure) for job in jobs
        ]

    def judged(count: int) -> Judged:
        arms = [Arm("demo-mixed", "full", 0.01)]
        rest = (journal, tmp_path / "folds", play, lambda line: None, ran([1.0], []))
        return judge_by_folds(config, TASKS["classification"], arms, count, *rest)

    assert judged(2).images == 2
    assert judged(3).images == 3
    assert len({job.key for job in ran_jobs}) == len({job.folder for job in ran_jobs}) == 5
    assert len({job.config.data for job in ran_jobs}) == 5
    judged(3)
    assert len(ran_jobs) == 5


def test_a_fold_in_which_the_loss_stands_for_the_measure_is_no_part_of_its_mean(
    stripes: Path, tmp_path: Path
) -> None:
    config = make_choose_config({**FAST, "data": str(stripes / "train")}).for_task(
        TASKS["classification"]
    )

    def play(jobs: Sequence[Job]) -> list[Ran]:
        first = replace(ran([0.5], [0.5]), key=jobs[0].key, measure=config.measure)
        return [first, replace(ran([-2.0], [-2.0]), key=jobs[1].key, measure="loss")]

    found = judge_by_folds(
        config,
        TASKS["classification"],
        [Arm("demo-mixed", "full", 0.01)],
        2,
        Journal(tmp_path / "race", "identity"),
        tmp_path / "folds",
        play,
        lambda line: None,
        ran([1.0], []),
    )
    assert found.value == 0.5
    assert "1 fold gave no result" in found.told
