"""Write a document as one self-contained HTML page, without scripts or network access."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.resources import files
from importlib.util import find_spec
from itertools import count
from typing import TYPE_CHECKING, Any

from acrank import __version__
from acrank.errors import MissingExtraError
from acrank.report.document import Block, Cell, Document, Figure, Table
from acrank.report.plotting import POINTS, fitted, require_plotting, to_svg
from acrank.utils.visible import visible

if TYPE_CHECKING:
    from jinja2 import Environment
    from markupsafe import Markup

FEATURE = "A report as HTML"
# CSS pixels from which a figure has the whole width of the page.
WIDE = 480


def require_html() -> None:
    """Raise an error before any work is done if a package for pages is missing.

    Raises:
        MissingExtraError: Jinja or matplotlib is not installed.
    """
    if find_spec("jinja2") is None:
        raise MissingExtraError(FEATURE, "report")
    require_plotting(FEATURE)


def to_html(document: Document) -> str:
    """Return a document as the text of one HTML file.

    Whatever is in its texts is escaped, and what a reader could not see shows as escapes.

    Args:
        document: with a title.

    Raises:
        MissingExtraError: Jinja or matplotlib is not installed.
    """
    require_html()
    from markupsafe import Markup

    here = files("acrank.report.renderers")
    template, style = (here / name for name in ("page.html.j2", "style.css"))
    page = _environment().from_string(template.read_text(encoding="utf-8"))
    return (
        page.render(
            document=document, version=__version__, style=Markup(style.read_text(encoding="utf-8"))
        )
        + "\n"
    )


def _environment() -> Environment:
    from jinja2 import Environment, StrictUndefined

    environment = Environment(
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_shown,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    numbers = count(1)
    environment.globals["numbered"] = lambda word: f"{word}-{next(numbers)}"
    own = {"drawn": _drawn, "whole": _whole, "look": _look, "kind": _kind, "kinds": _kinds}
    environment.filters.update(own, fitted=fitted)
    return environment


def _shown(value: Any) -> Any:
    if isinstance(value, str) and not hasattr(value, "__html__"):
        return visible(value, keep="\n")
    return value


def _drawn(figure: Figure, name: str) -> tuple[Markup, bool]:
    """Return a figure as an SVG element, and whether it is wide."""
    from markupsafe import Markup

    canvas = figure.drawing.draw()
    svg = to_svg(canvas, name, figure.title, figure.drawing.description)
    # of our own making: to_svg has escaped what is in it
    return Markup(svg), POINTS * canvas.get_size_inches()[0] > WIDE


def _kind(block: Block) -> str:
    return type(block).__name__


def _kinds(blocks: Sequence[Block], name: str, others: bool = False) -> list[Block]:
    """Select the blocks of a kind, or all others."""
    return [block for block in blocks if (_kind(block) == name) is not others]


def _whole(cell: str | Cell) -> Cell:
    return Cell(cell) if isinstance(cell, str) else cell


def _look(table: Table) -> str:
    """Return the CSS class of a table: with tints, as a legend of colours, or none."""
    cells = [_whole(cell) for row in table.rows for cell in row.cells]
    if any(cell.share is not None for cell in cells):
        return "heat"
    return "legend" if any(cell.swatch for cell in cells) else ""
