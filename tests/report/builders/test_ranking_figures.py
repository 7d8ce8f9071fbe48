"""What the figures say: fronts, places, scales."""

import math
import re

from acrank.metrics.estimate import Estimate
from acrank.report.builders.ranking_figures import cost_plots, dot_plot, layer_profiles, pareto
from acrank.report.document import Figure
from acrank.report.plotting import to_svg
from tests.report.rankings import layer, make_ranking, model, some


def svg(figure: Figure) -> str:
    return to_svg(figure.drawing.draw(), "x", figure.title, figure.drawing.description)


def numbers(figure: Figure, column: int) -> list[str]:
    assert figure.numbers is not None
    return [str(row.cells[column]) for row in figure.numbers.rows]


def test_the_front_has_what_nothing_beats() -> None:
    costs = {"a": (1.5, 5e6), "b": (1.4, 2e6), "c": (1.3, 2e6), "d": (1.2, 3e6), "e": (1.1, 1e6)}
    results = [model(name, score, params=int(cost)) for name, (score, cost) in costs.items()]
    points = pareto(make_ranking(results), lambda row: row.result.params)
    assert [point.model for point in points if point.front] == ["a", "b", "e"]


def test_equal_models_are_both_on_the_front() -> None:
    twins = [model("a", 1.0, params=1), model("b", 1.0, params=1), model("c", 0.5, params=1)]
    points = pareto(make_ranking(twins), lambda row: row.result.params)
    assert [point.front for point in points] == [True, True, False]


def test_where_lower_is_better_the_front_is_below() -> None:
    def shifted(name: str, score: float, params: int) -> object:
        return model(name, 1.0, params=params, scores={"affine_shift": Estimate(score)})

    results = [shifted("low", 0.1, 2), shifted("high", 0.9, 1), shifted("both", 0.9, 2)]
    ranking = make_ranking(results, by="affine_shift", metrics=("affine_shift",))  # type: ignore[arg-type]
    points = pareto(ranking, lambda row: row.result.params)
    assert {point.model for point in points if point.front} == {"low", "high"}


def test_costs_that_nobody_knows_are_not_drawn() -> None:
    ranking = make_ranking([model("a", 1.0, params=None), model("b", 2.0, params=None)])
    assert [picture.title for picture in cost_plots(ranking)] == ["ac_corr against seconds"]


def test_the_dots_are_the_ranked_models_and_their_ties() -> None:
    picture = dot_plot(make_ranking())
    assert picture is not None
    assert numbers(picture, 1) == ["first", "second", "third", "cheap"]
    assert svg(picture).count(">tie 2<") == 2
    assert "dropped" not in svg(picture)
    assert dot_plot(make_ranking([])) is None


def test_profiles_share_a_scale_and_say_what_is_left_out() -> None:
    tied = layer("b", 1.0, tied=True, kept_sum=math.nan, kept_mean=math.nan, zero_drift=math.nan)
    swamped = layer("c", 1.0, swamped=True, kept_sum=math.nan)
    results = [model("a", 2.0, layers=(layer("x", 1.0), tied, swamped)), some()[1]]
    first, second = layer_profiles(make_ranking(results))
    assert first.note == "3 layers, 2 of them left out"
    assert second.note == "2 layers"
    assert numbers(first, -1) == ["", "tied", "swamped"]
    assert "2 carry no information" in svg(first)


def test_a_profile_of_nothing_but_tied_layers_is_drawn() -> None:
    pictures = layer_profiles(make_ranking(some()[5:6]))
    assert [picture.title for picture in pictures] == ["tied"]


def test_ranks_do_not_cover_one_another() -> None:
    results = [model(f"m{i}", 1 + i / 1000, params=10**6) for i in range(40)]
    results += [model("apart", 3.0, params=10**5)]
    picture = cost_plots(make_ranking(results))[0]
    ranks = [text for text in re.findall(r">(\d+)</text>", svg(picture)) if int(text) <= 41]
    assert "1" in ranks
    assert len(ranks) < 8
    apart = [model(f"m{i}", 1 + i, params=10**6 * (1 + i % 2)) for i in range(9)]
    picture = cost_plots(make_ranking(apart))[0]
    assert set(re.findall(r">(\d)</text>", svg(picture))) >= set("123456789")
