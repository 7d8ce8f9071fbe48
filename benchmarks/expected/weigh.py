"""Learn the weights of prior and score from pools.

The log odds t of a candidate's accuracy and the place y of its score are, up to a number T that
all candidates of a dataset share,

    t = T + stretch m + rest,   y = level + slope (t - T) + noise,

where m is the prior's mean in standard deviations (``unknown`` where there is none) and the
deviation of the rest is ``sqrt(base^2 + (stretch s)^2)``, with s the prior's deviation (``doubt``
where there is none). The forms differ in how the score is weighed beside the prior:

- ``even``: every candidate's score has the same weight, whatever is known of it, so that the level
  cancels.
- ``normal``: the precision-weighted mix of the two: a score weighs the more the less is known.

Either may take checkpoints without a public name as unknown, whatever their zoo file says
(``named``). Parameters are those of the highest posterior density; the residuals of a dataset have
a scale of their own, which is summed over.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from pooldata import Known, Pool
from scipy.optimize import minimize

from acrank.experiments.validation.agreement import Array

# What a score can be of: images with one of three scores, or LogME of pixels and voxels.
SLOTS = ("log_me", "linear_probe", "knn", "masks", "volumes")
# Scales of the residuals of a dataset, and how likely they are beforehand: normal in the logarithm.
SPREAD = 0.6
NODES = np.exp(SPREAD * np.array([-2.0, -1.0, 0.0, 1.0, 2.0]))
LOG_PRIOR = -0.5 * np.array([4.0, 1.0, 0.0, 1.0, 4.0])
# How far the levels of scores lie apart between datasets.
LEVELS = 0.8


@dataclass(frozen=True)
class Form:
    """A form of the model; see above."""

    how: str = "normal"
    named: bool = False

    @property
    def name(self) -> str:
        """Its name in tables."""
        return self.how + ", named" * self.named


FORMS = tuple(itertools.starmap(Form, itertools.product(("even", "normal"), (False, True))))
# name -> mean and deviation beforehand; those of the logarithm where it has to be above 0.
BEFORE = {
    "stretch": (np.log(0.2), 0.5),
    "beside": (np.log(0.5), 0.5),  # even: what of the prior counts beside a score
    "unknown": (-1.0, 1.0),
    "doubt": (np.log(2.0), 0.3),
    "base": (np.log(0.2), 0.5),
    "log_me": (np.log(1.0), 0.5),
    "linear_probe": (np.log(1.0), 0.5),
    "knn": (np.log(1.0), 0.5),
    "masks": (np.log(1.0), 0.5),
    "volumes": (np.log(1.0), 0.5),
    "noise_log_me": (np.log(0.4), 0.5),
    "noise_linear_probe": (np.log(0.4), 0.5),
    "noise_knn": (np.log(0.4), 0.5),
    "noise_masks": (np.log(0.4), 0.5),
    "noise_volumes": (np.log(0.4), 0.5),
    "level_log_me": (-1.0, 2.0),
    "level_linear_probe": (1.0, 2.0),
    "level_knn": (1.0, 2.0),
    "level_masks": (-1.0, 2.0),
    "level_volumes": (-1.0, 2.0),
    "level_log_classes": (-0.3, 0.3),
}
NAMES = tuple(BEFORE)
LOGS = np.array(
    [
        name in ("stretch", "beside", "doubt", "base", *SLOTS) or name.startswith("noise")
        for name in NAMES
    ]
)


@dataclass(frozen=True)
class Sights:
    """Pools side by side, (P, N) each, filled up with NaN."""

    pools: tuple[Pool, ...]
    odds: Array
    mean: Array
    deviation: Array
    public: Array
    place: Array
    there: Array
    slots: Array  # (P,), -1 without a score
    log_classes: Array  # (P, 1)
    share: Array  # (P,)


def sights(pools: Sequence[Pool], known: Sequence[Known]) -> Sights:
    """Lay out pools for a fit; datasets of a pool count together as the root of their number."""
    wide = max(len(pool.models) for pool in pools)

    def filled(rows: Sequence[Array]) -> Array:
        out = np.full((len(rows), wide), np.nan)
        for place, row in enumerate(rows):
            out[place, : len(row)] = row
        return out

    count = Counter(pool.pool for pool in pools)
    odds = filled([pool.odds for pool in pools])
    return Sights(
        tuple(pools),
        odds,
        filled([one.mean for one in known]),
        filled([one.deviation for one in known]),
        filled([public(pool) for pool in pools]),
        filled([pool.place for pool in pools]),
        np.isfinite(odds),
        np.array([SLOTS.index(slot(pool)) if slot(pool) else -1 for pool in pools]),
        np.log([[float(pool.classes)] for pool in pools]),
        np.array([count[pool.pool] ** -0.5 for pool in pools]),
    )


def public(pool: Pool) -> Array:
    """1 for candidates with a public name or a published accuracy, (N,)."""
    return np.array(
        [
            float(bool(n) or f.imagenet_top1 is not None)
            for n, f in zip(pool.names, pool.facts, strict=True)
        ]
    )


def slot(pool: Pool) -> str:
    """What the score of a pool is of; empty without a score."""
    return pool.target if pool.target != "classes" and pool.score else pool.score


def predicted(vector: Array, form: Form, data: Sights) -> tuple[Array, Array, Array, Array]:
    """Expect log odds.

    Returns:
        They, up to a number that a pool shares, their deviations, and what one place of their
        scores is worth, all (P, N), and how far levels of scores are off, (P,).
    """
    theta = named(vector)
    absent = np.isnan(data.mean)
    if form.named:
        absent = absent | (data.public == 0)
    before = theta["stretch"] * np.where(absent, theta["unknown"], data.mean)
    doubt = np.where(absent, theta["doubt"], data.deviation)
    rest = np.sqrt(theta["base"] ** 2 + (theta["stretch"] * doubt) ** 2)
    of = {
        kind: np.array([theta[f"{kind}{name}"] for name in SLOTS])[data.slots][:, None]
        for kind in ("", "noise_", "level_")
    }
    slope, noise, level = of[""], of["noise_"], of["level_"]
    by_log_me = ~np.isin(data.slots, (1, 2))[:, None]
    level = level + by_log_me * theta["level_log_classes"] * data.log_classes
    share = slope * rest**2 / (slope**2 * rest**2 + noise**2)
    left = rest * np.sqrt(1 - share * slope)
    off = data.place - level - slope * before
    if form.how == "even":
        wide = np.hypot(theta["base"], theta["stretch"] * theta["doubt"])
        one = slope * wide**2 / (slope**2 * wide**2 + noise**2)
        mixed = theta["beside"] * before + one * data.place
        share = np.broadcast_to(one, share.shape)
    else:
        mixed = before + share * off
    scored = (data.slots >= 0)[:, None]
    apart = np.where(scored, _mean(np.where(data.there, off, 0.0), data.there), 0)
    worth = np.where(scored, share, 0.0)
    return np.where(scored, mixed, before), np.where(scored, left, rest), worth, apart[:, 0]


def _mean(values: Array, there: Array) -> Array:
    found: Array = values.sum(axis=1, keepdims=True) / there.sum(axis=1, keepdims=True)
    return found


def named(vector: Array) -> dict[str, float]:
    """Parameters by their names, from those that are fitted."""
    return dict(zip(NAMES, np.where(LOGS, np.exp(vector), vector).tolist(), strict=True))


def losses(vector: Array, form: Form, data: Sights) -> Array:
    """Minus the log density of each pool's log odds, (P,).

    Their mean is free and the scale of the residuals is summed over.
    """
    return _losses(*predicted(vector, form, data)[:2], data)


def _losses(mean: Array, deviation: Array, data: Sights) -> Array:
    precision = np.where(data.there, deviation, np.inf) ** -2.0
    off = np.where(data.there, data.odds - mean, 0.0)
    total = precision.sum(axis=1)
    centre = (precision * off).sum(axis=1) / total
    squares = (precision * (off - centre[:, None]) ** 2).sum(axis=1)
    free = data.there.sum(axis=1) - 1
    logs = -free[:, None] * np.log(NODES) - squares[:, None] / (2 * NODES**2) + LOG_PRIOR
    top = logs.max(axis=1)
    summed = top + np.log(np.exp(logs - top[:, None]).sum(axis=1))
    spread = np.log(np.where(data.there, deviation, 1.0)).sum(axis=1)
    found: Array = -(summed - spread - 0.5 * np.log(total))
    return found


def fit(data: Sights, form: Form, start: Array | None = None) -> Array:
    """Parameters of the highest posterior density, as a vector.

    Args:
        data: what to fit.
        form: of the model.
        start: where to begin; what is known beforehand if None.
    """
    middle = np.array([BEFORE[name][0] for name in NAMES])
    wide = np.array([BEFORE[name][1] for name in NAMES])

    def loss(vector: Array) -> float:
        mean, deviation, _, apart = predicted(vector, form, data)
        levels = 0.5 * (data.share * (apart / LEVELS) ** 2).sum()
        prior = 0.5 * (((vector - middle) / wide) ** 2).sum()
        return float(prior + levels + (data.share * _losses(mean, deviation, data)).sum())

    begin = middle if start is None else start
    found = minimize(loss, begin, method="L-BFGS-B", options={"maxiter": 100, "ftol": 1e-7})
    return np.asarray(found.x)
