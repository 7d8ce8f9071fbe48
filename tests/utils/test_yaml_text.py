"""The limits on YAML that may come from anyone: refused at once and with little memory."""

import time
from pathlib import Path

import pytest

from acrank.config import make_config
from acrank.errors import ConfigError
from acrank.utils.yaml_text import DEEPEST, MOST_BYTES, RefusedYamlError, parse, read_text
from tests.memory import at_most


def laughs(levels: int = 12) -> str:
    """A thousand bytes that stand for nine to the twelfth values."""
    lines = ["a0: &a0 [lol, lol, lol, lol, lol, lol, lol, lol, lol]"]
    for level in range(1, levels):
        lines.append(f"a{level}: &a{level} [{', '.join([f'*a{level - 1}'] * 9)}]")
    return "\n".join(lines)


HOSTILE = {
    "laughs": (laughs(), "line 6: aliases repeat more than 100,000 values"),
    "merged": (
        "m0: &m0 {a: 1, b: 2}\n"
        + "".join(f"m{i}: &m{i} {{<<: [{','.join([f'*m{i - 1}'] * 9)}]}}\n" for i in range(1, 12)),
        "aliases repeat more than",
    ),
    "recursive": ("a: &a [*a]", "an alias stands inside what it stands for"),
    "recursive mapping": ("&a {b: {c: *a}}", "an alias stands inside what it stands for"),
    "brackets": ("[" * 100_000, f"nested more than {DEEPEST} levels deep"),
    "closed brackets": ("[" * 10_000 + "]" * 10_000, "nested more than"),
    "braces": ("{a: " * 10_000, "nested more than"),
    "dashes": ("- " * 10_000 + "a", "nested more than"),
    "chained aliases": (
        "a0: &a0 []\n" + "".join(f"a{i}: &a{i} [*a{i - 1}]\n" for i in range(1, 1000)),
        "nested more than",
    ),
    "digits": ("a: " + "9" * 40_000, "a number of more than 400 digits"),
    "hexadecimal": ("a: 0x" + "f" * 40_000, "a number of more than 400 digits"),
    "sixties": ("a: " + ":".join(["59"] * 20_000), "a number of more than 400 digits"),
    "sixties with a point": ("a: " + ":".join(["59"] * 20_000) + ".5", "a number of more than"),
    "tag": ("a: !!python/object/apply:os.system [x]", "could not determine a constructor"),
    "name tag": ("a: !!python/name:os.system", "could not determine a constructor"),
    "wrong int": ("a: !!int ''", "not valid YAML"),
    "wrong bool": ("a: !!bool x", "not valid YAML"),
    "wrong date": ("a: !!timestamp x", "not valid YAML"),
    "no day": ("a: 2024-13-45", "not valid YAML: month must be in 1..12"),
    "two keys": ("a: 1\na: 2", "line 2: 'a' is given twice."),
    "key": ("? [a]\n: 1", "line 1: a key must be a word."),
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_hostile_yaml_is_refused_fast_and_flat(kind: str) -> None:
    text, words = HOSTILE[kind]
    started = time.perf_counter()
    with at_most(64), pytest.raises(RefusedYamlError) as caught:
        parse(text)
    assert time.perf_counter() - started < 60  # not minutes; mostly under a second
    error = caught.value
    where = f"line {error.line}: " if error.line else ""
    assert words in f"{where}{error.reason}"
    assert "\n" not in error.reason


def test_aliases_and_nesting_in_moderation_are_read() -> None:
    root, content = parse("a: &a {x: [1, 2]}\nb: *a\nc: {<<: *a, y: 3}\n")
    assert root is not None
    assert content == {"a": {"x": [1, 2]}, "b": {"x": [1, 2]}, "c": {"x": [1, 2], "y": 3}}
    deep = "[" * (DEEPEST - 1) + "1" + "]" * (DEEPEST - 1)
    assert str(parse(deep)[1]) == deep
    assert parse("# nothing\n") == (None, None)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b" " * (MOST_BYTES + 1), "larger than 1 MB"),
        (b"a: \xe9", "not UTF-8 text"),
        ("a: é".encode("utf-16"), "not UTF-8 text"),
    ],
)
def test_a_file_that_is_no_yaml_text(tmp_path: Path, content: bytes, words: str) -> None:
    path = tmp_path / "run.yaml"
    path.write_bytes(content)
    with pytest.raises((RefusedYamlError, OSError), match=words):
        read_text(path)
    with pytest.raises(ConfigError, match=words) as caught:
        make_config({}, path)
    assert "run.yaml" in caught.value.message


@pytest.mark.parametrize("kind", HOSTILE)
def test_a_hostile_configuration_is_a_config_error(tmp_path: Path, kind: str) -> None:
    text, _ = HOSTILE[kind]
    path = tmp_path / "run.yaml"
    path.write_text(text)
    with pytest.raises(ConfigError, match="cannot be read: ") as caught:
        make_config({}, path)
    assert len(caught.value.message) < 600


def test_a_gigabyte_of_blanks_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "run.yaml"
    with path.open("wb") as file:
        file.truncate(2**30)  # sparse
    with at_most(1), pytest.raises(OSError, match="larger than 1 MB"):
        read_text(path)
