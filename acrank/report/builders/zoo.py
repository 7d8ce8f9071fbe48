"""Report the models of a zoo, and the check of a zoo file."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from acrank.report.document import Column, Document, Records, Report, Text, tabulate

if TYPE_CHECKING:
    from acrank.priors import History
    from acrank.zoo.files.checking import Checked
    from acrank.zoo.listing import Listed

Values = dict[str, Any]

# What programs are given, in the order of CSV.
COLUMNS: dict[str, Callable[[Listed], Any]] = {
    "name": lambda row: row.info.name,
    "source": lambda row: row.info.source,
    "params_m": lambda row: _in(1e6, row.info.params or None),
    "norm_layers": lambda row: row.info.norm_layers or None,
    "norm_channels": lambda row: row.info.norm_channels or None,
    "input_size": lambda row: _sides(row.info.input_size),
    "license": lambda row: row.info.license,
    "tags": lambda row: " ".join(row.info.tags),
    "cached": lambda row: row.info.cached,
    "revision": lambda row: row.info.revision,
    "macs_g": lambda row: _in(1e9, row.footprint.macs if row.footprint else None),
    "memory_mb": lambda row: _in(1e6, row.footprint.memory if row.footprint else None, digits=None),
    "weights_mb": lambda row: _in(1e6, row.size),
    "reason": lambda row: row.reason,
    "norms": lambda row: row.info.norms or None,
    "prior": lambda row: _rounded(row.prior.mean) if row.prior else None,
    "prior_deviation": lambda row: _rounded(row.prior.deviation) if row.prior else None,
    "prior_basis": lambda row: row.prior.basis if row.prior else None,
    "history": lambda row: _mean(row.prior.history) if row.prior else None,
    "history_n": lambda row: _count(row.prior.history) if row.prior else None,
    "history_frozen": lambda row: _mean(row.prior.frozen) if row.prior else None,
    "history_frozen_n": lambda row: _count(row.prior.frozen) if row.prior else None,
    "prior_sources": lambda row: ("; ".join(row.prior.sources) or None) if row.prior else None,
    "prior_domain": lambda row: row.prior.domain if row.prior else None,
}
# The same of a check.
CHECKED: dict[str, Callable[[Checked], Any]] = {
    "name": lambda row: row.name,
    "line": lambda row: row.line,
    "source": lambda row: row.source,
    "status": lambda row: row.status,
    "revision": lambda row: row.revision,
    "license": lambda row: row.license,
    "weights_mb": lambda row: _in(1e6, row.size),
    "errors": lambda row: row.errors,
    "warnings": lambda row: row.warnings,
}
# What people are shown, in order.
_SHOWN = {
    "name": Column("name", words=True),
    "source": Column("source", words=True, priority=8),
    "params_m": Column("params M", priority=1),
    "macs_g": Column("MACs G", priority=2),
    "memory_mb": Column("memory MB", priority=2),
    "weights_mb": Column("weights MB", priority=3),
    "norm_layers": Column("norm layers", priority=5),
    "norm_channels": Column("norm channels", priority=9),
    "norms": Column("norms", words=True, priority=5),
    "input_size": Column("input size", words=True, priority=4),
    "license": Column("license", words=True, priority=3),
    "tags": Column("tags", words=True, priority=6),
    "cached": Column("cached", words=True, priority=1),
    "revision": Column("revision", words=True, detail=True),
    "history": Column("history (n)", priority=2),
    "history_frozen": Column("frozen (n)", priority=7),
    "prior": Column("prior", priority=1),
    "prior_basis": Column("prior from", words=True, priority=3),
    "reason": Column("reason", words=True),
}
# Not shown where no row has one.
_OPTIONAL = frozenset(("macs_g", "memory_mb", "weights_mb", "reason", "norms")) | frozenset(
    ("history", "history_frozen", "prior", "prior_basis")
)
_PRIORS = (
    "A prior is the place among networks that is expected without an image, in standard "
    "deviations of their accuracies, ± its own deviation; history is the mean place on n other "
    "datasets."
)
# Digits of a commit in the table of a check; those of a SHA-256 are as many.
_SHORT = 12


@dataclass(frozen=True)
class ZooReport(Report):
    """The described entries of a zoo, in order, to show.

    Attributes:
        listed: the entries.
        said: a sentence on the domain of the priors; empty if none was told.
    """

    listed: Sequence[Listed]
    said: str = ""

    def document(self) -> Document:
        """Make a table of the entries, and count them."""
        rows = self.data()
        shown = [
            (column, _cell(name))
            for name, column in _SHOWN.items()
            if name not in _OPTIONAL or any(_tells(row, name) for row in rows)
        ]
        failed = sum(row["reason"] is not None for row in rows)
        count = f"{len(rows)} models" + (f", {failed} cannot be described" if failed else "")
        told = [Text(_PRIORS)] if any(row["prior_basis"] for row in rows) else []
        told += [Text(self.said)] if self.said else []
        return Document((tabulate("Models", shown, rows, silent=True), Text(count), *told))

    def records(self) -> Records:
        """Make a CSV row for each entry."""
        return Records(tuple(COLUMNS), self.data())

    def data(self) -> list[Values]:
        """Give all facts about each entry under fixed names."""
        return [{name: value(row) for name, value in COLUMNS.items()} for row in self.listed]


def _sides(size: tuple[int, ...]) -> str | None:
    return "x".join(map(str, size)) if any(size) else None


def _in(unit: float, value: int | None, digits: int | None = 3) -> float | None:
    return None if value is None else round(value / unit, digits)


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 3)


def _mean(history: History | None) -> float | None:
    return _rounded(history.mean) if history else None


def _count(history: History | None) -> int | None:
    return history.datasets if history else None


def _cell(name: str) -> Callable[[Values], str]:
    return _CELLS.get(name, lambda row: _text(row[name]))


def _with_count(name: str) -> Callable[[Values], str]:
    return lambda row: "" if row[name] is None else f"{row[name]:.2f} ({row[f'{name}_n']})"


def _with_deviation(row: Values) -> str:
    if row["prior"] is None:
        return ""
    return f"{row['prior']:.2f} ± {row['prior_deviation']:.2f}"


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.15g}"
    return "" if value is None else str(value)


# Cells that say more than a value of the same name.
_CELLS: dict[str, Callable[[Values], str]] = {
    "source": lambda row: _origin(row),
    "history": _with_count("history"),
    "history_frozen": _with_count("history_frozen"),
    "prior": _with_deviation,
}


def _tells(row: Values, name: str) -> bool:
    """Check whether an optional column says anything that the others do not."""
    if name == "norms" and row["norms"]:
        return bool(row["norms"] != f"{row['norm_layers']} BatchNorm")
    return row[name] is not None


def _origin(row: Values) -> str:
    """Name a model's source, shortly where the model's name says the rest."""
    source: str = row["source"]
    prefix, colon, _ = source.partition(":")
    if source != row["name"]:
        return source
    return prefix if colon else "timm"


@dataclass(frozen=True)
class CheckReport(Report):
    """The checked entries of a zoo file, in its order, to show."""

    checks: Sequence[Checked]

    def document(self) -> Document:
        """Make a table of the entries, and count errors and warnings."""
        statuses = [checked.status for checked in self.checks]
        errors, warnings = statuses.count("error"), statuses.count("warning")
        count = f"{len(statuses)} models, {errors} with errors, {warnings} with warnings"
        columns: list[tuple[Column, Callable[[Values], str]]] = [
            (Column("line", priority=1), lambda row: _text(row["line"])),
            (Column("name", words=True), lambda row: row["name"]),
            (Column("status", words=True), lambda row: row["status"]),
            (Column("revision", words=True, priority=4), _short_revision),
            (Column("license", words=True, priority=2), lambda row: _text(row["license"])),
            (Column("weights MB", priority=3), lambda row: _text(row["weights_mb"])),
            (Column("says", words=True), lambda row: "; ".join(row["errors"] + row["warnings"])),
        ]
        table = tabulate("Entries", columns, self.data(), header=1, silent=True)
        return Document((table, Text(count)))

    def records(self) -> Records:
        """Make a CSV row for each entry, with all errors in one cell and all warnings in one."""
        lists = ("errors", "warnings")
        rows = [{**row, **{n: "; ".join(row[n]) for n in lists}} for row in self.data()]
        return Records(tuple(CHECKED), rows)

    def data(self) -> list[Values]:
        """Give the findings about each entry under fixed names."""
        return [{name: value(row) for name, value in CHECKED.items()} for row in self.checks]


def _short_revision(row: Values) -> str:
    revision = row["revision"] or ""
    return revision if ":" in revision else revision[:_SHORT]
