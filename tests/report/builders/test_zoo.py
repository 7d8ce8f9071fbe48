"""Test what ``acrank list-zoo`` and ``zoo check`` show at any width."""

import io

import pytest
from rich.console import Console

from acrank.report.builders.zoo import COLUMNS, CheckReport, ZooReport
from acrank.report.renderers.markdown import to_markdown
from acrank.report.renderers.records import to_csv
from acrank.report.renderers.terminal import PLAIN_WIDTH, print_document
from acrank.zoo.description import EntryInfo
from acrank.zoo.files.checking import Checked
from acrank.zoo.listing import Listed

NAMES = ("demo-rotation", "demo-random-labels", "resnet18.fb_ssl_yfcc100m_ft_in1k")


def listing(reason: str | None = None) -> ZooReport:
    tags = ("demo", "natural", "self-supervised")
    infos = (
        EntryInfo(
            *(name, f"arch resnet18 + {name}.safetensors", 126_210, 14, 496),
            *((3, 64, 64), "Apache-2.0", tags, "sha256:0123456789ab", True),
        )
        for name in NAMES
    )
    return ZooReport([Listed(info, size=266_000, reason=reason) for info in infos])


def printed(report: ZooReport | CheckReport, width: int, *, terminal: bool = True) -> str:
    stream = io.StringIO()
    console = Console(file=stream, width=width, force_terminal=terminal, color_system=None)
    print_document(report.document(), console)
    return stream.getvalue()


@pytest.mark.parametrize("width", [60, 80, 110, 160])
def test_a_narrow_terminal_hides_columns_and_breaks_no_name(width: int) -> None:
    text = printed(listing(), width)
    assert all(len(line) <= width for line in text.splitlines())
    assert all(name in text for name in NAMES)
    assert "Columns hidden for lack of width: source, " in text
    assert text.endswith("3 models\n")


def test_wide_enough_means_every_column_but_the_revision() -> None:
    for text in (printed(listing(), 250), printed(listing(), PLAIN_WIDTH, terminal=False)):
        assert "hidden" not in text
        assert "demo natural self-supervised" in text
        assert "sha256" not in text
    assert "sha256:0123456789ab" in to_markdown(listing().document())
    assert to_csv(listing()).splitlines()[0] == ",".join(COLUMNS)


def test_a_reason_is_never_hidden() -> None:
    text = printed(listing("it is not a network at all"), 60)
    assert "it is not" in text
    assert "3 models, 3 cannot be described" in text


@pytest.mark.parametrize("width", [60, 110, PLAIN_WIDTH])
def test_a_check_says_what_is_wrong_at_any_width(width: int) -> None:
    checks = [
        Checked("fine", "timm", 3, "mit", 1_000, commit="0123456789abcdef"),
        Checked("demo-rotation", errors=["no such file: weights.safetensors"], warnings=["old"]),
    ]
    report = CheckReport(checks)
    text = printed(report, width)
    assert all(len(line) <= width for line in text.splitlines())
    assert "demo-rotation" in text
    assert "no such file:" in text
    assert text.endswith("2 models, 1 with errors, 0 with warnings\n")
    assert to_csv(report).splitlines()[2].endswith(",no such file: weights.safetensors,old")
