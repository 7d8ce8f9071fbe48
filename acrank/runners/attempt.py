"""Do one piece of work and turn whatever goes wrong into a reason."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from acrank.runners.worker_pool import Named

Item = TypeVar("Item", bound=Named)
Result = TypeVar("Result")


@dataclass(frozen=True)
class Trouble(Generic[Item]):
    """What became of an item that has no result.

    Attributes:
        item: the piece of work.
        reason: what went wrong, in one line.
        seconds: that it took.
    """

    item: Item
    reason: str
    seconds: float


def attempt(work: Callable[[Item], Result], item: Item) -> Result | Trouble[Item]:
    """Work on an item; an error of its costs its own result only, an interrupt goes through.

    Args:
        work: is called with the item.
        item: the piece of work.
    """
    from acrank.utils.failures import explain_failure  # imports torch

    started = time.perf_counter()
    try:
        return work(item)
    except SystemExit as error:
        reason = f"the network's code ended the process (exit code {error.code})."
    except Exception as error:  # one item's trouble must not end those of the others
        reason = explain_failure(error)
    return Trouble(item, reason, time.perf_counter() - started)
