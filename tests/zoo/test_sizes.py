import time
from pathlib import Path

import pytest

from acrank.zoo import Hub, ZooEntry, load_backbone
from acrank.zoo.hub.repository import HubFiles
from acrank.zoo.listing import ask_sizes, local_size
from acrank.zoo.sources.registry import hub_files, weights_of
from acrank.zoo.weights import ByUrl

from .conftest import TIMM_NAME, TIMM_REPO, config_bytes, offline_twin, weights_bytes
from .standin import StandIn
from .test_hub import dead_endpoint

SAFE = "model.safetensors"


def files_of(entry: ZooEntry) -> HubFiles:
    files = hub_files(entry)
    assert files is not None
    return files


def test_sizes_of_what_is_here(standin: StandIn, hub: Hub, tmp_path: Path) -> None:
    (tmp_path / "w.pth").write_bytes(b"12345")
    own = ZooEntry(name="own", arch="lcnet_050", weights="w.pth", base=tmp_path)
    assert local_size(own, hub) == 5
    assert local_size(own.model_copy(update={"weights": "gone.pth"}), hub) is None
    assert local_size(ZooEntry(name="f", factory="a:b"), hub) is None
    entry = ZooEntry(name=TIMM_NAME)
    assert local_size(entry, hub) is None
    standin.add(TIMM_REPO, {SAFE: weights_bytes()})
    load_backbone(entry, hub=hub)
    standin.requests.clear()
    assert local_size(entry, offline_twin(hub)) == len(weights_bytes())
    assert ask_sizes([entry, own], hub) == ({}, ())
    assert standin.requests == []


def test_the_hub_is_asked_once_for_each_that_is_absent(standin: StandIn, hub: Hub) -> None:
    standin.add("me/x", {SAFE: weights_bytes(7), "config.json": config_bytes()})
    standin.add("me/own", {"a/w.bin": b"1" * 77})
    entries = [
        ZooEntry(name="x", source="hf-hub:me/x"),
        ZooEntry(name="again", source="hf-hub:me/x"),
        ZooEntry(name="own", arch="lcnet_050", weights="hf-hub:me/own/a/w.bin"),
        ZooEntry(name="gone", source="hf-hub:me/gone"),
    ]
    known, reasons = ask_sizes(entries, hub)
    assert known == {
        files_of(entries[0]): len(weights_bytes(7)),
        files_of(entries[2]): 77,
    }
    assert len(reasons) == 1
    assert "me/gone: there is no such repository" in reasons[0]
    asked = [request for request in standin.requests if "/me/" in request]
    assert len(asked) == 3
    assert not any("resolve" in request for request in asked)  # nothing is downloaded


def test_a_dead_hub_costs_one_request(tmp_path: Path) -> None:
    hub = Hub(endpoint=dead_endpoint(), cache_dir=tmp_path)
    start = time.perf_counter()
    known, reasons = ask_sizes([ZooEntry(name=f"hf-hub:me/x{i}") for i in range(50)], hub)
    assert known == {}
    assert len(reasons) == 1
    assert "does not answer" in reasons[0]
    assert time.perf_counter() - start < 5


def test_offline_asks_nothing(standin: StandIn, hub: Hub) -> None:
    assert ask_sizes([ZooEntry(name=TIMM_NAME)], offline_twin(hub)) == ({}, ())
    assert standin.requests == []


def test_weights_that_timm_knows_by_url(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    entry = ZooEntry(name="legacy_seresnet18.in1k")
    hub = Hub(offline=True, cache_dir=tmp_path)
    assert hub_files(entry) is None
    assert local_size(entry, hub) is None
    weights = weights_of(entry)
    assert isinstance(weights, ByUrl)
    path = weights.path
    assert path.is_relative_to(tmp_path)
    path.parent.mkdir(parents=True)
    path.write_bytes(b"123")
    assert local_size(entry, hub) == 3
