"""Define the document that every report is made as: sections of texts, tables, figures, images.

A builder makes a document of a result, and knows nothing of how it is shown; a renderer draws it
on a terminal, as Markdown or as a page, and knows nothing of what it is about. A renderer leaves
out what its output cannot show, such as images on a terminal.

Texts may hold anything, also what would be markup: renderers escape it.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, Protocol, TypeVar

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Canvas

Item = TypeVar("Item")

# How a row stands out: best or tied with the best, failed, or of less weight than the others.
Tone = Literal["", "best", "failed", "quiet"]


@dataclass(frozen=True)
class Text:
    """A paragraph.

    Attributes:
        text: its sentences.
        small: whether it is set as a note, such as one that explains a table.
        tints: whether it is about tints and colours, which only pages have.
    """

    text: str
    small: bool = False
    tints: bool = False


@dataclass(frozen=True)
class Items:
    """Sentences, each on a line or as an item of a list."""

    lines: tuple[str, ...]


@dataclass(frozen=True)
class Code:
    """Text to be copied exactly, such as a command.

    Attributes:
        text: may have several lines.
        label: what it is, such as ``Command``; read out before it.
        language: by its name in Markdown, such as ``sh``.
    """

    text: str
    label: str
    language: str = ""


@dataclass(frozen=True)
class Column:
    """A column of a table.

    Attributes:
        heading: its name.
        words: whether it holds words, which may wrap, and not numbers, which are set to the right.
        priority: 0 for a column that is always shown; of the others, those of the highest number
            are the first to go where a terminal is too narrow.
        detail: whether a terminal never shows it: of use beside programs and in files.
        note: what it means, for those who point at its heading.
        turned: whether a page may turn its heading upright: one of many narrow columns.
    """

    heading: str
    words: bool = False
    priority: int = 0
    detail: bool = False
    note: str = ""
    turned: bool = False


@dataclass(frozen=True)
class Cell:
    """A cell with a tint, a colour or a note beside its text.

    Attributes:
        text: what it reads.
        share: how deep its tint is, from 0 to 1; None without a tint.
        note: more of it, for those who point at it; nothing that only stands here.
        low: whether it says that its column is of little weight.
        swatch: a colour to stand before the text, as ``#rrggbb``, ``plain`` or ``hatched``.
    """

    text: str
    share: float | None = None
    note: str = ""
    low: bool = False
    swatch: str = ""

    def __str__(self) -> str:
        return self.text


@dataclass(frozen=True)
class Row:
    """A row of a table.

    Attributes:
        cells: a text or a :class:`Cell` for each column.
        tone: how it stands out.
        foot: whether it is of another kind than those above it, such as a limit.
    """

    cells: tuple[str | Cell, ...]
    tone: Tone = ""
    foot: bool = False


@dataclass(frozen=True)
class Table:
    """A table.

    Attributes:
        caption: says what it is.
        columns: what stands in each row.
        rows: in order.
        header: the place of the column that names its row.
        leading: where columns may not be hidden, a terminal that is too narrow shows the table in
            several blocks, each with so many of the first columns; 0 for one that is not cut up.
        silent: whether a terminal and Markdown leave its caption out, where a heading or the
            command says what it is.
    """

    caption: str
    columns: tuple[Column, ...]
    rows: tuple[Row, ...]
    header: int = 0
    leading: int = 0
    silent: bool = False


class Drawing(Protocol):
    """The data of a figure as plain numbers and words; only drawing imports matplotlib."""

    @property
    def description(self) -> str:
        """Text that replaces the figure for readers who cannot see it."""

    def draw(self) -> Canvas:
        """Draw the figure on a canvas of :func:`acrank.report.plotting.new_figure`."""


@dataclass(frozen=True)
class Figure:
    """A figure.

    Attributes:
        title: stands above it.
        drawing: its data.
        numbers: the same as a table; None where another table has them.
        note: how to read it, or what it shows.
    """

    title: str
    drawing: Drawing
    numbers: Table | None = None
    note: str = ""


@dataclass(frozen=True)
class Image:
    """An image of a dataset, which only pages show.

    Attributes:
        uri: itself, as a ``data:`` URI.
        alt: text that replaces the image for readers who cannot see it.
    """

    uri: str
    alt: str


@dataclass(frozen=True)
class Images:
    """Images side by side.

    Attributes:
        images: in order.
        size: length of their sides on the page, in CSS pixels.
        each: so many stand for one item, such as the slices of a volume.
    """

    images: tuple[Image, ...]
    size: int
    each: int = 1


@dataclass(frozen=True)
class Group:
    """Blocks that a page sets side by side, and other outputs one below the other.

    Attributes:
        blocks: in order.
        layout: how large they are: a few figures and one column of all else, many small ones, or
            tables.
        note: how to read the figures, where these are shown.
    """

    blocks: tuple[Block, ...]
    layout: Literal["figures", "multiples", "tables"]
    note: str = ""


@dataclass(frozen=True)
class Details:
    """Blocks that a page folds away under a line, and a terminal leaves out."""

    summary: str
    blocks: tuple[Block, ...]


@dataclass(frozen=True)
class Section:
    """Blocks under a heading.

    Attributes:
        title: the heading.
        name: the anchor of it in a page, unique in a document.
        blocks: in order; sections among them are one level below.
        link: what leads to it in a page's list of sections; empty for the title.
    """

    title: str
    name: str
    blocks: tuple[Block, ...]
    link: str = ""


Block = Text | Items | Code | Table | Figure | Images | Group | Details | Section


@dataclass(frozen=True)
class Document:
    """A report.

    Attributes:
        blocks: what it says; sections, or blocks without a heading.
        title: what it is of; a terminal leaves it out, where the command stands above it.
        outcome: what was found, the most important sentence first.
        facts: the result at a glance, as names and values.
        caveat: how far it is to be believed.
        skip: the section that a page's first link leads to; empty for the first.
    """

    blocks: tuple[Block, ...]
    title: str = ""
    outcome: tuple[str, ...] = ()
    facts: tuple[tuple[str, str], ...] = ()
    caveat: str = ""
    skip: str = ""


@dataclass(frozen=True)
class Records:
    """The rows of a CSV file: values under names that never change."""

    columns: Sequence[str]
    rows: Iterable[Mapping[str, Any]] = field(repr=False)


class Report(ABC):
    """A result in each form that a command can give it; builders make these."""

    @abstractmethod
    def document(self) -> Document:
        """Make what people read on a terminal or as brief Markdown."""

    def page(self, gallery: tuple[Block, ...] = ()) -> Document:
        """Make what a page and a Markdown file say, with pictures of the sample on the page."""
        return self.document()

    @abstractmethod
    def records(self) -> Records:
        """Make the rows of a CSV file."""

    @abstractmethod
    def data(self) -> object:
        """Give everything, as JSON can hold it."""


def tabulate(
    caption: str,
    fields: Sequence[tuple[Column, Callable[[Item], str | Cell]]],
    items: Iterable[Item],
    *,
    tone: Callable[[Item], Tone] | None = None,
    header: int = 0,
    silent: bool = False,
) -> Table:
    """Make a table with a row for each item.

    Args:
        caption: says what it is.
        fields: each column with what it shows of an item.
        items: what the rows are of.
        tone: how the row of an item stands out; None for no row that does.
        header: the place of the column that names its row.
        silent: whether the caption is only for pages.
    """
    rows = (
        Row(tuple(cell(item) for _, cell in fields), tone(item) if tone else "") for item in items
    )
    columns = tuple(column for column, _ in fields)
    return Table(caption, columns, tuple(rows), header, silent=silent)


def table_of(
    caption: str,
    headings: Sequence[str],
    rows: Iterable[Sequence[str | Cell]],
    *,
    words: Iterable[str] = (),
    header: int = 0,
    leading: int = 0,
    silent: bool = False,
) -> Table:
    """Make a table of given rows, whose columns hold numbers but for those named.

    Args:
        caption: says what it is.
        headings: of the columns.
        rows: a text or a cell for each column.
        words: headings of columns that hold words, besides that of ``header``.
        header: the place of the column that names its row.
        leading: as :class:`Table` has it.
        silent: likewise.
    """
    named = {headings[header], *words}
    columns = tuple(Column(heading, heading in named) for heading in headings)
    lines = tuple(Row(tuple(row)) for row in rows)
    return Table(caption, columns, lines, header, leading, silent)
