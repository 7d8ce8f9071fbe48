"""The page as a whole: whatever the ranking or experiment, it is sound, safe and complete."""

import re
from functools import partial
from itertools import pairwise
from pathlib import Path

import pytest

from acrank.errors import MissingExtraError
from acrank.experiments.benchmark.run import Experiment
from acrank.report.builders.experiment import ExperimentReport
from acrank.report.builders.ranking import RankingReport
from acrank.report.document import Block, Cell, Column, Image, Images, Row, Section, Table, Text
from acrank.report.renderers import html
from acrank.report.renderers.records import to_json
from acrank.results import Ranking
from acrank.results.file import read_ranking
from tests.report import experiments
from tests.report.rankings import HOSTILE, edge_cases, hostile, make_ranking, model
from tests.report.renderers.parsed import Document, Element

PIXEL = "data:image/jpeg;base64,AAAA"


def some_images(name: str, count: int) -> Section:
    images = tuple(Image(PIXEL, f"Image {number} of class {name}") for number in range(count))
    return Section(name, f"class-{count}", (Text("some drawn", small=True), Images(images, 96)))


GALLERY: tuple[Block, ...] = (some_images("glioma", 2), some_images(HOSTILE, 1))
LEGEND = Table(
    "Classes of the masks",
    (Column("class", words=True), Column("share of pixels"), Column("in images")),
    (
        Row((Cell("background (left plain)", swatch="plain"), "90.0 %", "40 of 40")),
        Row((Cell(HOSTILE, swatch="#3c87d1"), "9.0 %", "7 of 40")),
        Row((Cell("pixels to ignore (hatched)", swatch="hatched"), "1.0 %", "1 of 40")),
    ),
)
MASKS = (LEGEND, Images((Image(PIXEL, f"{HOSTILE} 9.0 %"),) * 24, 160))


def to_html(ranking: Ranking, gallery: tuple[Block, ...] = ()) -> str:
    return html.to_html(RankingReport(ranking).page(gallery))


def experiment_to_html(done: Experiment) -> str:
    return html.to_html(ExperimentReport(done).page())


RANKINGS = {**edge_cases(), "hostile": hostile()}
EXPERIMENTS = experiments.edge_cases()
PAGES = {name: partial(to_html, ranking, GALLERY) for name, ranking in RANKINGS.items()} | {
    f"experiment: {name}": partial(experiment_to_html, done) for name, done in EXPERIMENTS.items()
}
PAGES["masks"] = partial(to_html, make_ranking(), MASKS)


@pytest.fixture(scope="module", params=PAGES)
def document(request: pytest.FixtureRequest) -> Document:
    return Document(PAGES[request.param]())


def test_nothing_is_fetched_or_run(document: Document) -> None:
    assert not document.all("script", "link", "iframe", "object", "embed", "base", "form")
    for element in document.elements:
        for name, value in element.attributes.items():
            assert not name.startswith("on")
            if name in ("src", "href", "xlink:href", "srcset", "action"):
                assert value.startswith(("data:image/jpeg;base64,", "#")), (name, value)
            if name == "style":
                assert not re.search(r"url\((?!#)|@import|expression", value)
    (style,) = document.all("style")
    assert not re.search(r"url\(|@import", style.text)
    policy = next(e for e in document.all("meta") if "http-equiv" in e.attributes)
    assert policy.attributes["content"] == (
        "default-src 'none'; style-src 'unsafe-inline'; img-src data:"
    )


def test_ids_are_unique_and_references_lead_to_them(document: Document) -> None:
    ids = [e.attributes["id"] for e in document.elements if "id" in e.attributes]
    assert len(ids) == len(set(ids))
    for element in document.elements:
        for name in ("aria-labelledby", "aria-describedby"):
            for reference in element.attributes.get(name, "").split():
                assert reference in ids
        if element.attributes.get("href", "").startswith("#"):
            assert element.attributes["href"][1:] in ids
        for value in element.attributes.values():
            assert set(re.findall(r"url\(#([^)]+)\)", value)) <= set(ids)


def test_headings_and_landmarks_are_in_order(document: Document) -> None:
    levels = [int(e.tag[1]) for e in document.all("h1", "h2", "h3", "h4")]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after <= before + 1 for before, after in pairwise(levels))
    for tag in ("main", "header", "nav", "footer"):
        assert len(document.all(tag)) == 1
    assert document.all("html")[0].attributes["lang"] == "en"


def test_tables_and_figures_can_be_read_without_eyes(document: Document) -> None:
    for table in document.all("table"):
        region = table.parent
        assert region is not None
        assert (region.attributes["role"], region.attributes["tabindex"]) == ("region", "0")
        assert table.children[0].tag == "caption"
        assert table.children[0].text
    assert all(e.attributes.get("scope") in ("col", "row") for e in document.all("th"))
    for figure in document.all("figure"):
        (svg,) = [child for child in figure.children if child.tag == "svg"]
        assert svg.attributes["role"] == "img"
        assert svg.children[0].tag == "title"
        assert svg.children[0].text
        details = [child for child in figure.children if child.tag == "details"]
        assert all(each.children[1].children[0].tag == "table" for each in details)
    assert all(image.attributes["alt"] for image in document.all("img"))


def test_every_model_is_in_the_table_with_its_reason() -> None:
    document = Document(to_html(make_ranking()))
    table = next(t for t in document.all("table") if "Every model" in t.children[0].text)
    for words in ("first", "dropped: after round 1: place 4 of 5", "failed: out of memory"):
        assert words in table.text
    assert "unranked: tied" in table.text
    notes = next(e for e in document.all("section") if e.attributes["id"] == "notes")
    assert "mind the sample." in notes.text
    assert "the score is at the end of its range and cannot tell good from better" in notes.text
    assert "1 of at most 1" in notes.text
    assert not document.all("img")


def test_the_outcome_is_said_first() -> None:
    header = Document(to_html(make_ranking())).all("header")[0].text
    assert "7 pretrained models for brain" in header
    assert "first is first by ac_corr: 1.500" in header
    assert "Not ranked: 1 dropped, 1 unranked, 1 failed" in header
    assert "64 of 100" in header
    assert "2026-01-02 03:04 UTC" in header


def figure(document: Document, title: str) -> Element:
    """The picture whose title begins so."""
    return next(e for e in document.all("svg") if e.children[0].text.startswith(title))


def test_markup_in_names_is_text_wherever_it_stands() -> None:
    text = to_html(hostile(), GALLERY)
    assert "<script" not in text
    assert "<img src=x" not in text
    assert "alert(1)" in text
    assert "{{7*7}}" in text
    assert "\x1b" not in text
    svg = figure(Document(text), "Ranking by")
    assert "</svg></script>" in svg.text
    assert "模型 سلام 😀" in svg.text


def test_masks_have_a_legend() -> None:
    text = to_html(make_ranking(), MASKS)
    document = Document(text)
    legend = next(t for t in document.all("table") if "Classes of the" in t.children[0].text)
    for words in ("(left plain)", "90.0 %", "40 of 40", "7 of 40", "pixels to ignore", "1 of 40"):
        assert words in legend.text
    assert "--class:#3c87d1" in text
    assert "<script" not in text
    assert "<img src=x" not in text
    assert len(document.all("img")) == 24


def test_a_hundred_models() -> None:
    results = [model(f"model-{i}", 1 + i / 50, layers=()) for i in range(100)]
    document = Document(to_html(make_ranking(results)))
    svg = figure(document, "Ranking by")
    assert "100 model-0" in svg.text
    assert svg.attributes["viewbox"].split()[-1] == "3244"


def test_the_same_ranking_gives_the_same_page(tmp_path: Path) -> None:
    ranking = make_ranking()
    first = to_html(ranking, GALLERY)
    assert to_html(ranking, GALLERY) == first
    path = tmp_path / "result.json"
    path.write_text(to_json(RankingReport(ranking)))
    assert to_html(read_ranking(path), GALLERY) == first


@pytest.mark.parametrize("package", ["jinja2", "matplotlib"])
def test_a_missing_package_is_named(monkeypatch: pytest.MonkeyPatch, package: str) -> None:
    def find(name: str) -> object:
        return None if name == package else object()

    monkeypatch.setattr(html, "find_spec", find)
    monkeypatch.setattr("acrank.report.plotting.find_spec", find)
    with pytest.raises(MissingExtraError, match=r"acrank\[report\]"):
        to_html(make_ranking())
