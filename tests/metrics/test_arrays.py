"""Checks of arrays, and their grouping."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from acrank.errors import MetricError
from acrank.metrics.arrays import as_ids, as_matrix, groups

IDS = st.lists(st.tuples(st.integers(-2, 3), st.integers(0, 3)), min_size=1, max_size=30)


@given(IDS)
def test_groups_are_the_combinations_of_ids(drawn: list[tuple[int, int]]) -> None:
    first, second = (np.array(column) for column in zip(*drawn, strict=True))
    found = groups(as_ids(first, len(drawn), "first"), as_ids(second, len(drawn), "second"))
    names = [sorted({drawn[row] for row in rows}) for rows in found]
    assert names == [[pair] for pair in sorted(set(drawn))]
    assert sorted(np.concatenate(found).tolist()) == list(range(len(drawn)))


def test_ids_are_numbered_in_their_order() -> None:
    assert as_ids([40, -3, 40, 7], 4, "labels").tolist() == [2, 0, 2, 1]


@pytest.mark.parametrize(
    ("ids", "message"),
    [([1, 2], "labels has shape .2,., features have 3"), ([0.0, 1.0, 2.0], "labels are float64")],
)
def test_ids_that_do_not_fit(ids: Any, message: str) -> None:
    with pytest.raises(MetricError, match=message):
        as_ids(ids, 3, "labels")


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (np.zeros(3), "layer 2 has shape .3,."),
        (np.zeros((0, 4)), "shape .0, 4."),
        ([[1.0, np.nan], [np.inf, 2.0]], "layer 2 holds 2 values"),
    ],
)
def test_matrices_that_do_not_fit(values: Any, message: str) -> None:
    with pytest.raises(MetricError, match=message):
        as_matrix(values, "layer 2")
