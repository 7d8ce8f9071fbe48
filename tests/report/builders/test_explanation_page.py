"""The page of one model: sound and safe whatever is in it, with its command and its images."""

import re
from dataclasses import replace

from acrank.config import RunConfig
from acrank.report.builders.explanation import ExplanationReport
from acrank.report.document import Block
from acrank.report.renderers.html import to_html
from acrank.scoring.inspection import Explanation
from acrank.scoring.inspection.types import listed_moves
from tests.report.builders.test_explanation import hostile, make, make_layer
from tests.report.renderers.parsed import Document
from tests.report.renderers.test_page import MASKS


def recorded(explained: Explanation) -> Explanation:
    """With the record of a run on volumes."""
    config = RunConfig(data="scans", zoo="my.yaml", models=("n*",), patch=(32, 32, 16), lr=0.5)
    dataset = {**explained.record["dataset"], "patch": [32, 32, 16], "spacing": [1, 1, 2]}
    record = {"config": config.model_dump(mode="json"), "dataset": dataset, "device": {}}
    return replace(explained, record=record)


def page(explained: Explanation, gallery: tuple[Block, ...] = ()) -> str:
    given = recorded(explained)
    return to_html(ExplanationReport(given, listed_moves(given, 2)).page(gallery))


def test_layers_channels_and_the_command_are_shown() -> None:
    document = Document(page(make(make_layer("stem.bn", 0), make_layer("bn2", 1))))
    tables = {table.children[0].text: table.text for table in document.all("table")}
    assert "stem.bn" in tables["The layers, in the network's order"]
    assert "→" in tables["The 2 channels that move most"]
    assert "[32, 32, 16]" not in tables["Dataset"]
    assert "32, 32, 16" in tables["Dataset"]
    header = document.all("header")[0].text
    assert "net on demo" in header
    assert "volumes 16 of 99" in header
    command = " ".join(document.all("pre")[0].text.replace("\\", "").split())
    assert command == ("acrank explain net --data scans --zoo my.yaml --lr 0.5 --patch 32,32,16")
    assert "a note" in document.all("main")[0].text
    assert not document.all("img")


def test_markup_in_names_is_text() -> None:
    html = page(hostile(), MASKS)
    assert "<script" not in html
    assert "\x1b" not in html
    assert not re.search(r"<img src=[^\"]", html)
    assert len(Document(html).all("img")) == 24


def test_a_network_without_a_score_says_why() -> None:
    document = Document(page(make(make_layer("bn", 0, tied=True), undefined="all tied")))
    assert "No AC-Corr: all tied" in document.all("header")[0].text
