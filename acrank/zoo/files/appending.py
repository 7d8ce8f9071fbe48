"""Write new entries at the end of a zoo file, in the style of its last one."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import yaml

from acrank.zoo.files.editing import (
    Edit,
    apply,
    end_of_line,
    flow_mapping,
    models_node,
    newline,
    refuse_other,
    scalar,
)
from acrank.zoo.files.reading import VERSION, ZooFile

Fields = Mapping[str, Any]


@dataclass(frozen=True)
class Style:
    """The layout in which the entries of a file are written.

    Attributes:
        block: with a line for each field, and not as ``{name: ...}``.
        indent: before the dash.
        gap: between the dash and the entry.
        padding: inside the braces.
        apart: whether an empty line goes before an entry.
        end: the line end.
    """

    block: bool = False
    indent: str = "  "
    gap: str = " "
    padding: str = ""
    apart: bool = False
    end: str = "\n"

    def entry(self, fields: Fields) -> str:
        """One entry, without its dash and the last line end."""
        if self.block:
            inner = self.end + self.indent + " " + " " * len(self.gap)
            return inner.join(f"{key}: {scalar(value)}" for key, value in fields.items())
        if list(fields) == ["name"]:
            return scalar(fields["name"])
        return flow_mapping(fields, self.padding)

    def content(self, fields: Fields) -> object:
        """Return what one entry will read back as."""
        return fields["name"] if list(fields) == ["name"] and not self.block else dict(fields)

    def lines(self, entries: Sequence[Fields]) -> str:
        """All entries, each on lines of its own, without the last line end."""
        before = self.end if self.apart else ""
        written = (f"{before}{self.indent}-{self.gap}{self.entry(item)}" for item in entries)
        return self.end.join(written)


def new_file(entries: Sequence[Fields]) -> str:
    """The text of a zoo file that has not been there."""
    return f"version: {VERSION}\nmodels:\n{Style().lines(entries)}\n"


def appended(file: ZooFile, entries: Sequence[Fields]) -> tuple[str, str]:
    """The text of a zoo file with more entries, and what was added to it.

    Raises:
        ZooError: the file is written so that nothing can be added alone.
    """
    node = models_node(file)
    style = _style(file, node)
    if node.flow_style:
        added = ", ".join(map(style.entry, entries))
        place = node.value[-1].end_mark.index
        text = apply(file.text, [Edit(place, place, f", {added}")])
    else:
        added = style.lines(entries)
        text = _with_lines(file.text, _last_content(file.text, node), added, style.end)
    wanted = copy.deepcopy(file.content)
    wanted["models"] = [*wanted["models"], *map(style.content, entries)]
    refuse_other(text, wanted, file)
    return text, added


def _with_lines(text: str, after: int, lines: str, end: str) -> str:
    """Lines behind the line of a place; a text without a last line end is left without."""
    if text[:after].endswith("\n"):  # a block of text ends with its line
        return f"{text[:after]}{lines}{end}{text[after:]}"
    place = end_of_line(text, after)
    return f"{text[:place]}{end}{lines}{text[place:]}"


def _last_content(text: str, node: Any) -> int:
    """Find the end of the last entry: its node goes on over comments and empty lines."""
    ends: list[int] = [
        token.end_mark.index
        for token in yaml.scan(text, yaml.SafeLoader)
        if token.start_mark.index < node.end_mark.index
        and token.end_mark.index > token.start_mark.index
    ]
    return max(ends)


def _style(file: ZooFile, node: Any) -> Style:
    last = node.value[-1]
    start, end = last.start_mark, newline(file.text)
    if node.flow_style:
        return Style(end=end)
    column = node.start_mark.column
    if not node.start_mark.index < start.index < node.end_mark.index:  # an alias stands elsewhere
        return Style(indent=" " * column, end=end)
    block = isinstance(last, yaml.MappingNode) and not last.flow_style
    return Style(
        block=block,
        indent=" " * column,
        gap=" " * max(1, start.column - column - 1),
        padding=" " if file.text.startswith("{ ", start.index) else "",
        apart=block and len(node.value) > 1 and _is_apart(file.text, start.index),
        end=end,
    )


def _is_apart(text: str, place: int) -> bool:
    """Tell whether an empty line is above a place, or above the comments above it."""
    above = text[:place].splitlines()[:-1]
    while above and above[-1].lstrip().startswith("#"):
        above.pop()
    return bool(above) and not above[-1].strip()
