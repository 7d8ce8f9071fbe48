"""Zoo files made to harm: refused at once, with a line number, and nothing of theirs is run."""

from collections.abc import Callable
from pathlib import Path

import pytest

from acrank.errors import ZooError
from acrank.zoo import Zoo, read_zoo, select_entries
from tests.memory import at_most
from tests.utils.test_yaml_text import HOSTILE, laughs

ZooOf = Callable[[str], Zoo]
HEAD = "version: 1\nmodels:\n"
OWN = "  - {name: x, arch: resnet18, weights: w.pth, kwargs: "


def refusal(zoo_of: ZooOf, text: str) -> str:
    with at_most(64), pytest.raises(ZooError) as caught:
        zoo_of(text)
    assert "zoo.yaml" in caught.value.message
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 1000
    return str(caught.value)


@pytest.mark.parametrize("kind", HOSTILE)
def test_the_limits_hold_for_zoo_files(zoo_of: ZooOf, kind: str) -> None:
    text, words = HOSTILE[kind]
    assert words.removeprefix("not valid YAML: ") in refusal(zoo_of, text)


def test_a_bomb_inside_kwargs(zoo_of: ZooOf) -> None:
    entry = "  - name: x\n    arch: resnet18\n    weights: w.pth\n    kwargs:\n"
    bomb = "".join(f"      {line}\n" for line in laughs().splitlines())
    text = refusal(zoo_of, HEAD + entry + bomb)
    assert "line 12: aliases repeat more than 100,000 values" in text


def test_a_small_bomb_is_not_written_out(zoo_of: ZooOf) -> None:
    """Below the limit of aliases, what is quoted of a value is cut."""
    lines = "\n".join(f"  {line}" for line in laughs(4).splitlines())
    text = refusal(zoo_of, f"version:\n{lines}\nmodels: [resnet18]")
    assert "unknown version {'a0': ['lol'" in text
    assert "characters)" in text


@pytest.mark.parametrize(
    ("item", "words"),
    [
        ("&a [*a]", "an alias stands inside what it stands for"),
        (OWN.lstrip(" -") + "&k {a: *k}}", "an alias stands inside what it stands for"),
        (OWN.lstrip(" -") + "[" * 50 + "]" * 50 + "}", "nested more than 40 levels deep"),
        ("a" * 400, "models[0].name: String should have at most 300 characters"),
        (
            "{name: a, source: resnet18, input_size: 100000}",
            "sides of at most 4096 pixels, got 100",
        ),
        ("{name: resnet18, input_size: [3, 9000, 9000]}", "sides of at most 4096 pixels"),
        ("{name: a, source: 'hf-hub:../../x'}", "is not written hf-hub:ORG/NAME"),
        ("{name: a, source: 'hf-hub:a/b@../../x'}", "is not written hf-hub:ORG/NAME"),
        ("{name: a, arch: resnet18, weights: 'hf-hub:a/b/../x'}", "is not written hf-hub:ORG/NAME"),
        ('{name: a, arch: resnet18, weights: "a\\0b"}', "takes a path of at most 4000 characters"),
        ('{name: a, source: "local-dir:a\\0b"}', "takes a path of at most 4000 characters"),
        (f"{{name: a, arch: resnet18, weights: {'x' * 5000}}}", "takes a path of at most 4000"),
        ('{name: a, "\\e[31mred\\n": 1}', r"models[0].\x1b[31mred\n: unknown field."),
        ('"\\u202Eevil"', r"'\u202eevil'"),
        ('{name: "\\uD800"}', "models[0].name"),
        ("!!set {a, b}", "must be a name or a mapping"),
        ("!!binary AAAA", "must be a name or a mapping"),
    ],
)
def test_a_hostile_entry_is_an_error_with_its_line(zoo_of: ZooOf, item: str, words: str) -> None:
    text = refusal(zoo_of, f"{HEAD}  - {item}\n")
    assert "line 3" in text
    assert words in text


@pytest.mark.parametrize(
    "key",
    ["checkpoint_path", "pretrained", "pretrained_cfg", "pretrained_cfg_overlay", "cache_dir"],
)
def test_kwargs_bring_no_weights_in(zoo_of: ZooOf, key: str) -> None:
    text = refusal(zoo_of, f"{HEAD}{OWN}{{{key}: ../evil.pth}}}}\n")
    assert f"kwargs takes no {key}: weights come from the fields above" in text
    zoo_of(f"{HEAD}  - {{name: x, factory: 'a:b', kwargs: {{{key}: own.pth}}}}\n")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (bytes(range(256)), "it is not UTF-8 text"),
        ("version: 1".encode("utf-16"), "it is not UTF-8 text"),
        (b" " * 1_000_001, "larger than 1 MB"),
        (b"\x00", "is not valid YAML"),
    ],
)
def test_a_file_that_is_no_zoo(tmp_path: Path, content: bytes, words: str) -> None:
    (tmp_path / "zoo.yaml").write_bytes(content)
    with pytest.raises(ZooError) as caught:
        read_zoo(str(tmp_path / "zoo.yaml"))
    assert words in str(caught.value)
    assert caught.value.hint


def test_a_name_of_no_file_is_a_zoo_error() -> None:
    for spec in ("a\0b", "x" * 5000, "/dev/null/x", "/dev/zero"):
        with pytest.raises(ZooError):
            read_zoo(spec)


def test_paths_beside_the_zoo_stay_allowed(zoo_of: ZooOf, tmp_path: Path) -> None:
    zoo = zoo_of(
        f"{HEAD}  - {{name: a, arch: resnet18, weights: ../../w.pth}}\n"
        "  - {name: b, source: 'local-dir:../..'}\n"
        "  - {name: c, arch: resnet18, weights: '~nobody.here/w.pth'}\n"
    )
    assert zoo.entries[0].path("../../w.pth") == tmp_path / "../../w.pth"
    assert zoo.entries[2].path("~nobody.here/w.pth") == tmp_path / "~nobody.here/w.pth"


def test_wildcards_cannot_be_made_slow(zoo_of: ZooOf) -> None:
    zoo = zoo_of(f"{HEAD}  - {{name: {'a' * 200}, source: resnet18}}\n")
    with pytest.raises(ZooError):
        select_entries(zoo, ["*a" * 60 + "b"])
    refusal(zoo_of, f"{HEAD}  - '{'*a' * 100}b'\n")
