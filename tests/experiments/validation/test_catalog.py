"""The bundled tables: whole, as their sources print them, and wrong where they are wrong."""

import csv

import numpy as np
import pytest

from acrank.errors import ConfigError
from acrank.experiments.validation import validate
from acrank.experiments.validation.catalog import FOLDER, catalog, load_published, reproductions
from acrank.experiments.validation.results import TauVerdict

SIZES = {
    "tllib": (8, 10, 4),
    "model-spider": (8, 10, 9),
    "medmnist-models": (11, 9, 8),
    "medmnist-sources": (12, 15, 8),
    "sfda-supervised": (11, 11, 0),
    "sfda-self-supervised": (13, 12, 0),
}


@pytest.mark.parametrize("name", SIZES)
def test_tables_are_whole(name: str) -> None:
    table = load_published(name)
    scored = [metric for metric in table.metrics if not metric.baseline]
    models = {model for values in table.accuracies.values() for model in values}
    assert (len(table.accuracies), len(models), len(scored)) == SIZES[name]
    assert table.notes[0].startswith(f"{name}: ")
    assert "MIT" in table.notes[0]
    for baseline in (metric for metric in table.metrics if metric.baseline):
        assert all(baseline.values[d].keys() == m.keys() for d, m in table.accuracies.items())


def test_every_file_belongs_to_a_table() -> None:
    named = {"published_taus.csv", "torchvision_baselines.csv"}
    for entry in catalog().values():
        scores = entry.scores
        named |= {entry.accuracies, *(scores.values() if isinstance(scores, dict) else scores)}
    assert named == {path.name for path in FOLDER.glob("*.csv")}


def test_an_unknown_table_lists_those_there_are() -> None:
    with pytest.raises(ConfigError) as caught:
        load_published("tlib")
    assert all(name in str(caught.value) for name in SIZES)


def verdicts(name: str, verdict: TauVerdict) -> set[tuple[str, str]]:
    rows = reproductions(load_published(name))
    return {(row.dataset, row.metric) for row in rows if row.verdict == verdict}


def test_tllib_prints_nine_taus_that_do_not_follow_from_its_numbers() -> None:
    """Its Aircraft and Pets rows and the NCE of DTD; three more hang on rounded scores."""
    metrics = ("hscore", "leep", "logme", "nce")
    wrong = {(name, metric) for name in ("Aircraft", "OxfordIIITPets") for metric in metrics}
    assert verdicts("tllib", "differs") == wrong | {("DTD", "nce")}
    ties = {("Caltech101", "logme"), ("CIFAR100", "logme"), ("DTD", "logme")}
    assert verdicts("tllib", "ties") == ties
    assert len(verdicts("tllib", "same")) == 20


def test_model_spider_ranks_by_accuracy() -> None:
    wrong = {("Aircraft", metric) for metric in ("LEEP", "NLEEP", "LogME")}
    assert verdicts("model-spider", "differs") == wrong
    assert len(verdicts("model-spider", "same")) == 69


def test_what_the_notes_say_of_the_tables_is_so() -> None:
    with (FOLDER / "tllib_scores_acc.csv").open() as stream:
        dtd = [row for row in csv.DictReader(stream) if row["dataset"] == "DTD"]
    assert all(row["nce"] == row["logme"] for row in dtd)
    assert sum(float(row["hscore"]) > 46 for row in dtd) == 3
    spider = {metric.name: metric for metric in load_published("model-spider").metrics}
    assert min(spider["GBC"].values["CIFAR10"].values()) < -90
    one, other = load_published("tllib"), load_published("model-spider")
    assert sorted(map(sorted, (m.values() for m in one.accuracies.values()))) == sorted(
        map(sorted, (m.values() for m in other.accuracies.values()))
    )


def test_medmnist_scores_are_turned_round_by_their_source() -> None:
    """Weighted taus of bloodmnist in the source's architecture_transferability notebook."""
    printed = {"logme": -0.203377, "sfda": 0.277793, "leep": 0.483202, "parc": -0.009153}
    printed |= {"ncti": 0.317857, "nleep": 0.349733, "lp": 0.111411, "fu": 0.158280}
    turned = ("leep", "parc", "ncti", "nleep", "lp", "fu")
    result = validate(published="medmnist-models", lower_is_better=turned, draws=100)
    for row in result.comparisons:
        if row.dataset == "bloodmnist" and row.metric in printed:
            assert row.statistics["weighted_tau"].value == pytest.approx(
                printed[row.metric], abs=5e-7
            )


def test_zeros_of_the_self_supervised_table_are_missing() -> None:
    result = validate(published="sfda-self-supervised", draws=100)
    models = {row.dataset: row.models for row in result.comparisons}
    assert (models["resisc"], models["eurosat"], models["pets"]) == (10, 10, 12)
    assert [found.metric for found in result.summaries] == ["own_history", "random lists"]
    assert any("treated as missing: 4" in note for note in result.notes)


def test_model_size_beats_every_metric_of_tllib() -> None:
    result = validate(published="tllib", draws=100)
    assert [found.metric for found in result.summaries[:2]] == ["own_history", "params_m"]
    assert result.summary("nce").statistics["weighted_tau"].value == pytest.approx(0.6867, abs=1e-4)
    test = result.summary("leep").test
    assert test is not None
    assert test.baseline == "own_history"
    assert test.p == pytest.approx(2 / 128)  # one of eight datasets against
    assert test.p_holm == pytest.approx(4 * 2 / 128)


def test_scores_of_ones_own_join_the_published_ones() -> None:
    import pandas as pd

    accuracies = load_published("tllib").accuracies
    rows = [(m, d, a) for d, models in accuracies.items() for m, a in models.items()]
    frame = pd.DataFrame(rows, columns=["model", "dataset", "oracle"])
    result = validate(frame, published="tllib", draws=100)
    assert result.summaries[0].metric == "oracle"
    assert {"logme", "params_m"} <= {found.metric for found in result.summaries}
    table = result.to_frame()
    table = table[table["scope"].isin(["mean", "dataset"]) & (table["metric"] != "history")]
    assert np.isfinite(table["weighted_tau"].astype(float)).all()
