"""Make the figure of an explanation: AC-Corr and the drift of the ratios, layer by layer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from acrank.errors import ConfigError
from acrank.metrics.registry import AC_CORR
from acrank.report.builders.ranking_words import number_text
from acrank.report.document import Figure
from acrank.report.figures import Feet, Line, Lines, Panel, Spans
from acrank.report.plotting import (
    ACCENT,
    FORMATS,
    QUIET,
    SECOND,
    THIRD,
    fitted,
    require_plotting,
    to_file,
)
from acrank.scoring.inspection import Explanation, LayerExplanation

# CSS pixels: of a layer, of the margins, of the whole.
STEP, MARGIN, NARROWEST, WIDEST, HEIGHT = 22, 150, 640, 1400, 640
# Letters of a name in the title.
LONGEST = 32


def check_figure(path: Path) -> None:
    """Refuse a figure file that could not be drawn, before any work is done.

    Args:
        path: of the file.

    Raises:
        ConfigError: it has an ending that is not known.
        MissingExtraError: matplotlib is not installed.
    """
    if path.suffix.lower() not in FORMATS:
        raise ConfigError(
            f"'{path}': a figure cannot be written as {path.suffix or 'a file without ending'!r}.",
            hint=f"Known endings: {', '.join(FORMATS)}.",
        )
    require_plotting("--figure")


def draw(explained: Explanation, ending: str) -> bytes:
    """Return the figure of a network as the content of a file.

    Args:
        explained: the network.
        ending: ``.png``, ``.svg`` or ``.pdf``.
    """
    return to_file(panels(explained).draw(), ending)


def explanation_figure(explained: Explanation) -> Figure:
    """Draw a network for a page, where the table of layers has the numbers."""
    drawing = panels(explained)
    return Figure(drawing.title, replace(drawing, title=""))


def panels(explained: Explanation) -> Lines:
    """Draw two panels over the layers in the network's order.

    Above, AC-Corr per channel and what it is before any step; layers without information are grey.
    Below, how far the ratios move, beside how far they lie apart.

    Args:
        explained: the network.
    """
    layers = explained.layers
    zero = tuple(layer.zero_mean for layer in layers)
    kept = tuple(layer.correlation.kept_mean for layer in layers)
    spread = tuple(layer.spread for layer in layers)
    drift = tuple(layer.drift for layer in layers)
    shaded = _silent(layers)
    above = Panel(
        (
            Line("before any step (zero-drift)", zero, SECOND, hollow=True),
            Line("after the step", kept, ACCENT),
        ),
        "AC-Corr per channel",
        (_dead(layers),),
        shaded,
        log=True,
    )
    below = Panel(
        (
            Line("spread: how far apart the ratios are", spread, QUIET),
            Line("drift: how far they move", drift, ACCENT),
        ),
        "affine ratios",
        spans=shaded,
        log=True,
    )
    width = min(max(MARGIN + STEP * len(layers), NARROWEST), WIDEST)
    return Lines(
        tuple(range(len(layers))),
        (above, below),
        (width, HEIGHT),
        "AC-Corr per channel before and after the step, and how far the ratios move, by layer.",
        _title(explained),
        names=_endings([layer.name for layer in layers]),
    )


def _title(explained: Explanation) -> str:
    data = Path(explained.record["dataset"]["name"]).name
    on = f"{fitted(explained.result.model, LONGEST)} on {fitted(data, LONGEST)}"
    if explained.silence:
        return f"{on}: no AC-Corr"
    whole, _, zero = (number_text(explained.result.value(name)) for name in AC_CORR)
    return f"{on}: AC-Corr {whole}, zero-drift {zero}"


def _dead(layers: Sequence[LayerExplanation]) -> Feet:
    dead = [(i, layer.correlation) for i, layer in enumerate(layers) if layer.correlation.dead]
    return Feet(
        "dead channels (larger: more)",
        tuple(place for place, _ in dead),
        "v",
        tuple(12 + 120 * found.dead / found.channels for _, found in dead),
        THIRD,
    )


def _silent(layers: Sequence[LayerExplanation]) -> tuple[Spans, ...]:
    """Group the layers that carry no information by the reason."""
    found: dict[str, list[float]] = {}
    for place, layer in enumerate(layers):
        if layer.status != "ok":
            found.setdefault(layer.status, []).append(place)
    return tuple(
        Spans(f"{status}: no information", tuple(places), hatched=status == "swamped")
        for status, places in found.items()
    )


def _endings(names: Sequence[str]) -> tuple[str, ...]:
    """Drop the parts that all names of modules begin with."""
    paths = [name.split(".") for name in names]
    shared = 0
    while all(len(path) > shared + 1 and path[shared] == paths[0][shared] for path in paths):
        shared += 1
    return tuple(".".join(path[shared:]) for path in paths)
