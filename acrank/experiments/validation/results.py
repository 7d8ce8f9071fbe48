"""The result of a validation: metrics on datasets, their means, tests and notes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from acrank.experiments.validation.agreement import STATISTICS

if TYPE_CHECKING:
    import pandas as pd

    from acrank.experiments.validation.config import Protocol
    from acrank.priors import Prior

RowKind = Literal["metric", "baseline", "chance"]
TauVerdict = Literal["same", "ties", "differs"]

# Name of the row of random lists.
CHANCE = "random lists"
# Name of the truth where the tables give no other.
ACCURACY = "accuracy"
# Columns of the CSV file, in order. scope: mean (over the datasets), dataset, family (the mean with
# one family of architectures left out) or likeness (of two metrics, by Spearman's correlation).
COLUMNS = (
    *("scope", "metric", "kind", "direction", "dataset", "datasets", "models"),
    *(f"{name}{end}" for name in STATISTICS for end in ("", "_low", "_high")),
    *("baseline", "difference", "p", "p_holm"),
    *("left_out", "other"),
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
class KnownModel:
    """Facts and predictions that the name of a model gives, without any image.

    Attributes:
        model: name in the tables.
        name: name of its weights, as timm, torchvision or a hub has it; None where nothing is
            known under it.
        family: its family of architectures; None where it is not known.
        params_m: million parameters.
        imagenet_top1: ImageNet-1k accuracy in per cent.
        prior: its prior and histories; those of no dataset in particular.
    """

    model: str
    name: str | None
    family: str | None
    params_m: float | None
    imagenet_top1: float | None
    prior: Prior


@dataclass(frozen=True)
class Likeness:
    """Likeness of two metrics: mean over datasets of Spearman's correlation of their scores.

    Attributes:
        metric: name of one.
        other: name of the other.
        datasets: number of datasets where it is defined.
        spearman: in [-1, 1]; NaN where one of them is constant everywhere.
    """

    metric: str
    other: str
    datasets: int
    spearman: float


@dataclass(frozen=True)
class WithoutFamily:
    """Mean weighted taus without one family of architectures.

    Attributes:
        family: the family that is left out.
        models: number of its models.
        taus: metric -> mean weighted tau over datasets of three or more models; NaN if undefined.
    """

    family: str
    models: int
    taus: dict[str, float]


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
        protocol: how they were reached: end-to-end, probe, zero-shot or unknown.
        deviations: dataset -> difference below which accuracies are tied; empty without ties.
        groups: dataset -> group; empty without groups.
        models: what names give, a row for each model; empty if it was not asked for.
        likenesses: how alike every two metrics are.
        families: what is left of the weighted taus without each family of architectures.
    """

    summaries: tuple[Summary, ...]
    comparisons: tuple[Comparison, ...]
    reproductions: tuple[Reproduction, ...]
    notes: tuple[str, ...]
    settings: dict[str, Any]
    truth: str = ACCURACY
    protocol: Protocol = "unknown"
    deviations: Mapping[str, float] = field(default_factory=dict)
    groups: Mapping[str, str] = field(default_factory=dict)
    models: tuple[KnownModel, ...] = ()
    likenesses: tuple[Likeness, ...] = ()
    families: tuple[WithoutFamily, ...] = ()

    @property
    def scored(self) -> bool:
        """Tell whether there are scores, and not only what is known without them."""
        return any(found.kind == "metric" for found in self.summaries)

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
        """Return the means, datasets, families and likenesses, under the names of ``COLUMNS``."""
        directions = {found.metric: found.higher_is_better for found in self.summaries}
        means = [
            {"scope": "mean", "dataset": None, "datasets": found.datasets, "models": None}
            | _test_cells(found.test)
            | _cells(found, directions)
            for found in self.summaries
        ]
        datasets = [
            {"scope": "dataset", "dataset": found.dataset, "datasets": 1, "models": found.models}
            | _test_cells(None)
            | _cells(found, directions)
            for found in self.comparisons
        ]
        kinds = {found.metric: found.kind for found in self.summaries}
        families = [
            {
                "scope": "family",
                "metric": metric,
                "kind": kinds[metric],
                "direction": "higher" if directions[metric] else "lower",
                "left_out": row.family,
                "weighted_tau": tau,
            }
            for row in self.families
            for metric, tau in row.taus.items()
        ]
        likenesses = [
            {
                "scope": "likeness",
                "metric": row.metric,
                "other": row.other,
                "datasets": row.datasets,
                "spearman": row.spearman,
            }
            for row in self.likenesses
        ]
        rows = [*means, *datasets, *families, *likenesses]
        return [dict.fromkeys(COLUMNS) | row for row in rows]


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
