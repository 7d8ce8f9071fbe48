"""Rankings to judge: by hand, so that every place and distance is known."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from acrank.metrics.estimate import Estimate
from acrank.ranking import rank_results
from acrank.results import ModelResult, Ranking

RECORD: dict[str, Any] = {
    "config": {"seed": 0},
    "dataset": {"name": "d", "fingerprint": "f", "classes": ["a", "b"], "batches": 2},
    "device": {"type": "cpu", "precision": "fp32"},
    "versions": {"torch": "2"},
}


def result(name: str, *trials: float, **fields: Any) -> ModelResult:
    estimate = Estimate.of_trials(trials) if len(trials) > 1 else Estimate(trials[0])
    given: dict[str, Any] = {"params": 10_000_000, "license": "mit", **fields}
    return ModelResult(name, "ok", scores={"ac_corr": estimate, "log_me": estimate}, **given)


def ranking_of(
    results: Sequence[ModelResult],
    rank_by: str = "log_me",
    record: Mapping[str, Any] = RECORD,
    **options: Any,
) -> Ranking:
    return rank_results(
        results,
        rank_by,
        seed=0,
        metrics=("ac_corr", "log_me"),
        record={**record, "config": {**record["config"], "rank_by": rank_by}},
        **options,
    )


# third and second differ by less than their trials vary; first stands apart
FIRST = result("first", 3.0, 3.01, 2.99, 3.0)
SECOND = result("second", 2.0, 2.2, 2.1, 1.9)
THIRD = result("third", 2.1, 1.9, 2.0, 2.1, params=50_000_000, license="gpl-3.0")
LAST = result("last", 1.0, 1.01, 0.99, 1.0)
FOUR = (FIRST, SECOND, THIRD, LAST)
FAILED = ModelResult.failed("broken", "no such file")
UNRANKED = replace(ModelResult.failed("silent", "no BatchNorm layer"), status="unranked")
