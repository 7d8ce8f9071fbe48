"""Contrast, in a light page, a dark one and on paper."""

import re
from importlib.resources import files

import pytest

from acrank.report.plotting import PALETTE

CSS = files("acrank.report.renderers").joinpath("style.css").read_text()
SCHEMES = dict(
    zip(("light", "dark", "print"), re.findall(r":root \{(.*?)\}", CSS, re.S), strict=True)
)
Rgb = tuple[float, ...]


def variables(scheme: str) -> dict[str, str]:
    return dict(re.findall(r"--(\w+): (.*?);", SCHEMES[scheme]))


def colour(text: str) -> Rgb:
    if text.startswith("#"):
        return tuple(int(text[i : i + 2], 16) for i in (1, 3, 5))
    return tuple(map(float, text.split()))


def contrast(one: Rgb, other: Rgb) -> float:
    """By WCAG 2."""

    def luminance(rgb: Rgb) -> float:
        parts = [c / 255 for c in rgb]
        linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
        return sum(w * c for w, c in zip((0.2126, 0.7152, 0.0722), linear, strict=True))

    high, low = sorted((luminance(one), luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def test_contrast_is_computed_right() -> None:
    assert contrast((0, 0, 0), (255, 255, 255)) == pytest.approx(21)
    assert contrast((119, 119, 119), (255, 255, 255)) == pytest.approx(4.478, abs=1e-3)


@pytest.mark.parametrize("scheme", SCHEMES)
def test_text_and_lines_stand_out(scheme: str) -> None:
    found = variables(scheme)
    for ground in ("paper", "raised"):
        for name in ("ink", "quiet", "accent", "second", "third"):
            assert contrast(colour(found[name]), colour(found[ground])) >= 4.5, (name, ground)


@pytest.mark.parametrize("scheme", SCHEMES)
def test_text_stands_out_on_every_tint(scheme: str) -> None:
    found = variables(scheme)
    deepest = float(found["deepest"])
    tint, paper = colour(found["tint"]), colour(found["paper"])
    for share in (0.0, 0.5, 1.0):
        part = share * deepest
        ground = tuple(part * t + (1 - part) * p for t, p in zip(tint, paper, strict=True))
        assert contrast(colour(found["ink"]), ground) >= 4.5


@pytest.mark.parametrize("scheme", SCHEMES)
def test_every_colour_of_the_figures_is_the_page_s_to_set(scheme: str) -> None:
    assert variables(scheme).keys() >= PALETTE.keys()


def test_without_a_page_figures_look_as_on_a_light_one() -> None:
    assert {name: variables("light")[name] for name in PALETTE} == PALETTE
