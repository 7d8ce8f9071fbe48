from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from acrank.errors import AcrankError
from acrank.experiments.validation import validate
from acrank.experiments.validation.layout import ColumnNames
from acrank.experiments.validation.sheets import read_sheet
from acrank.experiments.validation.tables import Values, read_scores, read_sheets
from acrank.experiments.validation.truth import read_truth
from acrank.metrics.registry import AC_CORR
from acrank.results import HEAD, TAIL
from tests.experiments.validation.builders import random_values, write, write_long, write_wide

ACCURACIES = random_values(2, seed=0)
SCORES = random_values(2, seed=1)


def accuracies(path: Path, **names: Any) -> Values:
    return read_truth(read_sheet(path), ColumnNames(**names), []).values


def scores(path: Path, **names: Any) -> dict[str, Values]:
    metrics = read_scores(read_sheets(path), list(ACCURACIES), ColumnNames(**names), [])
    return {metric.name: metric.values for metric in metrics}


def test_wide_is_long(tmp_path: Path) -> None:
    wide = write_wide(tmp_path / "wide.csv", ACCURACIES)
    for column in ("accuracy", "finetuned_acc", "Accuracy", "top1"):
        assert accuracies(write_long(tmp_path / "long.csv", column, ACCURACIES)) == ACCURACIES
    assert accuracies(wide) == ACCURACIES
    logme = write_wide(tmp_path / "logme.csv", SCORES)
    assert scores(logme) == {"logme": SCORES}
    assert scores(logme, metric="LogME") == {"LogME": SCORES}
    assert scores(write_long(tmp_path / "long.csv", "logme", SCORES)) == {"logme": SCORES}


def test_one_row_a_score_and_a_folder_of_files(tmp_path: Path) -> None:
    lines = [f"{m},{d},logme,{x}" for d, models in SCORES.items() for m, x in models.items()]
    tall = write(tmp_path / "tall.csv", "model,dataset,metric,score", *lines)
    assert scores(tall) == {"logme": SCORES}
    folder = tmp_path / "scores"
    folder.mkdir()
    for dataset, models in SCORES.items():
        write(folder / f"{dataset}.csv", "model,logme", *(f"{m},{x}" for m, x in models.items()))
    assert scores(folder) == {"logme": SCORES}
    metrics = tmp_path / "metrics"
    metrics.mkdir()
    write_wide(metrics / "logme.csv", SCORES)
    write_wide(metrics / "leep.csv", ACCURACIES)
    assert scores(metrics) == {"logme": SCORES, "leep": ACCURACIES}


def test_semicolons_tabs_blanks_and_a_byte_order_mark(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    for separator in ",;\t":
        text = f"\ufeffmodel{separator}accuracy\r\n a {separator}1.5\r\n\r\nb{separator}\r\n"
        path.write_text(text, encoding="utf-8", newline="")
        assert accuracies(path) == {"": {"a": 1.5}}


def test_names_of_columns_may_be_given(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", "net,task,kappa,seconds", "x,t,0.5,3", "y,t,0.25,4")
    names = {"model": "net", "dataset": "task", "accuracy": "kappa"}
    assert accuracies(path, **names) == {"t": {"x": 0.5, "y": 0.25}}


def test_a_score_file_gives_its_metrics_and_the_parameters(tmp_path: Path) -> None:
    header = ",".join([*HEAD, *AC_CORR, "log_me", *TAIL])
    blank = "," * (len(TAIL) - 1)
    path = write(
        tmp_path / "set0.csv",
        header,
        f"1,res,ok,5,4,6,0.5,5,0.5,4,1.5,25.6{blank}",
        f",vgg,unranked,,,,,,,,1.25,138.0{blank}",
        f",alex,failed,,,,,,,,,{blank}",
        f",dense,dropped,,,,,7,0.7,6,2.5,8.0{blank}",
    )
    notes: list[str] = []
    read_scores(read_sheets(path), list(ACCURACIES), ColumnNames(), notes)
    assert any("1 dropped model(s) left out" in note for note in notes)
    found = scores(path)
    assert set(found) == {*AC_CORR, "log_me", "params_m"}
    assert found["ac_corr"] == {"set0": {"res": 5.0}}
    assert found["params_m"] == {"set0": {"res": 25.6, "vgg": 138.0}}


def test_a_frame_is_a_table() -> None:
    rows = [(m, x) for m, x in ACCURACIES["set0"].items()]
    truth = pd.DataFrame(rows, columns=["model", "accuracy"])
    oracle = truth.rename(columns={"accuracy": "oracle"})
    result = validate(oracle, truth, draws=100)
    assert result.summaries[0].statistics["weighted_tau"].value == pytest.approx(1.0)


GOOD = ("model,dataset,accuracy", "a,x,1", "b,x,2", "c,x,3")
BAD: dict[str, tuple[tuple[str, ...], list[str]]] = {
    "text": (("model,accuracy", "a,1", "b,high"), ["line 3", "'accuracy'", "'high'"]),
    "infinite": (("model,accuracy", "a,1", "b,inf"), ["line 3", "'inf'"]),
    "decimal comma": (("model;accuracy", "a;1,5"), ["line 2", "'1,5'", "decimal point"]),
    "twice": (("model,accuracy", "a,1", "b,2", "a,3"), ["line 4", "'a'", "line 2"]),
    "twice on a set": ((*GOOD, "a,x,5"), ["line 5", "'a' on 'x'", "line 2"]),
    "no model column": (("net,accuracy", "a,1"), ["'net'", "--model-column"]),
    "no model": (("model,accuracy", "a,1", ",2"), ["line 3", "no model name"]),
    "no dataset": ((*GOOD, "d,,5"), ["line 5", "'dataset'"]),
    "no accuracy": (("model,dataset,a,b", "m,x,1,2"), ["--accuracy-column"]),
    "column twice": (("model,accuracy,accuracy", "a,1,2"), ["line 1", "'accuracy'", "twice"]),
    "too many cells": (("model,accuracy", "a,b,1"), ["line 2", "3 cells", "2 columns"]),
    "no rows": (("model,accuracy",), ["no rows"]),
    "empty": (("",), ["empty"]),
    "quotes": (("model,accuracy", '"a,1'), ["not a readable CSV"]),
    "no numbers": (("model,family", "a,cnn"), ["no accuracies"]),
    "case": (("model,Accuracy,accuracy", "a,1,2"), ["differ only in case"]),
}


@pytest.mark.parametrize("kind", BAD)
def test_bad_accuracies_say_where_and_what(tmp_path: Path, kind: str) -> None:
    lines, words = BAD[kind]
    path = write(tmp_path / "bad.csv", *lines)
    with pytest.raises(AcrankError) as caught:
        accuracies(path)
    for word in ("bad.csv", *words):
        assert word in str(caught.value)
    assert caught.value.hint


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"model,accuracy\n\xff,1\n", ["byte 15 is not UTF-8"]),
        (b"model,accuracy\na\0,1\n", ["NUL"]),
    ],
)
def test_what_is_no_text(tmp_path: Path, content: bytes, words: list[str]) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(content)
    with pytest.raises(AcrankError, match=words[0]):
        accuracies(path)


def test_what_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(AcrankError, match="cannot be read"):
        accuracies(tmp_path / "gone.csv")
    with pytest.raises(AcrankError, match="no CSV or JSON"):
        scores(tmp_path)
    with pytest.raises(AcrankError, match="is not a JSON file of acrank score"):
        scores(write(tmp_path / "a.json", '{"models": 3}'))


def test_scores_that_do_not_fit(tmp_path: Path) -> None:
    unnamed = write(tmp_path / "a.csv", "model,logme", "a,1", "b,2")
    with pytest.raises(AcrankError, match=r"names no dataset.* 2 of them"):
        scores(unnamed)
    long = write_long(tmp_path / "b.csv", "logme", SCORES)
    with pytest.raises(AcrankError, match="--metric"):
        scores(long, metric="logme")
    with pytest.raises(AcrankError, match="no column of scores"):
        scores(write(tmp_path / "set0.csv", "model,family", "a,cnn"))
