"""Join a Ray cluster that runs, or start one for a run, and wait for its first worker."""

from __future__ import annotations

import logging
import os
import re
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stdout
from typing import Any, TextIO, cast

from acrank.errors import AcrankError, ConfigError, MissingExtraError
from acrank.utils.visible import visible

OLDEST = (2, 40)
PATIENCE = 5.0  # seconds for an address to answer
NAMED = ("auto", "local")  # addresses that are no place
# How often a model is tried again that was lost with its worker process or node.
RETRIES = 2
# Ray reads these as it is imported; those that the user has set stay.
SETTINGS = {
    "RAY_USAGE_STATS_ENABLED": "0",
    # Ray kills workers that are slower to start, and starts them again, for ever on a busy machine
    "RAY_worker_register_timeout_seconds": "900",
    "RAY_task_oom_retries": str(RETRIES),  # else for ever, where two tasks end each other by turns
}
# Something else than Ray may answer at an address: else it would be asked for 14 minutes.
SETTINGS_TO_JOIN = {"RAY_NUM_REDIS_GET_RETRIES": "1", "RAY_py_gcs_connect_timeout_s": "10"}

KILLED = (
    f"the worker process was killed, {RETRIES + 1} times: by the system for lack of memory (lower "
    "--batch-size or --jobs), by native code that crashed, or with its node."
)
NO_MEMORY = (
    "Ray ended the worker process, as its node ran out of memory: lower --batch-size or --jobs."
)

# Seconds for it to start and import this package: 20 where nothing else runs, and many minutes on
# a machine with more to do than it has cores.
START = 900.0
# Seconds between two words to the user that it is still waited for.
TELL = 20.0
# In what Ray says of a process whose Python lacks this package, or has another version of it.
NOT_INSTALLED = ("No module named", "ImportError", "Can't get attribute", "has no attribute")

_COLOUR = re.compile(r"\x1b\[[0-9;]*m")


def load_ray(address: str | None = None) -> None:
    """Import Ray, so that later imports of it succeed.

    Args:
        address: of the cluster to join, if any.

    Raises:
        MissingExtraError: it is not installed.
        AcrankError: it cannot be imported, or is too old.
    """
    hint = "Reinstall it with: pip install --upgrade 'acrank[ray]'"
    for name, value in {**SETTINGS, **(SETTINGS_TO_JOIN if address else {})}.items():
        os.environ.setdefault(name, value)
    try:
        import ray

        version = str(ray.__version__)
    except Exception as error:  # a broken installation raises whatever it likes
        if isinstance(error, ModuleNotFoundError) and error.name == "ray":
            raise MissingExtraError("--engine ray", "ray") from None
        raise AcrankError(f"Ray cannot be imported: {said(error)}.", hint=hint) from error
    if tuple(int(part) for part in re.findall(r"\d+", version)[:2]) < OLDEST:
        oldest = ".".join(map(str, OLDEST))
        raise AcrankError(f"Ray {version} is too old: {oldest} or newer is needed.", hint=hint)


@contextmanager
def joined(address: str | None, cpus: int | None, tell: Callable[[str], None]) -> Iterator[None]:
    """Be part of a Ray cluster for a while; one that this process is part of already stays.

    Args:
        address: of a running cluster; None starts one on this machine and stops it at the end.
        cpus: that a cluster on this machine has; None for all.
        tell: is given a sentence on what is waited for.

    Raises:
        AcrankError: there is no such cluster, or it cannot be joined or started.
    """
    import ray

    if ray.is_initialized():
        yield
        return
    where = f"joining the Ray cluster at {address}" if address else ""
    tell(where or "starting a Ray cluster on this machine")
    if address is not None:
        _check(address)
    stdout = _Hushed(sys.stdout)
    with redirect_stdout(cast("TextIO", stdout)):
        try:
            with stdout.hushed():
                _init(address, cpus)
            yield
        finally:
            with stdout.hushed():
                ray.shutdown()


class _Hushed:
    """Standard output without what Ray's threads print to it: it carries the result.

    ``log_to_driver=False`` stops what workers print, but not Ray's own remarks on them.

    Args:
        stream: that other threads go on to write to.
    """

    def __init__(self, stream: TextIO) -> None:
        self.stream = stream
        self.threads: set[threading.Thread] = set()

    def __getattr__(self, name: str) -> Any:
        return getattr(self.stream, name)

    def write(self, text: str) -> int:
        """Write a text, or drop it."""
        hush = threading.current_thread() in self.threads
        return len(text) if hush else self.stream.write(text)

    @contextmanager
    def hushed(self) -> Iterator[None]:
        """Hush this thread for a while, and for ever those that are started meanwhile."""
        before, this = set(threading.enumerate()), threading.current_thread()
        self.threads.add(this)
        try:
            yield
        finally:
            self.threads |= set(threading.enumerate()) - before
            self.threads.discard(this)


def _check(address: str) -> None:
    """Check that something answers at an address: Ray itself would try for two minutes."""
    if address in NAMED:
        return
    host, _, port = address.rpartition(":")
    if "://" in address or not host or not port.isdecimal():
        raise ConfigError(
            f"'{address}' is not a valid --ray-address.",
            hint="It takes HOST:PORT of 'ray start --head', or auto, on a node of the cluster.",
        )
    try:
        socket.create_connection((host.strip("[]"), int(port)), PATIENCE).close()
    except (OSError, ValueError, OverflowError) as error:  # also: no host or port at all
        raise AcrankError(
            f"No Ray cluster answers at {address}: {said(error)}.",
            hint="Start one with: ray start --head",
        ) from None


def _init(address: str | None, cpus: int | None) -> None:
    import ray

    quiet: dict[str, Any] = {"log_to_driver": False, "logging_level": logging.ERROR}
    start: dict[str, Any] = {"num_cpus": cpus, "include_dashboard": False}
    try:
        if address in (None, "local"):  # no address at all might join a cluster that runs here
            ray.init("local", **start, **quiet)
        else:
            ray.init(address, **quiet)
    except Exception as error:
        if address in (None, "local"):
            slow = "timed out" in str(error)
            raise AcrankError(
                f"A Ray cluster cannot be started here: {said(error)}.",
                hint="The machine may be too busy: try again when it is quieter." if slow else None,
            ) from error
        raise AcrankError(
            f"The Ray cluster at {address} cannot be joined: {said(error)}.",
            hint="Call this on one of its nodes, with the Ray and the Python that it runs on; the "
            "port is that of 'ray start --head' (6379), not the dashboard's (8265).",
        ) from error


def wait_for_worker(up: Any, tell: Callable[[str], None]) -> None:
    """Wait until a process that imports this package runs.

    Args:
        up: what Ray gives for a call of its first actor.
        tell: is given a sentence now and then while it waits.

    Raises:
        AcrankError: none has started in time, or the cluster cannot run this package.
    """
    import ray

    started = time.monotonic()
    while not ray.wait([up], num_returns=1, timeout=TELL)[0]:
        waited = time.monotonic() - started
        if waited >= START:
            raise AcrankError(
                f"Ray has not started a worker process in {waited / 60:.0f} minutes.",
                hint="Its machine is too busy, or short of memory: try again when it is quieter, "
                "lower --jobs, or leave --engine ray out.",
            )
        tell(f"waiting for Ray to start a first worker process: {waited:.0f} s so far")
    try:
        ray.get(up)
    except ray.exceptions.RayError as error:
        lacking = any(words in str(error) for words in NOT_INSTALLED)
        raise AcrankError(
            f"The Ray cluster cannot run acrank: {said(error)}.",
            hint="Install the same acrank, with its extra ray, on every node."
            if lacking
            else "Ray's logs say more (/tmp/ray/session_latest/logs on its nodes).",
        ) from error


def cause_of_loss(error: Exception) -> str:
    """Say why a task was lost.

    Args:
        error: Ray's.
    """
    import ray

    if isinstance(error, ray.exceptions.OutOfMemoryError):
        return NO_MEMORY
    if isinstance(error, ray.exceptions.WorkerCrashedError):
        return KILLED
    return f"Ray lost it: {said(error)}."


def said(error: BaseException) -> str:
    """Return an error's message in one line: of a worker's traceback, the last one."""
    lines = [" ".join(line.split()) for line in _COLOUR.sub("", str(error)).splitlines()]
    lines = [line for line in lines if line] or [type(error).__name__]
    text = lines[-1] if any("Traceback" in line for line in lines) else " ".join(lines)
    return visible(text[:300]).rstrip(".")
