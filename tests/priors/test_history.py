"""A history is the mean place on other datasets, with the same protocol."""

import numpy as np
import pytest

from acrank.priors import book, history_of
from acrank.priors.history import standardised
from acrank.priors.published import FROZEN
from tests.priors.pages import small_book


def test_the_mean_over_datasets_each_counted_once() -> None:
    pages = small_book()
    found = history_of("a.x_in1k", pages=pages)
    assert found is not None
    high = float(np.sqrt(1.5))  # of 90, 80, 70
    low = standardised({"a": 60.0, "b": 80.0, "c": 70.0})["a"]
    lungs = standardised({"a": 90.0, "b": 80.0, "c": 70.0, "d": 75.0})["a"]
    places = [(high + low) / 2, high, lungs]
    assert found.mean == pytest.approx(np.mean(places))
    assert found.spread == pytest.approx(np.std(places, ddof=1))
    assert (found.datasets, found.tables) == (3, ("one", "two"))
    assert found.domains == {"natural": 2, "radiology": 1}


def test_fewer_than_three_datasets_are_none() -> None:
    pages = small_book()
    assert history_of("d.x_in1k", pages=pages) is None
    assert history_of("a.x_in1k", without=("one",), pages=pages) is None
    assert history_of("a.x_in1k", without=("cars",), pages=pages) is None
    assert history_of("nobody", pages=pages) is None


def test_protocols_are_never_mixed() -> None:
    assert history_of("a.x_in1k", protocol=FROZEN, pages=small_book()) is None
    both = history_of("resnet18.a1_in1k"), history_of("resnet18.a1_in1k", protocol=FROZEN)
    assert both[0] is not None
    assert both[1] is not None
    assert not set(both[0].tables) & set(both[1].tables)


@pytest.mark.parametrize("values", [{"a": 1.0, "b": 2.0}, {"a": 1.0, "b": 1.0, "c": 1.0}])
def test_without_an_order_there_are_no_places(values: dict[str, float]) -> None:
    assert standardised(values) == {}


def test_places_do_not_depend_on_unit_or_order() -> None:
    values = {"a": 0.9, "b": 0.7, "c": 0.75, "d": 0.2}
    percent = {name: 100 * value for name, value in reversed(values.items())}
    assert standardised(percent) == pytest.approx(standardised(values))
    assert sum(standardised(values).values()) == pytest.approx(0.0)


def test_one_checkpoint_has_one_history_under_all_its_names() -> None:
    named = history_of("resnet50.tv_in1k")
    assert named is not None
    assert named == history_of("torchvision:resnet50@IMAGENET1K_V1")
    assert named == history_of("hf-hub:timm/resnet50.tv_in1k")
    assert history_of("torchvision:resnet50@IMAGENET1K_V2") is None
    assert set(named.tables) <= set(book().tables)
