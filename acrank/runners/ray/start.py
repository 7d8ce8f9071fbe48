"""The first worker process of a Ray cluster: waiting for it, and why it does not come."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from acrank.errors import AcrankError
from acrank.runners.ray.cluster import said

# Seconds for it to start and import this package: 20 where nothing else runs, and many minutes on
# a machine with more to do than it has cores.
START = 900.0
# Seconds between two words to the user that it is still waited for.
TELL = 20.0
# In what Ray says of a process whose Python lacks this package, or has another version of it.
NOT_INSTALLED = ("No module named", "ImportError", "Can't get attribute", "has no attribute")


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
