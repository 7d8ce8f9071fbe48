"""The result of a validation: metrics on datasets, their means, tests and notes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from acrank.experiments.validation.agreement import STATISTICS

if TYPE_CHECKING:
    import pandas as pd

Kind = Literal["metric", "baseline", "chance"]
Verdict = Literal["same", "ties", "differs"]

# The row of what lists that know nothing reach.
CHANCE = "random lists"
# What is to be predicted, where nothing else is said.
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
        metric: its name.
        kind: a metric, a static baseline, or chance.
        dataset: empty where the tables name none.
        models: how many have a score and an accuracy.
        statistics: the names of ``STATISTICS`` and their estimates.
    """

    metric: str
    kind: Kind
    dataset: str
    models: int
    statistics: dict[str, Statistic]


@dataclass(frozen=True)
class PairedTest:
    """A metric against the best baseline, over the datasets where both are defined.

    Attributes:
        baseline: the static baseline of highest mean weighted tau, or chance.
        datasets: how many datasets.
        difference: mean weighted tau of the metric less the baseline's.
        p: two-sided, of Wilcoxon's signed-rank test; NaN for fewer than 6 datasets.
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
        metric: its name.
        kind: a metric, a static baseline, or chance.
        higher_is_better: its direction.
        datasets: how many have a defined weighted tau.
        statistics: the names of ``STATISTICS`` and their estimates.
        test: against the best baseline; None for baselines, chance and undefined metrics.
    """

    metric: str
    kind: Kind
    higher_is_better: bool
    datasets: int
    statistics: dict[str, Statistic]
    test: PairedTest | None = None


@dataclass(frozen=True)
class Reproduction:
    """A published weighted tau beside the one recomputed from the published numbers.

    Attributes:
        dataset: of the source.
        metric: of the source.
        published: as printed by the source, rounded to three digits.
        recomputed: from its scores and accuracies, by its own convention.
        verdict: ``same`` to rounding; ``ties``: reached by some order of scores that the source
            printed as equal; ``differs``.
    """

    dataset: str
    metric: str
    published: float
    recomputed: float
    verdict: Verdict


@dataclass(frozen=True)
class Validation:
    """The result of :func:`acrank.validate`: how well metrics predict fine-tuned accuracies.

    Attributes:
        summaries: highest mean weighted tau first, baselines and chance among them.
        comparisons: by dataset, then in the order of the summaries.
        reproductions: published taus, where a bundled table comes with some.
        notes: sentences on what was left out, and on the tables.
        settings: what was asked for.
        truth: what the metrics are to predict, in a word.
    """

    summaries: tuple[Summary, ...]
    comparisons: tuple[Comparison, ...]
    reproductions: tuple[Reproduction, ...]
    notes: tuple[str, ...]
    settings: dict[str, Any]
    truth: str = ACCURACY

    @property
    def datasets(self) -> tuple[str, ...]:
        """Names of the datasets, in the order of the accuracies."""
        return tuple(dict.fromkeys(row.dataset for row in self.comparisons))

    def summary(self, metric: str) -> Summary:
        """The means of a metric, a baseline or ``random lists``.

        Raises:
            KeyError: there is none of that name.
        """
        for found in self.summaries:
            if found.metric == metric:
                return found
        raise KeyError(metric)

    def to_frame(self) -> pd.DataFrame:
        """All rows as a data frame, with the columns of the CSV file."""
        import pandas as pd

        return pd.DataFrame(self.rows(), columns=list(COLUMNS))

    def rows(self) -> list[dict[str, Any]]:
        """The means, then each dataset, under the names of ``COLUMNS``."""
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
