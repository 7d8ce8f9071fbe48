import csv
import io
import json
from collections import Counter
from dataclasses import replace

import pandas as pd
import pytest
from rich.console import Console

from acrank.experiments.validation import Validation, validate
from acrank.experiments.validation.agreement import STATISTICS
from acrank.experiments.validation.results import COLUMNS
from acrank.report.builders.validation import ValidationReport, number, p_value
from acrank.report.renderers.markdown import to_markdown
from acrank.report.renderers.records import to_csv, to_json
from acrank.report.renderers.terminal import PLAIN_WIDTH, print_document
from tests.experiments.validation.builders import random_values


@pytest.fixture(scope="module")
def result() -> Validation:
    return validate(published="tllib", draws=100)


def printed(
    result: Validation, width: int = PLAIN_WIDTH, *, terminal: bool = False, detail: bool = False
) -> str:
    stream = io.StringIO()
    console = Console(file=stream, width=width, force_terminal=terminal, color_system=None)
    print_document(ValidationReport(result, detail).document(), console)
    return stream.getvalue()


def test_the_table_has_means_datasets_and_published_taus(result: Validation) -> None:
    lines = printed(result).splitlines()
    assert lines[0].split()[:3] == ["metric", "weighted", "tau"]
    assert lines[1].startswith("own_history *")
    assert any(line.startswith("params_m *") for line in lines)
    assert any(line.startswith("random lists") for line in lines)
    assert "0.664 ≠ 0.343" in next(line for line in lines[-11:] if line.startswith("Aircraft"))
    assert "0.697 ~ 0.721" in next(line for line in lines[-11:] if line.startswith("Caltech101"))
    assert lines[-1].startswith("20 of 32 published taus follow")
    assert all(line == line.rstrip() for line in lines)


@pytest.mark.parametrize("width", [60, 80, 100])
def test_a_narrow_terminal_holds_all_lines(result: Validation, width: int) -> None:
    text = printed(result, width, terminal=True)
    assert all(len(line) <= width for line in text.splitlines())
    assert "Columns hidden for lack of width: " in text
    assert "≠ 0.448" in text


def test_detail_shows_every_dataset(result: Validation) -> None:
    short, long = printed(result), printed(result, detail=True)
    names = 2 + 1 + 10  # caption, heading and a row for each model
    assert len(long.splitlines()) == len(short.splitlines()) + 8 * (3 + 10) + names


def test_what_was_measured_is_said(result: Validation) -> None:
    assert "the best accuracy among" in printed(result)
    assert "the best Dice among" in printed(replace(result, truth="Dice"))


def test_csv_has_every_number(result: Validation) -> None:
    rows = list(csv.DictReader(io.StringIO(to_csv(ValidationReport(result)))))
    assert tuple(rows[0]) == COLUMNS
    lists = 10  # four metrics, two facts, prior, two histories and random lists
    scopes = Counter(row["scope"] for row in rows)
    assert scopes == {"mean": lists, "dataset": 8 * lists, "family": 4 * 9, "likeness": 9 * 8 // 2}
    mean = next(row for row in rows if row["scope"] == "mean" and row["metric"] == "leep")
    assert mean["datasets"] == "8"
    assert mean["baseline"] == "own_history"
    assert float(mean["p"]) == pytest.approx(2 / 128)
    assert mean["models"] == mean["dataset"] == ""
    assert all(
        row[name] for row in rows if row["scope"] in ("mean", "dataset") for name in STATISTICS
    )
    family = next(row for row in rows if row["scope"] == "family")
    assert (family["left_out"], family["models"]) == ("densenet", "")
    assert family["weighted_tau"]
    alike = next(row for row in rows if row["scope"] == "likeness")
    assert alike["other"]
    assert alike["spearman"]
    assert not alike["weighted_tau"]


def test_json_is_strict_and_whole(result: Validation) -> None:
    document = json.loads(to_json(ValidationReport(result)), parse_constant=pytest.fail)
    told: dict[str, object] = {"published": "tllib", "tau": "both", "draws": 100, "seed": 0}
    told |= {"truth": "unknown", "domain": None, "group": None, "without": []}
    assert document["settings"] == told
    assert (document["truth"], document["protocol"]) == ("accuracy", "end-to-end")
    assert document["notes"] == list(result.notes)
    assert len(document["means"]) == 10
    assert len(document["datasets"]) == 80
    assert {row["family"] for row in document["families"]} >= {"resnet", "densenet"}
    known = {row["model"]: row for row in document["models"]}
    assert known["ResNet50"]["name"] == "resnet50.tv_in1k"
    assert known["ResNet50"]["prior"]["history"]["datasets"] >= 3
    assert document["published"][0] == {
        "dataset": "Aircraft",
        "metric": "hscore",
        "published": 0.664,
        "recomputed": pytest.approx(0.342907, abs=1e-6),
        "verdict": "differs",
    }


def test_what_is_undefined_is_blank_everywhere() -> None:
    truth = random_values(1, 0)["set0"]
    frame = pd.DataFrame({"model": list(truth), "accuracy": truth.values(), "flat|x": 1.0})
    result = validate(frame, draws=100)
    report = ValidationReport(result)
    markdown = to_markdown(report.document())
    assert "flat\\|x" in markdown
    row = next(line for line in printed(result).splitlines() if line.startswith("flat|x"))
    assert (
        "nan"
        not in (
            printed(result)
            + to_markdown(ValidationReport(result).document())
            + to_csv(ValidationReport(result))
        ).lower()
    )
    assert row.split()[1] == "1.000" or "0." in row  # the first number is Rel@1: no correlation
    assert (
        json.loads(to_json(ValidationReport(result)))["means"][-1]["statistics"]["weighted_tau"][
            "value"
        ]
        is None
    )


def test_numbers() -> None:
    nan = float("nan")
    assert [number(x, 2) for x in (-0.004, 0.12, nan, -1.0)] == ["0.00", "0.12", "", "-1.00"]
    assert [p_value(x) for x in (0.0004, 0.031, 0.5, nan)] == ["<0.001", "0.031", "0.50", ""]
