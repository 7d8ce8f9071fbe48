"""Colours on images: of the page, told apart, and seen on light and dark."""

import numpy as np
import pytest

from acrank.report.figures.colours import (
    ACCENT,
    DARK_GREY,
    LIGHT_GREY,
    SECOND,
    THIRD,
    class_colours,
    rgb,
)
from tests.report.renderers.test_style import colour, contrast, variables


def test_the_first_are_between_those_of_the_light_page_and_the_dark_one() -> None:
    light, dark = variables("light"), variables("dark")
    for found, name in ((ACCENT, "accent"), (SECOND, "second"), (THIRD, "third")):
        between = np.add(colour(light[name]), colour(dark[name])) / 2
        assert rgb(found) == pytest.approx(between, abs=1)
    assert (light["ink"], light["line"]) == (DARK_GREY, LIGHT_GREY)


@pytest.mark.parametrize("scheme", ["light", "dark", "print"])
def test_all_stand_out_from_the_page(scheme: str) -> None:
    paper = colour(variables(scheme)["paper"])
    assert min(contrast(rgb(found), paper) for found in class_colours(254)) >= 3


def test_no_two_are_the_same() -> None:
    assert len(set(class_colours(254))) == 254


def test_few_are_far_apart() -> None:
    values = np.array([rgb(found) for found in class_colours(12)], dtype=float)
    distances = np.linalg.norm(values[:, None] - values, axis=-1)
    assert distances[np.triu_indices(12, 1)].min() > 40


@pytest.mark.parametrize("count", [1, 3, 20])
def test_a_class_keeps_its_colour_when_others_come(count: int) -> None:
    assert class_colours(count) == class_colours(30)[:count]
