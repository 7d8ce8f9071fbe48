"""Places of models by metric, as the page has them."""

import math

from acrank.report.html.heat import Cell, rank_heat
from acrank.results import Estimate
from tests.report.html.builders import make_ranking, model


def test_places_are_each_in_its_own_direction() -> None:
    values = {"a": (1.0, 0.3), "b": (2.0, 0.2), "c": (2.0, 0.1), "d": (math.nan, 0.4)}
    results = [
        model(name, 1.0, scores={"log_me": Estimate(up), "affine_shift": Estimate(down)})
        for name, (up, down) in values.items()
    ]
    ranking = make_ranking(results, by="log_me", metrics=("log_me", "affine_shift"))
    heat = rank_heat(ranking)
    assert heat is not None
    assert [(name, arrow) for name, arrow, _ in heat.metrics] == [
        ("log_me", "↑"),
        ("affine_shift", "↓"),
    ]
    places = {label: [cell.rank for cell in cells] for label, cells in heat.rows}
    assert places == {"1. b": [1, 2], "2. c": [1, 1], "3. a": [3, 3], "4. d": [None, 4]}
    assert dict(heat.rows)["4. d"][0] == Cell(None, 0.0, "", "")


def test_dropped_models_have_no_place_and_guards_leave_a_mark() -> None:
    heat = rank_heat(make_ranking())
    assert heat is not None
    labels = [label for label, _ in heat.rows]
    assert not any("dropped" in label or "failed" in label for label in labels)
    assert dict(heat.rows)["2. second"][0].mark == "!"
