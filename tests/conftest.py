"""Settings and data shared by the tests."""

import functools
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
import typer.main
from hypothesis import settings

from tests.processes import AUTO, ROOT, python_path

settings.register_profile("acrank", derandomize=True, deadline=None, max_examples=60)
settings.load_profile("acrank")


@pytest.fixture(scope="session", autouse=True)
def _one_command_line() -> Iterator[None]:
    """Build the command line once: typer builds it anew, in 0.2 s, for every call of ``main``."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("typer.main.get_command", functools.cache(typer.main.get_command))
        yield


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of real data and weights that is not part of the repository."""
    folder = Path(os.environ.get("ACRANK_SHARED", ROOT.parent / "shared"))
    if not (folder / "data").is_dir():
        pytest.skip(f"real data not found at {folder} (set ACRANK_SHARED)")
    return folder


@pytest.fixture(scope="session", autouse=True)
def _no_cache_of_the_user(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ACRANK_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(scope="session", autouse=True)
def _precision_of_the_switch() -> Iterator[None]:
    """With ``ACRANK_TEST_AUTO=bf16``, ``--precision auto`` is bf16 on any processor."""
    if AUTO not in ("", "bf16"):
        raise pytest.UsageError(f"ACRANK_TEST_AUTO is {AUTO!r}; it is bf16 or unset")
    with pytest.MonkeyPatch.context() as patch:
        if AUTO:
            patch.setattr("acrank.utils.device._has_bf16", lambda device: True)
            patch.setenv("PYTHONPATH", python_path())
        yield


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ACRANK_CACHE", str(tmp_path / "cache"))


@pytest.fixture(autouse=True)
def _seeded() -> Iterator[None]:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        yield
