from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from acrank.errors import ConfigError, ZooError
from acrank.zoo import Hub, read_zoo
from acrank.zoo.checkpoints.reading import file_sha256
from acrank.zoo.files.adding import Request, add_entries, requested

from .conftest import TIMM_NAME, TIMM_REPO, config_bytes, weights_bytes
from .standin import StandIn

COMMIT = "d" * 40
Add = Callable[..., str]


@pytest.fixture
def told() -> list[str]:
    return []


@pytest.fixture
def add(
    standin: StandIn, hub: Hub, tmp_path: Path, told: list[str], monkeypatch: pytest.MonkeyPatch
) -> Add:
    files = {"model.safetensors": weights_bytes(7), "config.json": config_bytes(7)}
    standin.add("me/net", files, COMMIT)
    standin.add(TIMM_REPO, {"model.safetensors": weights_bytes()})
    (tmp_path / "w.safetensors").write_bytes(weights_bytes(7))
    monkeypatch.chdir(tmp_path)

    def make(*models: str, path: str = "zoo.yaml", pin: bool = True, **options: Any) -> str:
        return add_entries(Path(path), Request(models, **options), hub, pin=pin, tell=told.append)

    return make


def test_a_file_is_made_and_grows(add: Add, told: list[str]) -> None:
    add("lcnet_050", "hf-hub:me/net", words={"license": "mit"})
    first = Path("zoo.yaml").read_text()
    assert first == (
        f"version: 1\nmodels:\n  - {{name: {TIMM_NAME}, license: mit}}\n"
        f"  - {{name: net, source: hf-hub:me/net@{COMMIT}, license: mit}}\n"
    )
    settings = ("mean=[0.5,0.25,1]", "note=a: b", "kwargs={drop_rate: 0.1}")
    added = add(arch="lcnet_050", weights="w.safetensors", words={"tags": ["x"]}, settings=settings)
    assert Path("zoo.yaml").read_text() == f"{first}{added}\n"
    entry = read_zoo("zoo.yaml").entries[-1]
    assert (entry.name, entry.mean, entry.note) == ("w", (0.5, 0.25, 1), "a: b")
    assert (entry.tags, entry.kwargs) == (("x",), {"drop_rate": 0.1})
    assert entry.sha256 == file_sha256(Path("w.safetensors"))
    assert told == ["w: no licence"]


def test_without_pins(add: Add, told: list[str]) -> None:
    add("hf-hub:me/net", name="x", pin=False)
    add(arch="lcnet_050", weights="w.safetensors", pin=False, words={"license": "mit"})
    text = Path("zoo.yaml").read_text()
    assert "source: hf-hub:me/net}" in text
    assert "sha256" not in text
    assert told == ["x: not pinned to a commit of the hub", "w: no sha256 of its weights"]


def test_paths_are_seen_from_here(add: Add, tmp_path: Path) -> None:
    (tmp_path / "zoos").mkdir()
    add(path="zoos/z.yaml", arch="lcnet_050", weights="w.safetensors")
    (entry,) = read_zoo("zoos/z.yaml").entries
    assert entry.weights == "../w.safetensors"
    folder = tmp_path / "run 7"
    folder.mkdir()
    (folder / "config.json").write_bytes(config_bytes(7))
    (folder / "model.safetensors").write_bytes(weights_bytes(7))
    add("local-dir:run 7", path="zoos/z.yaml")
    entry = read_zoo("zoos/z.yaml").entries[-1]
    assert (entry.name, entry.source) == ("run 7", "local-dir:../run 7")
    add(f"local-dir:{folder}", path="zoos/z.yaml", name="whole")
    assert read_zoo("zoos/z.yaml").entries[-1].source == f"local-dir:{folder}"


@pytest.mark.parametrize(
    ("models", "options", "message"),
    [
        (("hf-hub:me/net", "hf-hub:me/gone"), {}, r"Nothing is added.\ngone: .*no such repos"),
        (("local-dir:nowhere",), {}, "no config.json"),
        ((), {"arch": "resnet10t", "weights": "w.safetensors"}, "does not fit"),
        ((), {"arch": "resnet10t", "weights": "gone.pth"}, "no weights file"),
        (("lcnet_050",), {}, "already the name of a model in zoo.yaml .line 4"),
        (("resnet81",), {}, "timm has no pretrained"),
        (("hf-hub:me/net", "hf-hub:you/net"), {"pin": False}, "'net' is already the name"),
        (("hf-hub:me/net",), {"settings": ("mean=x",)}, "mean: must be a list"),
        (("hf-hub:me/net",), {"settings": ("bla=3",)}, "bla: unknown field"),
        (("hf-hub:me/net",), {"settings": ("mean=[",)}, "--set 'mean=\\['"),
        (("hf-hub:me/net",), {"settings": ("mean",)}, "is not FIELD=VALUE"),
        (("hf-hub:me/net",), {"settings": ("license=x",)}, "Its own option"),
        (("lcnet_0*",), {"name": "x"}, "--name is for one model"),
        (("lcnet_050",), {"arch": "x"}, "--arch and --weights go together"),
        ((), {"weights": "w.safetensors"}, "--arch and --weights go together"),
        ((), {}, "No model is named"),
        (("lcnet_050",), {"path": "demo"}, "comes with acrank"),
        (("lcnet_050",), {"path": "gone/zoo.yaml"}, "mkdir"),
        (("lcnet_050",), {"path": "broken.yaml"}, "broken.yaml line 3"),
    ],
)
def test_what_is_refused_leaves_the_file(
    add: Add, models: tuple[str, ...], options: dict[str, Any], message: str
) -> None:
    Path("broken.yaml").write_text("version: 1\nmodels:\n  - {name: resnet81}\n")
    Path("zoo.yaml").write_text(f"version: 1\nmodels:\n  # c\n  - {TIMM_NAME}")
    before = {path.name: path.read_bytes() for path in Path().glob("*.yaml")}
    with pytest.raises((ConfigError, ZooError), match=message):
        add(*models, **options)
    assert {path.name: path.read_bytes() for path in Path().glob("*.yaml")} == before


def test_wildcards_are_timm_s() -> None:
    fields = requested(Request(("lcnet_0*",), words={"tags": ["x"], "license": None}), Path())
    assert [item["name"] for item in fields] == ["lcnet_050.ra2_in1k", "lcnet_075.ra2_in1k"]
    assert all(item["tags"] == ["x"] and "license" not in item for item in fields)


def test_an_unreachable_hub(told: list[str], tmp_path: Path) -> None:
    hub = Hub(offline=True, cache_dir=tmp_path)
    path = tmp_path / "zoo.yaml"
    add_entries(path, Request(("hf-hub:me/net",)), hub, pin=True, tell=told.append)
    assert "source: hf-hub:me/net}" in path.read_text()
    assert "net: not pinned to a commit of the hub" in told
    assert any("not in the local cache" in text for text in told)
