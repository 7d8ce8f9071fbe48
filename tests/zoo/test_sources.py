"""Model sources: how they are found, and one that another package brings."""

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from acrank.errors import ZooError
from acrank.zoo import Hub, ZooEntry, describe, load_backbone, select_entries
from acrank.zoo.identity import identify, identify_loaded
from acrank.zoo.sources.registry import MODEL, SOURCES, source_of
from tests.cli.test_score import Acrank, acrank, images
from tests.packages import install
from tests.processes import ROOT, python_path

__all__ = ["acrank", "images"]

GROUP = "acrank.model_sources"
# All that a package needs to bring networks that one word tells, such as tiny:8.
EXAMPLES = re.findall(r"```python\n(.*?)```", (ROOT / "docs" / "zoo.md").read_text(), re.DOTALL)
(CODE,) = (text for text in EXAMPLES if "class Tiny" in text)


@pytest.fixture
def tiny(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Path]:
    package = tmp_path / "package"
    yield install(monkeypatch, package, "tiny-nets", {GROUP: {"tiny": "tiny_nets:Tiny"}}, CODE)
    sys.modules.pop("tiny_nets", None)


@pytest.fixture(autouse=True)
def _found_anew(tmp_path: Path) -> Iterator[None]:
    SOURCES.forget()
    yield
    SOURCES.forget()


def test_the_own_sources() -> None:
    names = ["factory", "arch", "monai-bundle", "hf-hub", "local-dir", "torchvision", "timm"]
    assert list(SOURCES) == names
    assert all(SOURCES.origin(name) == "" for name in names)
    usages = [source.usage for source in SOURCES.values() if source.usage]
    assert f"a timm name, {', '.join(usages[:-1])} or {usages[-1]}" == MODEL


@pytest.mark.parametrize(
    ("fields", "source"),
    [
        ({"name": "resnet18"}, "timm"),
        ({"name": "x", "source": "hf-hub:a/b"}, "hf-hub"),
        ({"name": "x", "source": "hf-hub:MONAI/b"}, "monai-bundle"),
        ({"name": "local-dir:x"}, "local-dir"),
        ({"name": "torchvision:resnet18"}, "torchvision"),
        ({"name": "hf-hub:a/b", "arch": "resnet18", "weights": "w.pth"}, "arch"),
        ({"name": "local-dir:x", "factory": "a:b"}, "factory"),
        ({"name": "nobody:x"}, "timm"),
    ],
)
def test_each_entry_is_of_one_source(fields: dict[str, str], source: str) -> None:
    assert source_of(ZooEntry.model_validate(fields)).name == source


def test_help_needs_no_source() -> None:
    code = (
        "from acrank.zoo.sources.registry import MODEL, SOURCES\nimport sys\n"
        "print(sorted({'torch', 'timm', 'torchvision', 'numpy'} & set(sys.modules)))"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout == "[]\n"


def test_a_package_brings_one(tiny: Path, no_hub: Hub) -> None:
    (entry,) = select_entries(None, ["tiny:8"])
    assert source_of(entry).name == "tiny"
    info = describe(entry, hub=no_hub)
    assert (info.norm_layers, info.input_size, info.license) == (1, (3, 16, 16), "mit")
    loaded = load_backbone(entry, hub=no_hub)
    assert loaded.data_config["mean"] == (0.5,) * 3
    assert loaded.info.revision == "v1"
    # nothing is known of such a model before it is loaded, and then all of its numbers are
    assert identify(entry, no_hub) is None
    identity = identify_loaded(loaded)
    assert identity["plugin"] == "tiny-nets 1.0"
    assert identity != identify_loaded(load_backbone(ZooEntry(name="tiny:9"), hub=no_hub))
    with pytest.raises(ZooError, match=r"one by one, without wildcards\. Write tiny:CHANNELS"):
        select_entries(None, ["tiny:*"])
    with pytest.raises(ZooError, match=r"'tiny:' names no model. Write tiny:CHANNELS"):
        select_entries(None, ["tiny:"])
    with pytest.raises(ZooError, match="tiny:CHANNELS for a small network"):
        select_entries(None, ["toni:8"])


def test_every_command_takes_it(tiny: Path, acrank: Acrank, images: Path) -> None:
    data = ("--data", str(images), "--samples", "8", "--batch-size", "4", "--offline")
    done = acrank("zoo", "add", "zoo.yaml", "tiny:4", "tiny:8")
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[2:] == ["  - tiny:4", "  - tiny:8"]
    assert acrank("zoo", "check", "zoo.yaml", "--strict").returncode == 0
    done = acrank("list-zoo", "--zoo", "zoo.yaml", "--format", "csv")
    assert "tiny:4,tiny:4,0.004" in done.stdout
    done = acrank("score", *data, "--zoo", "zoo.yaml", "--format", "csv")
    assert done.returncode == 0, done.stderr
    assert done.stdout.count(",ok,") == 2
    done = acrank("explain", "tiny:4", *data)
    assert done.returncode == 0, done.stderr
    done = acrank("score", *data, "--model", "tiny:four")
    assert done.returncode == 4
    assert "tiny:four is no number of channels." in done.stdout
    options = ("--data", str(images), "--epochs", "1", "--output", "tuned", "--offline")
    done = acrank("finetune", "--model", "tiny:4", *options)
    assert done.returncode == 0, done.stderr
    assert "not of a timm network" in done.stdout
    done = acrank("gate", *data, "--zoo", "zoo.yaml", "--max-regret", "1")
    assert "complete    passed   no model of 2 failed" in done.stdout, done.stderr


def test_one_that_fails_costs_its_models_alone(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, acrank: Acrank, images: Path
) -> None:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    code = CODE + "\n    def weights(self, entry):\n        return 1 / 0"
    points = {GROUP: {"tiny": "failing_nets:Tiny"}}
    install(monkeypatch, tmp_path / "failing", "failing-nets", points, code)
    options = ("--samples", "8", "--batch-size", "4", "--format", "csv", "--offline")
    named = ("--model", "tiny:4", "--model", "torchvision:resnet18", "--model", "tiny:8")
    done = acrank("score", "--data", str(images), *options, *named)
    assert done.returncode == 3  # what it loads can be scored all the same
    assert done.stdout.count(",ok,") == 2
    done = acrank("list-zoo", *named, "--format", "csv")
    assert done.returncode == 3
    fails = "The model source 'tiny' fails at tiny:4: ZeroDivisionError: division by zero."
    assert fails in done.stdout
    assert "torchvision:resnet18@IMAGENET1K_V1,11.69" in done.stdout


def test_another_process_finds_it(tiny: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "acrank", "list-zoo", "--model", "tiny:4", "--format", "csv"],
        env={"PYTHONPATH": python_path(tiny)},
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert "tiny:4,tiny:4,0.004" in done.stdout


@pytest.mark.parametrize(
    ("name", "code", "reason"),
    [
        ("tiny", CODE.replace("import torch\n", "import torched\n", 1), "No module named 'torched"),
        ("small", CODE, "its name is 'tiny', and its entry point is called 'small'"),
        ("hf-hub", CODE, "there is already one of that name, of acrank itself"),
        ("tiny", CODE + "\nTiny = 3", "it is of type int, not acrank's Source"),
        ("tiny", CODE.replace("    usage", "    used", 1), "it has no text 'usage'"),
        ("tiny", CODE.replace("def load", "def loads", 1), "abstract"),
        ("tiny", CODE + "\n    def claims(self, entry):\n        return True", "told by its name"),
    ],
)
def test_a_faulty_one_costs_one_line(
    name: str,
    code: str,
    reason: str,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    sys.modules.pop("bad_nets", None)
    install(monkeypatch, tmp_path, "bad-nets", {GROUP: {name: "bad_nets:Tiny"}}, code)
    assert "tiny" not in SOURCES
    assert source_of(ZooEntry(name="hf-hub:a/b")).name == "hf-hub"
    (record,) = caplog.records
    assert record.message.startswith(f"The model source {name!r} of bad-nets 1.0 is left out: ")
    assert reason in record.message
