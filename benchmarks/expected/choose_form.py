"""Choose the form of the model inside the training tables, for every table that is left out.

Two tables are left out at a time: the form whose fits make the second ones' accuracies likeliest
is the one by which the first is judged.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

import numpy as np
from pooldata import Beforehand, Pool
from weigh import FORMS, Form, fit, losses, sights

from acrank.experiments.validation.agreement import Array


@dataclass
class Tables:
    """All pools, by tables, with what is known of their candidates beforehand."""

    pools: Sequence[Pool]
    known: Beforehand
    _fits: dict[tuple[Form, frozenset[str]], Array] = field(default_factory=dict)

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the tables."""
        return tuple(dict.fromkeys(pool.table for pool in self.pools))

    def datasets(self, table: str) -> set[str]:
        """Names of the datasets of a table."""
        return {pool.dataset for pool in self.pools if pool.table == table}

    def fitted(self, form: Form, left_out: Collection[str], datasets: Collection[str]) -> Array:
        """The fit of a form to all pools but those of some tables and their datasets."""
        key = form, frozenset(left_out)
        if key not in self._fits:
            kept = [
                pool
                for pool in self.pools
                if pool.table not in left_out and pool.dataset not in datasets
            ]
            known = [self.known.of(pool, {*left_out, *datasets, pool.table}) for pool in kept]
            # the start, the fit to all, saves time and decides nothing
            start = self.fitted(form, (), ()) if left_out else None
            self._fits[key] = fit(sights(kept, known), form, start)
        return self._fits[key]

    def losses_of(self, table: str, left_out: Collection[str], form: Form, vector: Array) -> float:
        """Minus the log density of a table's accuracies under a fit that has not seen it."""
        kept = [pool for pool in self.pools if pool.table == table]
        data = sights(kept, [self.known.of(pool, {*left_out, table}) for pool in kept])
        return float((data.share * losses(vector, form, data)).sum())


# (table left out, form, other table) -> loss of the other table, both left out of the fit
Losses = dict[tuple[str, str, str], float]


def inner_losses(tables: Tables) -> Losses:
    """Losses of every table under fits that have seen neither it nor one other."""
    found = {}
    names = tables.names
    for place, one in enumerate(names):
        for other in names[place + 1 :]:
            datasets = tables.datasets(one) | tables.datasets(other)
            for form in FORMS:
                vector = tables.fitted(form, {one, other}, datasets)
                for outer, judged in ((one, other), (other, one)):
                    loss = tables.losses_of(judged, {outer}, form, vector)
                    found[outer, form.name, judged] = loss
    return found


def chosen(losses_found: Losses, outer: str) -> Form:
    """The form of the lowest mean loss over the tables inside."""
    return best_of_all({key: loss for key, loss in losses_found.items() if key[0] == outer})


def best_of_all(losses_found: Losses) -> Form:
    """The form of the lowest mean loss."""
    means = {
        form: np.mean([loss for (_, name, _), loss in losses_found.items() if name == form.name])
        for form in FORMS
    }
    return min(FORMS, key=lambda form: float(means[form]))
