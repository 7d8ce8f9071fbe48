"""Say what fits into the time of a choice, or what it would take."""

from __future__ import annotations

import math
from collections.abc import Sequence

from acrank.errors import ConfigError
from acrank.race.config import ChooseConfig
from acrank.race.costs import Costs
from acrank.race.plan import Plan
from acrank.race.result import Arm
from acrank.results import Ranking
from acrank.utils.duration import duration_text

# What it would take, relative to the estimate: the next call opens the data again.
MARGIN = 1.3


def too_short(arms: Sequence[Arm], costs: Costs, config: ChooseConfig, spent: float) -> ConfigError:
    """Make the error for a budget that not one full fine-tuning fits into.

    Args:
        arms: all arms.
        costs: estimates of what they cost.
        config: configuration of the choice.
        spent: seconds that have gone into looking at data and candidates.
    """
    seconds, cheapest = min(
        ((costs.of(arm, config.epochs, None), arm) for arm in arms), key=lambda pair: pair[0]
    )
    return ConfigError(
        f"--budget {duration_text(config.budget or 0.0)} is too short: looking at data and "
        f"candidates took {duration_text(spent)}, and fine-tuning {cheapest.name}, the fastest, "
        f"for {config.epochs} epochs takes about {duration_text(seconds)}.",
        hint=f"Give --budget {math.ceil(MARGIN * (spent + seconds))}s or more, or, with --fresh, "
        "fewer --epochs or --samples; what has been scored is kept.",
    )


def what_fits(ranking: Ranking, plan: Plan, config: ChooseConfig, tested: bool) -> list[str]:
    """Say what fits into the time.

    Args:
        ranking: ranking of the look.
        plan: the plan.
        config: configuration of the choice.
        tested: True if there are test images.
    """
    ranked = sum(row.rank is not None for row in ranking.rows)
    count = f"{ranked} of {len(ranking.rows)} candidates ranked"
    if not plan.rungs:
        took = duration_text(plan.seconds["final"])
        return [
            f"{count}; there is no time for a race, so that {plan.arms[0].name} is fine-tuned as "
            f"the ranking has it, in about {took}"
        ]
    each = f"about {duration_text(plan.seconds['final'])} each at most"
    models = _counted(len({arm.model for arm in plan.arms}), "model")
    raced = f"{_counted(len(plan.arms), 'arm')} of {models}"
    rungs = _counted(len(plan.rungs), "rung")
    finalists = min(config.finalists, len(plan.arms))
    parts = [
        f"{raced} raced in {rungs} in about {duration_text(plan.seconds['race'])}",
        f"the best of them fine-tuned fully, and as many more as there is time for ({each})"
        if config.budget is not None
        else f"the best {finalists} fine-tuned fully, and the best one in all ways ({each})",
    ]
    if plan.folds:
        took = duration_text(plan.seconds["judge"])
        parts.append(f"judged by {plan.folds} folds in about {took}")
    lines = [f"{count}, {', '.join(parts)}"]
    if not tested and config.folds and not plan.folds:
        lines.append("there is no time to judge the choice by cross-validation")
    return lines


def _counted(count: int, word: str) -> str:
    return f"{count} {word}{'' if count == 1 else 's'}"
