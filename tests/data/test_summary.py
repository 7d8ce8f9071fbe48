from pathlib import Path

import numpy as np

from acrank.data import draw_sample, open_target, whole_sample
from acrank.data.segmentation import ClassMap, SegmentationSample, SegmentationTarget
from acrank.data.summary import in_words, summary
from acrank.data.target import Target

from .builders import counted_target, encoded, fill_folder, noise


def drawn(target: Target, samples: int) -> str:
    return summary(draw_sample(target, samples, samples, 0), target)


def test_classes_and_their_numbers() -> None:
    assert drawn(counted_target({"a": 30, "b": 10}), 8) == "2 classes (a 6, b 2), 8 of 40 images"


def test_long_lists_are_cut() -> None:
    target = counted_target({f"c{i}": 2 for i in range(15)})
    said = drawn(target, 30)
    assert said.startswith("15 classes (c0 2, c1 2, ")
    assert said.endswith("c11 2, and 3 more), 30 of 30 images")


def test_classes_that_are_not_drawn_are_counted() -> None:
    said = drawn(counted_target({f"c{i}": 2 for i in range(15)}), 4)
    assert said.startswith("4 of 15 classes (")
    assert said.endswith(", 4 of 30 images")


def test_masks_are_counted_by_the_images_that_hold_a_class() -> None:
    masks = np.zeros((3, 4, 4), np.uint8)
    masks[0, 0, 0] = 1
    masks[1, 0, 0] = 255
    sample = SegmentationSample(
        classes=("background", "disc"),
        keys=("a", "b", "c"),
        images=[np.zeros((4, 4), np.uint8)] * 3,
        masks=masks,
        batches=(np.arange(3),),
    )
    target = SegmentationTarget("x", ClassMap(("background", "disc"), (0, 1)), ())
    said = "2 classes (background 3, disc 1), 3 of 0 images with masks"
    assert summary(sample, target) == said


def test_what_the_target_says_is_said_of_every_sample(tmp_path: Path) -> None:
    fill_folder(tmp_path, {"a": 3, "b": 3})
    (tmp_path / "stray.png").write_bytes(encoded(noise(1)))
    target = open_target(str(tmp_path))
    assert len(target.warnings) == 1
    assert draw_sample(target, 4, 2, 0).warnings[0] == target.warnings[0]
    assert whole_sample(target, None, 0).warnings == target.warnings


def test_in_words() -> None:
    assert in_words(("a", "b"), (1, 2), 2, "3 images") == "2 classes (a 1, b 2), 3 images"
