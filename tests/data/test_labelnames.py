import unicodedata
from collections.abc import Mapping
from pathlib import Path

import pytest

from acrank.data import open_target
from acrank.data.labelnames import composed, label_notices, refuse_numbers
from acrank.errors import DataError

from .builders import fill_folder

NFC = unicodedata.normalize("NFC", "Tumor bösartig")
NFD = unicodedata.normalize("NFD", NFC)


@pytest.mark.parametrize(
    ("labels", "shown"),
    [
        ({"0": 3, "0.0": 2, "1": 2}, "'0' (3) and '0.0' (2)"),
        ({"GLIOMA": 3, "glioma": 2, "no": 2}, "'GLIOMA' (3) and 'glioma' (2)"),
        ({"no tumor": 3, "no_tumor": 2, "No-Tumor ": 2}, "'no tumor' (3) and 'no_tumor' (2) and"),
        ({"\uff11": 3, "1": 2}, "'\uff11' (3) and '1' (2)"),
        ({"a\u200b": 3, "a": 3}, "and 'a' (3)"),
        ({"01": 3, "1": 2, "2": 2}, "'01' (3) and '1' (2)"),
    ],
)
def test_labels_written_in_two_ways(labels: Mapping[str, int], shown: str) -> None:
    (said,) = label_notices(labels)
    assert said.startswith("Labels that differ only in case, spaces or the form of a number")
    assert shown in said


def test_only_a_few_of_many_are_shown() -> None:
    labels = {f"{name}{letter}": 2 for letter in "abcde" for name in ("x", "X")}
    (said,) = label_notices(labels)
    assert said.endswith("; and 2 more.")


@pytest.mark.parametrize("label", ["nan", "NaN", "NA", "n/a", "None", "null", "<NA>", "?", "-"])
def test_missing_labels(label: str) -> None:
    (said,) = label_notices({"a": 3, label: 4})
    assert said.startswith(f"{label!r} (4) looks like a missing label")


def test_minus_one_among_numbers() -> None:
    (said,) = label_notices({"0": 3, "1": 3, "-1": 4})
    assert said.startswith("'-1' (4) looks like a missing label")


@pytest.mark.parametrize(
    "labels",
    [
        ("Effusion", "Mass", "Effusion|Mass"),
        ("a;b", "a;c", "d"),
        ("['cat', 'dog']", "['cat']", "['dog']"),
        ("scab", "rust", "scab rust"),
    ],
)
def test_labels_of_several_classes(labels: tuple[str, ...]) -> None:
    (said,) = label_notices(dict.fromkeys(labels, 2))
    assert f"of {len(labels)} labels join several" in said
    assert "each combination is treated as a separate class" in said


@pytest.mark.parametrize(
    "labels",
    [
        {"0": 5, "1": 5},
        {"tumor": 3, "no tumor": 3},
        {"red car": 2, "blue car": 2, "red bus": 2},
        {"a, b": 2, "10": 2},
        {"pneumonia, viral": 2, "pneumonia, bacterial": 2, "normal": 2},
        {"benign/malignant": 2, "c": 2},
        {"0.5": 2, "c": 2},
        {"Normal": 2, "none of these": 2},
        {"a": 1, "b": 1},
    ],
)
def test_ordinary_labels_are_not_worth_a_line(labels: Mapping[str, int]) -> None:
    assert label_notices(labels) == []


def test_many_classes_of_one_image_are_said() -> None:
    labels = {f"person {letter}": 1 for letter in "abcdef"} | {"g": 5}
    (said,) = label_notices(labels)
    assert said.startswith("6 of 7 classes have a single image, such as person a, person b")
    refuse_numbers("data", labels)


def test_fractions_are_said() -> None:
    (said,) = label_notices({"0.5": 9, "1.5": 9, "2.5": 9})
    assert said.startswith("The labels are 3 numbers, such as 0.5, 1.5, 2.5: each is treated as")


@pytest.mark.parametrize(
    "labels",
    [
        {str(30 + 1.37 * n): 1 for n in range(48)},
        {str(n): 1 for n in range(0, 96, 2)},
        {str(n): 1 + (n % 4 == 0) for n in range(20, 90)},
        {f"{n / 10}": 1 for n in range(6)},
        {f"{n}e-3": 1 for n in range(-9, 9)},
    ],
)
def test_numbers_that_nearly_all_differ_are_refused(labels: Mapping[str, int]) -> None:
    with pytest.raises(DataError, match="That is a regression target, not classes") as caught:
        refuse_numbers("ages.csv", labels)
    assert caught.value.message.startswith("ages.csv: its labels are numbers and nearly all differ")
    assert "ranges" in str(caught.value.hint)


@pytest.mark.parametrize(
    "labels",
    [
        {str(n): 1 for n in range(10)},
        {str(n): 2 for n in range(100)},
        {"0": 1, "1": 1},
        {"0.5": 1, "1.5": 1, "2.5": 1},
        {f"id{n}": 1 for n in range(100)},
        {"nan": 1} | {str(n / 3): 1 for n in range(3)},
    ],
)
def test_classes_that_are_numbers_are_not_refused(labels: Mapping[str, int]) -> None:
    refuse_numbers("data", labels)


def test_one_label_in_two_unicode_forms_is_one_class(tmp_path: Path) -> None:
    assert NFC != NFD
    fill_folder(tmp_path, {NFC: 2, NFD: 2, "b": 1})
    if len(list(tmp_path.iterdir())) < 3:
        pytest.skip("this disk has one form alone")
    target = open_target(str(tmp_path))
    assert target.classes == ("b", NFC)
    assert [item.label for item in target.items] == [0, 1, 1, 1, 1]
    assert len({item.key for item in target.items}) == 5
    assert len({item.read() for item in target.items}) == 5


def test_keys_are_the_same_whatever_wrote_the_folder(tmp_path: Path) -> None:
    for root, form in (("mac", NFD), ("linux", NFC)):
        fill_folder(tmp_path / root, {form: 1, "b": 1})
    keys = [[item.key for item in open_target(str(tmp_path / r)).items] for r in ("mac", "linux")]
    assert keys[0] == keys[1] == ["b/0.png", f"{NFC}/0.png"]


def test_bytes_that_are_no_text_stay() -> None:
    assert composed("caf\udce9") == "caf\udce9"
