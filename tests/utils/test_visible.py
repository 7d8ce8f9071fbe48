import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from acrank.utils.visible import brief, first_line, json_visible, typed_line, visible


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("resnet18.a1_in1k [red]x[/red]", "resnet18.a1_in1k [red]x[/red]"),
        ("\x1b[31mred\x1b[0m", r"\x1b[31mred\x1b[0m"),
        ("a\nb\r\tc\0", r"a\nb\r\tc\x00"),
        ("\x9b31m\x85", r"\x9b31m\x85"),
        ("safe\u202egnp.exe\u2066", r"safe\u202egnp.exe\u2066"),
        ("\u2028\u2029\u200f", r"\u2028\u2029\u200f"),
        ("\udcff", r"\udcff"),
        ("::error::x", r"\x3a:error::x"),
        ("  ::error::x", r"  \x3a:error::x"),
        ("a\n::error::x", r"a\n::error::x"),
        ("x ##[error]y ##vso[task]z", r"x \x23#[error]y \x23#vso[task]z"),
        ("std::vector ## title", "std::vector ## title"),
        ("\u05d0\u05d1 \u0627 \u540d \U0001f600 é", "\u05d0\u05d1 \u0627 \u540d \U0001f600 é"),
    ],
)
def test_control_characters_show_and_letters_stay(text: str, shown: str) -> None:
    assert visible(text) == shown


def test_a_listing_keeps_its_newlines() -> None:
    assert visible("a:\n  \x1b", keep="\n") == "a:\n  \\x1b"


def test_no_line_of_a_listing_is_a_command() -> None:
    assert visible("a:\n  ::error::x", keep="\n") == "a:\n  \\x3a:error::x"


@given(st.text() | st.text(":# []vo\n"))
def test_what_is_visible_is_encodable_and_stays(text: str) -> None:
    shown = visible(text)
    shown.encode("utf-8")
    assert visible(shown) == shown
    assert len(shown.splitlines()) <= 1


@given(st.recursive(st.text(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)))
def test_json_reads_back(value: object) -> None:
    document = json_visible(json.dumps(value, ensure_ascii=False, indent=1))
    assert json.loads(document) == value
    assert visible(document, keep="\n") == document
    document.encode("utf-8")


def test_long_values_are_cut() -> None:
    assert brief("short") == "short"
    assert brief([1]) == "[1]"
    assert brief("x" * 5000, 10) == "xxxxxxxxxx... (5,000 characters)"


@pytest.mark.parametrize(
    ("error", "line", "typed"),
    [
        (ValueError("no such thing.\nand more"), "no such thing", "ValueError: no such thing"),
        (AssertionError(), "AssertionError", "AssertionError"),
        (OSError(2, "No such file", "a"), "[Errno 2] No such file: 'a'", None),
    ],
)
def test_errors_in_one_line(error: Exception, line: str, typed: str | None) -> None:
    assert first_line(error) == line
    assert typed_line(error) == (typed or f"FileNotFoundError: {line}")


def test_json_has_no_command_and_reads_back() -> None:
    text = json_visible(json.dumps(["##[error]x", "a###vso[b]"]))
    assert "##[" not in text
    assert "##vso" not in text
    assert json.loads(text) == ["##[error]x", "a###vso[b]"]
