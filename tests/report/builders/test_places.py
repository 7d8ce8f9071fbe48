"""Places of models by metric, as the page has them."""

import math

from acrank.report.builders.places import places_table
from acrank.report.document import Cell
from acrank.results import Estimate
from tests.report.rankings import make_ranking, model


def test_places_are_each_in_its_own_direction() -> None:
    values = {"a": (1.0, 0.3), "b": (2.0, 0.2), "c": (2.0, 0.1), "d": (math.nan, 0.4)}
    results = [
        model(name, 1.0, scores={"log_me": Estimate(up), "affine_shift": Estimate(down)})
        for name, (up, down) in values.items()
    ]
    ranking = make_ranking(results, by="log_me", metrics=("log_me", "affine_shift"))
    table = places_table(ranking)
    assert table is not None
    assert [column.heading for column in table.columns[1:]] == ["log_me ↑", "affine_shift ↓"]
    assert [list(map(str, row.cells)) for row in table.rows] == [
        ["1. b", "1", "2"],
        ["2. c", "1", "1"],
        ["3. a", "3", "3"],
        ["4. d", "", "4"],
    ]
    assert table.rows[3].cells[1] == Cell("")
    shares = [row.cells[1].share for row in table.rows[:3] if isinstance(row.cells[1], Cell)]
    assert shares == [1.0, 1.0, 0.0]


def test_dropped_models_have_no_place_and_guards_leave_a_mark() -> None:
    table = places_table(make_ranking())
    assert table is not None
    rows = {str(row.cells[0]): row for row in table.rows}
    assert not any("dropped" in label or "failed" in label for label in rows)
    assert str(rows["2. second"].cells[1]) == "2!"
