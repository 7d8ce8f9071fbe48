"""Leave out one table after the other, and see what orders its candidates and what a choice loses.

    python benchmarks/expected/leave_out.py

Writes benchmarks/expected/results/ and the weights that acrank ships, which are learned of all
tables.
"""

from __future__ import annotations

import argparse
import json
import warnings
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from calibrate import calibrated, residuals
from choose_form import Losses, Tables, best_of_all, chosen, inner_losses
from pooldata import Beforehand, Known, Pool, pools
from weigh import FORMS, SLOTS, Form, named, predicted, public, sights

from acrank.expectation.outcomes import Outcomes, outcomes
from acrank.expectation.posterior import Expected
from acrank.expectation.weights import FILE, VERSION, Weights, parsed
from acrank.experiments.validation.agreement import Array, regret, relative_accuracy, weighted_tau
from acrank.experiments.validation.resampling import nan_mean, percentile_interval, resamples

RESULTS = Path(__file__).parent / "results"
DRAWS, SEED = 2000, 0
# Draws of candidates, which take the most time; each serves several draws of tables and datasets.
OF_CANDIDATES = 200
KINDS = ("known networks", "one architecture", "mixed", "masks", "volumes")
# Digits of fitted numbers: the last ones depend on the machine.
DIGITS = 4
# Kept: predictors that know the pool's other datasets, which nobody has.
STATIC = "its own other datasets"
# The simplest form, shown beside the one that was chosen.
PLAIN = Form("even")
SISTER = "medmnist-sources"  # from the same place as medmnist-models
SOURCES = {
    "own-classes": "benchmarks/transfer",
    "own-masks": "benchmarks/segmentation",
    "own-volumes": "benchmarks/segmentation",
    "choose-mixed": "benchmarks/choose",
    "choose-masks": "benchmarks/choose",
    "choose-volumes": "benchmarks/choose",
}


def contents(
    tables: Tables, form: Form, inner: Losses, left_out: str = "", given: Form | None = None
) -> dict[str, Any]:
    """The contents of a file of weights, learned of all tables but one and its datasets.

    Args:
        tables: all tables.
        form: of the model.
        inner: losses inside the training tables.
        left_out: the table; none if empty.
        given: the form, where it is not chosen inside.
    """
    left = {left_out} - {""}
    datasets = tables.datasets(left_out) if left_out else set()
    theta = named(tables.fitted(form, left, datasets))
    slots = {
        name: {
            "slope": theta[name],
            "noise": theta[f"noise_{name}"],
            "level": theta[f"level_{name}"],
            "level_log_classes": 0.0
            if name in ("knn", "linear_probe")
            else theta["level_log_classes"],
        }
        for name in SLOTS
    }
    scatter = calibrated(residuals(tables, inner, left_out, given))
    numbers = {name: theta[name] for name in ("stretch", "base", "unknown", "doubt")}
    return {
        "version": VERSION,
        **_rounded({**numbers, **scatter}),
        "slots": {name: _rounded(slot) for name, slot in slots.items()},
        "learned_of": {
            table: _source(tables, table) for table in tables.names if table != left_out
        },
    }


def _rounded(numbers: Any) -> Any:
    if isinstance(numbers, dict):
        return {name: _rounded(value) for name, value in numbers.items()}
    return round(numbers, DIGITS)


def _source(tables: Tables, table: str) -> str:
    if table in SOURCES:
        return SOURCES[table]
    source = dict(tables.known.published.sources["medmnist-models" if table == SISTER else table])
    if table == SISTER:
        source["path"] = source["path"].replace("_model", "_dataset")
    path = source["path"].partition(" (")[0]
    return f"{source['repo']}, {path} at {source['commit']} ({source['licence']})"


@dataclass(frozen=True)
class Judged:
    """A pool on one dataset, and what every predictor says of its candidates.

    Attributes:
        pool: the pool.
        says: by predictor, (N,); NaN where it says nothing of a candidate.
        found: what ``expected`` says of choosing.
        deviation: log odds, (N,), of ``expected``.
        form: of ``expected``.
    """

    pool: Pool
    says: dict[str, Array]
    found: Outcomes
    deviation: Array
    form: Form


def judged(tables: Tables, inner: Losses, given: Form | None = None) -> list[Judged]:
    """Every pool, judged by fits that have seen neither its table nor its datasets.

    Args:
        tables: all tables.
        inner: losses inside the training tables, to choose the form by.
        given: the form, where it is not chosen.
    """
    done = []
    for table in tables.names:
        datasets = tables.datasets(table)
        form = given or chosen(inner, table)
        fits = {one: tables.fitted(one, {table}, datasets) for one in {form, PLAIN}}
        using = parsed(contents(tables, form, inner, table, given))
        here = [pool for pool in tables.pools if pool.table == table]
        known = [tables.known.of(pool, {table, *datasets}) for pool in here]
        data = sights(here, known)
        by_form = {one: predicted(vector, one, data) for one, vector in fits.items()}
        for place, (pool, one) in enumerate(zip(here, known, strict=True)):
            count = len(pool.models)
            mean, deviation, worth = (part[place, :count] for part in by_form[form][:3])
            plain = by_form[PLAIN][0][place, :count]
            says = {"expected": mean, **_others(pool, one, tables), "expected: even": plain}
            found = outcomes(
                _candidates(pool, mean, deviation, worth, using), pool.target, using=using
            )
            done.append(Judged(pool, says, found, deviation, form))
    return done


def _candidates(
    pool: Pool, mean: Array, deviation: Array, worth: Array, using: Weights
) -> list[Expected]:
    return [
        Expected(
            float(m / using.stretch),
            float(d / using.stretch),
            "",
            pool.score,
            float(y),
            float(w / using.stretch),
            bool(known),
        )
        for m, d, w, y, known in zip(mean, deviation, worth, pool.place, public(pool), strict=True)
    ]


def _others(pool: Pool, known: Known, tables: Tables) -> dict[str, Array]:
    """Predictions of single predictors."""
    same = [one for one in tables.pools if one.pool == pool.pool and one.dataset != pool.dataset]
    places: dict[str, list[float]] = defaultdict(list)
    for one in same:
        spread = one.odds.std() or 1.0
        for model, value in zip(one.models, (one.odds - one.odds.mean()) / spread, strict=True):
            places[model].append(float(value))
    static = np.array([np.mean(places[m]) if places[m] else np.nan for m in pool.models])
    labels = {
        "log_me": "LogME",
        "knn": "k-NN",
        "linear_probe": "linear probe",
        "h_score": "H-score",
        "ac_corr": "AC-Corr",
    }
    return {
        "prior": known.mean,
        "history": known.history,
        **{labels[name]: values for name, values in pool.scores.items()},
        "parameters": pool.params,
        "ImageNet top-1": pool.top1,
        STATIC: static,
    }


def filled(says: Array) -> Array | None:
    """Predictions with missing ones as the lowest; None where more than half are missing."""
    there = np.isfinite(says)
    if 2 * there.sum() < len(says):
        return None
    return np.where(there, says, np.min(says[there]) - 1.0)


@dataclass(frozen=True)
class Result:
    """What a predictor reaches on one dataset of a pool.

    Attributes:
        numbers: weighted tau, points lost by the first, and by the best of the first three.
        draws: the same on candidates drawn anew, (OF_CANDIDATES, 3); empty where not asked for.
    """

    numbers: Array
    draws: Array


def result(one: Judged, predictor: str, networks: bool) -> Result | None:
    """How a predictor does; None where it has no part. One that tells nothing apart has a tau of 0.

    Args:
        one: the pool.
        predictor: its name.
        networks: whether candidates are drawn anew as well.
    """
    says = one.says.get(predictor)
    scores = None if says is None else filled(says)
    if scores is None:
        return None
    numbers = _numbers(scores[None], one.pool.truth[None])[0]
    if not networks:
        return Result(numbers, np.empty((0, 3)))
    taken = resamples(len(scores), OF_CANDIDATES, SEED)
    return Result(numbers, _numbers(scores[taken], one.pool.truth[taken]))


def _numbers(scores: Array, truth: Array) -> Array:
    """Shape (B, 3)."""
    tau = weighted_tau(scores, truth)
    constant = np.ptp(scores, axis=1) < 1e-9
    tau = np.where(constant, np.where(np.ptp(truth, axis=1) > 0, 0.0, np.nan), tau)
    best = truth.max(axis=1)
    several = 100 * best * (1 - np.nan_to_num(relative_accuracy(scores, truth, 3), nan=1.0))
    return np.stack([tau, 100 * regret(scores, truth), several], axis=1)


Table = dict[tuple[str, str, str], Result]  # kind, pool, dataset


def collected(found: list[Judged], predictor: str) -> Table:
    """All results of a predictor."""
    out = {}
    for one in found:
        value = result(one, predictor, not predictor.startswith("expected:"))
        if value is not None:
            out[one.pool.kind, one.pool.pool, one.pool.dataset] = value
    return out


def means(table: Table, networks: bool) -> dict[str, tuple[Array, Array]]:
    """By pool, by kind and overall: the means, (3,), and draws of them, (DRAWS, 3).

    A pool is the mean over its datasets, a kind over its pools, and all over the kinds. Pools and
    datasets are drawn anew, the same for every predictor of the same pools; networks as well if
    asked.
    """
    generator = np.random.default_rng([SEED, 7])
    kinds: dict[str, dict[str, list[Result]]] = defaultdict(lambda: defaultdict(list))
    for (kind, pool, _), value in table.items():
        kinds[kind][pool].append(value)
    found = {}
    of_kinds = []
    for kind, of_pools in kinds.items():
        numbers, draws = [], []
        for pool, values in of_pools.items():
            stacked = np.stack([v.draws if networks else v.numbers[None] for v in values])
            picked = generator.integers(0, len(values), (len(values), DRAWS))
            drawn = nan_mean(stacked[picked, np.arange(DRAWS) % stacked.shape[1]])
            numbers.append(nan_mean(np.stack([v.numbers for v in values])))
            draws.append(drawn)
            found[pool] = (numbers[-1], drawn)
        picked = generator.integers(0, len(draws), (len(draws), DRAWS))
        found[kind] = (
            np.mean(numbers, axis=0),
            nan_mean(np.stack(draws)[picked, np.arange(DRAWS)]),
        )
        of_kinds.append(found[kind])
    found["all"] = (
        np.mean([value for value, _ in of_kinds], axis=0),
        np.mean([drawn for _, drawn in of_kinds], axis=0),
    )
    return found


def lines(found: list[Judged]) -> pd.DataFrame:
    """A line for each predictor and each pool, kind and all, and how far ``expected`` is ahead."""
    rows: list[dict[str, object]] = []
    whole = collected(found, "expected")
    predictors = list(dict.fromkeys(name for one in found for name in one.says))
    for predictor in predictors:
        table = collected(found, predictor)
        beside = {key: whole[key] for key in table}
        for networks in (False,) if predictor.startswith("expected:") else (False, True):
            mine, other = means(table, networks), means(beside, networks)
            for where in mine:
                numbers, draws = mine[where]
                ahead, ahead_draws = other[where][0] - numbers, other[where][1] - draws
                row: dict[str, object] = {
                    "where": where,
                    "predictor": predictor,
                    "drawn": "also networks" if networks else "tables and datasets",
                    "datasets": sum(where in (k, p, "all") for k, p, _ in table),
                }
                for column, name in enumerate(("tau", "lost", "lost_of_three")):
                    for label, value, drawn in (
                        (name, numbers, draws),
                        (f"ahead_{name}", ahead, ahead_draws),
                    ):
                        low, high = percentile_interval(drawn[:, column])
                        row |= {label: value[column], f"{label}_low": low, f"{label}_high": high}
                rows.append(row)
    return pd.DataFrame(rows)


def candidates(found: list[Judged]) -> pd.DataFrame:
    """A line for each candidate: what was expected, and what came."""
    rows: list[dict[str, object]] = []
    for one in found:
        pool, mean = one.pool, one.says["expected"]
        weight = one.deviation**-2.0
        off = pool.odds - mean
        off = off - (weight * off).sum() / weight.sum()
        best = pool.truth.max()
        shared = int((pool.truth == best).sum())
        for place, model in enumerate(pool.models):
            rows.append(
                {
                    **_where(pool),
                    "model": model,
                    "form": one.form.name,
                    "expected": mean[place],
                    "deviation": one.deviation[place],
                    "ratio": off[place] / one.deviation[place],
                    "p_best": one.found.p_best[place],
                    "best": (pool.truth[place] == best) / shared,
                    "lost": one.found.lost[place],
                    "was_lost": 100 * (best - pool.truth[place]),
                    "behind": one.found.behind[place],
                    "was_behind": _behind(pool.truth[one.found.first], pool.truth[place]),
                    "alike": place in one.found.alike,
                }
            )
    return pd.DataFrame(rows)


def _behind(first: float, other: float) -> float:
    return 0.5 if first == other else float(first > other)


def choices(found: list[Judged]) -> pd.DataFrame:
    """A line for each dataset of a pool: points that a choice was expected to lose, and lost."""
    rows: list[dict[str, object]] = []
    for one in found:
        pool, mean = one.pool, one.says["expected"]
        lost = _numbers(mean[None], pool.truth[None])[0]
        rows.append(
            {
                **_where(pool),
                "candidates": len(mean),
                "lost_first": one.found.lost_first,
                "at_most": one.found.lost_first_most,
                "was_lost_first": lost[1],
                "lost_of_three": one.found.lost_several,
                "was_lost_of_three": lost[2],
                "alike": len(one.found.alike),
                "of_random": 100 * (pool.truth.max() - pool.truth.mean()),
            }
        )
    return pd.DataFrame(rows)


def _where(pool: Pool) -> dict[str, object]:
    return {"kind": pool.kind, "pool": pool.pool, "dataset": pool.dataset}


def main() -> None:
    """Write the results and the weights."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--form", choices=[form.name for form in FORMS], help="choose none inside")
    asked = parser.parse_args().form
    warnings.simplefilter("ignore", RuntimeWarning)  # means of the places that fill up arrays
    tables = Tables(pools(), Beforehand())
    inner = {} if asked else inner_losses(tables)
    given = next((form for form in FORMS if form.name == asked), None)
    found = judged(tables, inner, given)
    RESULTS.mkdir(exist_ok=True)
    frames = {"left_out": lines(found), "candidates": candidates(found), "choices": choices(found)}
    if inner:
        frames["inner"] = pd.DataFrame(
            [{"left_out": o, "form": f, "judged": j, "loss": v} for (o, f, j), v in inner.items()]
        )
    for name, frame in frames.items():
        file = RESULTS / f"{name}.csv"
        frame.to_csv(file, index=False, float_format="%.4g", lineterminator="\n")
    form = given or best_of_all(inner)
    shipped = contents(tables, form, inner, given=given)
    print(form.name, json.dumps({k: v for k, v in shipped.items() if k != "learned_of"}))
    FILE.parent.mkdir(exist_ok=True)
    FILE.write_text(json.dumps(shipped, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
