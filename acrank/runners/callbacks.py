"""Who is told of a run's progress."""

from __future__ import annotations

from typing import Protocol

from acrank.results import ModelResult


class Listener(Protocol):
    """Follows a run; every method may do nothing."""

    def message(self, text: str) -> None:
        """A sentence for the user."""

    def start(self, total: int) -> None:
        """So many models are about to run; with a budget, at the start of every round."""

    def begin(self, model: str) -> None:
        """A model starts."""

    def done(self, result: ModelResult) -> None:
        """A model has ended."""


class Silent:
    """A listener that keeps quiet."""

    def message(self, text: str) -> None:
        """Do nothing."""

    def start(self, total: int) -> None:
        """Do nothing."""

    def begin(self, model: str) -> None:
        """Do nothing."""

    def done(self, result: ModelResult) -> None:
        """Do nothing."""
