"""Say in words what accuracy is expected, and what one loses by following a ranking."""

from __future__ import annotations

from acrank.expectation.outcomes import SURE
from acrank.report.builders.ranking_words import listed, millions_text
from acrank.results import RankedModel, Ranking

# Heads the probability of having the highest accuracy after fine-tuning.
BEST = "P(best)"
# Head the columns of the expected accuracy, and of the points that one expects to lose.
EXPECTED, LOST = "expected", "lost"
# What is measured of candidates of some kinds; of the others it is accuracy.
_MEASURES = {"masks": "Dice", "volumes": "Dice"}
_WORDS = {2: "two", 3: "three"}


def expected_text(row: RankedModel) -> str:
    """Write what is expected of a model, with its deviation; empty where nothing is."""
    if row.expected is None or row.expected_deviation is None:
        return ""
    return f"{row.expected:.2f} ± {row.expected_deviation:.2f}"


def points_text(points: float | None) -> str:
    """Write points of accuracy; empty where they are not known."""
    return "" if points is None else f"{points:.1f}"


def outlook_lines(ranking: Ranking) -> list[str]:
    """Say what taking the first and fine-tuning the first few loses, and what is alike.

    Nothing is said where it is not known.
    """
    outlook = ranking.outlook
    if outlook is None:
        return []
    what = _MEASURES.get(outlook.kind, "accuracy")
    lost, most = points_text(outlook.lost_first), points_text(outlook.lost_first_most)
    return [
        f"Taking {ranking.rows[0].result.model} is expected to lose {lost} points of {what}, "
        f"with a probability of 95 % at most {most}.",
        f"Fine-tuning the first {_WORDS[outlook.several]} and keeping the best is expected to lose "
        f"{points_text(outlook.lost_several)} points.",
        *_alike(ranking),
    ]


def _alike(ranking: Ranking) -> list[str]:
    outlook = ranking.outlook
    if outlook is None or not outlook.alike:
        return []
    ranked = [row for row in ranking.rows if row.rank is not None]
    first, others = ranked[0].result.model, len(ranked) - 1
    who = "None" if len(outlook.alike) == others else f"{len(outlook.alike)}"
    verb = "can" if who == "None" else "cannot"
    what = _MEASURES.get(outlook.kind, "accuracy")
    sure = f"with a probability of {100 * SURE:.0f} %"
    said = f"{who} of the other {others} models {verb} be told apart from {first} in {what} {sure}"
    row = next((row for row in ranked if row.result.model == outlook.cheapest), None)
    if row is None:
        return [f"{said}."]
    size = f"{millions_text(row.result.params)} M parameters"
    if row.result.model == first:
        return [f"{said}; it is as small as any of them ({size})."]
    return [
        f"{said}; the cheapest of them, {row.result.model} ({size}), is expected to lose "
        f"{points_text(row.points_lost)} points."
    ]


def expected_notes(ranking: Ranking) -> list[str]:
    """Explain the columns of expected accuracies, and say of which models there is no prior."""
    rows = [row for row in ranking.rows if row.expected is not None]
    if not rows:
        return []
    score = ranking.outlook.score if ranking.outlook else ""
    by = f"prior and {score}" if score else "the prior"
    notes = [
        f"{EXPECTED}: accuracy after fine-tuning by {by}, in standard deviations of what networks "
        f"reach, ± its own; {BEST}: probability of the highest such accuracy; {LOST}: points of it "
        "that one expects to lose by taking the model. The order is not by these."
    ]
    unknown = [
        row.result.model
        for row in rows
        if row.result.beforehand is not None and row.result.beforehand.mean is None
    ]
    if unknown:
        who = "any model" if len(unknown) == len(rows) else listed(unknown)
        notes.append(f"There is no prior of {who}: what is expected of them is by {score} alone.")
    return notes
