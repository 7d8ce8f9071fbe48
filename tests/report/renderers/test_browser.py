"""The page in a real browser: silent, nothing fetched, never wider than the window."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.report import experiments
from tests.report.rankings import hostile, interrupted_budget, make_ranking, model
from tests.report.renderers.browser import CHROMIUM, Browser, browser
from tests.report.renderers.test_page import GALLERY, MASKS, experiment_to_html, to_html

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed")

# Elements that reach beyond the window, but for those in a region that scrolls by itself.
WIDER = """[...document.querySelectorAll('body *')]
  .filter(e => !e.parentElement.closest('.scroll, .skip, svg') && !e.matches('.skip'))
  .filter(e => e.getBoundingClientRect().right > document.documentElement.clientWidth + 1)
  .map(e => e.tagName + '.' + e.className)"""
NAMES = [
    *("some", "hostile", "budget", "long names", "masks"),
    *(f"experiment: {name}" for name in ("some", "hostile", "failures", "many", "long names")),
]
LONG = "a-name-without-any-gap-that-would-let-it-be-broken-" * 4


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with browser(tmp_path_factory.mktemp("profile"), 120) as opened:
        yield opened


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("pages")
    rankings = {
        "some": make_ranking(),
        "hostile": hostile(),
        "budget": interrupted_budget(),
        "long names": make_ranking([model(LONG, 1.0), model(f"{LONG}2", 0.9)], warnings=[LONG]),
    }
    written = {name: to_html(ranking, GALLERY) for name, ranking in rankings.items()}
    written["masks"] = to_html(make_ranking(), MASKS)
    for name, done in experiments.edge_cases().items():
        written[f"experiment: {name}"] = experiment_to_html(done)
    found = {}
    for number, (name, html) in enumerate(written.items()):
        found[name] = folder / f"{number}.html"
        found[name].write_text(html, encoding="utf-8")
    return found


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("width", [360, 1400])
def test_it_fits_and_keeps_silent(
    page: Browser, pages: dict[str, Path], name: str, width: int
) -> None:
    page.open(pages[name], width=width)
    assert page.evaluate(WIDER) == []
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert page.evaluate("document.scripts.length") == 0
    assert page.complaints == []


@pytest.mark.parametrize("dark", [False, True])
def test_figures_have_the_colours_of_the_page(
    page: Browser, pages: dict[str, Path], dark: bool
) -> None:
    page.open(pages["some"], width=800, dark=dark)
    texts = "[...document.querySelectorAll('figure svg text')]"
    seen = set(page.evaluate(f"{texts}.map(e => getComputedStyle(e).fill)"))
    named = "getComputedStyle(document.querySelector('{}')).color"
    assert seen == {page.evaluate(named.format(place)) for place in ("body", ".note")}
    paper = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert paper == ("rgb(20, 24, 29)" if dark else "rgb(255, 255, 255)")


@pytest.mark.parametrize("dark", [False, True])
def test_the_legend_of_masks_has_their_colours(
    page: Browser, pages: dict[str, Path], dark: bool
) -> None:
    page.open(pages["masks"], width=800, dark=dark)
    swatches = "[...document.querySelectorAll('.swatch')].map(e => getComputedStyle(e).borderColor)"
    plain, drawn, ignored = page.evaluate(swatches)
    assert (plain, drawn) == ("rgba(0, 0, 0, 0)", "rgb(60, 135, 209)")
    assert ignored == page.evaluate("getComputedStyle(document.querySelector('.note')).color")


def test_regions_that_scroll_can_be_reached_by_keyboard(
    page: Browser, pages: dict[str, Path]
) -> None:
    page.open(pages["some"], width=360)
    scrolls = "[...document.querySelectorAll('*')].filter(e => e.scrollWidth > e.clientWidth + 1)"
    boxes = f"{scrolls}.filter(e => getComputedStyle(e).overflowX === 'auto')"
    assert page.evaluate(f"{boxes}.length") > 0
    assert page.evaluate(f"{boxes}.every(e => e.tabIndex === 0)")


def test_it_prints(page: Browser, pages: dict[str, Path]) -> None:
    page.open(pages["some"], width=1000)
    assert page.pdf().startswith(b"%PDF")
    assert page.screenshot().startswith(b"\x89PNG")


def test_what_a_page_must_not_do_is_noticed(page: Browser, tmp_path: Path) -> None:
    loud = tmp_path / "loud.html"
    loud.write_text("<script>console.log(1)</script><img src='http://localhost:9/x.png'>")
    page.open(loud, width=360)
    complaints, page.complaints = page.complaints, []
    assert any("asks for http://localhost:9/x.png" in said for said in complaints)
    assert len(complaints) >= 2
