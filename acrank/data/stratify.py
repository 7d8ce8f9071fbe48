"""Choose which images to draw, and part them into batches that all look alike.

Every choice is a pure function of the seed, the class names and the image keys. Ranks come from a
hash rather than from a random generator, so neither the listing order of a file system nor a
library's version can change them.
"""

import hashlib
import heapq
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Plan:
    """The number of images to draw, and of batches of equal size."""

    total: int
    batches: int


def plan(counts: Sequence[int], samples: int, batch_size: int) -> Plan:
    """Fit whole batches into the images asked for and available.

    Each batch has to hold two classes, so there are never more batches than images outside the
    largest class. Below two whole batches, one batch takes what there is.
    """
    total = min(samples, sum(counts))
    if total < 2 * batch_size:
        return Plan(total, 1)
    batches = min(total // batch_size, sum(counts) - max(counts))
    return Plan(batches * batch_size, batches)


def rank(seed: int, name: str) -> bytes:
    """Return a pseudo-random rank of a name, the same for ever."""
    return hashlib.sha256(f"{seed}\0{name}".encode("utf-8", "surrogateescape")).digest()


def quotas(counts: Sequence[int], ranks: Sequence[bytes], plan: Plan) -> list[int]:
    """Share the images among the classes, at least one each where the total allows it.

    The largest class gives way where it would leave a batch without a second class.
    """
    shares = _apportion(counts, ranks, plan.total)
    largest = max(range(len(counts)), key=lambda c: (counts[c], shares[c]))
    if plan.total - shares[largest] >= plan.batches:
        return shares
    others = [0 if c == largest else count for c, count in enumerate(counts)]
    shares = _apportion(others, ranks, plan.batches)
    shares[largest] = plan.total - plan.batches
    return shares


def _apportion(counts: Sequence[int], ranks: Sequence[bytes], total: int) -> list[int]:
    """Give seats one by one to the highest average (Webster's method).

    Its order does not depend on the total, so a larger sample contains every smaller one.
    """
    shares = [0] * len(counts)
    # First seats (0) come before all others (1): a rare class is worth one image at least.
    queue = [(0, -float(count), ranks[c], c) for c, count in enumerate(counts) if count]
    heapq.heapify(queue)
    for _ in range(total):
        c = heapq.heappop(queue)[-1]
        shares[c] += 1
        if shares[c] < counts[c]:
            heapq.heappush(queue, (1, -counts[c] / (2 * shares[c] + 1), ranks[c], c))
    return shares


def deal(groups: Sequence[Sequence[int]], batches: int) -> list[list[int]]:
    """Deal the images out like cards, one class after the other.

    Numbers of one class then differ by at most one between batches. The deck is a multiple of the
    batches, so the images outside any one class are a single run round it, and every batch gets
    one of them where there are as many of them as batches.
    """
    deck = [index for group in groups for index in group]
    return [sorted(deck[start::batches]) for start in range(batches)]
