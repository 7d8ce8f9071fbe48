"""Name the domains of images, and the groups of them that the prior has weights of its own for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from acrank.errors import ConfigError
from acrank.utils.nearest import nearest

if TYPE_CHECKING:
    from acrank.priors.published import Book

# Domain -> group.
GROUPS = {
    "natural": "natural",
    "remote sensing": "natural",
    "synthetic": "synthetic",
    "radiology": "medical",
    "pathology": "medical",
    "microscopy": "medical",
    "dermatology": "medical",
    "ophthalmology": "medical",
}
DOMAINS = tuple(GROUPS)


def group_of(domain: str | None) -> str:
    """The group of a domain, as the fits of a book are named; empty where none is told.

    Raises:
        ConfigError: there is no such domain.
    """
    if domain is None:
        return ""
    if domain not in GROUPS:
        every = f"There are {', '.join(DOMAINS)}."
        raise ConfigError(f"There is no domain {domain!r}.", hint=nearest(domain, DOMAINS) or every)
    return GROUPS[domain]


def domain_text(domain: str, pages: Book) -> str:
    """Say in a sentence what a domain changes about priors, and on how many results that stands.

    Args:
        domain: one of :data:`DOMAINS`.
        pages: published numbers that the priors are made of.

    Raises:
        ConfigError: there is no such domain.
    """
    group = group_of(domain)
    together = [name for name in DOMAINS if GROUPS[name] == group]
    tables: set[str] = set()
    datasets: set[str] = set()
    networks: set[str] = set()
    for table in pages.fine_tuned():
        for dataset, models in table.values.items():
            if pages.domains[dataset] in together:
                tables.add(table.name)
                datasets.add(dataset)
                networks.update(models)
    own = sum(pages.domains[dataset] == domain for dataset in datasets)
    families = {pages.facts[name].family for name in networks if name in pages.facts}
    alike = " of one family" if len(families) == 1 else ""
    others = [name for name in together if name != domain]
    along = f" (with {', '.join(others)})" if others else ""
    return (
        f"Domain {domain}{along}: priors weigh facts and results as in {len(tables)} published "
        f"table(s) of fine-tuning, {len(networks)} networks{alike} on {len(datasets)} datasets, "
        f"{own} of them {domain}."
    )
