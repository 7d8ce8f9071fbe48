"""Know networks before any image is seen: published results, facts, a prior learned of them."""

from acrank.priors.facts import Facts
from acrank.priors.history import History, history_of
from acrank.priors.names import canonical
from acrank.priors.prior import Prior, prior_of
from acrank.priors.published import DOMAINS, Book, book

__all__ = (
    "DOMAINS",
    "Book",
    "Facts",
    "History",
    "Prior",
    "book",
    "canonical",
    "history_of",
    "prior_of",
)
