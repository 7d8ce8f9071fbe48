"""A slow start of Ray and a wrong installation are told apart, and the wait is shown."""

import sys
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from acrank.errors import AcrankError
from acrank.runners.ray import cluster
from acrank.runners.ray.cluster import SETTINGS, START, TELL, wait_for_worker

MISSING = "The actor died: ModuleNotFoundError: No module named 'acrank'"
OTHER = "AttributeError: Can't get attribute 'Keeper' on <module 'acrank.runners.ray.worker'>"


class RayError(Exception):
    """Ray's own."""


class Clock:
    """Time that passes only while something is waited for."""

    def __init__(self) -> None:
        self.now = 0.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(cluster, "time", made)
    return made


def fake(monkeypatch: pytest.MonkeyPatch, clock: Clock, ready: float, error: str = "") -> None:
    """A Ray whose first process is up, or has failed, after some seconds."""
    ray: Any = ModuleType("ray")
    ray.exceptions = SimpleNamespace(RayError=RayError)

    def wait(refs: list[str], num_returns: int, timeout: float) -> tuple[list[str], list[str]]:
        clock.now += timeout
        return (refs, []) if clock.now >= ready else ([], refs)

    def get(ref: str) -> bool:
        if error:
            raise RayError(error)
        return True

    ray.wait, ray.get = wait, get
    monkeypatch.setitem(sys.modules, "ray", ray)


def test_a_slow_start_is_waited_for_and_shown(
    monkeypatch: pytest.MonkeyPatch, clock: Clock
) -> None:
    fake(monkeypatch, clock, ready=300)
    told: list[str] = []
    wait_for_worker("up", told.append)
    assert len(told) == 300 / TELL - 1
    assert told[0] == "waiting for Ray to start a first worker process: 20 s so far"


def test_one_that_is_too_slow_is_no_wrong_installation(
    monkeypatch: pytest.MonkeyPatch, clock: Clock
) -> None:
    fake(monkeypatch, clock, ready=10 * START)
    with pytest.raises(AcrankError, match="not started a worker process in 15 minutes") as caught:
        wait_for_worker("up", lambda text: None)
    assert "busy" in str(caught.value)
    assert "Install" not in str(caught.value)
    assert float(SETTINGS["RAY_worker_register_timeout_seconds"]) >= START  # Ray waits as long


@pytest.mark.parametrize("error", [MISSING, OTHER, "killed for lack of memory"])
def test_why_it_died_says_what_to_do(
    monkeypatch: pytest.MonkeyPatch, clock: Clock, error: str
) -> None:
    fake(monkeypatch, clock, ready=1, error=error)
    with pytest.raises(AcrankError, match="cannot run acrank") as caught:
        wait_for_worker("up", lambda text: None)
    assert ("Install the same acrank" in str(caught.value)) == (error in (MISSING, OTHER))
