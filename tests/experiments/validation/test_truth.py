"""Accuracies with their seeds: means, deviations, ties, and tables that mix what they mean."""

import math

import numpy as np
import pandas as pd
import pytest

from acrank.errors import AcrankError
from acrank.experiments.validation import Validation, validate
from acrank.experiments.validation.agreement import tau_b, weighted_tau
from acrank.experiments.validation.layout import ColumnNames
from acrank.experiments.validation.sheets import from_frame
from acrank.experiments.validation.truth import Truth, read_truth


def truth(table: pd.DataFrame, notes: list[str] | None = None, **names: str) -> Truth:
    return read_truth(from_frame(table, "table"), ColumnNames(**names), notes or [])  # type: ignore[arg-type]


def runs(column: str = "seed") -> pd.DataFrame:
    rows = [("a", 0, 90.0), ("a", 1, 92.0), ("b", 0, 80.0), ("b", 1, 84.0), ("c", 0, 70.0)]
    return pd.DataFrame(rows, columns=["model", column, "accuracy"])


def test_runs_are_averaged_and_their_variances_pooled() -> None:
    for column in ("seed", "Run"):
        found = truth(runs(column))
        assert found.values == {"": {"a": 91.0, "b": 82.0, "c": 70.0}}
        assert found.deviations[""] == pytest.approx(math.sqrt((2 + 8) / 2))
    named = truth(runs("draw"), repeat="draw")
    assert named.values == {"": {"a": 91.0, "b": 82.0, "c": 70.0}}
    notes: list[str] = []
    read_truth(from_frame(runs(), "table"), ColumnNames(), notes)
    assert notes == [
        "Accuracies are means over 2 runs (seed: '0', '1'); 1 of 3 are of fewer runs ('c')."
    ]


def test_a_run_that_is_there_twice_is_refused() -> None:
    twice = pd.concat([runs(), runs().head(1)])
    with pytest.raises(AcrankError, match=r"'a' is there already.*equal in all else"):
        truth(twice)


def test_deviations_may_be_a_column() -> None:
    table = pd.DataFrame({"model": list("abc"), "accuracy": [3.0, 2, 1], "sd": [0.3, 0.4, np.nan]})
    assert truth(table).deviations[""] == pytest.approx(math.sqrt((0.09 + 0.16) / 2))
    other = table.rename(columns={"sd": "spread"})
    assert truth(other).deviations == {}
    assert truth(other, deviation="spread").deviations == truth(table).deviations
    with pytest.raises(AcrankError, match="'sd': a standard deviation is not negative"):
        truth(table.assign(sd=-1.0))


def test_what_differs_less_than_the_tolerance_is_tied() -> None:
    scores, accuracies = np.array([4.0, 3, 2, 1]), np.array([90.0, 90.5, 80, 70])
    tied = np.array([90.5, 90.5, 80, 70])
    for function in (tau_b, weighted_tau):
        assert function(scores, accuracies) < 1
        assert function(scores, accuracies, tolerance=0.4) == function(scores, accuracies)
    assert tau_b(scores, accuracies, 0.6) == pytest.approx(tau_b(scores, tied))
    assert weighted_tau(scores, accuracies, tolerance=0.5) == weighted_tau(scores, accuracies)
    assert weighted_tau(scores, accuracies, tolerance=0.51) > weighted_tau(scores, accuracies)
    assert np.isnan(weighted_tau(scores, accuracies, tolerance=100))


def compare(deviation: float) -> Validation:
    table = pd.DataFrame(
        {
            "model": list("abcd"),
            "accuracy": [90.0, 90.5, 80, 70],
            "deviation": deviation,
            "seeds": 3,
            "m": [4.0, 3, 2, 1],
        }
    )
    return validate(table, draws=100, by_name=False)


def test_ties_by_the_seeds_are_said_and_counted() -> None:
    apart, tied, nothing = compare(0.1), compare(1.0), compare(50.0)
    taus = [r.summary("m").statistics["weighted_tau"].value for r in (apart, tied, nothing)]
    assert taus[0] < taus[1]
    assert math.isnan(taus[2])
    assert tied.deviations == {"": 1.0}
    assert any("all accuracies are tied" in note for note in nothing.notes)
    assert {found.metric for found in tied.summaries} == {"m", "random lists"}


@pytest.mark.parametrize(
    ("values", "mixed"),
    [
        ([90.0, 91, 0.92], True),
        ([90.0, 91, 92], False),
        ([0.90, 0.91, 0.92], False),
        ([90.0, 91, 0.1], False),  # a training that failed
        ([1.0, 2, 8], False),
        ([-1.0, 91, 0.92], False),  # no accuracies
    ],
)
def test_fractions_among_percentages_are_refused(values: list[float], mixed: bool) -> None:
    table = pd.DataFrame({"model": list("abc"), "accuracy": values})
    if mixed:
        with pytest.raises(AcrankError, match=r"mix fractions \(c: 0.92\) and percentages"):
            truth(table)
    else:
        assert truth(table).values[""] == dict(zip("abc", values, strict=True))


def test_two_units_in_two_datasets_are_said() -> None:
    notes: list[str] = []
    table = pd.DataFrame({"model": list("abc"), "x": [0.9, 0.8, 0.7], "y": [90.0, 80, 70]})
    read_truth(from_frame(table, "table"), ColumnNames(), notes)
    assert notes == [
        "Accuracies are at most 1 on 'x' and above on 'y': ranks are comparable, but the mean "
        "regret has no unit."
    ]


def test_facts_in_a_wide_table_are_no_datasets() -> None:
    notes: list[str] = []
    table = pd.DataFrame({"model": list("abc"), "params_m": [1, 2, 3], "x": [9, 8, 7], "y": 1})
    found = read_truth(from_frame(table, "table"), ColumnNames(), notes)
    assert list(found.values) == ["x", "y"]
    assert "table: no dataset, but facts of models: 'params_m'." in notes


def test_gaps_are_said() -> None:
    table = pd.DataFrame({"model": list("abcd"), "x": [9, 8, 7, None], "y": [1, 2, 3, 4]})
    found = validate(table, draws=100, by_name=False)
    assert any(
        "1 of 8 pairs of model and dataset have no accuracy ('d on x')" in n for n in found.notes
    )
    assert {row.dataset: row.models for row in found.comparisons} == {"x": 3, "y": 4}


def test_a_model_without_any_accuracy_is_named() -> None:
    notes: list[str] = []
    table = pd.DataFrame({"model": list("abcd"), "accuracy": [9, 8, 7, None]})
    read_truth(from_frame(table, "table"), ColumnNames(), notes)
    assert notes == ["table: 1 model(s) without any accuracy: 'd'."]


def test_parts_of_one_dataset_are_pointed_at() -> None:
    table = pd.DataFrame({"model": list("abcd"), "x": [9, 8, 7, 6], "x/test": [9, 8, 7, 5]})
    table["xy"] = [1, 2, 3, 4]
    notes = validate(table, draws=100, by_name=False).notes
    assert any(note.startswith("'x/test' look like parts of other datasets") for note in notes)
