"""Say of the models of a run what is known of them before any image is seen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from acrank.expectation import weights
from acrank.priors import Prior, book, prior_of
from acrank.results import Beforehand, ModelResult
from acrank.zoo import ZooEntry


def check_published() -> None:
    """Read the published numbers and the weights that acrank ships, before hours are spent.

    Raises:
        PriorsError: the published numbers cannot be read.
        ExpectationError: the weights cannot be read.
    """
    book()
    weights()


def with_beforehand(
    results: Sequence[ModelResult], entries: Sequence[ZooEntry]
) -> list[ModelResult]:
    """Add to results what is known of their models beforehand.

    It is no part of kept results, as published numbers may be others in a later version.

    Args:
        results: one a model.
        entries: the candidates that they are of.
    """
    known = {entry.name: entry for entry in entries}
    return [
        replace(result, beforehand=beforehand(known[result.model], result.params))
        for result in results
    ]


def beforehand(entry: ZooEntry, params: int | None = None) -> Beforehand:
    """Return the facts of an entry that are known beforehand.

    Args:
        entry: of a zoo.
        params: number of its parameters, where it has been loaded.
    """
    found: Prior = prior_of(entry, params_m=params / 1e6 if params else None)
    history = found.history
    return Beforehand(
        found.basis,
        found.mean,
        found.deviation,
        history.mean if history else None,
        history.datasets if history else None,
        found.public,
    )
