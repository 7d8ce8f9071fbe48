"""Set up figures, and turn them into files or into SVG with the colours of its page.

Matplotlib draws with the colours of :data:`PALETTE`; :func:`to_svg` turns each of them into a CSS
variable, with that colour where the page sets none. So one picture serves a light page, a dark
one and paper. The object-oriented interface alone is used, and no global setting stays changed.
"""

from __future__ import annotations

import io
import math
import re
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from html import escape
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from rich.cells import cell_len

from acrank.errors import MissingExtraError
from acrank.utils.visible import visible

if TYPE_CHECKING:
    from matplotlib.axis import Axis
    from matplotlib.figure import Figure

# What a colour is for, and how it looks on white; the page names them --ink, --quiet and so on.
PALETTE = {
    "ink": "#1c2126",
    "quiet": "#59636e",
    "line": "#d0d7df",
    "accent": "#0b5cad",
    "second": "#a8480b",
    "third": "#6f4aa8",
    "paper": "#ffffff",
}
INK, QUIET, LINE, ACCENT, SECOND, THIRD, PAPER = PALETTE.values()

# File endings that can be written, each with what keeps the file the same from run to run.
FORMATS: dict[str, dict[str, Any]] = {
    ".png": {"dpi": 144, "metadata": {"Software": None}},
    ".svg": {"metadata": {"Date": None}},
    ".pdf": {"metadata": {"CreationDate": None}},
}

# Units of a figure are CSS pixels; matplotlib's SVG has 72 points to the inch.
POINTS = 72
FONT = 12.0

_STYLE: dict[Any, Any] = {
    "font.family": ["DejaVu Sans"],  # comes with matplotlib; only widths are taken from it
    "font.size": FONT,
    "text.parse_math": False,  # a model's name may have dollars
    "text.color": INK,
    "axes.facecolor": "none",
    "axes.edgecolor": QUIET,
    "axes.labelcolor": INK,
    "axes.linewidth": 1.0,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "axes.grid": True,
    "grid.color": LINE,
    "grid.linewidth": 1.0,
    "xtick.color": QUIET,
    "ytick.color": QUIET,
    "legend.frameon": False,
    "svg.fonttype": "none",
    "svg.hashsalt": "acrank",
}

# How wide figures are drawn: a phone shows them a little smaller, a desk larger.
WIDTH = 380.0
# Positive values that span more than this factor get a logarithmic axis.
WIDE = 10.0

_VARIABLES = {colour: f"var(--{name},{colour})" for name, colour in PALETTE.items()}
_COLOUR = re.compile("|".join(_VARIABLES))
# What matplotlib has no setting for. Text holds no ">", so that a tag is all between two brackets.
_TAG = re.compile(r"<[^>]*>")
_TIDY = tuple(
    (re.compile(pattern), replacement)
    for pattern, replacement in (
        (r'^<g id="[^"]*"', "<g"),  # nothing refers to groups, and pages have many of one name
        (r"xlink:href=", "href="),
        (r"font-family: [^;\"]*;? ?", ""),  # the page's own
        (r' transform="rotate\(-0 [^"]*"', ""),
        (r"(-?\d+\.\d\d)\d+", r"\1"),  # digits that nobody can see
    )
)


def require_plotting(what: str) -> None:
    """Raise an error early where matplotlib is missing.

    Args:
        what: the feature that needs it.

    Raises:
        MissingExtraError: matplotlib is not installed.
    """
    if find_spec("matplotlib") is None:
        raise MissingExtraError(what, "report")


def new_figure(width: float, height: float) -> Figure:
    """Return an empty figure without a background.

    Args:
        width: in CSS pixels.
        height: likewise.

    Raises:
        MissingExtraError: matplotlib is not installed.
    """
    require_plotting("A figure")
    with styled():
        from matplotlib.figure import Figure

        return Figure(figsize=(width / POINTS, height / POINTS), dpi=POINTS, frameon=False)


@contextmanager
def styled() -> Iterator[None]:
    """Apply the settings of every figure while text is added and drawn."""
    import matplotlib

    # Settings of the user's own (a matplotlibrc) would change what is drawn.
    with warnings.catch_warnings(), matplotlib.rc_context({**_defaults(), **_STYLE}):
        # Letters that the font lacks are only measured with it; the page's own font shows them.
        warnings.filterwarnings("ignore", message="Glyph ")
        warnings.filterwarnings("ignore", message="Matplotlib currently does not support")
        yield


def _defaults() -> dict[Any, Any]:
    import matplotlib

    return {
        name: value
        for name, value in matplotlib.rcParamsDefault.items()
        if not name.startswith(("backend", "interactive", "toolbar"))
    }


def to_file(figure: Figure, ending: str) -> bytes:
    """Return a figure as the content of a file, on white.

    Args:
        figure: of :func:`new_figure`.
        ending: one of ``FORMATS``.
    """
    import matplotlib

    stream = io.BytesIO()
    # letters as outlines: a picture of its own cannot rely on the fonts of a page
    with _plain_texts(figure), matplotlib.rc_context({"svg.fonttype": "path"}):
        figure.set_frameon(True)
        figure.set_facecolor(PAPER)
        figure.savefig(stream, format=ending[1:], **FORMATS[ending])
    return stream.getvalue()


def to_svg(figure: Figure, name: str, title: str, description: str = "") -> str:
    """Return a figure as an ``<svg>`` element for a page.

    Args:
        figure: of :func:`new_figure`.
        name: unique within the page; the ids in the element depend on it.
        title: read out in its place.
        description: what is to be seen in it.
    """
    import matplotlib
    from matplotlib.backends.backend_svg import FigureCanvasSVG

    stream = io.StringIO()
    metadata = dict.fromkeys(("Creator", "Date", "Format", "Type"))
    with _plain_texts(figure), matplotlib.rc_context({"svg.hashsalt": name}):
        FigureCanvasSVG(figure).print_figure(stream, format="svg", metadata=metadata)
    whole = stream.getvalue()
    # without the outer element and the style sheet, the first in it
    inner = whole[whole.index("</defs>") + len("</defs>") : whole.rindex("</svg>")]
    width, height = (POINTS * side for side in figure.get_size_inches())
    told = f' aria-describedby="{name}-desc"' if description else ""
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:g} {height:g}" role="img"'
        f' aria-labelledby="{name}-title"{told}'
        ' style="stroke-linejoin: round; stroke-linecap: butt">'
        f'<title id="{name}-title">{escape(visible(title))}</title>'
        + (f'<desc id="{name}-desc">{escape(visible(description))}</desc>' if told else "")
        + re.sub(r">\s+<", "><", _TAG.sub(_tidied, inner)).strip()
        + "</svg>"
    )


@contextmanager
def _plain_texts(figure: Figure) -> Iterator[None]:
    """Apply the settings of every figure, and make its texts safe to show."""
    from matplotlib.text import Text

    with styled():
        for text in figure.findobj(Text):
            text.set_parse_math(False)
            text.set_text(visible(text.get_text(), keep="\n"))
        yield


def _tidied(tag: re.Match[str]) -> str:
    text = tag[0]
    for pattern, replacement in _TIDY:
        text = pattern.sub(replacement, text)
    return _COLOUR.sub(lambda found: _VARIABLES[found[0]], text)


def fitted(name: str, most: int) -> str:
    """Shorten a name in its middle to a width, because names differ at the end.

    Args:
        name: from elsewhere; what a reader could not see becomes escapes.
        most: width, in letters of a terminal.
    """
    name = visible(name)
    if cell_len(name) <= most:
        return name
    start = end = ""
    while cell_len(start + end + name[len(start)]) < most:
        start += name[len(start)]
        if cell_len(start + end + name[-len(end) - 1]) < most:
            end = name[-len(end) - 1 :]
    return f"{start}…{end}"


def spans_decades(values: Sequence[float]) -> bool:
    """Return whether values should stand on a logarithmic axis."""
    return min(values) > 0 and max(values) > WIDE * min(values)


def label_numbers(axis: Axis, most: int = 5, *, whole: bool = False) -> None:
    """Label an axis with a few numbers in plain notation; it may be linear or logarithmic.

    Args:
        axis: of a figure; its limits must stand.
        most: how many numbers, on a linear scale.
        whole: whether they are integers.
    """
    from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullLocator

    if axis.get_scale() == "log":
        low, high = sorted(axis.get_view_interval())
        decades = math.log10(high / low)
        subs = (1.0, 2.0, 5.0) if decades < 2 else (1.0, 3.0) if decades < 3 else (1.0,)
        axis.set_major_locator(LogLocator(subs=subs, numticks=12))
        axis.set_minor_locator(NullLocator())
    else:
        axis.set_major_locator(MaxNLocator(most, steps=[1, 2, 2.5, 5, 10], integer=whole))
    axis.set_major_formatter(FuncFormatter(_short))


def _short(value: float, _: Any = None) -> str:
    """Format a number for an axis, with a true minus sign."""
    return f"{value:.6g}".replace("e+0", "e").replace("e-0", "e-").replace("-", "\N{MINUS SIGN}")
