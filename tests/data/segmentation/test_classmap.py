import re

import numpy as np
import pytest

from acrank.data.segmentation.classmap import ClassMap, infer_class_map
from acrank.errors import DataError


@pytest.mark.parametrize("masks", [[{0, 1}, {0}], [{0, 255}, {255}]])
def test_binary_masks_are_background_and_foreground(masks: list[set[int]]) -> None:
    found, notices = infer_class_map("data", masks)
    assert found.names == ("background", "foreground")
    assert found.codes == tuple(sorted(masks[0]))
    assert (found.ignore, found.background, notices) == (None, 0, [])


@pytest.mark.parametrize(
    ("values", "codes"),
    [({0, 1, 2}, (0, 1, 2)), ({3, 9}, (3, 9)), ({1, 255}, (1, 255)), ({7}, (7,))],
)
def test_other_values_are_classes_called_after_them(
    values: set[int], codes: tuple[int, ...]
) -> None:
    found, notices = infer_class_map("data", [values])
    assert found == ClassMap(tuple(map(str, codes)), codes)
    lacking = len(codes) > 1 and 0 not in codes
    assert len(notices) == lacking
    assert not lacking or "classes.yaml can call one of them background" in notices[0]


def test_255_beside_several_others_is_ignored_and_said() -> None:
    found, notices = infer_class_map("data", [{0, 1, 2}, {0, 255}, {1, 255}])
    assert found == ClassMap(("0", "1", "2"), (0, 1, 2), ignore=255)
    (notice,) = notices
    assert "255 is read as 'ignore'" in notice
    assert "2 of 3 masks have it beside 0, 1, 2" in notice


def test_binary_masks_with_a_border_that_is_ignored() -> None:
    found, _ = infer_class_map("data", [{0, 1, 255}, {0}])
    assert found == ClassMap(("background", "foreground"), (0, 1), ignore=255)


def test_a_foreground_written_in_two_ways_is_refused() -> None:
    with pytest.raises(DataError, match=r"2 masks hold the value 1 and 1 the value 255, but none"):
        infer_class_map("data", [{0, 1}, {0, 255}, {1}])


@pytest.mark.parametrize("values", [range(66), [0, 256], [0, 40000], range(1, 200)])
def test_instance_maps_and_images_are_refused(values: range | list[int]) -> None:
    words = f"data: the masks hold {len(values)} different values, {values[0]} to {values[-1]}"
    with pytest.raises(DataError, match=re.escape(words)) as caught:
        infer_class_map("data", [set(values)])
    assert "instance maps" in caught.value.message
    assert "classes.yaml" in str(caught.value.hint)


def test_64_values_and_one_to_ignore_are_allowed() -> None:
    found, _ = infer_class_map("data", [{*range(64), 255}])
    assert len(found.names) == 64


def test_codes_become_indices_in_the_order_of_the_classes() -> None:
    codes = np.array([[254, 9], [0, 9]], dtype=np.uint8)
    found = ClassMap(("a", "b"), (9, 0), ignore=254).indices(codes)
    assert found.dtype == np.uint8
    assert found.tolist() == [[255, 0], [1, 0]]


def test_colours_become_indices() -> None:
    colours = ClassMap(("red", "green"), (0xFF0000, 0x00FF00), colour=True)
    assert colours.indices(np.array([0x00FF00, 0xFF0000], np.int32)).tolist() == [1, 0]
    assert colours.strangers({0xFF0000, 0x0000FF, 0x000001}) == [1, 255]
    assert colours.say(0x0A0B0C) == "[10, 11, 12]"


def test_background_is_so_called_or_else_zero() -> None:
    assert ClassMap(("background", "b"), (9, 0)).background == 9
    assert ClassMap(("a", "b"), (9, 0)).background == 0
    assert ClassMap(("a", "b"), (9, 1)).background is None
