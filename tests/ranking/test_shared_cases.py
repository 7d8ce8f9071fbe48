"""The case of many classes with an image each, where the folder of shared cases is at hand."""

from pathlib import Path

import pytest

import acrank

MODELS = ("demo-magnetic-tile", "demo-rotation", "demo-mixed")


@pytest.mark.parametrize(("samples", "seed"), [(64, 0), (64, 1), (96, 0)])
def test_labels_of_chance_crown_nobody(shared: Path, samples: int, seed: int) -> None:
    """Of 96 images in 64 classes, half of the classes have one."""
    data = shared / "cases" / "data" / "many_classes_random" / "data"
    if not data.is_dir():
        pytest.skip("the case is not at hand")
    ranking = acrank.rank(
        data, zoo="demo", models=MODELS, samples=samples, seed=seed, threads=1, fresh=True
    )
    for row in ranking.rows:
        assert (row.low, row.p_best, row.tie_group) == (None, None, None)
        assert "classes have one image" in row.result.guards["log_me"]["few-images"]
    assert "The variation of log_me is unknown (few-images: " in ranking.warnings[-1]


def test_two_images_a_class_tie_what_chance_has_ordered(shared: Path) -> None:
    data = shared / "cases" / "data" / "many_classes_random" / "data"
    if not data.is_dir():
        pytest.skip("the case is not at hand")
    ranking = acrank.rank(data, zoo="demo", models=MODELS, samples=128, threads=1, fresh=True)
    for row in ranking.rows:
        assert row.low is not None
        assert row.high is not None
        assert row.low < row.high
    assert {row.tie_group for row in ranking.rows} == {1}
