"""Draw random parameters by the run's seed, and tell them apart from loaded ones.

A factory may load weights of its own, so that its code does not tell what it draws. It is called
twice instead, under two seeds: what differs has been drawn. Where the first call draws nothing, it
is not called again.
"""

from __future__ import annotations

import hashlib
import random
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from torch import nn

from acrank.utils.fresh import is_fresh, mark_fresh
from acrank.zoo.entries import ZooEntry
from acrank.zoo.sources.registry import source_of

FLAG = "random-weights"
# Added to a seed for the call that is compared with.
_OTHER = 2**31
_UNTOLD = "_drawn_or_not"
# The generators belong to the process: a network that another thread builds would draw from them.
_turn = threading.RLock()


@contextmanager
def drawn_by(seed: int, entry: ZooEntry) -> Iterator[None]:
    """Load an entry's network so that the same seed draws the same parameters.

    The generators of PyTorch (on the CPU), NumPy and Python are as before afterwards. Networks are
    loaded one at a time.

    Args:
        seed: of the run.
        entry: the candidate; one whose source draws nothing is not seeded.
    """
    with _turn:
        if not source_of(entry).draws(entry):
            yield
            return
        with generators_at(seed):
            yield


@contextmanager
def generators_at(seed: int) -> Iterator[None]:
    """Seed the generators for a block, in which no network is loaded in another thread.

    Args:
        seed: of the run.
    """
    with _turn:
        before = _states()
        _seed(seed)
        try:
            yield
        finally:
            _restore(before)


def mark_drawn(make: Callable[[], nn.Module]) -> nn.Module:
    """Build a network and mark the layers whose parameters or buffers are drawn as fresh.

    Args:
        make: builds it, within :func:`drawn_by`.

    Returns:
        What ``make`` gives by the seed of the run.
    """
    before = _states()
    model = make()
    after = _states()
    if _equal(before, after):
        return model
    try:
        _seed((torch.initial_seed() + _OTHER) % 2**32)
        compared = _digests(make())
    except Exception:  # code that can run once only; the network is there
        setattr(model, _UNTOLD, True)
        return model
    finally:
        _restore(after)
    for name, digest in _digests(model).items():
        if compared.get(name) != digest:
            mark_fresh(model.get_submodule(name.rpartition(".")[0]))
    return model


def drawn_flags(model: nn.Module) -> dict[str, str]:
    """Say how much of a network without its head is drawn; empty if nothing is.

    Args:
        model: of a factory without weights, as :func:`mark_drawn` made it.
    """
    if any(getattr(module, _UNTOLD, False) for module in model.modules()):
        return {FLAG: "unknown how many: its factory fails when it is called again"}
    sizes = {id(p): p.numel() for p in model.parameters()}
    fresh = (module for module in model.modules() if is_fresh(module))
    drawn = {id(p) for module in fresh for p in module.parameters(recurse=False)}
    if not drawn:
        return {}
    share = sum(sizes[each] for each in drawn) / sum(sizes.values())
    percent = "all" if share == 1 else f"{100 * share:.3g} %"
    return {FLAG: f"{percent} of the parameters, drawn by the seed"}


def _seed(seed: int) -> None:
    torch.manual_seed(seed)
    random.seed(seed)
    np.random.seed(seed % 2**32)  # noqa: NPY002 - code of networks may draw from it


def _states() -> tuple[torch.Tensor, Any, Any]:
    return torch.get_rng_state(), random.getstate(), np.random.get_state()  # noqa: NPY002


def _restore(states: tuple[torch.Tensor, Any, Any]) -> None:
    torch.set_rng_state(states[0])
    random.setstate(states[1])
    np.random.set_state(states[2])  # noqa: NPY002


def _equal(one: tuple[torch.Tensor, Any, Any], other: tuple[torch.Tensor, Any, Any]) -> bool:
    same = torch.equal(one[0], other[0]) and one[1] == other[1]
    return same and str(one[2]) == str(other[2])


def _digests(model: nn.Module) -> dict[str, str]:
    """A hash of every parameter and buffer that has numbers."""
    digests = {}
    for name, value in (*model.named_parameters(), *model.named_buffers()):
        if not value.is_meta:
            flat = value.detach().cpu().contiguous().reshape(-1).view(torch.uint8)
            digests[name] = hashlib.sha256(flat.numpy().data).hexdigest()
    return digests
