"""Read docstrings from the source: they are the help, without an import and under ``-OO``."""

from __future__ import annotations

import ast
from functools import cache
from importlib.util import find_spec
from pathlib import Path


def written_docstring(module: str, function: str) -> str | None:
    """The docstring of a function in the source of its module, which is not imported.

    Args:
        module: its full name; the package that it is in is imported.
        function: its name.

    Returns:
        None where there is none, or no source.
    """
    defined = (node for node in _body(module) if isinstance(node, ast.FunctionDef))
    found = next((node for node in defined if node.name == function), None)
    return ast.get_docstring(found) if found else None


@cache
def _body(module: str) -> list[ast.stmt]:
    spec = find_spec(module)
    try:
        source = Path(spec.origin if spec and spec.origin else "").read_text(encoding="utf-8")
        return ast.parse(source).body
    except (OSError, SyntaxError):
        return []
