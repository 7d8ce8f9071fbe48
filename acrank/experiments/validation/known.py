"""Find what the names of models give before any image is seen: facts, histories and priors."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property

from acrank.errors import ConfigError, DataError
from acrank.experiments.validation.config import Protocol, ValidationConfig
from acrank.experiments.validation.results import KnownModel
from acrank.experiments.validation.sheets import Sheet, listing
from acrank.experiments.validation.tables import MetricScores, Values
from acrank.priors import Book, Facts, Prior, book, canonical, domain_text, prior_of
from acrank.priors.fit import Deviations, refitted
from acrank.priors.prior import facts_of
from acrank.priors.recognise import datasets_called, tables_with
from acrank.utils.nearest import nearest

PRIOR, HISTORY = "prior", "history"
NAMED = (PRIOR, HISTORY, "imagenet_top1", "params_m")


@dataclass(frozen=True)
class Names:
    """Which networks the models of a table are.

    Attributes:
        written: model -> timm's, torchvision's or a hub's name; models that are missing stand for
            themselves, an empty name for weights that nobody published.
        families: model -> family of architectures, where the user said it.
    """

    written: Mapping[str, str]
    families: Mapping[str, str]


@dataclass(frozen=True)
class Named:
    """Predictions from the names of models alone.

    Attributes:
        models: a row for each model.
        metrics: static lists by what names give, without those of fewer than three models.
    """

    models: tuple[KnownModel, ...]
    metrics: tuple[MetricScores, ...]


def read_names(sheet: Sheet | None, also: Mapping[str, str]) -> Names:
    """Read which networks models are.

    Args:
        sheet: table with the columns ``model``, ``name`` and optionally ``family``; None without.
        also: names that are known anyway, which the table may override.

    Raises:
        DataError: the table has other columns, or a model twice.
    """
    if sheet is None:
        return Names(also, {})
    if "model" not in sheet.columns or not {"name", "family"} & set(sheet.columns):
        raise DataError(
            f"{sheet.name}: no columns 'model' and 'name'. Columns found: "
            f"{listing(sheet.columns)}.",
            hint="Write a row for each model: what it is called, and its name in timm, torchvision "
            "or a hub.",
        )
    rows: dict[str, Mapping[str, str]] = {}
    for row in sheet.rows:
        model = row.cells["model"]
        if not model or model in rows:
            raise DataError(
                f"{sheet.name}, line {row.line}: model {model!r} is there already, or empty.",
                hint="Keep one row for each model.",
            )
        rows[model] = row.cells
    names = {model: cells["name"] for model, cells in rows.items() if "name" in cells}
    families = {model: cells["family"] for model, cells in rows.items() if cells.get("family")}
    return Names({**also, **names}, families)


def what_names_give(
    truth: Values, names: Names, protocol: Protocol, config: ValidationConfig, notes: list[str]
) -> Named:
    """Find facts, histories on other datasets and priors, as if this table were not published.

    For each dataset they are of all published tables but those that hold the same numbers or that
    the user names, and without the dataset itself: the prior is learned again each time.

    Args:
        truth: dataset -> model -> accuracy.
        names: which networks the models are.
        protocol: how the accuracies were reached.
        config: domain, and tables to leave out.
        notes: takes sentences on what was read, left out and not known.

    Raises:
        ConfigError: a table to leave out does not exist.
        PriorsError: the published numbers cannot be read.
    """
    pages = book()
    models = list(dict.fromkeys(model for row in truth.values() for model in row))
    read = {model: canonical(names.written.get(model, model)) for model in models}
    out = _left_out(truth, read, pages, config.without, notes)
    if config.domain:
        notes.append(domain_text(config.domain, pages.less(out)))
    facts = {model: facts_of(name, pages) for model, name in read.items()}
    expect = _Expecting(pages, config.domain, protocol, out)
    rows = tuple(
        _row(model, read[model], facts[model], names, expect.of(read[model])) for model in models
    )
    _tell_names(rows, notes)
    gives: dict[str, Callable[[str, str], float | None]] = {
        PRIOR: lambda model, dataset: expect.of(read[model], dataset).mean,
        HISTORY: lambda model, dataset: expect.history(read[model], dataset),
        "imagenet_top1": lambda model, _: facts[model].imagenet_top1,
        "params_m": lambda model, _: facts[model].params_m,
    }
    metrics = [_scores(name, give, truth) for name, give in gives.items()]
    kept = [found for found in metrics if any(len(row) > 2 for row in found.values.values())]
    lost = [found.name for found in metrics if found not in kept]
    if lost:
        notes.append(f"Too few names give {listing(lost)} to compare.")
    return Named(rows, tuple(kept))


class _Expecting:
    """Priors of networks, learned without some tables and without the dataset in question."""

    def __init__(
        self, pages: Book, domain: str | None, protocol: Protocol, out: Collection[str]
    ) -> None:
        self.pages, self.domain, self.protocol, self.out = pages, domain, protocol, frozenset(out)
        self._learned: dict[frozenset[str], Book] = {}
        self._found: dict[tuple[str, frozenset[str]], Prior] = {}

    def of(self, name: str, dataset: str = "") -> Prior:
        """The prior of a network for a dataset; for none, with no dataset left out."""
        without = self.out | (datasets_called(dataset, self.pages) if dataset else frozenset())
        if (name, without) not in self._found:
            learned = facts_of(name, self.pages).tells
            pages = self._pages(without) if learned else self.pages.less(without)
            self._found[name, without] = prior_of(name, self.domain, pages=pages)
        return self._found[name, without]

    def history(self, name: str, dataset: str) -> float | None:
        """The mean place on other datasets by the same protocol; by fine-tuning if unknown."""
        found = self.of(name, dataset)
        past = found.frozen if self.protocol == "probe" else found.history
        return None if past is None or self.protocol == "zero-shot" else past.mean

    def _pages(self, without: frozenset[str]) -> Book:
        if not without:
            return self.pages
        if without not in self._learned:
            self._learned[without] = refitted(self.pages.less(without), by=self._by)[0]
        return self._learned[without]

    @cached_property
    def _by(self) -> Deviations:
        """The seven deviations of the fit without the tables; one dataset more changes no grid."""
        return refitted(self.pages.less(self.out))[1]


def _left_out(
    truth: Values, read: Mapping[str, str], pages: Book, asked: Iterable[str], notes: list[str]
) -> list[str]:
    for table in asked:
        if table not in pages.tables:
            every = f"There are {', '.join(pages.tables)}."
            raise ConfigError(
                f"--without: there is no published table {table!r}.",
                hint=nearest(table, pages.tables) or every,
            )
    named = {dataset: {read[m]: x for m, x in row.items()} for dataset, row in truth.items()}
    same = tables_with(named, pages)
    out = list(dict.fromkeys((*asked, *same)))
    if same:
        notes.append(
            f"These numbers are among the published ones (table {listing(same)}): priors and "
            "history are made without them."
        )
    return out


def _row(model: str, name: str, facts: Facts, names: Names, prior: Prior) -> KnownModel:
    known = facts.tells or prior.history is not None or prior.frozen is not None
    family = names.families.get(model) or (facts.family if known else None)
    return KnownModel(
        model=model,
        name=name if known else None,
        family=family,
        params_m=facts.params_m,
        imagenet_top1=facts.imagenet_top1,
        prior=replace(prior, sources=()),
    )


def _tell_names(rows: Iterable[KnownModel], notes: list[str]) -> None:
    rows = list(rows)
    others = [f"{row.model} → {row.name}" for row in rows if row.name not in (None, row.model)]
    if others:
        more = f" and {len(others) - 5} more" if len(others) > 5 else ""
        notes.append(f"Names read as: {', '.join(others[:5])}{more}. --names says otherwise.")
    unknown = [row.model for row in rows if row.name is None]
    if unknown:
        notes.append(
            f"{len(unknown)} of {len(rows)} models have no prior, as nothing is published under "
            f"their names: {listing(unknown)}. --names says which networks they are."
        )
    by_name: dict[str, list[str]] = {}
    for row in rows:
        by_name.setdefault(row.name or row.model, []).append(row.model)
    for name, same in by_name.items():
        if len(same) > 1:
            notes.append(f"{listing(same)} are the same weights, {name}.")


def _scores(name: str, give: Callable[[str, str], float | None], truth: Values) -> MetricScores:
    values: Values = {}
    for dataset, models in truth.items():
        found = {model: give(model, dataset) for model in models}
        values[dataset] = {model: value for model, value in found.items() if value is not None}
    return MetricScores(name, values, baseline=True)
