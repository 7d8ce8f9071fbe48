"""The page of an experiment."""

from __future__ import annotations

from typing import Any

from acrank.experiments.benchmark.run import Experiment
from acrank.report import experiment_facts as facts
from acrank.report.experiment import LOW, heading, notes, qualities, quality
from acrank.report.html.grids import accuracy_grid, tau_grid, taus_table
from acrank.report.html.page import render, require_html
from acrank.report.html.scatter import scatter_plots
from acrank.report.html.taus import tau_plot


def experiment_to_html(done: Experiment) -> str:
    """An experiment as one HTML file that needs nothing else and runs no script.

    Args:
        done: to show.

    Raises:
        MissingExtraError: Jinja or matplotlib is not installed.
    """
    require_html()
    return render("experiment.html.j2", _content(done))


def _content(done: Experiment) -> dict[str, Any]:
    return {
        "heading": heading(done),
        "quality": quality(done),
        "qualities": qualities(done),
        "outcome": facts.outcome(done),
        "caveat": facts.caveat(done),
        "summary": facts.summary(done),
        "accuracies": accuracy_grid(done),
        "low": LOW,
        "every_accuracy": facts.accuracies_table(done),
        "failed": facts.failed_table(done),
        "unscored": facts.unscored_table(done),
        "undefined": facts.undefined_table(done),
        "notes": [*notes(done), *(done.validation.notes if done.validation else ())],
        **_verdict(done),
    }


def _verdict(done: Experiment) -> dict[str, Any]:
    """Scores against accuracies, as far as there is an order to compare."""
    if done.validation is None:
        return dict.fromkeys(("taus", "tau_grid", "every_tau", "metric", "scatters"))
    best = facts.best_metric(done.validation)
    return {
        "taus": tau_plot(done, done.validation),
        "tau_grid": tau_grid(done, done.validation),
        "every_tau": taus_table(done.validation),
        "metric": best and best.metric,
        "scatters": scatter_plots(done, done.validation, best) if best else None,
    }
