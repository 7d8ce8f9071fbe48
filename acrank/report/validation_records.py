"""A validation as CSV, JSON and Markdown."""

from __future__ import annotations

from acrank.experiments.validation.agreement import STATISTICS
from acrank.experiments.validation.results import Comparison, Summary, Validation

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
