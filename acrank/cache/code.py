"""Version code by a hash of the source that a number comes from.

Numbers that someone must remember to raise are forgotten. Here a change of any module that a
computation imports, however deep, makes results of the older code unfit.
"""

from __future__ import annotations

import functools
import hashlib
import json
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
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
    """Return the versions of the libraries that compute."""
    return {name: _version(name) for name in LIBRARIES}


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:  # not a direct dependency, and not everywhere
        return "none"


@functools.cache
def probe_version() -> str:
    """Hash the code that loads networks, prepares images and probes."""
    files = (path for path in source_files(*SCORING) if not _is_metric(path))
    return digest(files, PACKAGE.parent)[:16]


def _is_metric(path: Path) -> bool:
    return path.is_relative_to(PACKAGE / "metrics")


@functools.cache
def metric_version(metric: str) -> str:
    """Hash the code of one metric and what it declares; its words decide no number."""
    entry = METRICS[metric]
    modules = metric_modules(metric)
    source = digest(source_files(*modules), _root(modules[-1]))[:16]
    text = json.dumps(entry.decides, sort_keys=True)
    package = METRICS.origin(metric)  # its version stands for what has no source, such as C
    return hashlib.sha256((source + text + package).encode()).hexdigest()[:16]


def metric_modules(metric: str) -> list[str]:
    """Return the modules that compute a metric."""
    entry = METRICS[metric]
    through = "features" if entry.kind == "features" else "compute"
    return [f"acrank.metrics.{through}", *filter(None, [entry.module])]


@functools.cache
def source_files(*modules: str) -> frozenset[Path]:
    """Return the source files of modules, and of all that they import from their own package."""
    found: set[Path] = set()
    for module in modules:
        root, package = _root(module), module.partition(".")[0]
        # the packages' own files only hand on names
        found |= import_closure(_files(module, root), root, package, above=False)
    return frozenset(found)


def _root(module: str) -> Path:
    """Return the folder that the package of a module lies in."""
    package = module.partition(".")[0]
    if package == PACKAGE.name:
        return PACKAGE.parent
    found = find_spec(package)
    path = Path(found.origin if found and found.origin else package)
    return path.parent.parent if path.name == "__init__.py" else path.parent


def _files(module: str, root: Path) -> list[Path]:
    path = root.joinpath(*module.split("."))
    found = [file for file in (path / "__init__.py", path.with_suffix(".py")) if file.is_file()]
    if not found and module.startswith(PACKAGE.name):
        raise LookupError(f"There is no source of {module}.")
    return found
