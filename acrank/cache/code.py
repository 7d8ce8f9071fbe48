"""Versions of code: a hash of the source that a number comes out of.

Numbers that someone must remember to raise are forgotten. Here a change of any module that a
computation imports, however deep, makes results of the older code unfit.
"""

from __future__ import annotations

import functools
import hashlib
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from acrank.metrics.registry import METRICS
from acrank.utils.source_code import digest, import_closure

PACKAGE = Path(__file__).parents[1]
# From the data to the result of one model. All that these import belongs to the code of a result,
# but for the metrics, which have versions of their own.
SCORING = ("acrank.runners.model", "acrank.data")
LIBRARIES = (
    *("torch", "torchvision", "timm", "numpy", "scipy", "scikit-learn", "pillow"),
    *("segmentation-models-pytorch", "monai", "nibabel", "pydicom"),
)


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
    files = (path for path in source_files(*SCORING) if not _is_metric(path))
    return digest(files, PACKAGE.parent)[:16]


def _is_metric(path: Path) -> bool:
    return path.is_relative_to(PACKAGE / "metrics")


@functools.cache
def metric_version(metric: str) -> str:
    """Of the code of one metric; its catalogue entry decides on guards and intervals."""
    entry = METRICS[metric]
    source = digest(source_files(*metric_modules(metric)), PACKAGE.parent)[:16]
    text = entry.model_dump_json(include={"kind", "function", "cost", "intervals", "needs"})
    return hashlib.sha256((source + text).encode()).hexdigest()[:16]


def metric_modules(metric: str) -> list[str]:
    """The modules that compute a metric."""
    entry = METRICS[metric]
    own = ["features", entry.function.partition(":")[0]] if entry.function else [entry.kind]
    return [f"acrank.metrics.{module}" for module in own]


@functools.cache
def source_files(*modules: str) -> frozenset[Path]:
    """The source of modules of this package, and of all that they import of it."""
    start = [path for module in modules for path in _files(module)]
    # the packages' own files only hand on names
    return frozenset(import_closure(start, PACKAGE.parent, PACKAGE.name, above=False))


def _files(module: str) -> list[Path]:
    path = PACKAGE.parent.joinpath(*module.split("."))
    found = [file for file in (path / "__init__.py", path.with_suffix(".py")) if file.is_file()]
    if not found:
        raise LookupError(f"There is no source of {module}.")
    return found
