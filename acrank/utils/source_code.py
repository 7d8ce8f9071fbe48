"""Source files that belong together, told by their import statements; no code is run."""

from __future__ import annotations

import ast
import hashlib
from collections.abc import Iterable, Iterator
from functools import lru_cache
from pathlib import Path


def import_closure(
    start: Iterable[Path], root: Path, package: str | None = None, *, above: bool = True
) -> set[Path]:
    """Some source files, and all that they import, however deep, from a folder.

    Args:
        start: Python files.
        root: where modules are looked for; what is not there is passed over.
        package: follow imports from this top-level package only.
        above: count in the packages that a module lies in, whose code runs as it is imported.
    """
    waiting, found = list(start), set()
    sought: set[str] = set()
    while waiting:
        path = waiting.pop()
        if path in found or not path.is_file():
            continue
        found.add(path)
        names = set(_imports(path, root)) - sought
        sought |= names
        for name in names:
            if package in (None, name.partition(".")[0]):
                waiting.extend(_files(name, root, above))
    return found


def digest(files: Iterable[Path], root: Path) -> str:
    """A hash of the names, seen from a folder, and the bytes of files, in hexadecimal."""
    total = hashlib.sha256()
    for path in sorted(files):
        name = path.relative_to(root) if path.is_relative_to(root) else path.name
        content = hashlib.sha256(path.read_bytes()).hexdigest()
        total.update(f"{name}\0{content}\0".encode())
    return total.hexdigest()


def _files(module: str, root: Path, above: bool) -> list[Path]:
    parts = module.split(".")
    lengths = range(1, len(parts) + 1) if above else [len(parts)]
    packages = [root.joinpath(*parts[:length], "__init__.py") for length in lengths]
    own = root.joinpath(*parts[:-1], f"{parts[-1]}.py")
    return [path for path in (*packages, own) if path.is_file()]


def _imports(path: Path, root: Path) -> tuple[str, ...]:
    found = path.stat()
    return _parsed(path, root, (found.st_mtime_ns, found.st_size))


# Networks of one library share most of its files, and parsing is what takes time.
@lru_cache(maxsize=4096)
def _parsed(path: Path, root: Path, state: tuple[int, int]) -> tuple[str, ...]:
    """The imports of a file as it is; what tells its states apart is part of the question."""
    return tuple(_named(path, root))


def _named(path: Path, root: Path) -> Iterator[str]:
    try:
        tree = ast.parse(path.read_bytes())
    except (SyntaxError, ValueError, RecursionError):  # whoever imports it will hear of it
        return
    for node in _run(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            module = _absolute(node, path, root)
            if module:
                yield module
            yield from (f"{module}.{alias.name}".strip(".") for alias in node.names)


def _run(tree: ast.AST) -> Iterator[ast.AST]:
    """Every statement and expression but those for type checkers alone."""
    waiting = [tree]
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.If) and ast.unparse(node.test).endswith("TYPE_CHECKING"):
            continue
        yield node
        if not isinstance(node, ast.expr):  # no import is in one
            waiting.extend(ast.iter_child_nodes(node))


def _absolute(node: ast.ImportFrom, path: Path, root: Path) -> str:
    """The module of ``from ... import``, its leading dots resolved."""
    if not node.level:
        return node.module or ""
    folder = path.parents[node.level - 1] if node.level <= len(path.parents) else root
    above = folder.relative_to(root).parts if folder.is_relative_to(root) else ()
    return ".".join((*above, *filter(None, [node.module])))
