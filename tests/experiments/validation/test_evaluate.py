import itertools
import math
from pathlib import Path
from random import Random

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from acrank.errors import AcrankError
from acrank.experiments.validation import Validation, validate
from acrank.experiments.validation.agreement import STATISTICS
from acrank.experiments.validation.results import CHANCE
from acrank.experiments.validation.tables import Values
from tests.experiments.validation.builders import MODELS, random_values, write, write_long

LARGE = tuple(f"model{place:02}" for place in range(10))


def frame(values: Values, column: str) -> pd.DataFrame:
    rows = [(m, d, x) for d, models in values.items() for m, x in models.items()]
    return pd.DataFrame(rows, columns=["model", "dataset", column])


def run(scores: Values, accuracies: Values, **settings: object) -> Validation:
    options = {"draws": 100, "by_name": False, **settings}
    return validate(frame(scores, "m"), frame(accuracies, "accuracy"), **options)  # type: ignore[arg-type]


def taus(result: Validation, metric: str = "m") -> list[float]:
    found = [row for row in result.comparisons if row.metric == metric]
    return [row.statistics["weighted_tau"].value for row in found]


def test_what_is_predicted_is_called_as_its_column() -> None:
    scores, truth = random_values(1, 0), random_values(1, 1)
    assert run(scores, truth).truth == "accuracy"
    found = validate(
        frame(scores, "m"), frame(truth, "dice"), accuracy_column="dice", draws=100, by_name=False
    )
    assert found.truth == "dice"


def test_values_means_and_the_order_of_the_rows() -> None:
    scores, accuracies = random_values(3, 0), random_values(3, 1)
    result = run(scores, accuracies)
    expected = [
        stats.weightedtau(
            [scores[d][model] for model in MODELS], [accuracies[d][model] for model in MODELS]
        ).statistic
        for d in accuracies
    ]
    np.testing.assert_allclose(taus(result), expected)
    assert result.datasets == tuple(accuracies)
    assert result.summary("m").statistics["weighted_tau"].value == pytest.approx(np.mean(expected))
    for row in result.comparisons:
        for name in STATISTICS:
            estimate = row.statistics[name]
            assert estimate.low <= estimate.high


@given(st.integers(0, 1000), st.randoms(use_true_random=False))
def test_order_and_names_change_nothing(seed: int, random: Random) -> None:
    scores, accuracies = random_values(3, seed, LARGE), random_values(3, seed + 1, LARGE)
    one = run(scores, accuracies)
    rows = frame(scores, "m").sample(frac=1, random_state=random.randint(0, 99))
    names = {d: f"other{d}" for d in accuracies}
    rows["dataset"] = rows["dataset"].map(names)
    truth = frame({names[d]: v for d, v in accuracies.items()}, "accuracy")
    other = validate(rows, truth, draws=100, by_name=False)
    left, right = (result.to_frame().drop(columns="dataset") for result in (one, other))
    pd.testing.assert_frame_equal(left, right, rtol=0, atol=1e-12)


def test_another_metric_changes_nothing() -> None:
    scores, accuracies = random_values(2, 0), random_values(2, 1)
    both = frame(scores, "m").assign(other=range(14))
    result = validate(both, frame(accuracies, "accuracy"), draws=100, by_name=False)
    alone = run(scores, accuracies)
    assert result.summary("m").statistics == alone.summary("m").statistics


def test_the_seed_makes_the_intervals() -> None:
    scores, accuracies = random_values(2, 0), random_values(2, 1)
    one, same, other = (run(scores, accuracies, seed=seed) for seed in (0, 0, 1))
    assert one == same
    assert taus(one) == taus(other)
    assert one.summary("m").statistics != other.summary("m").statistics


def test_directions() -> None:
    accuracies = random_values(1, 1)
    assert taus(run(accuracies, accuracies)) == pytest.approx([1.0])
    assert taus(run(accuracies, accuracies, lower_is_better=("m",))) == pytest.approx([-1.0])
    with pytest.raises(AcrankError, match=r"no metric 'x'.*There are: m"):
        run(accuracies, accuracies, lower_is_better=("x",))
    known = frame(accuracies, "affine_grad_norm")  # which acrank knows to be better when low
    result = validate(known, frame(accuracies, "accuracy"), draws=100, by_name=False)
    assert not result.summary("affine_grad_norm").higher_is_better
    assert taus(result, "affine_grad_norm") == pytest.approx([-1.0])


def test_chance_of_few_models_is_exact() -> None:
    accuracies = {"x": {"a": 1.0, "b": 2.0, "c": 4.0, "d": 8.0}}
    found = run(accuracies, accuracies).summary(CHANCE).statistics
    orders = list(itertools.permutations(range(4)))
    exact = [stats.weightedtau(order, [1, 2, 4, 8]).statistic for order in orders]
    assert found["weighted_tau"].value == pytest.approx(0, abs=1e-12)
    low, high = np.percentile(exact, [2.5, 97.5])
    assert (found["weighted_tau"].low, found["weighted_tau"].high) == pytest.approx((low, high))
    assert found["rel1"].value == pytest.approx(15 / 4 / 8)
    assert found["regret"].value == pytest.approx(8 - 15 / 4)


def test_one_random_list_serves_all_datasets() -> None:
    """Datasets that agree do not make chance look narrower."""
    one = random_values(1, 0, LARGE)
    many = {f"set{place}": one["set0"] for place in range(6)}
    wide = run(one, one, draws=1000).summary(CHANCE).statistics["weighted_tau"]
    same = run(many, many, draws=1000).summary(CHANCE).statistics["weighted_tau"]
    assert (same.low, same.high) == pytest.approx((wide.low, wide.high))


def test_constant_scores_have_no_correlation_but_a_regret() -> None:
    accuracies = random_values(2, 0)
    scores = {**accuracies, "set1": dict.fromkeys(MODELS, 0.3)}
    result = run(scores, accuracies)
    assert taus(result)[0] == pytest.approx(1.0)
    assert math.isnan(taus(result)[1])
    assert result.summary("m").datasets == 1
    assert any("m: all scores" in note and "set1" in note for note in result.notes)
    lost = [row.statistics["regret"].value for row in result.comparisons if row.metric == "m"]
    truth = list(accuracies["set1"].values())
    assert lost[1] == pytest.approx(max(truth) - np.mean(truth))


def test_few_models_have_values_and_no_interval() -> None:
    accuracies = random_values(1, 0, MODELS[:4])
    estimate = run(accuracies, accuracies).summary("m").statistics["weighted_tau"]
    assert estimate.value == pytest.approx(1.0)
    assert math.isnan(estimate.low)


def test_whatever_is_in_one_table_only_is_told() -> None:
    scores, accuracies = random_values(3, 0), random_values(3, 1)
    del scores["set2"]
    scores["elsewhere"] = {"res": 1.0}
    scores["set0"]["ghost"] = 3.0
    del scores["set1"]["res"]
    accuracies["set0"]["truth-only"] = 50.0
    text = "\n".join(run(scores, accuracies).notes)
    assert "1 dataset(s) with scores but no accuracies: 'elsewhere'" in text
    assert "1 dataset(s) with accuracies but no scores: 'set2'" in text
    assert "1 model(s) with scores but no accuracies: 'ghost'" in text
    assert "1 model(s) with accuracies but no scores: 'truth-only'" in text
    assert "1 pair(s) of model and dataset with accuracies but no scores: 'res on set1'" in text


def test_a_metric_with_gaps_says_so_and_a_small_dataset_is_left_out() -> None:
    scores = random_values(2, 0)
    accuracies = random_values(2, 1)
    rows = frame(scores, "m").assign(gap=1.0)
    rows.loc[rows.index[:3], "gap"] = np.nan
    rows = rows[(rows["dataset"] == "set0") | rows["model"].isin(MODELS[:2])]
    result = validate(rows, frame(accuracies, "accuracy"), draws=100, by_name=False)
    text = "\n".join(result.notes)
    assert "gap: none for 3 of 7 models ('alex', 'dense', 'effi')" in text
    assert "set1: left out: 2 model(s)" in text
    assert result.datasets == ("set0",)


def test_zeros_are_pointed_at_or_missing() -> None:
    scores, accuracies = random_values(1, 0), random_values(1, 1)
    accuracies["set0"]["res"] = 0.0
    told = run(scores, accuracies)
    assert any("Accuracies of exactly 0: 1 ('res on set0')" in note for note in told.notes)
    assert told.comparisons[0].models == 7
    left = run(scores, accuracies, zero_is_missing=True)
    assert left.comparisons[0].models == 6


def test_static_columns_and_baseline_files_are_beaten_or_not(tmp_path: Path) -> None:
    accuracies = random_values(6, 0)
    size = {d: {m: float(place) for place, m in enumerate(MODELS)} for d in accuracies}
    rows = frame(accuracies, "m").assign(params_m=frame(size, "x")["x"])
    facts = write(
        tmp_path / "facts.csv", "model,age", *(f"{m},{i % 3}" for i, m in enumerate(MODELS))
    )
    result = validate(
        rows, frame(accuracies, "accuracy"), baselines=(facts,), draws=100, by_name=False
    )
    kinds = {found.metric: found.kind for found in result.summaries}
    static = ("params_m", "age", "own_history")
    assert kinds == {"m": "metric", **dict.fromkeys(static, "baseline"), CHANCE: "chance"}
    test = result.summary("m").test
    assert test is not None
    means = {name: result.summary(name).statistics["weighted_tau"].value for name in kinds}
    best = max(static, key=lambda name: means[name])
    assert test.baseline == (best if means[best] > 0 else CHANCE)
    assert test.difference == pytest.approx(1 - max(means[best], 0.0))
    assert test.p == pytest.approx(2 / 64)
    assert result.summary("params_m").test is None


def test_fewer_than_six_datasets_have_no_p_value() -> None:
    accuracies = random_values(5, 0)
    result = run(accuracies, accuracies)
    test = result.summary("m").test
    assert test is not None
    own = result.summary("own_history").statistics["weighted_tau"].value
    assert test.baseline == ("own_history" if own > 0 else CHANCE)
    assert test.difference == pytest.approx(1.0 - max(own, 0.0))
    assert math.isnan(test.p_holm)
    assert any("signed-rank test needs 6" in note for note in result.notes)


def test_accuracies_without_a_dataset_take_the_scores_one(tmp_path: Path) -> None:
    accuracies = random_values(1, 0)
    rows = [f"{m},{x}" for m, x in accuracies["set0"].items()]
    truth = write(tmp_path / "truth.csv", "model,accuracy", *rows)
    assert validate(frame(accuracies, "m"), truth, draws=100, by_name=False).datasets == ("set0",)
    plain = write(tmp_path / "scores.csv", "model,m", *rows)
    assert validate(plain, truth, draws=100, by_name=False).datasets == ("",)
    with pytest.raises(AcrankError, match="accuracies name no dataset"):
        validate(frame(random_values(2, 0), "m"), truth)


def test_one_table_may_hold_both(tmp_path: Path) -> None:
    scores, accuracies = random_values(2, 0), random_values(2, 1)
    both = frame(scores, "m").assign(accuracy=frame(accuracies, "accuracy")["accuracy"])
    assert validate(both, draws=100, by_name=False).summaries == run(scores, accuracies).summaries


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({}, "No scores"),
        ({"published": "nothing"}, "no published table"),
        ({"published": "tllib", "accuracies": "x.csv"}, "its own accuracies"),
        ({"published": "tllib", "tau": "x"}, "'both' or 'accuracy'"),
        ({"published": "tllib", "draws": 5}, "greater than or equal to 100"),
        ({"published": "tllib", "truth": "probe"}, "--truth is about your ACCURACIES"),
        ({"published": "tllib", "where": ("a=b",)}, "--where is about your ACCURACIES"),
        ({"published": "tllib", "without": ("tlib",)}, "no published table 'tlib'"),
        ({"published": "tllib", "domain": "heaven"}, "natural"),
        ({"published": "tllib", "domain": "natural", "by_name": False}, "what names give"),
        ({"published": "tllib", "group": "modality"}, "neither a column of the accuracies nor"),
        ({"published": "tllib", "colour": "red"}, "Unknown setting 'colour'"),
    ],
)
def test_settings_that_do_not_go_together(settings: dict[str, object], words: str) -> None:
    with pytest.raises(AcrankError, match=words):
        validate(**settings)  # type: ignore[arg-type]


def test_nothing_shared_or_no_accuracies_or_a_clash(tmp_path: Path) -> None:
    accuracies = random_values(1, 0)
    others = {"set0": {f"x{m}": 1.0 for m in MODELS}}
    with pytest.raises(AcrankError, match="share no model"):
        run(others, accuracies)
    with pytest.raises(AcrankError, match="share no dataset"):
        run({"x": accuracies["set0"]}, accuracies)
    with pytest.raises(AcrankError, match="No dataset has 3 models"):
        run({"set0": {"res": 1.0}}, accuracies)
    with pytest.raises(AcrankError, match="no column of accuracies"):
        validate(frame(accuracies, "m"))
    facts = write_long(tmp_path / "facts.csv", "m", accuracies)
    with pytest.raises(AcrankError, match="More than one table has 'm'"):
        run(accuracies, accuracies, baselines=(facts,))


def test_accuracies_among_the_scores_are_no_metric() -> None:
    accuracies = random_values(1, 0)
    both = frame(accuracies, "m").assign(accuracy=1.0)
    result = validate(both, frame(accuracies, "accuracy"), draws=100, by_name=False)
    assert {found.metric for found in result.summaries} == {"m", CHANCE}
    assert "scores: left out, as it holds accuracies: 'accuracy'." in result.notes


def test_a_lucky_random_list_is_no_baseline() -> None:
    accuracies = random_values(7, 5)
    table = frame(accuracies, "m")
    table["chance"] = table["m"]  # as lucky as can be
    table["params"] = [len(model) for model in table["model"]]
    table["params_m"] = table["params"] / 1e6
    result = validate(table, frame(accuracies, "accuracy"), draws=100, by_name=False)
    assert {found.metric for found in result.summaries} == {
        "m",
        "chance",
        "params",
        "own_history",
        CHANCE,
    }
    test = result.summary("m").test
    assert test is not None
    assert test.baseline != "chance"


def test_a_column_of_datasets_that_no_table_has_is_a_slip() -> None:
    accuracies = random_values(2, 5)
    with pytest.raises(AcrankError, match=r"No table has a column 'datset'.*case-sensitive"):
        run(accuracies, accuracies, dataset_column="datset")
