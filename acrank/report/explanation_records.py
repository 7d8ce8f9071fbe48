"""For the pages until they are drawn from documents."""

from acrank.report.builders.explanation import Moves

__all__ = ["Moves"]
