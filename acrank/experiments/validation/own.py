"""Make the static list to beat: how the same models did on the other datasets of the table."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping

import numpy as np

from acrank.experiments.validation.sheets import listing
from acrank.experiments.validation.tables import MetricScores, Values
from acrank.priors.history import FEWEST_DATASETS, standardised

OWN, OWN_GROUPS = "own_history", "own_history_groups"


def own_histories(truth: Values, groups: Mapping[str, str], notes: list[str]) -> list[MetricScores]:
    """Average the standardised accuracies of each model on the other datasets.

    Args:
        truth: dataset -> model -> accuracy.
        groups: dataset -> group; empty without groups.
        notes: takes a sentence where there are too few datasets.

    Returns:
        ``own_history``, with one dataset left out, and with groups ``own_history_groups``, with
        all datasets of its group left out; none where no model has three others.
    """
    places = {dataset: standardised(models) for dataset, models in truth.items()}
    found = [MetricScores(OWN, _histories(places, {d: (d,) for d in truth}), baseline=True)]
    if groups:
        out = {d: [o for o in truth if groups[o] == groups[d]] for d in truth}
        found.append(MetricScores(OWN_GROUPS, _histories(places, out), baseline=True))
        sizes = Counter(groups[dataset] for dataset in truth)
        told = ", ".join(f"{group} {count}" for group, count in sizes.items())
        notes.append(f"Groups of datasets: {told}.")
    if not groups:
        _tell_parts(truth, notes)
    kept = [one for one in found if any(len(row) > 2 for row in one.values.values())]
    for one in found:
        if one not in kept:
            notes.append(
                f"{one.name}: none, as a history needs {FEWEST_DATASETS} other datasets"
                f"{' in other groups' if one.name == OWN_GROUPS else ''}."
            )
    return kept


def _tell_parts(truth: Values, notes: list[str]) -> None:
    """Note datasets that look like parts of another, which tell each other's results."""
    parts = [d for d in truth if any(re.match(re.escape(o) + r"[/:|\s]", d) for o in truth if o)]
    if parts:
        notes.append(
            f"{listing(parts)} look like parts of other datasets here: their history is too "
            "good. --group leaves out both at a time."
        )


def _histories(
    places: Mapping[str, Mapping[str, float]], out: Mapping[str, Iterable[str]]
) -> Values:
    values: Values = {}
    for dataset, left_out in out.items():
        others = [row for name, row in places.items() if name not in left_out]
        models = dict.fromkeys(model for row in others for model in row)
        found = {model: [row[model] for row in others if model in row] for model in models}
        values[dataset] = {
            model: float(np.mean(row))
            for model, row in found.items()
            if len(row) >= FEWEST_DATASETS
        }
    return values
