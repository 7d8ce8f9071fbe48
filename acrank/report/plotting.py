"""Figures as inline SVG whose colours are those of the page around them.

Matplotlib draws with the colours of :data:`PALETTE`; :func:`to_svg` turns each of them into a CSS
variable, with that colour where the page sets none. So one picture serves a light page, a dark
one and paper. The object-oriented interface alone is used, and no global setting stays changed.
"""

from __future__ import annotations

import io
import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree

from acrank.errors import MissingExtraError
from acrank.utils.visible import visible

if TYPE_CHECKING:
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

_SVG = "http://www.w3.org/2000/svg"
_DROPPED = (f"{{{_SVG}}}metadata", f"{{{_SVG}}}style")
_HREF = "{http://www.w3.org/1999/xlink}href"
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
_VARIABLES = {colour: f"var(--{name},{colour})" for name, colour in PALETTE.items()}
_COLOUR = re.compile("|".join(_VARIABLES))
_FAMILY = re.compile(r"font-family: [^;]*;? ?")  # the page's own
_DECIMALS = re.compile(r"(-?\d+\.\d\d)\d+")
_REFERENCE = re.compile(r"#([\w.-]+)")


def require_plotting(what: str) -> None:
    """Refuse a figure early where its package is missing.

    Args:
        what: the feature that needs it.

    Raises:
        MissingExtraError: matplotlib is not installed.
    """
    if find_spec("matplotlib") is None:
        raise MissingExtraError(what, "report")


def new_figure(width: float, height: float) -> Figure:
    """An empty figure without background.

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
    """The settings of every figure here; to be active while text is added and drawn."""
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
    """A figure as a file's content, on white.

    Args:
        figure: of :func:`new_figure`.
        ending: one of ``FORMATS``.
    """
    import matplotlib

    stream = io.BytesIO()
    # letters as outlines: a picture of its own cannot rely on the fonts of a page
    with styled(), matplotlib.rc_context({"svg.fonttype": "path"}):
        figure.set_frameon(True)
        figure.set_facecolor(PAPER)
        figure.savefig(stream, format=ending[1:], **FORMATS[ending])
    return stream.getvalue()


def to_svg(figure: Figure, name: str, title: str, description: str = "") -> str:
    """A figure as an ``<svg>`` element to stand in a page.

    Args:
        figure: of :func:`new_figure`.
        name: unique within the page: the ids in it begin with it.
        title: read out in its place.
        description: what is to be seen in it.
    """
    from matplotlib.backends.backend_svg import FigureCanvasSVG
    from matplotlib.text import Text

    stream = io.StringIO()
    metadata = dict.fromkeys(("Creator", "Date", "Format", "Type"))
    with styled():
        for text in figure.findobj(Text):
            text.set_parse_math(False)
            text.set_text(visible(text.get_text(), keep="\n"))
        FigureCanvasSVG(figure).print_figure(stream, format="svg", metadata=metadata)
    root = ElementTree.fromstring(stream.getvalue())
    _adapt(root, name)
    _describe(root, name, title, description)
    return _serialised(root)


def _adapt(root: ElementTree.Element, name: str) -> None:
    """Colours by name, ids of the figure's own, no digits that nobody can see."""
    for parent in list(root.iter()):
        for child in list(parent):
            if child.tag in _DROPPED:
                parent.remove(child)
    used = {found for node in root.iter() for found in _references(node)}
    for node in root.iter():
        if _HREF in node.attrib:
            node.set("href", node.attrib.pop(_HREF))
        for key, value in list(node.attrib.items()):
            if key == "id" and value not in used:
                del node.attrib["id"]
            elif key == "id":
                node.set("id", f"{name}-{value}")
            elif key == "transform" and value.startswith("rotate(-0 "):
                del node.attrib["transform"]
            else:
                node.set(key, _adapted(key, value, name))


def _references(node: ElementTree.Element) -> list[str]:
    texts = (value for key, value in node.attrib.items() if key == _HREF or "url(" in value)
    return [found for text in texts for found in _REFERENCE.findall(text)]


def _adapted(key: str, value: str, name: str) -> str:
    if key == "href" or "url(" in value:
        value = _REFERENCE.sub(rf"#{name}-\1", value)
    if key == "style":
        value = _COLOUR.sub(lambda found: _VARIABLES[found[0]], _FAMILY.sub("", value))
    return _DECIMALS.sub(r"\1", value)


def _describe(root: ElementTree.Element, name: str, title: str, description: str) -> None:
    view = root.get("viewBox", "")
    root.attrib.clear()
    root.attrib.update({"viewBox": view, "role": "img", "aria-labelledby": f"{name}-title"})
    root.set("style", "stroke-linejoin: round; stroke-linecap: butt")
    for place, (kind, text) in enumerate((("title", title), ("desc", description))):
        if text:
            node = ElementTree.Element(f"{{{_SVG}}}{kind}", {"id": f"{name}-{kind}"})
            node.text = visible(text)
            root.insert(place, node)
    if description:
        root.set("aria-describedby", f"{name}-desc")


def _serialised(root: ElementTree.Element) -> str:
    for node in root.iter():
        node.tag = node.tag.removeprefix(f"{{{_SVG}}}")
        node.tail = None
        if not (node.text or "").strip():
            node.text = None
    root.set("xmlns", _SVG)
    return ElementTree.tostring(root, encoding="unicode", short_empty_elements=True)
