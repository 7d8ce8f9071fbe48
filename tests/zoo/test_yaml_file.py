import re
from collections.abc import Callable
from pathlib import Path

import pytest
import timm

from acrank.errors import ZooError
from acrank.zoo import Zoo, read_zoo
from acrank.zoo.files.reading import packaged_zoo

ZooOf = Callable[[str], Zoo]
HEAD = "version: 1\nmodels:\n"
SHA = "0123456789abcdef" * 4


def test_every_form_of_entry(zoo_of: ZooOf, tmp_path: Path) -> None:
    zoo = zoo_of(f"""{HEAD}
  - resnet18
  - {{name: b, source: resnet34.a1_in1k, tags: [x, y], license: mit, note: why}}
  - {{name: c, source: "hf-hub:org/name@v1.0"}}
  - {{name: d, source: "local-dir:folder"}}
  - {{name: e, arch: resnet18, weights: w.pth, sha256: {SHA.upper()}, kwargs: {{in_chans: 1}}}}
  - {{name: f, arch: resnet18, weights: "hf-hub:org/name/a/b.safetensors", input_size: 64}}
  - {{name: g, factory: "my.nets:make", weights: w.safetensors, classifier: out, mean: 0.5,
      std: [0.5, 0.4, 0.3], input_size: [3, 96, 64], in_chans: 3}}
""")
    assert [entry.name for entry in zoo.entries] == ["resnet18", "b", "c", "d", "e", "f", "g"]
    assert zoo.name == str(tmp_path / "zoo.yaml")
    a, b, _, _, e, f, g = zoo.entries
    assert a.reference == "resnet18"
    assert (b.reference, b.tags, b.license, b.note) == (
        "resnet34.a1_in1k",
        ("x", "y"),
        "mit",
        "why",
    )
    assert (e.sha256, e.kwargs) == (SHA, {"in_chans": 1})
    assert e.path("w.pth") == tmp_path / "w.pth"
    assert f.input_size == (3, 64, 64)
    assert (g.mean, g.std, g.input_size) == ((0.5,), (0.5, 0.4, 0.3), (3, 96, 64))
    assert "base" not in g.model_dump()
    assert len({a, b, e, a}) == 3


def test_one_channel_squares(zoo_of: ZooOf) -> None:
    text = f"{HEAD}  - {{name: a, source: resnet18, input_size: 28, in_chans: 1, mean: [0.5]}}"
    assert zoo_of(text).entries[0].input_size == (1, 28, 28)


def test_imagenet_top1_is_read(zoo_of: ZooOf) -> None:
    zoo = zoo_of(f"""{HEAD}
  - resnet18
  - {{name: b, source: resnet34, imagenet_top1: 77.918}}
  - {{name: c, source: resnet34, imagenet_top1: 0}}
  - {{name: d, source: resnet34, imagenet_top1: 100}}
  - {{name: e, source: resnet34, imagenet_top1: null}}
""")
    assert [entry.imagenet_top1 for entry in zoo.entries] == [None, 77.918, 0.0, 100.0, None]


@pytest.mark.parametrize(
    ("item", "message"),
    [
        ("{name: a, input_size: [3, 2]}", "models[1].input_size: takes one number or [channels"),
        ("{name: a, input_size: -1}", "models[1].input_size: takes whole numbers above 0, got -1."),
        ("{name: a, in_chans: 2}", "models[1].in_chans: Input should be 1 or 3."),
        ("{name: a, mean: [1, 2]}", "models[1].mean: takes 1 or 3 numbers, got 2."),
        ("{name: a, mean: [1, x, 2]}", "models[1].mean[1]: must be a number."),
        ("{name: a, std: [1, 0, 1]}", "models[1].std: takes numbers above 0"),
        ("{name: a, mean: .nan}", "models[1].mean: takes finite numbers only."),
        (
            "{name: a, imagenet_top1: 100.1}",
            "models[1].imagenet_top1: takes a per cent from 0 to 100, got 100.1.",
        ),
        (
            "{name: a, imagenet_top1: -1}",
            "models[1].imagenet_top1: takes a per cent from 0 to 100, got -1.",
        ),
        ("{name: a, imagenet_top1: .nan}", "models[1].imagenet_top1: takes a per cent from 0 to"),
        ("{name: a, imagenet_top1: high}", "models[1].imagenet_top1: must be a number."),
        ("{name: a, imagenet_top1: [78.1]}", "models[1].imagenet_top1: must be a number."),
        ("{name: a, tags: x}", "models[1].tags: must be a list."),
        ("{name: a, license: no}", "models[1].license: must be text (quote it"),
        ("{name: a, kwargs: 3}", "models[1].kwargs: must be a mapping"),
        ("{name: ''}", "models[1].name: must not be empty."),
        ("{source: resnet18}", "models[1].name: is missing."),
        ("{name: a, wieghts: x}", "models[1].wieghts: unknown field. Did you mean weights?"),
        ("{name: a, base: /}", "models[1].base: unknown field."),
        ("{name: a, 7: x}", "models[1][7]: unknown field."),
        ("[a]", "models[1]: must be a name or a mapping, got ['a']."),
        ("7", "models[1]: must be a name or a mapping, got 7."),
        ("{name: a, arch: resnet18}", "models[1]: arch needs weights"),
        (
            "{name: a, arch: resnet18, factory: 'a:b'}",
            "models[1]: give one of source, arch and fac",
        ),
        ("{name: a, weights: x}", "models[1]: weights needs arch or factory"),
        (f"{{name: a, sha256: {SHA}}}", "models[1]: sha256 needs weights"),
        ("{name: a, classifier: fc}", "models[1]: classifier is for arch and factory"),
        (
            "{name: a, arch: resnet18, weights: x, sha256: abc}",
            "models[1].sha256: is not a SHA-256",
        ),
        ("{name: a, factory: nets.make}", "models[1].factory: is written package.module:function"),
        ("{name: a, input_size: [1, 9, 9], in_chans: 3}", "models[1]: input_size has 1 channels"),
        ("{name: a, mean: [1, 1, 1], in_chans: 1}", "models[1]: mean has 3 numbers for 1 chan"),
        (
            "{name: resnet19}",
            "models[1].name: timm has no pretrained model called 'resnet19'. Did y",
        ),
        (
            "resnet18.nope",
            "models[1].name: timm has no pretrained model called 'resnet18.nope'. tim",
        ),
        (
            "{name: a, source: org/net}",
            "models[1].source: 'org/net' is not a timm model name. Write",
        ),
        (
            "{name: a, source: 'hf-hub:net'}",
            "models[1].source: 'hf-hub:net' is not written hf-hub:",
        ),
        ("{name: a, source: 'hf-hub:a/b--c'}", "models[1].source: 'hf-hub:a/b--c' is not written"),
        ("{name: a, source: 'hf-hub:a/b@../c'}", "models[1].source: 'hf-hub:a/b@../c' is not"),
        ("{name: a, source: 'local-dir:'}", "models[1].source: 'local-dir:' names no folder."),
        (
            "{name: a, arch: resnet81, weights: w}",
            "models[1].arch: timm has no architecture called",
        ),
        ("{name: a, arch: resnet18, weights: 'hf-hub:a/b'}", "models[1].weights: 'hf-hub:a/b' is"),
        (
            "{name: a, arch: resnet18, weights: 'hf-hub:a/b/../c'}",
            "models[1].weights: 'hf-hub:a/b/",
        ),
        ("{name: a, factory: 'a:b', weights: 'hf-hub:a/b'}", "models[1].weights: 'hf-hub:a/b' is"),
        ("resnet34", "models[1].name: 'resnet34' is already the name of models[0] (line 3)."),
        ("{name: a, name: b}", "'name' is given twice."),
        ("{name: a, note: 'x}", "not valid YAML: found unexpected end of stream."),
        ("\t- x", "not valid YAML: found character '\\t' that cannot start any token. Indent with"),
        ("!!python/object:os.system {}", "not valid YAML: could not determine a constructor"),
    ],
)
def test_an_error_names_file_line_and_field(
    write_zoo: Callable[[str], Path], item: str, message: str
) -> None:
    path = write_zoo(f"{HEAD}  - resnet34\n  - {item}\n")
    with pytest.raises(ZooError) as caught:
        read_zoo(str(path))
    assert message in str(caught.value)
    line = re.match(rf"{re.escape(str(path))} line (\d+)[:,]", str(caught.value))
    assert line is not None
    expected = 5 if "end of stream" in message else 4
    assert int(line[1]) == expected


def test_the_line_is_that_of_the_field(zoo_of: ZooOf) -> None:
    text = f"{HEAD}  - name: resnet18\n    # a comment\n\n    note: x\n    mean: [1]\n    std: []"
    with pytest.raises(ZooError, match=r"line 8, models\[0\].std: takes 1 or 3 numbers, got 0"):
        zoo_of(text)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "zoo.yaml is empty. Start it with: version: 1"),
        ("# nothing\n", "zoo.yaml is empty."),
        ("- resnet18\n", "zoo.yaml line 1: not a mapping."),
        ("models: [resnet18]\n", "zoo.yaml line 1: version is missing. Add the line: version: 1"),
        ("models: [resnet18]\nversion: 2\n", "line 2, version: unknown version 2; this reads 1."),
        ("models: [resnet18]\nversion: true\n", "line 2, version: unknown version True"),
        ("version: 1\n", "line 1, models: must be a list of at least one model."),
        ("version: 1\nmodels: []\n", "line 2, models: must be a list of at least one model."),
        ("version: 1\nmodels: {a: b}\n", "line 2, models: must be a list"),
        ("version: 1\nmodel: []\n", "line 2, model: unknown field. Did you mean models?"),
        ("version: 1\n---\nmodels: []\n", "line 2: not valid YAML"),
        ("version: \x00\n", "is not valid YAML"),
    ],
)
def test_an_error_of_the_whole_file(zoo_of: ZooOf, text: str, message: str) -> None:
    with pytest.raises(ZooError) as caught:
        zoo_of(text)
    assert message in str(caught.value)


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(ZooError, match=r"There is no zoo file 'absent.yaml'\. Give 'default'"):
        read_zoo("absent.yaml")
    with pytest.raises(ZooError, match="cannot be read"):
        read_zoo(str(tmp_path))
    (tmp_path / "latin.yaml").write_bytes(b"version: 1 # \xe9")
    with pytest.raises(ZooError, match="cannot be read"):
        read_zoo(str(tmp_path / "latin.yaml"))


def test_the_default_zoo_is_varied_licensed_and_known_to_timm() -> None:
    zoo = read_zoo("default")
    assert zoo.name == "default"
    assert 35 <= len(zoo.entries) <= 50
    licenses = {entry.license for entry in zoo.entries}
    assert licenses <= {"apache-2.0", "bsd-3-clause", "mit", "cc-by-4.0"}
    assert len({entry.tags[0] for entry in zoo.entries}) >= 20
    assert {"self-supervised", "medical"} <= {tag for entry in zoo.entries for tag in entry.tags}
    for entry in zoo.entries:
        if not str(entry.reference).startswith("hf-hub:"):
            cfg = timm.models.get_pretrained_cfg(entry.name)
            assert cfg is not None
            assert entry.license == cfg.license


def test_the_default_zoo_says_what_its_models_reach_on_imagenet() -> None:
    entries = read_zoo("default").entries
    known = [entry.imagenet_top1 for entry in entries if entry.imagenet_top1 is not None]
    assert len(known) >= 30
    assert all(60 <= top1 <= 90 for top1 in known)
    for entry in entries:
        if entry.imagenet_top1 is not None:
            assert "in1k" in entry.name.partition(".")[2]
            assert not {"medical", "self-supervised", "image-text"} & set(entry.tags)


def test_the_demo_zoo_is_the_package_s_own() -> None:
    path = packaged_zoo("demo")
    assert path is not None
    assert path.parts[-4:] == ("acrank", "zoo", "demo", "zoo.yaml")
    if not path.is_file():
        pytest.skip("the demo zoo has not been made yet")
    assert read_zoo("demo").name == "demo"


def test_a_key_that_is_no_word_is_an_error_with_its_line(tmp_path: Path) -> None:
    file = tmp_path / "zoo.yaml"
    file.write_text("version: 1\nmodels:\n  - name: {{ model }}\n")
    with pytest.raises(ZooError, match="line 3"):
        read_zoo(str(file))
