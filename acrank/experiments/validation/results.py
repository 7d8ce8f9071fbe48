"""The result of a validation: metrics on datasets, their means, tests and notes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from acrank.experiments.validation.agreement import STATISTICS

if TYPE_CHECKING:
    import pandas as pd

RowKind = Literal["metric", "baseline", "chance"]
TauVerdict = Literal["same", "ties", "differs"]

# Name of the row of random lists.
CHANCE = "random lists"
# Name of the truth where the tables give no other.
ACCURACY = "accuracy"
# Columns of the CSV file, in order. scope: mean (over the datasets) or dataset.
COLUMNS = (
    *("scope", "metric", "kind", "direction", "dataset", "datasets", "models"),
    *(f"{name}{end}" for name in STATISTICS for end in ("", "_low", "_high")),
    *("baseline", "difference", "p", "p_holm"),
)


@dataclass(frozen=True)
class Statistic:
    """The value of a statistic and its 95 % interval; NaN where undefined.

    For chance, the mean and the 95 % range of random lists.
    """

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Comparison:
    """One metric on one dataset.

    Attributes:
        metric: name of the metric.
        kind: a metric, a static baseline, or chance.
        dataset: name of the dataset; empty where the tables name none.
        models: number of models with a score and an accuracy.
        statistics: estimates by the names of ``STATISTICS``.
    """

    metric: str
    kind: RowKind
    dataset: str
    models: int
    statistics: dict[str, Statistic]


@dataclass(frozen=True)
class PairedTest:
    """The test of a metric against the best baseline, over datasets where both are defined.

    Attributes:
        baseline: the static baseline of highest mean weighted tau, or chance.
        datasets: number of datasets.
        difference: mean weighted tau of the metric less the baseline's.
        p: two-sided p-value of Wilcoxon's signed-rank test; NaN for fewer than 6 datasets.
        p_holm: the same, corrected for the number of metrics.
    """

    baseline: str
    datasets: int
    difference: float
    p: float
    p_holm: float


@dataclass(frozen=True)
class Summary:
    """One metric over the datasets: means of its statistics where they are defined.

    Attributes:
        metric: name of the metric.
        kind: a metric, a static baseline, or chance.
        higher_is_better: direction of the metric.
        datasets: number of datasets with a defined weighted tau.
        statistics: estimates by the names of ``STATISTICS``.
        test: test against the best baseline; None for baselines, chance and undefined metrics.
    """

    metric: str
    kind: RowKind
    higher_is_better: bool
    datasets: int
    statistics: dict[str, Statistic]
    test: PairedTest | None = None


@dataclass(frozen=True)
class Reproduction:
    """A published weighted tau beside the one recomputed from the published numbers.

    Attributes:
        dataset: name in the source.
        metric: name in the source.
        published: value that the source prints, rounded to three digits.
        recomputed: value from its scores and accuracies, by its own convention.
        verdict: ``same`` to rounding; ``ties``: reached by some order of scores that the source
            printed as equal; ``differs``.
    """

    dataset: str
    metric: str
    published: float
    recomputed: float
    verdict: TauVerdict


@dataclass(frozen=True)
class Validation:
    """The result of :func:`acrank.validate`: how well metrics predict fine-tuned accuracies.

    Attributes:
        summaries: means, highest weighted tau first, baselines and chance among them.
        comparisons: rows by dataset, then in the order of the summaries.
        reproductions: published taus, where a bundled table comes with some.
        notes: sentences on what was left out, and on the tables.
        settings: settings of the call.
        truth: name of the accuracies that the metrics are to predict.
    """

    summaries: tuple[Summary, ...]
    comparisons: tuple[Comparison, ...]
    reproductions: tuple[Reproduction, ...]
    notes: tuple[str, ...]
    settings: dict[str, Any]
    truth: str = ACCURACY

    @property
    def datasets(self) -> tuple[str, ...]:
        """The names of the datasets, in the order of the accuracies."""
        return tuple(dict.fromkeys(row.dataset for row in self.comparisons))

    def summary(self, metric: str) -> Summary:
        """Return the means of a metric, a baseline or ``random lists``.

        Raises:
            KeyError: there is none of that name.
        """
        for found in self.summaries:
            if found.metric == metric:
                return found
        raise KeyError(metric)

    def to_frame(self) -> pd.DataFrame:
        """Return all rows as a data frame, with the columns of the CSV file."""
        import pandas as pd

        return pd.DataFrame(self.rows(), columns=list(COLUMNS))

    def rows(self) -> list[dict[str, Any]]:
        """Return the means, then each dataset, under the names of ``COLUMNS``."""
        directions = {found.metric: found.higher_is_better for found in self.summaries}
        means = [
            {"scope": "mean", "dataset": None, "datasets": found.datasets, "models": None}
            | _test_cells(found.test)
            | _cells(found, directions)
            for found in self.summaries
        ]
        return means + [
            {"scope": "dataset", "dataset": found.dataset, "datasets": 1, "models": found.models}
            | _test_cells(None)
            | _cells(found, directions)
            for found in self.comparisons
        ]


def _cells(found: Summary | Comparison, directions: dict[str, bool]) -> dict[str, Any]:
    cells: dict[str, Any] = {
        "metric": found.metric,
        "kind": found.kind,
        "direction": "higher" if directions[found.metric] else "lower",
    }
    for name, estimate in found.statistics.items():
        cells |= {
            name: estimate.value,
            f"{name}_low": estimate.low,
            f"{name}_high": estimate.high,
        }
    return cells


def _test_cells(test: PairedTest | None) -> dict[str, Any]:
    if test is None:
        return dict.fromkeys(("baseline", "difference", "p", "p_holm"))
    return {
        "baseline": test.baseline,
        "difference": test.difference,
        "p": test.p,
        "p_holm": test.p_holm,
    }
