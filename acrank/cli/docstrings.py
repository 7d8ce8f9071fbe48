"""Docstrings as the source has them: they are the help, and ``python -OO`` leaves them out."""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections.abc import Callable
from typing import Any


def written_docstring(function: Callable[..., Any]) -> str | None:
    """The docstring in a function's source; None where there is none, or no source."""
    try:
        tree = ast.parse(textwrap.dedent(inspect.getsource(function)))
    except (OSError, SyntaxError):
        return None
    first = tree.body[0]
    return ast.get_docstring(first) if isinstance(first, ast.FunctionDef) else None
