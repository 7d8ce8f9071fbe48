"""YAML from anyone: what is too large, too deep or too often repeated is refused early.

A plain ``yaml.safe_load`` runs no code, but a kilobyte of aliases can stand for gigabytes, ten
thousand brackets overflow the stack, and numbers of a million digits take minutes.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from acrank.utils.regular import read_regular

# Ten thousand models of a zoo file; PyYAML takes seconds and a few hundred megabytes for it.
MOST_BYTES = 1_000_000
DEEPEST = 40
# Values that aliases repeat, all of them together.
MOST_REPEATED = 100_000
# Of a number or a date.
LONGEST_VALUE = 400

_TEXT = "tag:yaml.org,2002:str"
_PLAIN_HINT = "Write it out without aliases (*) and deep nesting."


class RefusedYamlError(Exception):
    """A YAML file that is not used.

    Args:
        reason: why, to follow "it is" or "line 7:".
        line: where, from 1; None for the whole file.
        hint: how to mend it.
    """

    def __init__(self, reason: str, *, line: int | None = None, hint: str | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.line = line
        self.hint = hint


def read_text(path: Path) -> str:
    """The text of a small regular file.

    Raises:
        OSError: it cannot be opened, is too large or no regular file.
        RefusedYamlError: it is not UTF-8.
    """
    try:
        return read_regular(path, MOST_BYTES).decode("utf-8")
    except UnicodeDecodeError as error:
        raise RefusedYamlError(
            f"not UTF-8 text (byte {error.start})", hint="Save it as UTF-8."
        ) from error


def parse(text: str) -> tuple[yaml.Node | None, Any]:
    """The root node of a document, for line numbers, and what it says; None twice if empty.

    Raises:
        RefusedYamlError: it is no YAML, goes over a limit of this module, or has a key twice.
    """
    try:
        loader = _Loader(text)
        root = loader.get_single_node()
        if root is None:
            return None, None
        _refuse_doubled_keys(root)
        return root, loader.construct_document(root)
    except RefusedYamlError:
        raise
    except yaml.MarkedYAMLError as error:
        raise _located(error) from error
    except Exception as error:  # constructors raise nearly every type where value and tag differ
        line = str(error).partition("\n")[0]
        raise RefusedYamlError(f"not valid YAML: {line}.", hint="Check its values.") from error


def _located(error: yaml.MarkedYAMLError) -> RefusedYamlError:
    mark = error.problem_mark or error.context_mark
    tab = "\\t" in str(error.problem)
    return RefusedYamlError(
        f"not valid YAML: {error.problem}.",
        line=mark.line + 1 if mark else None,
        hint="Indent with spaces: YAML allows no tabs." if tab else "Check quotes and indentation.",
    )


class _Extent(NamedTuple):
    """The number of values under a node with its aliases followed, and their depth."""

    values: int
    depth: int


class _Loader(yaml.SafeLoader):
    """PyYAML's safe loader, with limits that hold while the text is read."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self._level = 0
        self._repeated = 0
        self._extents: dict[int, _Extent] = {}

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        """Compose one node; also everything in it."""
        event: yaml.Event = self.peek_event()  # type: ignore[no-untyped-call]
        self._level += 1
        self._check_depth(self._level, event)
        node = super().compose_node(parent, index)
        self._level -= 1
        if node is not None and isinstance(event, yaml.AliasEvent):
            self._follow(node, event)
        elif node is not None:
            self._extents[id(node)] = self._measure(node, event)
        return node

    def _follow(self, node: yaml.Node, event: yaml.Event) -> None:
        if id(node) not in self._extents:  # not composed to its end: the alias is inside it
            raise _refused("an alias stands inside what it stands for", event)
        self._repeated += self._extents[id(node)].values
        if self._repeated > MOST_REPEATED:
            raise _refused(f"aliases repeat more than {MOST_REPEATED:,} values", event)

    def _measure(self, node: yaml.Node, event: yaml.Event) -> _Extent:
        if isinstance(node, yaml.ScalarNode):
            if node.tag != _TEXT and len(node.value) > LONGEST_VALUE:
                reason = f"a number of more than {LONGEST_VALUE} digits"
                raise _refused(reason, event, "Quote it if it is text.")
            return _Extent(1, 1)
        parts = [self._extents[id(part)] for part in _parts(node)]
        depth = 1 + max((part.depth for part in parts), default=0)
        self._check_depth(depth, event)
        return _Extent(1 + sum(part.values for part in parts), depth)

    def _check_depth(self, depth: int, event: yaml.Event) -> None:
        if depth > DEEPEST:
            raise _refused(f"nested more than {DEEPEST} levels deep", event)


def _refused(reason: str, event: yaml.Event, hint: str = _PLAIN_HINT) -> RefusedYamlError:
    mark = event.start_mark
    return RefusedYamlError(f"{reason}.", line=mark.line + 1 if mark else None, hint=hint)


def _parts(node: yaml.Node) -> Iterator[yaml.Node]:
    """The nodes right in a collection, keys included."""
    if isinstance(node, yaml.MappingNode):
        for pair in node.value:
            yield from pair
    else:
        yield from node.value


def _refuse_doubled_keys(root: yaml.Node) -> None:
    """YAML lets the last of two equal keys win, in silence."""
    for node in _mappings(root):
        seen: set[str] = set()
        for key, _ in node.value:
            line = key.start_mark.line + 1
            if not isinstance(key, yaml.ScalarNode):
                hint = "Quote values that begin with { or [."
                raise RefusedYamlError("a key must be a word.", line=line, hint=hint)
            if key.value in seen:
                raise RefusedYamlError(f"{key.value!r} is given twice.", line=line)
            seen.add(key.value)


def _mappings(root: yaml.Node) -> Iterator[yaml.MappingNode]:
    """Every mapping in a node; what an alias repeats is met once."""
    waiting, met = [root], set()
    while waiting:
        node = waiting.pop()
        if id(node) in met or isinstance(node, yaml.ScalarNode):
            continue
        met.add(id(node))
        if isinstance(node, yaml.MappingNode):
            yield node
        waiting.extend(_parts(node))
