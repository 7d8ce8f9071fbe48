"""Learn how far accuracies scatter about what was expected, on tables that no fit has seen.

Log odds of a dataset's candidates, up to a number that they share, are

    trust mean - level weight + scale deviation e,

with the mean, the deviation and the weight of the score as they were predicted; the trust in the
means, N(trust, trust_deviation^2), the level of scores, N(0, levels^2), and the logarithm of the
scale, N(log residuals, spread^2), are of the dataset, and e of the candidate. What of the means
holds and how wide residuals are is of the highest posterior density, one for all kinds: tables of
a kind are too few to tell kinds apart, and differ as much.

Points of accuracy for one unit of log odds are learned by kind, such that a random choice loses as
much as it did.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from choose_form import Losses, Tables, chosen
from pooldata import Pool
from scipy.optimize import minimize
from weigh import LEVELS, Form, predicted, public, sights

from acrank.expectation.weights import KINDS
from acrank.experiments.validation.agreement import Array

# name -> mean and deviation beforehand; of the logarithm but for the trust.
BEFORE = {
    "residuals": (0.0, 1.0),
    "spread": (np.log(0.6), 0.5),
    "trust": (1.0, 0.5),
    "trust_deviation": (np.log(0.5), 0.7),
}
NODES, SHARES = np.polynomial.hermite_e.hermegauss(9)
# A kind is drawn to the mean of all as if one more pool of one dataset were like that.
STRENGTH = 1.0
DRAWS, SEED = 4000, 0


@dataclass(frozen=True)
class Residual:
    """A dataset of a pool, and what was expected by a fit that has not seen it.

    Attributes:
        pool: the pool.
        mean, deviation, worth: of log odds, (N,).
        share: how much it counts.
    """

    pool: Pool
    mean: Array
    deviation: Array
    worth: Array
    share: float

    @property
    def kind(self) -> str:
        """The kind of its candidates, one of ``KINDS``."""
        return kind_of(self.pool)


def kind_of(pool: Pool) -> str:
    """The kind of a pool's candidates, as acrank tells it of a run."""
    if pool.target != "classes":
        return pool.target
    return "known" if public(pool).all() else "others"


def residuals(
    tables: Tables, inner: Losses, outer: str = "", form: Form | None = None
) -> list[Residual]:
    """Return the expectations for every table without it, and without one more.

    Args:
        tables: all tables.
        inner: losses inside the training tables, to choose forms by.
        outer: the table that is left out of everything; none if empty.
        form: where it is not chosen.
    """
    found = []
    held = tables.datasets(outer) if outer else set()
    for table in tables.names:
        if table == outer:
            continue
        left, datasets = {table, outer} - {""}, held | tables.datasets(table)
        one = form or chosen(inner, outer or table)
        vector = tables.fitted(one, left, datasets)
        pools = [p for p in tables.pools if p.table == table and p.dataset not in held]
        if not pools:
            continue
        data = sights(pools, [tables.known.of(pool, {*left, *datasets}) for pool in pools])
        parts = predicted(vector, one, data)[:3]
        for place, pool in enumerate(pools):
            mean, deviation, worth = (part[place, : len(pool.models)] for part in parts)
            found.append(Residual(pool, mean, deviation, worth, float(data.share[place])))
    return found


def calibrated(found: Sequence[Residual]) -> dict[str, object]:
    """The numbers of a file of weights that say how accuracies scatter."""
    middle = np.array([mean for mean, _ in BEFORE.values()])
    wide = np.array([deviation for _, deviation in BEFORE.values()])
    rotated = [_Rotated(one) for one in found]

    def loss(vector: Array) -> float:
        prior = 0.5 * (((vector - middle) / wide) ** 2).sum()
        numbers = _named(vector)
        return float(prior - sum(one.share * one.log_density(numbers) for one in rotated))

    vector = minimize(loss, middle, method="L-BFGS-B", options={"maxiter": 40}).x
    numbers = _named(vector)
    points, spread = _points(found, numbers)
    return {
        **numbers,
        "levels": LEVELS,
        "points_spread": spread,
        "points": dict(zip(KINDS, points, strict=True)),
    }


def _named(vector: Array) -> dict[str, float]:
    return {
        name: float(value if name == "trust" else np.exp(value))
        for name, value in zip(BEFORE, vector, strict=True)
    }


class _Rotated:
    """Differences between the candidates of a dataset, in coordinates without their mean."""

    def __init__(self, one: Residual) -> None:
        count = len(one.mean)
        basis = np.linalg.svd(np.eye(count) - 1 / count)[0][:, : count - 1].T
        self.share = one.share
        self.odds, self.mean, worth = (basis @ v for v in (one.pool.odds, one.mean, one.worth))
        self.noise = basis @ np.diag(one.deviation**2) @ basis.T
        self.levels = LEVELS**2 * np.outer(worth, worth)
        self.means = np.outer(self.mean, self.mean)

    def log_density(self, numbers: dict[str, float]) -> float:
        off = self.odds - numbers["trust"] * self.mean
        doubt = numbers["trust_deviation"] ** 2 * self.means + self.levels
        logs = []
        for node in NODES:
            scale = numbers["residuals"] * np.exp(numbers["spread"] * node)
            covariance = scale**2 * self.noise + doubt
            logs.append(
                -0.5 * np.linalg.slogdet(covariance)[1]
                - 0.5 * off @ np.linalg.solve(covariance, off)
            )
        top = max(logs)
        return float(top + np.log((SHARES / SHARES.sum() * np.exp(np.array(logs) - top)).sum()))


def _points(found: Sequence[Residual], numbers: dict[str, float]) -> tuple[list[float], float]:
    """Points for one unit of log odds by kind, and how far datasets scatter about them."""
    lost = np.array([100 * (one.pool.truth.max() - one.pool.truth.mean()) for one in found])
    said = np.array([_random_choice(one, numbers) for one in found])
    share, kinds = np.array([one.share for one in found]), np.array([one.kind for one in found])
    own = {
        kind: np.log((share * lost)[kinds == kind].sum() / (share * said)[kinds == kind].sum())
        for kind in KINDS
        if (kinds == kind).any()
    }
    middle = float(np.mean(list(own.values())))
    weight = {kind: share[kinds == kind].sum() for kind in KINDS}
    logs = [
        float(
            (weight[kind] * own.get(kind, middle) + STRENGTH * middle) / (weight[kind] + STRENGTH)
        )
        for kind in KINDS
    ]
    ratios = np.log(lost / said)
    off = np.zeros(len(found))
    for kind in own:
        here = kinds == kind
        off[here] = ratios[here] - np.average(ratios[here], weights=share[here])
    return np.exp(logs).tolist(), float(np.sqrt(np.average(off**2, weights=share)))


def _random_choice(one: Residual, numbers: dict[str, float]) -> float:
    """Log odds that a random choice is expected to lose."""
    generator = np.random.default_rng(SEED)
    draw = generator.standard_normal
    scale = numbers["residuals"] * np.exp(numbers["spread"] * draw((DRAWS, 1)))
    trust = numbers["trust"] + numbers["trust_deviation"] * draw((DRAWS, 1))
    rest = scale * one.deviation * draw((DRAWS, len(one.mean)))
    drawn = trust * one.mean - LEVELS * one.worth * draw((DRAWS, 1)) + rest
    return float((drawn.max(axis=1) - drawn.mean(axis=1)).mean())
