"""Give a choice as JSON can hold it: a ranking of the models, and all of the race beside it."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from acrank.race.ranked import interval_of, ranking_of
from acrank.race.result import Choice, Standing, standing_record
from acrank.report.builders.ranking import RankingReport
from acrank.results.file import CHOICE

# Of the record of the fine-tuning: what the folder's own files need not be opened for.
OF_FINETUNING = (
    *("config", "model", "images", "lr", "best_epoch", "chosen_by", "stopped", "diverged", "val"),
    *("test", "not_tested", "not_for_timm"),
)


def choice_data(choice: Choice) -> dict[str, Any]:
    """Return everything that ``choice.json`` holds.

    Args:
        choice: finished.
    """
    record = choice.finetuned.record
    return {
        "schema": CHOICE,
        **RankingReport(ranking_of(choice)).data(),
        "folder": str(choice.folder),
        "chosen": _arm_data(choice.chosen),
        "measure": choice.measure,
        "measure_words": choice.measure_words,
        "judged": asdict(choice.judged),
        "alike": list(choice.alike),
        "early": choice.early or None,
        "rungs": [{**asdict(rung), "words": rung.words} for rung in choice.rungs],
        "arms": [_arm_data(one) for one in choice.standings],
        "times": choice.times,
        "plan": list(choice.plan),
        "notes": list(choice.notes),
        "finetuned": {name: record[name] for name in OF_FINETUNING if name in record},
        "latency": choice.latency or None,
        "exported": list(choice.exported),
        "look": _look_data(choice),
    }


def _arm_data(one: Standing) -> dict[str, Any]:
    low, high = interval_of(one) or (None, None)
    record = standing_record(one)
    return {**record, "reason": one.reason or None, "expected_low": low, "expected_high": high}


def _look_data(choice: Choice) -> dict[str, Any]:
    look = choice.ranking
    names = ("rank", "score", "low", "high", "p_best", "tie_group")
    return {
        "rank_by": look.rank_by,
        "warnings": list(look.warnings),
        "models": [
            {
                "model": row.result.model,
                "status": row.result.status,
                "reason": row.result.reason or None,
                **{name: getattr(row, name) for name in names},
            }
            for row in look.rows
        ],
    }
