"""Versions of code: a hash of the source that a number comes out of.

Numbers that someone must remember to raise are forgotten. Here a change of any module that a
computation imports, however deep, makes results of the older code unfit.
"""

from __future__ import annotations

import functools
import hashlib
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from acrank.common.source_code import digest, import_closure
from acrank.metrics.registry import METRICS

PACKAGE = Path(__file__).parents[1]
# From the image file to the numbers of one model, but for its metrics.
PROBE = (
    *("acrank.data.draw", "acrank.data.preprocess", "acrank.zoo.data_config"),
    *("acrank.zoo.heads", "acrank.probe", "acrank.probe.extract", "acrank.probe.flags"),
    *("acrank.norm", "acrank.tasks", "acrank.tasks.segmentation"),
    *("acrank.data.segmentation.draw", "acrank.data.volumes.draw"),
)
# Likewise, but what these import is told above or by the metrics.
ALONE = ("acrank.scoring", "acrank.zoo.loading", "acrank.zoo.checkpoints")
LIBRARIES = ("torch", "torchvision", "timm", "numpy", "scipy", "scikit-learn", "pillow")


def library_versions() -> dict[str, str]:
    """Versions of the libraries that compute."""
    return {name: _version(name) for name in LIBRARIES}


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:  # not a direct dependency, and not everywhere
        return "none"


@functools.cache
def probe_version() -> str:
    """Of the code that loads networks, prepares images and probes."""
    alone = digest((path for module in ALONE for path in _files(module)), PACKAGE.parent)
    return source_digest(*PROBE) + alone[:16]


@functools.cache
def metric_version(metric: str) -> str:
    """Of the code of one metric; its catalogue entry decides on guards and intervals."""
    entry = METRICS[metric]
    modules = ["features", entry.function.partition(":")[0]] if entry.function else [entry.kind]
    source = source_digest(*(f"acrank.metrics.{module}" for module in modules))
    text = entry.model_dump_json(include={"kind", "function", "cost", "intervals", "needs"})
    return hashlib.sha256((source + text).encode()).hexdigest()[:16]


@functools.cache
def source_digest(*modules: str) -> str:
    """A hash of the source of modules of this package, and of all that they import of it."""
    start = [path for module in modules for path in _files(module)]
    # the packages' own files only hand on names
    files = import_closure(start, PACKAGE.parent, PACKAGE.name, above=False)
    return digest(files, PACKAGE.parent)[:16]


def _files(module: str) -> list[Path]:
    path = PACKAGE.parent.joinpath(*module.split("."))
    found = [file for file in (path / "__init__.py", path.with_suffix(".py")) if file.is_file()]
    if not found:
        raise LookupError(f"There is no source of {module}.")
    return found
