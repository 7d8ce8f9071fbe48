import pytest

from acrank.data.segmentation.layouts.naming import Affix, find_naming, several_each


@pytest.mark.parametrize(
    ("images", "masks", "said"),
    [
        (["1", "11", "2"], ["1_mask", "11_mask", "2_mask"], "NAME_mask"),
        (["im0001", "im0002"], ["im0001.ah", "im0002.ah"], "NAME.ah"),
        (["Image_01L", "Image_01R"], ["Image_01L_1stHO", "Image_01R_1stHO"], "NAME_1stHO"),
        (["21_tr", "22_tr"], ["21_manual1", "22_manual1"], "NAME_tr with NAME_manual1"),
        (["image1", "image2"], ["label1", "label2"], "imageNAME with labelNAME"),
        (["p1/a", "p2/a"], ["p1/a_seg", "p2/a_seg"], "NAME_seg"),
        (["a", "b", "c"], ["b", "c"], "the same names"),
        (["a (1)", "a (2)"], ["a (1)_mask", "a (2)_mask"], "NAME_mask"),
    ],
)
def test_what_makes_most_pairs(images: list[str], masks: list[str], said: str) -> None:
    naming = find_naming(images, masks)
    assert naming is not None
    assert str(naming) == said
    assert list(naming.pairs.values()) == images[-len(masks) :]


@pytest.mark.parametrize(
    ("images", "masks"),
    [
        (["a1", "a2"], ["b7", "b8"]),
        (["1", "2"], ["11", "12"]),  # no part of a number
        (["cat", "dog"], ["cats", "dogs"]),  # nor of a word
        (["p1/a", "p2/b"], ["p1/b", "p2/a"]),
        ([], ["a"]),
        (["a", "b", "c", "d", "e"], ["a_m", "x", "y", "z", "w"]),
    ],
)
def test_no_pairs(images: list[str], masks: list[str]) -> None:
    assert find_naming(images, masks) is None


def test_masks_without_an_image_keep_their_names() -> None:
    naming = find_naming(["a", "b"], ["a_mask", "b_mask", "c_mask"])
    assert naming is not None
    files = naming.by_image({"a_mask": [], "b_mask": [], "c_mask": []})
    assert list(files) == ["a", "b", "c_mask"]


def test_affixes_are_of_the_last_part_and_leave_something() -> None:
    assert Affix("m_", "").strip("p/m_1") == "p/1"
    assert Affix("m_", "").strip("m_/1") is None
    assert Affix("ma", "ask").strip("mask") is None
    assert Affix("", "_x").strip("_x") is None


def test_several_masks_of_an_image() -> None:
    masks = ["p/a_1", "p/a_2", "p/b_1", "p/b_2", "q/a_1"]
    assert several_each(["p/a", "p/b", "q/a"], masks) == ("p/a", ["p/a_1", "p/a_2"])
    assert several_each(["1", "11"], ["1_a", "11_a"]) is None
    assert several_each(["1", "11"], ["11_a", "11_b"]) == ("11", ["11_a", "11_b"])
