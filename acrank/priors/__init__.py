"""Know networks before any image is seen: published results, facts, a prior learned of them.

Names are imported when they are first used, so that the help of commands loads no numpy.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from acrank.priors.domains import DOMAINS, domain_text
    from acrank.priors.facts import Facts
    from acrank.priors.history import History, history_of
    from acrank.priors.names import canonical
    from acrank.priors.prior import Prior, prior_of
    from acrank.priors.published import Book, book

_HOMES = {
    "DOMAINS": "domains",
    "Book": "published",
    "Facts": "facts",
    "History": "history",
    "Prior": "prior",
    "book": "published",
    "canonical": "names",
    "domain_text": "domains",
    "history_of": "history",
    "prior_of": "prior",
}

__all__ = (
    "DOMAINS",
    "Book",
    "Facts",
    "History",
    "Prior",
    "book",
    "canonical",
    "domain_text",
    "history_of",
    "prior_of",
)


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(importlib.import_module(f"acrank.priors.{_HOMES[name]}"), name)
    raise AttributeError(f"module 'acrank.priors' has no attribute {name!r}")
