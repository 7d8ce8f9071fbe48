from pathlib import Path

import pytest

from acrank.data.segmentation import ClassMap
from acrank.data.segmentation.classfile import read_class_map
from acrank.errors import DataError

GOOD = {
    "classes: [back, vessel]": ClassMap(("back", "vessel"), (0, 1)),
    "classes: {vessel: 255, back: 0}\nignore: 254": ClassMap(("vessel", "back"), (255, 0), 254),
    "classes: {a: 1000, b: 40000}\nignore:": ClassMap(("a", "b"), (1000, 40000)),
    "classes: {1: 7, 2: 8}": ClassMap(("1", "2"), (7, 8)),
    "classes: {a: [0, 0, 0], b: [255, 0, 1]}\nignore: [0, 1, 0]": ClassMap(
        ("a", "b"), (0, 0xFF0001), 0x100, colour=True
    ),
}
WRONG = {
    "": "it has no 'classes'",
    "- a\n- b": "it has no 'classes'",
    "classes:": "it has no 'classes'",
    "classes: [a, b]\ncolours: 3": "it has the unknown key 'colours'",
    "classes: background": "'classes' is 'background', neither a list nor a mapping",
    "classes: [a]": "it names 1 class(es)",
    "classes: [a, b, a]": "class 'a' is given twice",
    "classes: [a, yes]": "True is not a class name",
    "classes: ['', b]": "'' is not a class name",
    "classes: {0: back, 1: vessel}": "'0' is given as 'back'",
    "classes: {a: 0, b: 65536}": "'b' is given as 65536",
    "classes: {a: 0, b: -1}": "'b' is given as -1",
    "classes: {a: 0, b: true}": "'b' is given as True",
    "classes: {a: [0, 0, 0], b: [0, 0, 256]}": "'b' is given as [0, 0, 256]",
    "classes: {a: 0, b: [0, 0, 1]}": "some of its entries are values and some are colours",
    "classes: {a: 0, b: 1}\nignore: [9, 9, 9]": "some are colours",
    "classes: {a: 0, b: 1}\nignore: maybe": "'ignore' is given as 'maybe'",
    "classes: {a: 7, b: 7}": "'a' and 'b' have the same value or colour",
    "classes: [a, b]\nignore: 1": "'b' and 'ignore' have the same value or colour",
    "classes: {a: 0, a: 1}": "line 1: 'a' is given twice",
    "classes: [a, b": "line 1: not valid YAML",
}


@pytest.mark.parametrize("text", GOOD)
def test_classes_are_read(tmp_path: Path, text: str) -> None:
    file = tmp_path / "classes.yaml"
    file.write_text(text)
    assert read_class_map(file) == GOOD[text]


@pytest.mark.parametrize("text", WRONG)
def test_what_is_wrong_is_said(tmp_path: Path, text: str) -> None:
    file = tmp_path / "classes.yaml"
    file.write_text(text)
    with pytest.raises(DataError) as caught:
        read_class_map(file)
    assert caught.value.message.startswith(f"{file} cannot be used: ")
    assert WRONG[text] in caught.value.message


def test_too_many_classes_for_eight_bits(tmp_path: Path) -> None:
    file = tmp_path / "classes.yaml"
    file.write_text(f"classes: {[f'c{number}' for number in range(256)]}")
    with pytest.raises(DataError, match=r"names 256 class\(es\)"):
        read_class_map(file)


def test_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="No such file"):
        read_class_map(tmp_path / "classes.yaml")
    file = tmp_path / "latin.yaml"
    file.write_bytes(b"classes: [gef\xe4\xdf, b]")
    with pytest.raises(DataError, match="not UTF-8 text"):
        read_class_map(file)
