"""A validation as CSV, JSON and Markdown."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from acrank.experiments.validation.agreement import STATISTICS
from acrank.experiments.validation.results import COLUMNS, Comparison, Summary, Validation
from acrank.report.cells import markdown_table
from acrank.results import finite_or_none
from acrank.utils.serialise import csv_text, json_text

SCHEMA = 1
HEADINGS = {
    "weighted_tau": "weighted tau",
    "tau_b": "tau-b",
    "pearson": "Pearson",
    "spearman": "Spearman",
    "rel1": "Rel@1",
    "rel3": "Rel@3",
    "regret": "regret",
}


def to_csv(result: Validation) -> str:
    """The means, then each dataset; undefined values are empty."""
    rows = ({name: finite_or_none(value) for name, value in row.items()} for row in result.rows())
    return csv_text(COLUMNS, rows)


def to_json(result: Validation) -> str:
    """Everything as strict JSON: settings, notes, means with tests, datasets, published taus."""
    document = {
        "schema_version": SCHEMA,
        "settings": result.settings,
        "truth": result.truth,
        "notes": list(result.notes),
        "interval": "95 %: bootstrap over models; of means, over models and datasets; "
        "of random lists, their range",
        "means": [asdict(found) for found in result.summaries],
        "datasets": [asdict(found) for found in result.comparisons],
        "published": [asdict(found) for found in result.reproductions],
    }
    return json_text(_clean(document))


def to_markdown(result: Validation) -> str:
    """The means and the weighted taus of each dataset as GitHub tables."""
    by_dataset = [
        [dataset or "all", *(tau(result, dataset, found) for found in result.summaries)]
        for dataset in result.datasets
    ]
    taus = ["dataset", *map(label, result.summaries)]
    return f"{markdown_table(*means(result))}\n{markdown_table(taus, by_dataset)}"


def means(result: Validation) -> tuple[list[str], list[list[str]]]:
    """The means over the datasets: headings, and a row for each metric."""
    rows = [
        [
            label(found),
            *(number(found.statistics[name].value, digits(name)) for name in STATISTICS[:1]),
            interval(found),
            *(number(found.statistics[name].value, digits(name)) for name in STATISTICS[1:]),
            number(found.test.difference, 2) if found.test else "",
            p_value(found.test.p_holm) if found.test else "",
        ]
        for found in result.summaries
    ]
    headings = [HEADINGS[name] for name in STATISTICS]
    return ["metric", headings[0], "95 % interval", *headings[1:], "over best", "p (Holm)"], rows


def label(found: Summary) -> str:
    """A metric's name, with * for a static baseline and an arrow where lower is better."""
    return (
        found.metric
        + (" *" if found.kind == "baseline" else "")
        + ("" if found.higher_is_better else " ↓")
    )


def interval(found: Summary | Comparison) -> str:
    """The interval of the weighted tau; empty where there is none."""
    estimate = found.statistics[STATISTICS[0]]
    low, high = number(estimate.low, 2), number(estimate.high, 2)
    return f"{low} … {high}" if low else ""


def tau(result: Validation, dataset: str, found: Summary) -> str:
    """The weighted tau of a metric on a dataset; chance as its range, empty if undefined."""
    for row in result.comparisons:
        if (row.dataset, row.metric) == (dataset, found.metric):
            if found.kind == "chance":
                return interval(row)
            return number(row.statistics[STATISTICS[0]].value, 2)
    return ""


def number(value: float, places: int) -> str:
    """A fixed number of decimals; empty for an undefined value, and no minus before a zero."""
    if value != value:
        return ""
    text = f"{value:.{places}f}"
    return text.removeprefix("-") if float(text) == 0 else text


def digits(name: str) -> int:
    """Decimals that a statistic is shown with."""
    return 3 if name in ("rel1", "rel3", "regret") else 2


def p_value(value: float) -> str:
    """Two decimals, three for small values; empty where there is no test."""
    if value != value:
        return ""
    return "<0.001" if value < 0.001 else f"{value:.3f}" if value < 0.1 else f"{value:.2f}"


def _clean(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _clean(inner) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_clean(inner) for inner in value]
    return finite_or_none(value)
