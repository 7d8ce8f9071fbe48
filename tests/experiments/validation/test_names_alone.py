"""A table of accuracies alone: what names give, and the models' own history, against it."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from acrank.errors import AcrankError
from acrank.experiments.validation import Validation, validate
from acrank.experiments.validation.tables import Values
from acrank.priors import book, history_of
from acrank.priors.history import standardised
from acrank.priors.recognise import datasets_called, tables_with
from tests.experiments.validation.builders import MODELS, random_values, write, write_wide

# Names under which much is published, and one under which nothing is.
NETWORKS = (
    "resnet50.tv_in1k",
    "resnet101.tv_in1k",
    "densenet121.tv_in1k",
    "densenet169.tv_in1k",
    "torchvision:googlenet@IMAGENET1K_V1",
    "hf-hub:somebody/resnet50-finetuned-x",
)
KNOWN = NETWORKS[:-1]


def frame(values: Values) -> pd.DataFrame:
    rows = [(m, d, x) for d, models in values.items() for m, x in models.items()]
    return pd.DataFrame(rows, columns=["model", "dataset", "accuracy"])


def run(values: Values, **settings: Any) -> Validation:
    return validate(frame(values), draws=100, **settings)


def lists(result: Validation) -> set[str]:
    return {found.metric for found in result.summaries}


@pytest.fixture(scope="module")
def result() -> Validation:
    return run(random_values(5, 0, NETWORKS), truth="end-to-end", domain="radiology")


def test_names_give_facts_priors_and_histories(result: Validation) -> None:
    assert lists(result) == {
        *("prior", "history", "imagenet_top1", "params_m", "own_history", "random lists")
    }
    rows = {row.model: row for row in result.models}
    known = rows["densenet121.tv_in1k"]
    assert (known.family, known.prior.basis) == ("densenet", "measured")
    past = history_of("densenet121.tv_in1k")
    assert past is not None
    assert known.prior.history == past
    assert any(note.startswith("Domain radiology (with ") for note in result.notes)
    assert (result.protocol, result.scored) == ("end-to-end", False)


def test_a_descendant_inherits_nothing_and_its_row_says_so(result: Validation) -> None:
    row = {row.model: row for row in result.models}[NETWORKS[-1]]
    assert (row.name, row.family, row.params_m, row.prior.mean) == (None, None, None, None)
    assert row.prior.basis == "nothing is published under this name"
    assert any("1 of 6 models have no prior" in note for note in result.notes)
    compared = [found for found in result.comparisons if found.metric == "prior"]
    assert {found.models for found in compared} == {len(KNOWN)}


def test_the_own_history_is_the_mean_place_on_the_other_datasets() -> None:
    """Noise has none; a table with one order everywhere tells itself apart perfectly."""
    values = random_values(4, 0)
    same = {f"set{i}": {m: x + i for m, x in values["set0"].items()} for i in range(4)}
    found = run(same, by_name=False).summary("own_history").statistics["weighted_tau"].value
    assert found == pytest.approx(1)
    changed = {**values, "set0": {m: -x for m, x in values["set0"].items()}}
    places = [standardised(changed[f"set{i}"]) for i in (1, 2, 3)]
    means = {m: float(np.mean([row[m] for row in places])) for m in MODELS}
    by_hand = validate(
        frame(changed)[lambda t: t["dataset"] == "set0"].assign(m=lambda t: t["model"].map(means)),
        draws=100,
        by_name=False,
    )
    taus = {
        (row.metric, row.dataset): row.statistics["weighted_tau"].value
        for row in run(changed, by_name=False).comparisons
    }
    assert by_hand.summary("m").statistics["weighted_tau"].value == pytest.approx(
        taus["own_history", "set0"]
    )


def test_whole_groups_of_datasets_are_left_out(tmp_path: Path) -> None:
    """Two groups with opposite orders: within them history is right, across it is wrong."""
    order = {m: float(i) for i, m in enumerate(MODELS)}
    turned = {m: -x for m, x in order.items()}
    values = {f"a{i}": order for i in range(4)} | {f"b{i}": turned for i in range(4)}
    table = frame(values)
    table["kind"] = table["dataset"].str[0]
    by_column = validate(table, draws=100, by_name=False, group="kind")
    found = by_column.summary("own_history_groups").statistics["weighted_tau"].value
    assert found == pytest.approx(-1)
    assert by_column.groups["a1"] == "a"
    assert "Groups of datasets: a 4, b 4." in by_column.notes
    file = write(tmp_path / "kinds.csv", "dataset,group", *(f"{d},{d[0]}" for d in values))
    by_file = run(values, by_name=False, group=str(file))
    assert by_file.summaries == by_column.summaries
    short = write(tmp_path / "short.csv", "dataset,group", "a0,a")
    with pytest.raises(AcrankError, match="no group of 'a1'"):
        run(values, by_name=False, group=str(short))
    with pytest.raises(AcrankError, match="has no group, or two"):
        validate(table.assign(kind=range(len(table))), group="kind")


def test_own_history_is_what_the_other_lists_are_tested_against(result: Validation) -> None:
    for found in result.summaries:
        own = found.metric in ("own_history", "random lists")
        assert (found.test is None) == own
        assert own or (found.test and found.test.baseline == "own_history")


def test_a_table_that_is_published_is_left_out_of_what_it_is_compared_with() -> None:
    pages = book()
    published = pages.tables["tllib"].values
    values = {dataset: dict(models) for dataset, models in published.items()}
    assert tables_with(values, pages) == ("tllib",)
    renamed = {d: {f"m{i}": x for i, x in enumerate(v.values())} for d, v in values.items()}
    assert tables_with(renamed, pages) == ("tllib",)
    as_fractions = {d: {m: x / 100 for m, x in v.items()} for d, v in values.items()}
    assert tables_with(as_fractions, pages) == ("tllib",)
    assert tables_with(random_values(20, 0, tuple(KNOWN)), pages) == ()
    noted = run(values)
    assert any("are among the published ones (table 'tllib')" in note for note in noted.notes)
    past = {row.model: row.prior.history for row in noted.models}["resnet50.tv_in1k"]
    assert past is not None
    assert "tllib" not in past.tables


def test_a_dataset_is_left_out_of_what_is_said_of_it() -> None:
    """The same accuracies under a name that other tables have, and under one that none has."""
    values = random_values(2, 3, KNOWN)
    known = {"CIFAR-10": values["set0"], "Oxford-IIIT Pets": values["set1"]}
    assert datasets_called("CIFAR-10", book()) == {"cifar10"}
    assert datasets_called("Oxford-IIIT Pets", book()) == {"pets"}
    assert datasets_called("my scans", book()) == frozenset()
    one, other = run(values), run(known)
    assert [row.prior for row in one.models] == [row.prior for row in other.models]
    taus = [[row.statistics["pearson"].value for row in r.comparisons] for r in (one, other)]
    assert taus[0] != taus[1]


def test_tables_of_one_study_may_be_named() -> None:
    past = {row.model: row.prior.history for row in run(random_values(1, 0, KNOWN)).models}
    less = run(random_values(1, 0, KNOWN), without=("tllib",))
    left = {row.model: row.prior.history for row in less.models}
    for model in ("resnet50.tv_in1k", "densenet169.tv_in1k"):
        assert past[model] is not None
        assert "tllib" in past[model].tables  # type: ignore[union-attr]
        assert left[model] is None or "tllib" not in left[model].tables  # type: ignore[union-attr]


def test_a_probe_is_compared_with_the_history_of_probes() -> None:
    values = random_values(1, 0, ("hf-hub:MahmoodLab/UNI", "hf-hub:owkin/phikon", "hf-hub:me/x"))
    values["set0"]["hf-hub:paige-ai/Virchow2"] = 70.0
    assert "history" in lists(run(values, truth="probe"))
    assert "history" not in lists(run(values, truth="end-to-end"))
    assert "history" not in lists(run(values, truth="zero-shot"))


def test_a_table_may_say_which_networks_its_models_are(tmp_path: Path) -> None:
    values = random_values(2, 0)
    rows = [
        f"{m},{name},{'x' if i < 2 else 'y'}"
        for i, (m, name) in enumerate(zip(MODELS[:5], KNOWN, strict=True))
    ]
    names = write(tmp_path / "names.csv", "model,name,family", *rows)
    found = run(values, names=names)
    known = {row.model: row for row in found.models}
    assert [known[m].name for m in MODELS[:2]] == list(KNOWN[:2])
    assert known[MODELS[0]].family == "x"
    assert known["vgg"].name is None
    assert {(row.family, row.models) for row in found.families} == {("x", 2), ("y", 3)}
    assert any(note.startswith("Names read as: alex → resnet50.tv_in1k") for note in found.notes)
    twice = write(tmp_path / "twice.csv", "model,name", "res,a", "res,b")
    with pytest.raises(AcrankError, match="line 3: model 'res' is there already"):
        run(values, names=twice)


def test_two_names_of_the_same_weights_are_pointed_at() -> None:
    values = random_values(1, 0, ("resnet50.tv_in1k", "torchvision:resnet50@IMAGENET1K_V1", "x"))
    notes = run(values).notes
    assert any("are the same weights, resnet50.tv_in1k." in note for note in notes)


def test_a_family_that_is_left_out_is_gone() -> None:
    """What one family does alone is told by what is left without it."""
    values = random_values(1, 0, (*KNOWN, "vgg16.tv_in1k"))
    result = run(values)
    sizes = {row.family: row.models for row in result.families}
    assert sizes == {"resnet": 2, "densenet": 2, "inception": 1, "vgg": 1}
    left = {m: x for m, x in values["set0"].items() if not m.startswith("resnet")}
    alone = run({"set0": left}, by_name=True)
    row = next(row for row in result.families if row.family == "resnet")
    for name in ("params_m", "imagenet_top1"):
        expected = alone.summary(name).statistics["weighted_tau"].value
        assert row.taus[name] == pytest.approx(expected)


def test_lists_are_alike_as_ranks_are() -> None:
    accuracies = random_values(3, 0)
    table = frame(accuracies)
    table["same"] = table["accuracy"] ** 3
    table["opposite"] = -table["accuracy"]
    table["flat"] = 1.0
    found = validate(table, draws=100, by_name=False)
    alike = {frozenset((row.metric, row.other)): row for row in found.likenesses}
    assert alike[frozenset(("same", "opposite"))].spearman == pytest.approx(-1)
    flat = alike[frozenset(("same", "flat"))]
    assert np.isnan(flat.spearman)
    assert flat.datasets == 0
    assert np.isnan(found.summary("flat").statistics["weighted_tau"].value)


def test_wide_accuracies_alone_are_said_to_be_taken_so(tmp_path: Path) -> None:
    wide = write_wide(tmp_path / "wide.csv", random_values(2, 0))
    found = validate(wide, draws=100, by_name=False)
    assert found.datasets == ("set0", "set1")
    assert any("'set0', 'set1' taken as datasets with accuracies" in n for n in found.notes)
    assert any("own_history: none, as a history needs 3 other datasets" in n for n in found.notes)
    scores = write(tmp_path / "s.csv", "model,log_me,knn", "a,1,2", "b,2,3", "c,3,4")
    for table in (scores, write(tmp_path / "one.csv", "model,x", "a,1", "b,2", "c,3")):
        with pytest.raises(AcrankError, match="no column of accuracies"):
            validate(table)


def test_without_names_nothing_is_looked_up() -> None:
    found = run(random_values(4, 0, NETWORKS), by_name=False)
    assert lists(found) == {"own_history", "random lists"}
    assert found.models == ()
    assert found.families == ()
