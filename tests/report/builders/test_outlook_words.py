"""A ranking says in words what is expected, and what one loses by following it."""

from dataclasses import replace

from acrank.report.builders.outlook_words import expected_notes, outlook_lines
from acrank.report.builders.ranking import RankingReport, outcome
from acrank.report.renderers.markdown import to_markdown
from acrank.results import Beforehand, ModelResult, Outlook, RankedModel, Ranking

KNOWN = Beforehand("measured", 0.2, 0.5, public=True)
UNKNOWN = Beforehand("nothing is published under this name")
OUTLOOK = Outlook("log_me", "others", 1.24, 7.06, 0.31, 3, ("b", "c"), "c")


def row(
    name: str, rank: int, beforehand: Beforehand = KNOWN, params: int = 5_000_000
) -> RankedModel:
    result = ModelResult(name, "ok", beforehand=beforehand, params=params)
    return RankedModel(result, rank, 1.0 / rank, None, None, None, None, None, 0.5, 0.25, 0.4, 2.5)


def ranking(outlook: Outlook | None = OUTLOOK, last: Beforehand = UNKNOWN) -> Ranking:
    rows = (row("a", 1), row("b", 2), row("c", 3, last, 1_000_000), row("d", 4, last))
    return Ranking(rows, "log_me", (), {}, ("log_me",), outlook=outlook)


def test_two_sentences_say_what_is_lost_and_one_what_is_alike() -> None:
    assert outlook_lines(ranking()) == [
        "Taking a is expected to lose 1.2 points of accuracy, with a probability of 95 % at most "
        "7.1.",
        "Fine-tuning the first three and keeping the best is expected to lose 0.3 points.",
        "2 of the other 3 models cannot be told apart from a in accuracy with a probability of "
        "80 %; the cheapest of them, c (1.00 M parameters), is expected to lose 2.5 points.",
    ]


def test_a_first_that_is_small_is_called_so() -> None:
    cheap = replace(OUTLOOK, alike=("b", "c", "d"), cheapest="a")
    assert outlook_lines(ranking(cheap))[-1] == (
        "None of the other 3 models can be told apart from a in accuracy with a probability of "
        "80 %; it is as small as any of them (5.00 M parameters)."
    )
    unsized = replace(cheap, cheapest=None)
    assert outlook_lines(ranking(unsized))[-1].endswith("with a probability of 80 %.")


def test_masks_have_dice() -> None:
    first, _, alike = outlook_lines(ranking(replace(OUTLOOK, kind="masks")))
    assert "1.2 points of Dice," in first
    assert "from a in Dice with" in alike


def test_nothing_is_said_of_what_is_not_known() -> None:
    assert outlook_lines(ranking(None)) == []
    assert len(outlook_lines(ranking(replace(OUTLOOK, alike=())))) == 2
    bare = Ranking((RankedModel(ModelResult("a", "ok"), 1, 1.0),), "log_me", (), {}, ("log_me",))
    assert expected_notes(bare) == []
    assert "expected" not in to_markdown(RankingReport(bare).document())


def test_names_without_a_prior_are_named() -> None:
    assert expected_notes(ranking())[1] == (
        "There is no prior of c, d: what is expected of them is by log_me alone."
    )
    assert len(expected_notes(ranking(last=KNOWN))) == 1
    nobody = replace(ranking(), rows=(row("c", 1, UNKNOWN), row("d", 2, UNKNOWN)))
    assert expected_notes(nobody)[1].startswith("There is no prior of any model:")


def test_tables_and_pages_have_it() -> None:
    text = to_markdown(RankingReport(ranking()).document())
    assert "0.50 ± 0.25" in text
    assert "P(best)" in text
    assert "Taking a is expected" in text
    assert outlook_lines(ranking())[0] in outcome(ranking())
