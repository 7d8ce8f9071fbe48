"""Expect of a network what its facts and its history say, before any image is seen."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from acrank.priors.domains import group_of
from acrank.priors.facts import Facts, facts_of_architecture, facts_of_name
from acrank.priors.features import features
from acrank.priors.history import History, history_of
from acrank.priors.names import canonical
from acrank.priors.published import FROZEN, Book, book

if TYPE_CHECKING:
    from acrank.zoo.entries import ZooEntry

MEASURED = "measured"
FACTS = "facts"
UNKNOWN = "nothing is published under this name"
FROZEN_ONLY = "only heads on its frozen features are published"


@dataclass(frozen=True)
class Prior:
    """The expected result of a network before any image is seen.

    Attributes:
        mean: expected place among networks that people compare, in standard deviations of the
            accuracies of such a list; None where nothing is known.
        deviation: standard deviation of that expectation; None as the mean.
        history: what it reached on other datasets, fine-tuned end to end; None below three.
        frozen: the same of heads on its frozen features, which the mean does not use.
        basis: ``measured``, ``facts``, or why there is no prior.
        sources: what the numbers were taken from.
        domain: domain of the images that the mean is for; None if none was told.
        public: whether people know the network: something is published under its name, or its
            ImageNet accuracy is known.
    """

    mean: float | None = None
    deviation: float | None = None
    history: History | None = None
    frozen: History | None = None
    basis: str = UNKNOWN
    sources: tuple[str, ...] = ()
    domain: str | None = None
    public: bool = False


def prior_of(
    model: str | Facts | ZooEntry,
    domain: str | None = None,
    *,
    params_m: float | None = None,
    pages: Book | None = None,
) -> Prior:
    """Expect of a network what is known of it without an image.

    The value of a network depends on its own facts and the published numbers only, never on which
    other networks are asked about.

    Args:
        model: a name (timm's, torchvision's or a hub's), an entry of a zoo, or facts.
        domain: domain of the images, one of :data:`acrank.priors.DOMAINS`; None if not known,
            which makes the deviation wider.
        params_m: million parameters, where the published facts lack them.
        pages: published numbers; those that acrank ships if None.

    Raises:
        ConfigError: there is no such domain.
        PriorsError: the published numbers cannot be read.
    """
    group = group_of(domain)
    pages = pages or book()
    name, facts = _told(model, pages)
    if facts.params_m is None:
        facts = replace(facts, params_m=params_m)
    public = (name is not None and facts.tells) or facts.imagenet_top1 is not None
    found = replace(_expected(name, facts, group, pages), domain=domain, public=public)
    if name is None:
        return found
    history = history_of(name, pages=pages)
    frozen = history_of(name, protocol=FROZEN, pages=pages)
    used = [table for past in (history, frozen) if past for table in past.tables]
    used += ["timm"] if name in pages.facts and "." in name and ":" not in name else []
    sources = tuple(_cited(pages, table) for table in used)
    basis = FROZEN_ONLY if found.mean is None and frozen else found.basis
    return replace(found, history=history, frozen=frozen, basis=basis, sources=sources)


def _expected(name: str | None, facts: Facts, group: str, pages: Book) -> Prior:
    fit = pages.fits[group]
    if name is not None and name in fit.offsets:
        mean, deviation = fit.offsets[name]
        return Prior(mean, deviation, basis=MEASURED)
    if not facts.tells:
        return Prior()
    values, variances = features(facts, pages.families)
    # where a fact is not known, it adds its weight, which is itself uncertain
    unknown = variances @ (fit.mean**2 + fit.covariance.diagonal())
    variance = values @ fit.covariance @ values + unknown + fit.apart**2
    return Prior(float(values @ fit.mean), math.sqrt(variance), basis=FACTS)


def _told(model: str | Facts | ZooEntry, pages: Book) -> tuple[str | None, Facts]:
    """The canonical name of a network, if it has one, and what is known of it."""
    if isinstance(model, Facts):
        return None, model
    if isinstance(model, str):
        name = canonical(model)
        return name, facts_of(name, pages)
    reference = model.reference
    named = canonical(reference) if reference else None
    facts = facts_of(named, pages) if named else Facts()
    if model.arch:  # weights from elsewhere: only the architecture is known
        facts = facts_of_architecture(model.arch.partition(".")[0])
    if facts.imagenet_top1 is None:
        facts = replace(facts, imagenet_top1=model.imagenet_top1)
    return named, facts


def facts_of(name: str, pages: Book) -> Facts:
    """The facts that are known of a canonical name; empty where it is nobody's."""
    if name in pages.facts:
        return pages.facts[name]
    architecture, _, tag = name.partition(".")
    if ":" in name or not tag:
        return Facts()
    from timm.models import get_arch_pretrained_cfgs, is_model

    if is_model(architecture) and name in get_arch_pretrained_cfgs(architecture):
        return facts_of_name(name)
    return Facts()


def _cited(pages: Book, table: str) -> str:
    source = pages.sources[table]
    repo, path, commit, licence = (source[key] for key in ("repo", "path", "commit", "licence"))
    return f"{table}: {repo}, {path} at {commit} ({licence})"
