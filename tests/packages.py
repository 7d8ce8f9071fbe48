"""Packages that tests install: real metadata and modules in a folder on the import path."""

from collections.abc import Mapping
from pathlib import Path

import pytest


def install(
    monkeypatch: pytest.MonkeyPatch,
    folder: Path,
    name: str,
    points: Mapping[str, Mapping[str, str]],
    code: str = "",
    version: str = "1.0",
) -> Path:
    """Install a package of one module until the test ends.

    Args:
        monkeypatch: takes it off the import path again.
        folder: an empty one, of this package alone.
        name: of the package; its module has underscores for hyphens.
        points: entry points by group, each name with its ``module:attribute``.
        code: of the module.
        version: of the package.

    Returns:
        The folder, for PYTHONPATH of other processes.
    """
    info = folder / f"{name.replace('-', '_')}-{version}.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
    lines = []
    for group, named in points.items():
        lines += [f"[{group}]", *(f"{key} = {value}" for key, value in named.items())]
    (info / "entry_points.txt").write_text("\n".join([*lines, ""]))
    (folder / f"{name.replace('-', '_')}.py").write_text(code)
    monkeypatch.syspath_prepend(folder)
    return folder
