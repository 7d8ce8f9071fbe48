"""What is said of the images that the chosen network was judged on."""

from __future__ import annotations

from pathlib import Path

from acrank.finetuning.result import Finetuned
from acrank.race.config import ChooseConfig
from acrank.race.judging import judged_by_test, judged_by_validation
from acrank.race.laps import Ran


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
