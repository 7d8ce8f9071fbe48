"""Images in a page: of the run's own sample, few, small, and nothing but pixels."""

import base64
import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from acrank.data import draw_sample, open_target, smaller_sample
from acrank.data.segmentation import (
    SegmentationSample,
    draw_segmentation,
    open_segmentation,
    smaller_segmentation,
)
from acrank.errors import DataError
from acrank.report.html.thumbnails import MOST, SIZE, gallery_again, make_gallery
from acrank.results import Ranking
from tests.data.segmentation import builders as masks
from tests.report.html.builders import make_ranking, record


def write_images(folder: Path, classes: dict[str, int]) -> Path:
    """Grey images; the level tells the class, and EXIF names a patient."""
    for level, (name, count) in enumerate(classes.items()):
        (folder / name).mkdir(parents=True)
        for number in range(count):
            image = Image.new("L", (40, 30), 60 * level + number)
            exif = image.getexif()
            exif[0x010E] = "patient Jane Doe"
            image.save(folder / name / f"jane-doe-{number}.jpg", exif=exif)
    return folder


def ranking_of(sample: Any, **config: Any) -> Ranking:
    told = record(samples=8, batch_size=4, **config)
    told["dataset"] |= {"fingerprint": sample.fingerprint, "sampled": len(sample)}
    return make_ranking(record=told)


def pixels(uri: str) -> np.ndarray[Any, Any]:
    kind, _, encoded = uri.partition(",")
    assert kind == "data:image/jpeg;base64"
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(encoded))))


def test_they_are_of_their_class_and_say_nothing_else(tmp_path: Path) -> None:
    target = open_target(str(write_images(tmp_path / "d", {"<b>": 6, "c": 6})))
    gallery = make_gallery(draw_sample(target, 8, 4, 0))
    assert [(group.name, group.drawn) for group in gallery.classes] == [("<b>", 4), ("c", 4)]
    for group, low in zip(gallery.classes, (0, 60), strict=True):
        assert len(group.images) == 4
        for image in group.images:
            assert pixels(image).shape == (SIZE, SIZE, 3)
            assert low - 2 <= pixels(image).mean() <= low + 8
            assert b"Jane" not in base64.b64decode(image.partition(",")[2])


def test_many_classes_have_few_images_each(tmp_path: Path) -> None:
    classes = {f"class{number}": 2 for number in range(MOST + 4)}
    target = open_target(str(write_images(tmp_path / "d", dict.fromkeys(classes, 2))))
    gallery = make_gallery(draw_sample(target, 2 * (MOST + 4), 50, 0))
    assert len(gallery.classes) == MOST
    assert gallery.left_out == 4
    assert {len(group.images) for group in gallery.classes} == {1}


def test_a_finished_run_s_sample_is_drawn_again(tmp_path: Path) -> None:
    target = open_target(str(write_images(tmp_path / "d", {"a": 9, "b": 9})))
    sample = draw_sample(target, 8, 4, 0)
    moved = (tmp_path / "d").rename(tmp_path / "elsewhere")
    assert gallery_again(ranking_of(sample), str(moved)) == make_gallery(sample)


def test_so_is_that_of_a_budget_which_was_interrupted(tmp_path: Path) -> None:
    folder = write_images(tmp_path / "d", {"a": 9, "b": 9})
    target = open_target(str(folder))
    fewer = smaller_sample(draw_sample(target, 8, 4, 0), target, 4, 4, 0)
    assert gallery_again(ranking_of(fewer), str(folder)) == make_gallery(fewer)


def test_other_images_are_refused(tmp_path: Path) -> None:
    folder = write_images(tmp_path / "d", {"a": 9, "b": 9})
    ranking = ranking_of(draw_sample(open_target(str(folder)), 8, 4, 0))
    other = write_images(tmp_path / "e", {"b": 9, "a": 9})
    with pytest.raises(DataError, match="not those of the result: their fingerprint differs"):
        gallery_again(ranking, str(other))
    with pytest.raises(DataError, match="not those of the result"):
        gallery_again(ranking_of(draw_sample(open_target(str(folder)), 8, 4, 1)), str(folder))


def masked(folder: Path) -> Path:
    return masks.fill(folder, {f"jane-doe-{number}": (0, 1 + number % 2) for number in range(12)})


def of_masks(sample: SegmentationSample, size: int = 64) -> Ranking:
    return ranking_of(sample, task="segmentation", image_size=size)


def test_masks_are_drawn_over_their_images(tmp_path: Path) -> None:
    sample = draw_segmentation(open_segmentation(str(masked(tmp_path / "d"))), 8, 4, 0, 64)
    gallery = make_gallery(sample)
    assert gallery.classes == ()
    assert gallery.overlays is not None
    assert gallery.overlays.classes[0].share == "50.0 %"
    assert len(gallery.overlays.images) == 8
    assert "jane" not in repr(gallery.overlays)


def test_masks_of_a_finished_run_are_drawn_again(tmp_path: Path) -> None:
    folder = masked(tmp_path / "d")
    target = open_segmentation(str(folder))
    sample = draw_segmentation(target, 8, 4, 0, 64)
    assert gallery_again(of_masks(sample), str(folder)) == make_gallery(sample)
    fewer = smaller_segmentation(sample, target, 4, 4, 0)
    assert gallery_again(of_masks(fewer), str(folder)) == make_gallery(fewer)


def test_masks_of_another_size_or_task_are_refused(tmp_path: Path) -> None:
    folder = masked(tmp_path / "d")
    sample = draw_segmentation(open_segmentation(str(folder)), 8, 4, 0, 64)
    with pytest.raises(DataError, match="not those of the result"):
        gallery_again(of_masks(sample, 32), str(folder))
    classes = write_images(tmp_path / "e", {"a": 9, "b": 9})
    with pytest.raises(DataError):
        gallery_again(of_masks(sample), str(classes))
    with pytest.raises(DataError):
        gallery_again(ranking_of(draw_sample(open_target(str(classes)), 8, 4, 0)), str(folder))
    untold = of_masks(sample)
    untold.record["config"]["image_size"] = None
    with pytest.raises(DataError, match="does not say how its sample was drawn"):
        gallery_again(untold, str(folder))


@pytest.mark.parametrize("told", [{}, {"dataset": {"fingerprint": "0"}, "config": {"data": "x"}}])
def test_a_result_that_does_not_say_is_refused(told: dict[str, Any]) -> None:
    with pytest.raises(DataError, match="does not say how its sample was drawn"):
        gallery_again(make_ranking(record=told), "demo")
