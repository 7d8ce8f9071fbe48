import csv
import io
import json
import math

import numpy as np
import pytest
from rich.console import Console

from acrank.report.builders.explanation import ExplanationReport
from acrank.report.builders.explanation_words import summary
from acrank.report.renderers.markdown import to_markdown
from acrank.report.renderers.records import records_to_csv, to_csv, to_json
from acrank.report.renderers.terminal import PLAIN_WIDTH, print_document
from acrank.results import Estimate, LayerCorrelation, ModelResult
from acrank.scoring.inspection import ChannelMoves, Explanation, LayerExplanation
from acrank.scoring.inspection.types import listed_moves
from tests.report.builders.test_hostile_names import NAMES

HIDDEN = {"\x1b", "\u202e", "\u202c", "\x9b", "\x07", "\0", "\r", "\u2028"}


def make_layer(
    name: str, index: int, channels: int = 12, tied: bool = False, swamped: bool = False
) -> LayerExplanation:
    generator = np.random.default_rng(index)
    values = {
        field: generator.normal(0, 0.1, channels)
        for field in ChannelMoves.__dataclass_fields__
        if field != "dead"
    }
    values["moved"] = np.abs(values["moved"])
    values["crossed"] = (values["change"] > 0.1).astype(float)
    dead = np.arange(channels) < index % 3
    kept = np.where(dead, np.nan, np.abs(values["kept"]))
    moves = ChannelMoves(dead=dead, **{**values, "kept": kept * (np.nan if tied else 1)})
    numbers = [math.nan] * 3 if tied else [2.0 + index, (2.0 + index) / channels, 1.5]
    found = LayerCorrelation(name, channels, int(dead.sum()), tied, swamped, *numbers)
    drift = 0.9 if swamped else 0.01 / (index + 1)
    return LayerExplanation(found, 0.0 if tied else 0.5, drift, moves)


def make(*layers: LayerExplanation, model: str = "net", undefined: str = "") -> Explanation:
    config = {"dead_channels": "exclude", "steps": 1, "repeats": 3, "lr": 0.01, "head": "random"}
    dataset = {"name": "demo", "sampled": 16, "images": 99, "classes": ["a", "b"], "batches": 2}
    names = ("ac_corr", "ac_corr_channel", "ac_corr_zero")
    scores = {name: Estimate.of_trials([2.0, 2.1]) for name in names}
    result = ModelResult(model, "ok", scores=scores)
    if undefined:
        result = ModelResult(model, "unranked", undefined, undefined={"ac_corr": undefined})
    return Explanation(result, layers, {"config": config, "dataset": dataset}, ("a note",))


def hostile() -> Explanation:
    layers = [make_layer(name, index) for index, name in enumerate(NAMES)]
    return make(*layers, model="".join(NAMES))


def printed(
    explained: Explanation, *, terminal: bool = False, width: int = PLAIN_WIDTH, count: int = 10
) -> str:
    stream = io.StringIO()
    console = Console(file=stream, width=width, force_terminal=terminal, color_system=None)
    report = ExplanationReport(explained, listed_moves(explained, count))
    print_document(report.document(), console)
    return stream.getvalue()


@pytest.mark.parametrize("terminal", [False, True])
def test_the_table_shows_names_and_obeys_none(terminal: bool) -> None:
    text = printed(hostile(), terminal=terminal)
    assert not HIDDEN & set(text)
    for shown in (r"\x1b[31mred\x1b[0m", r"new\nline", r"safe\u202egnp", "[red]x[/red]", "[/x]"):
        assert shown in text
    assert len([line for line in text.splitlines() if line.rstrip().endswith("ok")]) == len(NAMES)


def test_csv_keeps_every_name_and_number() -> None:
    explained = hostile()
    rows = list(csv.DictReader(io.StringIO(to_csv(ExplanationReport(explained, ())), newline="")))
    assert [row["layer"] for row in rows] == list(NAMES)
    assert [float(row["drift"]) for row in rows] == [layer.drift for layer in explained.layers]
    every = list(
        csv.DictReader(
            io.StringIO(
                records_to_csv(ExplanationReport(explained, ()).channel_records()), newline=""
            )
        )
    )
    assert len(every) == 12 * len(NAMES)
    assert list(dict.fromkeys(row["layer"] for row in every)) == list(NAMES)
    assert {row["dead"] for row in every} == {"True", "False"}
    assert sum(row["kept"] == "" for row in every) == sum(row["dead"] == "True" for row in every)


def test_json_has_everything_and_no_nan() -> None:
    explained = hostile()
    text = to_json(ExplanationReport(explained, (), 4))
    assert not HIDDEN & set(text)
    document = json.loads(text, parse_constant=lambda name: pytest.fail(name))
    assert document["model"] == "".join(NAMES)
    assert [layer["layer"] for layer in document["layers"]] == list(NAMES)
    assert len(document["most_moved"]) == 4
    moved = [move["moved"] for move in document["most_moved"]]
    assert moved == sorted(moved, reverse=True)
    for layer in document["layers"]:
        best = [layer["moves"]["moved"][channel] for channel in layer["most_moved"]]
        assert best == sorted(best, reverse=True)
        assert not any(layer["moves"]["dead"][channel] for channel in layer["most_moved"])
    assert document["notes"] == ["a note"]


def test_markdown_is_one_row_a_layer_and_no_tag() -> None:
    explained = hostile()
    text = to_markdown(ExplanationReport(explained, listed_moves(explained, 5)).document())
    assert not HIDDEN & set(text)
    assert "<b>" not in text
    assert sum(line.startswith("| ") for line in text.splitlines()) == 4 + len(NAMES) + 5


def test_a_narrow_terminal_drops_columns_and_says_so() -> None:
    explained = make(*(make_layer(f"layer{i}.bn", i) for i in range(4)))
    text = printed(explained, terminal=True, width=80)
    assert all(len(line) <= 80 for line in text.splitlines())
    assert text.replace("\n", " ").count("Columns hidden for lack of width: ") == 2
    assert "hidden" not in printed(explained, terminal=True, width=140)


def test_silent_layers_are_named_with_the_reason() -> None:
    layers = [make_layer(f"l{i}", i, tied=i < 6, swamped=i == 7) for i in range(9)]
    lines = summary(make(*layers))
    assert "2 of 9 BatchNorm layers count; 108 channels, 9 of them dead and left out." in lines
    assert any(
        line.startswith("tied, which carry no information: l0, l1, l2, l3 and 2 more. There")
        for line in lines
    )
    assert any(
        line.startswith("swamped, which carry no information: l7. There the step") for line in lines
    )
    assert lines[-2].startswith("The step adds most in l8 (+8.5), l6 (+6.5).")
    assert lines[-1].startswith("Ratios drift farthest in l6 (")


def test_without_a_score_there_is_the_reason() -> None:
    explained = make(*(make_layer(f"l{i}", i, tied=True) for i in range(3)), undefined="all tied.")
    lines = summary(explained)
    assert lines[1:3] == [
        "No AC-Corr: all tied.",
        "0 of 3 BatchNorm layers count; 36 channels, 3 of them dead and left out.",
    ]
    assert len(lines) == 4
    assert json.loads(to_json(ExplanationReport(explained, (), 1)))["silence"] == "all tied."


def test_small_differences_can_be_seen() -> None:
    layer = make_layer("bn", 0)
    for name in ("gamma", "beta", "ratio"):
        before = getattr(layer.channels, f"{name}_before")
        getattr(layer.channels, f"{name}_after")[:] = before + 3e-6
    text = printed(make(layer))
    rows = [line for line in text.splitlines() if line.startswith("bn ") and "→" in line]
    assert len(rows) == 10
    for row in rows:
        words = row.split()
        pairs = [(words[i - 1], words[i + 1]) for i, word in enumerate(words) if word == "→"]
        assert len(pairs) == 3
        assert all(float(b) - float(a) == pytest.approx(3e-6, rel=0.1) for a, b in pairs)
