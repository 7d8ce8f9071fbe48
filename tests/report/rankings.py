"""Rankings to draw, made up."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

from acrank.config import RunConfig
from acrank.metrics.estimate import Estimate
from acrank.ranking import rank_results
from acrank.results import LayerCorrelation, ModelResult, Ranking

NAN = math.nan
HOSTILE = (
    "</svg></script><script>alert(1)</script>\"'&<img src=x onerror=alert(2)>{{7*7}}$x$\x1b[31m"
)


def layer(name: str, kept: float, **changed: Any) -> LayerCorrelation:
    return replace(
        LayerCorrelation(name, 8, 1, False, False, kept, kept / 8, kept - 0.05), **changed
    )


def model(name: str, score: float, *, wobble: float = 0.02, **changed: Any) -> ModelResult:
    values = {"ac_corr": score, "ac_corr_channel": score / 10, "ac_corr_zero": score - 0.1}
    result = ModelResult(
        name,
        "ok",
        scores={n: Estimate.of_trials([v - wobble, v, v + wobble]) for n, v in values.items()},
        layers=(layer("bn1", score), layer("bn2", score + 0.2)),
        params=int(1e6 * (1 + score)),
        norm_layers=2,
        norm_channels=16,
        input_size=(3, 64, 64),
        license="MIT",
        revision="abc",
        seconds=score,
    )
    return replace(result, **changed)


def some() -> list[ModelResult]:
    """A model of each kind."""
    tied = {"kept_sum": NAN, "kept_mean": NAN, "zero_drift": NAN, "tied": True}
    return [
        model("first", 1.5),
        model("second", 1.2, guards={"ac_corr": {"saturated": "1 of at most 1"}}),
        model("third", 1.19, wobble=-0.02, flags={"dead-channels": "2 of 16 channels"}),
        model("cheap", 1.0, params=None),
        model("dropped", 1.1).dropped("after round 1: place 4 of 5"),
        ModelResult("tied", "ok", undefined={"ac_corr": "tied"}, layers=(layer("bn1", 1, **tied),)),
        ModelResult.failed("failed", "out of memory"),
    ]


def record(**config: Any) -> dict[str, Any]:
    settings = RunConfig(data="scans/brain", **config).model_dump(mode="json")
    return {
        "created": "2026-01-02T03:04:05+00:00",
        "config": settings,
        "seed": 0,
        "versions": {"acrank": "0.1.0", "torch": "2.5"},
        "dataset": {
            "name": "scans/brain",
            "classes": ["glioma", "healthy"],
            "images": 100,
            "sampled": 64,
            "batches": 2,
            "fingerprint": "0" * 64,
        },
        "device": {"type": "cpu", "precision": "fp32", "threads": 2},
        "seconds": 61.5,
    }


def make_ranking(
    results: list[ModelResult] | None = None, by: str = "ac_corr", **more: Any
) -> Ranking:
    more = {"record": record(), "warnings": ["mind the sample."], **more}
    return rank_results(some() if results is None else results, by, 0, **more)


def interrupted_budget() -> Ranking:
    told = record(budget=600.0)
    told["budget"] = {
        "seconds": 600.0,
        "spent": 601.5,
        "trial": {"model": "first", "seconds": 3.0},
        "rounds": [{"samples": 64, "models": 7, "finished": 6, "dropped": 3, "seconds": 9.0}],
    }
    return make_ranking(record=told, interrupted=True)


def edge_cases() -> dict[str, Ranking]:
    """Rankings in which something that mostly is there is not, or is odd."""
    nothing = Estimate(NAN)
    odd = ModelResult("odd", "ok", scores={"ac_corr": nothing, "ac_corr_zero": nothing})
    bare = model("bare", 1.0, params=None, norm_layers=None, layers=(), license=None)
    alone = {n: Estimate(e.value) for n, e in bare.scores.items()}
    return {
        "some": make_ranking(),
        "empty": make_ranking([]),
        "one": make_ranking([model("only", 1.0)]),
        "one without an interval": make_ranking([replace(bare, scores=alone)]),
        "equal": make_ranking([model("a", 1.0), model("b", 1.0), model("c", 1.0)]),
        "none ranked": make_ranking([ModelResult.failed("a", "no"), some()[5]]),
        "not a number": make_ranking([odd, model("sound", 1.0)]),
        "one metric": make_ranking(metrics=("ac_corr",)),
        "lower is better": make_ranking(by="affine_shift", metrics=("affine_shift",)),
        "consensus": make_ranking(by="consensus"),
        "interrupted": interrupted_budget(),
        "no record": make_ranking(record={}),
        "odd record": make_ranking(
            record={"config": {"data": 1, "x": {}}, "dataset": [], "merged": [1], "seconds": "x"}
        ),
        "far apart": make_ranking([model("a", 1e9), model("b", 1e-9), model("c", -5.0)]),
    }


def hostile() -> Ranking:
    """Names and texts that would act if any part of a page let them."""
    told = record(zoo=HOSTILE)
    told["dataset"]["name"] = told["config"]["data"] = HOSTILE
    told["dataset"]["classes"] = [HOSTILE]
    told["versions"][HOSTILE] = HOSTILE
    results = [
        model(HOSTILE, 1.5, license=HOSTILE, layers=(layer(HOSTILE, 1.0), layer("b", 2.0))),
        model("ok", 1.0, flags={HOSTILE: HOSTILE}, guards={"ac_corr": {"saturated": HOSTILE}}),
        model("模型 سلام 😀", 0.9),
        ModelResult.failed("failed", HOSTILE),
    ]
    return make_ranking(results, record=told, warnings=[HOSTILE])
