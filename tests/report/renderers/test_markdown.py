"""The Markdown report: complete, and harmless whatever the names are."""

import re
from itertools import pairwise

import pytest

from acrank.report.builders.ranking import RankingReport
from acrank.report.renderers.markdown import escaped, to_markdown
from tests.report.rankings import edge_cases, hostile, make_ranking

CASES = {**edge_cases(), "hostile": hostile()}


def test_it_says_what_the_page_says() -> None:
    text = to_markdown(RankingReport(make_ranking()).page())
    assert text.startswith("# 7 pretrained models for brain\n")
    assert "| 1 | first | 1.500 |" in text
    assert "failed: out of memory" in text
    assert "- mind the sample." in text
    assert "and cannot tell good from better" in text
    assert "```sh\nacrank score \\\n  --data scans/brain\n```" in text
    assert f"| fingerprint | {'0' * 64} |" in text


@pytest.mark.parametrize("case", CASES)
def test_tables_are_whole_and_nothing_acts(case: str) -> None:
    text = to_markdown(RankingReport(CASES[case]).page())
    assert "\x1b" not in text
    outside = re.sub(r"^(`{3,}).*?^\1$", "", text, flags=re.M | re.S)
    assert not re.search(r"(?<!\\)<", outside)
    width = None
    for line in outside.splitlines():
        cells = len(re.findall(r"(?<!\\)\|", line)) if line.startswith("|") else None
        assert cells == width or None in (cells, width), line
        width = cells


def test_headings_do_not_skip_a_level() -> None:
    levels = [
        len(found)
        for found in re.findall(r"^(#+) ", to_markdown(RankingReport(make_ranking()).page()), re.M)
    ]
    assert levels[:2] == [1, 2]
    assert all(after <= before + 1 for before, after in pairwise(levels))


@pytest.mark.parametrize(
    ("text", "safe"),
    [
        ("a_b*c", r"a_b\*c"),
        ("_a_", r"\_a\_"),
        ("[x](y)", r"\[x\](y)"),
        ("<b>|`", r"\<b\>\|\`"),
        ("a\nb", "a b"),
        ("-0.18! ![x](y)", r"-0.18! !\[x\](y)"),  # an image needs its bracket
    ],
)
def test_marks_are_escaped(text: str, safe: str) -> None:
    assert escaped(text) == safe
