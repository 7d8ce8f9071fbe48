"""Pseudo-values by image against leaving out one image after the other."""

from collections.abc import Callable

import numpy as np
import pytest

from acrank.finetuning.evaluate import JudgedClasses
from acrank.finetuning.jackknife import Values, placements, pseudo_values
from acrank.finetuning.masks.judge import JudgedMasks
from acrank.finetuning.masks.overlap import OVERLAPS
from acrank.finetuning.split import Rows

CLASSES = ("accuracy", "balanced_accuracy", "macro_f1", "auroc", "loss")


def left_out(measure: Callable[[Rows], float], count: int) -> Values:
    """The jackknife as it is defined: of a function of the rows that are kept."""
    rows = np.arange(count)
    others = np.array([measure(np.delete(rows, row)) for row in rows])
    return count * measure(rows) - (count - 1) * others


def judged(labels: list[int], classes: int, seed: int = 0) -> JudgedClasses:
    """Logits that have seen something of the labels, some of them equal."""
    logits = np.random.default_rng(seed).normal(size=(len(labels), classes)).round(1)
    logits[np.arange(len(labels)), labels] += 1
    return JudgedClasses(logits, np.array(labels))


def better(found: dict[str, float], measure: str) -> float:
    return -found[measure] if measure.startswith(("loss", "hd95")) else found[measure]


@pytest.mark.parametrize("measure", CLASSES)
@pytest.mark.parametrize("labels", [[0, 1] * 6, [0] * 9 + [1] * 2 + [3] * 5, [2, 2, 1, 1, 0, 0]])
def test_classes_are_spread_as_the_jackknife_is_defined(labels: list[int], measure: str) -> None:
    whole = judged(labels, 4)

    def value(rows: Rows) -> float:
        part = JudgedClasses(whole.logits[rows], whole.labels[rows])
        return better(part.measures(), measure)

    found = whole.each(measure)
    everyone = np.arange(len(labels))
    # without the only image that is taken for a class, macro F1 has one class fewer
    alone = np.isin(whole.said, whole.labels, invert=True)
    if measure != "macro_f1" or not alone.any():
        assert found == pytest.approx(left_out(value, len(labels)))
    if measure != "macro_f1":  # which is no sum of means
        assert found.mean() == pytest.approx(value(everyone))
    assert found.mean() == pytest.approx(value(everyone), abs=0.1)


def test_macro_f1_counts_a_class_that_was_only_predicted() -> None:
    labels = np.array([0, 0, 0, 1, 1, 1, 1])
    whole = JudgedClasses(np.eye(3)[[0, 2, 2, 1, 1, 0, 1]], labels)

    def value(rows: Rows) -> float:
        return JudgedClasses(whole.logits[rows], labels[rows]).measures()["macro_f1"]

    assert whole.each("macro_f1") == pytest.approx(left_out(value, 7))


def test_accuracy_is_one_where_an_image_is_right() -> None:
    whole = judged([0, 1, 2, 0, 1, 2], 3)
    assert (whole.each("accuracy") == (whole.said == whole.labels)).all()
    # with classes of one size, so is the balanced accuracy, but for its own spread in each class
    assert whole.each("balanced_accuracy").mean() == pytest.approx(whole.each("accuracy").mean())


def test_classes_of_one_image_are_spread_together() -> None:
    labels = np.arange(10)
    said = np.where(labels < 4, labels, (labels + 1) % 10)
    whole = JudgedClasses(np.eye(10)[said], labels)
    for name in ("accuracy", "balanced_accuracy"):
        assert whole.each(name) == pytest.approx((labels < 4).astype(float)), name
    assert whole.each("macro_f1").std() > 0.1


def test_a_class_of_one_image_is_spread_with_the_smallest_other() -> None:
    whole = JudgedClasses(np.eye(3)[[0, 0, 0, 1, 0, 0]], np.array([0, 0, 0, 1, 1, 2]))
    found = whole.each("balanced_accuracy")
    assert found.mean() == pytest.approx(whole.measures()["balanced_accuracy"]) == 0.5
    assert found[:3] == pytest.approx([0.5] * 3)  # all right
    assert found[3] > 0.5 > found[4] > found[5]  # which counts twice as much
    single = JudgedClasses(np.eye(2)[[1]], np.array([1]))
    assert [single.each(name).tolist() for name in CLASSES[:3]] == [[1], [1], [1]]


def test_what_is_right_in_all_images_has_no_spread() -> None:
    labels = np.array([0] * 9 + [1])
    whole = JudgedClasses(np.eye(2)[labels], labels)
    for name in CLASSES[:-1]:
        assert whole.each(name) == pytest.approx(np.ones(10)), name


def test_what_is_not_defined_is_nan() -> None:
    whole = judged([1, 1, 1], 2)
    assert np.isnan(whole.each("auroc")).all()
    assert np.isnan(pseudo_values(np.nan, np.full((4, 2), np.nan), 1)).all()


def test_placements_are_those_of_pairs() -> None:
    scores, positive = np.array([0.1, 0.4, 0.4, 0.9, 0.2]), np.array([0, 1, 0, 1, 1], dtype=bool)
    found = placements(scores, positive)
    assert found[positive, 0] == pytest.approx([0.75, 1.0, 0.5])
    assert found[~positive, 1] == pytest.approx([1.0, 1.5 / 3])
    assert np.isnan(found[positive, 1]).all()


class Parts:
    """Images of two classes and a background."""

    classes = ("nothing", "head", "body")
    foreground = (1, 2)


def masks(values: Values, losses: Values) -> JudgedMasks[Parts]:  # type: ignore[type-var]
    return JudgedMasks(Parts(), values, float(np.nanmean(losses)), losses)  # type: ignore[type-var]


@pytest.mark.parametrize("measure", [*OVERLAPS, "dice_head", "iou_body", "hd95_body", "loss"])
def test_masks_are_spread_as_the_jackknife_is_defined(measure: str) -> None:
    generator = np.random.default_rng(0)
    values, losses = generator.random((9, 2, 3)), generator.random(9)
    values[[0, 3, 4], 1] = np.nan  # neither mask has the class
    values[4, 0], losses[4] = np.nan, np.nan
    whole = masks(values, losses)

    def value(rows: Rows) -> float:
        return better(masks(values[rows], losses[rows]).measures(), measure)

    found = whole.each(measure)
    assert found == pytest.approx(left_out(value, 9))
    assert found.mean() == pytest.approx(value(np.arange(9)))


def test_masks_without_foreground_have_no_overlap_by_image() -> None:
    whole = masks(np.full((3, 2, 3), np.nan), np.array([1.0, 2.0, 3.0]))
    assert np.isnan(whole.each("dice")).all()
    assert whole.each("loss").tolist() == [-1, -2, -3]
