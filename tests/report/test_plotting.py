"""Matplotlib's figures as parts of a page."""

import re
import sys
from xml.etree import ElementTree

import matplotlib
import pytest

from acrank.errors import MissingExtraError
from acrank.report.plotting import (
    ACCENT,
    PALETTE,
    fitted,
    new_figure,
    require_plotting,
    spans_decades,
    styled,
    to_svg,
)

ODD = "$a$ </svg><b>&\x1b 模型 سلام"


def drawn(name: str = "one", label: str = ODD) -> str:
    figure = new_figure(200, 100)
    with styled():
        axes = figure.add_axes((0.2, 0.2, 0.7, 0.7))
        axes.plot([1, 2, 3], [1, 3, 2], "o-", color=ACCENT, label=label)
        axes.text(1, 1, label)
        axes.legend()
    return to_svg(figure, name, "Title <1>", "What is seen")


def test_colours_are_variables_and_nothing_else() -> None:
    svg = drawn()
    assert f"var(--accent,{ACCENT})" in svg
    left = re.sub(r"var\(--(\w+),(#\w+)\)", "", svg)
    assert not re.findall(r"#[0-9a-f]{6}\b", left)
    used = set(re.findall(r"var\(--(\w+),", svg))
    assert used <= PALETTE.keys()


def test_it_is_one_sound_element_that_says_what_it_is() -> None:
    root = ElementTree.fromstring(drawn())
    assert root.get("role") == "img"
    assert root.get("aria-labelledby") == "one-title"
    assert [node.text for node in root[:2]] == ["Title <1>", "What is seen"]
    assert root.get("viewBox") == "0 0 200 100"
    assert "width" not in root.attrib


def test_text_from_elsewhere_is_text() -> None:
    svg = drawn()
    assert "<b>" not in svg
    assert "\x1b" not in svg
    texts = [node.text for node in ElementTree.fromstring(svg).iter() if node.tag.endswith("text")]
    assert ODD.replace("\x1b", "\\x1b") in texts


def test_figures_share_no_ids() -> None:
    ids = [set(re.findall(r' id="([^"]+)"', drawn(name))) for name in ("one", "two")]
    assert ids[0]
    assert not ids[0] & ids[1]
    for name, own in zip(("one", "two"), ids, strict=True):
        references = re.findall(r'href="#([^"]+)"|url\(#([^)]+)\)', drawn(name))
        assert {a or b for a, b in references} <= own


def test_settings_of_the_user_neither_change_it_nor_are_changed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delitem(sys.modules, "matplotlib.pyplot", raising=False)  # of other libraries
    before = drawn()
    assert "matplotlib.pyplot" not in sys.modules
    with matplotlib.rc_context({"font.size": 40, "svg.fonttype": "path", "axes.grid": False}):
        mine = dict(matplotlib.rcParams)
        assert drawn() == before
        assert dict(matplotlib.rcParams) == mine


def test_without_the_package_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("acrank.report.plotting.find_spec", lambda name: None)
    with pytest.raises(MissingExtraError, match=r"A figure needs .*acrank\[report\]"):
        new_figure(10, 10)
    with pytest.raises(MissingExtraError):
        require_plotting("x")


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("short", "short"),
        ("exactly-10", "exactly-10"),
        ("more-than-10", "more-…n-10"),
        ("模型模型模型", "模型…模型"),
    ],
)
def test_names_are_cut_by_width(name: str, shown: str) -> None:
    assert fitted(name, 10) == shown


def test_what_spans_decades() -> None:
    assert spans_decades([0.1, 1.5])
    assert not spans_decades([1.0, 5.0])
    assert not spans_decades([0.0, 5.0])
