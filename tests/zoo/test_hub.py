import json
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

import pytest
import torch
from huggingface_hub import constants
from safetensors.torch import save

from acrank.errors import ModelError
from acrank.zoo import Backbone, Hub, ZooEntry, describe, load_backbone
from acrank.zoo.files.checking import Checker
from acrank.zoo.hub.repository import HubFiles
from tests.processes import python_path

from .conftest import (
    TIMM_NAME,
    TIMM_REPO,
    config_bytes,
    lcnet,
    offline_twin,
    tensors,
    weights_bytes,
)
from .standin import Repo, StandIn

SAFE = "model.safetensors"


def same_weights(loaded: Backbone, num_classes: int = 1000) -> bool:
    want = lcnet(num_classes).state_dict()
    got = loaded.model.state_dict()
    return len(got) > 50 and all(torch.equal(value, want[key]) for key, value in got.items())


def dead_endpoint() -> str:
    with socket.socket() as free:  # a port that nothing listens on once it is closed
        free.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{free.getsockname()[1]}"


def test_a_timm_name_is_loaded_from_its_hub_repository(standin: StandIn, hub: Hub) -> None:
    commit = standin.add(TIMM_REPO, {SAFE: weights_bytes(), "pytorch_model.bin": b"not this"})
    loaded = load_backbone(ZooEntry(name=TIMM_NAME), hub=hub)
    assert same_weights(loaded)
    assert loaded.info.revision == commit
    assert loaded.info.params == sum(p.numel() for p in lcnet().parameters())
    assert not any("pytorch_model" in request for request in standin.requests)


def test_a_cached_model_is_loaded_without_a_request(standin: StandIn, hub: Hub) -> None:
    commit = standin.add(TIMM_REPO, {SAFE: weights_bytes()})
    entry = ZooEntry(name=TIMM_NAME)
    assert not describe(entry, hub=hub).cached
    load_backbone(entry, hub=hub)
    standin.requests.clear()
    for again in (hub, offline_twin(hub)):
        assert again.preflight([entry]) is None
        assert load_backbone(entry, hub=again).info.revision == commit
    described = describe(entry, hub=hub)
    assert (described.cached, described.revision) == (True, commit)
    assert standin.requests == []


def test_a_hub_repository_is_loaded_at_one_commit(standin: StandIn, hub: Hub) -> None:
    old, new = "1" * 40, "2" * 40
    standin.repos["me/lcnet_050.mine"] = Repo(
        {
            new: {SAFE: weights_bytes(3), "config.json": config_bytes(3)},
            old: {SAFE: weights_bytes(7), "config.json": config_bytes(7)},
        },
        {"main": new, "v1": old},
    )
    for revision, commit, classes in (("@v1", old, 7), ("", new, 3), (f"@{old}", old, 7)):
        entry = ZooEntry(name="x", source=f"hf-hub:me/lcnet_050.mine{revision}")
        loaded = load_backbone(entry, hub=hub)
        assert loaded.info.revision == commit
        assert same_weights(loaded, classes)
        assert loaded.data_config["mean"] == (0.1, 0.2, 0.3)
        assert loaded.info.input_size == (3, 96, 96)
        assert loaded.info.license == "mit"
        assert describe(entry, hub=hub) == loaded.info


def test_a_short_commit_is_completed(standin: StandIn, hub: Hub) -> None:
    commit = "4373c84" + "0" * 33
    files = {SAFE: weights_bytes(7), "config.json": config_bytes()}
    standin.add("me/lcnet_050.mine", files, commit)
    entry = ZooEntry(name="hf-hub:me/lcnet_050.mine@4373c84")
    assert load_backbone(entry, hub=hub).info.revision == commit
    assert describe(entry, hub=offline_twin(hub)).revision == commit


def test_weights_for_an_architecture_may_lie_on_the_hub(standin: StandIn, hub: Hub) -> None:
    commit = standin.add("me/weights", {"sub/own.safetensors": weights_bytes(7)})
    weights = "hf-hub:me/weights@main/sub/own.safetensors"
    entry = ZooEntry(name="x", arch="lcnet_050", weights=weights)
    loaded = load_backbone(entry, hub=hub)
    assert loaded.info.revision == commit
    assert same_weights(loaded, 7)
    wrong = entry.model_copy(update={"sha256": "0" * 64})
    with pytest.raises(ModelError, match=r"SHA-256 starts with .* the zoo says 000000000000"):
        load_backbone(wrong, hub=hub)


def test_only_pytorch_model_bin(standin: StandIn, hub: Hub, tmp_path: Path) -> None:
    torch.save(lcnet().state_dict(), tmp_path / "w.bin")
    standin.add(TIMM_REPO, {"pytorch_model.bin": (tmp_path / "w.bin").read_bytes()})
    assert same_weights(load_backbone(ZooEntry(name=TIMM_NAME), hub=hub))


def test_resolve_and_fetch(standin: StandIn, hub: Hub) -> None:
    commit = standin.add("me/files", {"a/b.txt": b"text"})
    assert hub.resolve("me/files") == commit
    assert hub.fetch("me/files", "a/b.txt").read_bytes() == b"text"
    assert offline_twin(hub).resolve("me/files") == commit
    with pytest.raises(ModelError, match="no revision 'v9'"):
        hub.resolve("me/files", "v9")
    with pytest.raises(ModelError, match="not reachable"):
        offline_twin(hub).resolve("me/files", "v9")


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("hf-hub:me/absent", r"me/absent: there is no such repository .* private"),
        ("hf-hub:me/there@v9", "me/there: the repository has no revision 'v9'.*after '@'"),
        ("hf-hub:me/there@1234567", "no revision '1234567'"),
        ("hf-hub:me/empty", "me/empty: revision 'main' of the repository holds no model.safetens"),
        ("hf-hub:me/there", "me/there: revision 'main' .* holds no config.json"),
        ("hf-hub:me/gated", "me/gated: the repository is gated.*hf auth login"),
        ("hf-hub:me/y..z", r"'hf-hub:me/y..z' is not written hf-hub:ORG/NAME"),
    ],
)
def test_what_the_hub_refuses(standin: StandIn, hub: Hub, source: str, message: str) -> None:
    standin.add("me/there", {SAFE: weights_bytes(7)})
    standin.add("me/empty", {"README.md": b""})
    standin.add("me/gated", {SAFE: b"", "config.json": b""})
    standin.repos["me/gated"].gated = True
    with pytest.raises(ModelError, match=message) as caught:
        load_backbone(ZooEntry(name="x", source=source), hub=hub)
    assert "\n" not in str(caught.value)
    assert not hub.offline


def test_a_server_that_is_not_the_hub(standin: StandIn, hub: Hub) -> None:
    standin.status = 200
    with pytest.raises(ModelError, match=r"did not answer like the hub.*HF_ENDPOINT"):
        load_backbone(ZooEntry(name=TIMM_NAME), hub=hub)
    standin.status = 429
    with pytest.raises(ModelError, match="HTTP 429"):
        load_backbone(ZooEntry(name=TIMM_NAME), hub=hub)


def test_a_cache_that_cannot_be_written(standin: StandIn, tmp_path: Path) -> None:
    standin.add(TIMM_REPO, {SAFE: weights_bytes()})
    (tmp_path / "file").write_text("")
    hub = Hub(endpoint=standin.endpoint, cache_dir=tmp_path / "file")
    with pytest.raises(ModelError, match=r"could not be stored in the cache.*HF_HOME"):
        load_backbone(ZooEntry(name=TIMM_NAME), hub=hub)


def test_damaged_repository(standin: StandIn, hub: Hub) -> None:
    standin.add("me/cut", {SAFE: weights_bytes(7)[:5000], "config.json": config_bytes()})
    with pytest.raises(ModelError, match=r"model.safetensors cannot be read as a checkpoint"):
        load_backbone(ZooEntry(name="hf-hub:me/cut"), hub=hub)
    standin.add("me/config", {SAFE: weights_bytes(7), "config.json": b"{"})
    with pytest.raises(ModelError, match="timm cannot build hf-hub:me/config"):
        load_backbone(ZooEntry(name="hf-hub:me/config"), hub=hub)


def test_offline_without_cache_fails_at_once(standin: StandIn, hub: Hub) -> None:
    standin.add(TIMM_REPO, {SAFE: weights_bytes()})
    entry = ZooEntry(name=TIMM_NAME)
    offline = offline_twin(hub)
    start = time.perf_counter()
    assert offline.preflight([entry]) is None
    with pytest.raises(
        ModelError,
        match=r"its weights are not in the local cache and the hub is not reachable.*--offline",
    ):
        load_backbone(entry, hub=offline)
    assert time.perf_counter() - start < 1
    assert standin.requests == []


def test_what_is_missing_from_the_cache_is_named(standin: StandIn, hub: Hub) -> None:
    commit = standin.add("me/net", {SAFE: weights_bytes(7), "config.json": config_bytes()})
    entry = ZooEntry(name="hf-hub:me/net")
    offline = offline_twin(hub)
    with pytest.raises(ModelError, match="me/net: its weights are not in the local cache and the"):
        load_backbone(entry, hub=offline)
    hub.fetch("me/net", SAFE)
    with pytest.raises(ModelError, match=r"me/net: config.json is not in the local cache and the"):
        load_backbone(entry, hub=offline)
    warnings = Checker(offline)(entry).warnings
    assert "config.json is not in the local cache, and the hub cannot be asked" in warnings
    other = ZooEntry(name="hf-hub:me/net@v9")
    with pytest.raises(ModelError, match="me/net: revision 'v9' is not in the local cache"):
        load_backbone(other, hub=offline)
    cached = hub.cached(HubFiles("me/net", commit, (SAFE,)))
    assert cached is not None
    cached.weights.unlink()
    hub.fetch("me/net", "config.json")
    with pytest.raises(ModelError, match=r"model.safetensors \(its weights\) is not in the local"):
        load_backbone(entry, hub=offline)


def sharded(index: Mapping[str, object], **parts: bytes) -> dict[str, bytes]:
    files = {f"{SAFE}.index.json": json.dumps(index).encode(), "config.json": config_bytes()}
    return files | {f"{name}.safetensors": content for name, content in parts.items()}


def test_weights_in_several_files(standin: StandIn, hub: Hub) -> None:
    state = tensors(7)
    first = set(list(state)[:50])
    index = {"weight_map": {k: f"{'a' if k in first else 'b'}.safetensors" for k in state}}
    a = save({k: v for k, v in state.items() if k in first})
    b = save({k: v for k, v in state.items() if k not in first})
    commit = standin.add("me/parts", sharded(index, a=a, b=b))
    entry = ZooEntry(name="hf-hub:me/parts")
    loaded = load_backbone(entry, hub=hub)
    assert same_weights(loaded, 7)
    assert loaded.info.revision == commit
    assert same_weights(load_backbone(entry, hub=offline_twin(hub)), 7)
    (hub.cache_dir / "models--me--parts" / "snapshots" / commit / "b.safetensors").unlink()
    with pytest.raises(ModelError, match=r"me/parts: b.safetensors is not in the local cache"):
        load_backbone(entry, hub=offline_twin(hub))


@pytest.mark.parametrize("name", ["../x.safetensors", "/x", "a/b.safetensors", "..", ""])
def test_an_index_that_names_files_elsewhere(standin: StandIn, hub: Hub, name: str) -> None:
    standin.add("me/parts", sharded({"weight_map": {"a": name}}, x=b""))
    with pytest.raises(ModelError, match=r"index.json names .* lie beside their index"):
        load_backbone(ZooEntry(name="hf-hub:me/parts"), hub=hub)
    assert hub.preflight([ZooEntry(name="hf-hub:me/parts")]) is None


def test_preflight_asks_once_and_only_when_something_is_missing(
    standin: StandIn, hub: Hub, tmp_path: Path
) -> None:
    local = ZooEntry(name="own", arch="lcnet_050", weights="w.safetensors", base=tmp_path)
    assert hub.preflight([local]) is None
    assert standin.requests == []
    entry = ZooEntry(name=TIMM_NAME)
    assert hub.preflight([entry]) is None
    assert hub.preflight([entry]) is None
    assert standin.requests == ["HEAD /"]


def test_a_dead_endpoint_is_noticed_fast(tmp_path: Path) -> None:
    hub = Hub(endpoint=dead_endpoint(), cache_dir=tmp_path)
    entries = [ZooEntry(name=TIMM_NAME), ZooEntry(name="resnet18")]
    start = time.perf_counter()
    said = hub.preflight(entries)
    assert said is not None
    assert hub.endpoint in said
    assert "2 of the models" in said
    assert hub.offline
    for entry in entries:
        with pytest.raises(ModelError, match="hub is not reachable"):
            load_backbone(entry, hub=hub)
    assert time.perf_counter() - start < 2


def test_a_silent_endpoint_costs_one_timeout(tmp_path: Path) -> None:
    with socket.socket() as silent:  # takes connections, never answers
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        endpoint = f"http://127.0.0.1:{silent.getsockname()[1]}"
        hub = Hub(timeout=0.3, endpoint=endpoint, cache_dir=tmp_path)
        start = time.perf_counter()
        assert hub.preflight([ZooEntry(name=TIMM_NAME)]) is not None
        assert time.perf_counter() - start < 2


@pytest.mark.parametrize("status", [500, 503])
def test_a_hub_that_is_down_counts_as_dead(standin: StandIn, hub: Hub, status: int) -> None:
    standin.status = status
    assert hub.preflight([ZooEntry(name=TIMM_NAME)]) is not None
    assert hub.offline


def test_a_network_lost_during_the_run(tmp_path: Path) -> None:
    hub = Hub(endpoint=dead_endpoint(), cache_dir=tmp_path)
    start = time.perf_counter()
    for expected in (False, True):
        with pytest.raises(ModelError, match="hub is not reachable"):
            load_backbone(ZooEntry(name=TIMM_NAME), hub=hub)
        assert hub.offline is expected
    assert time.perf_counter() - start < 3


def test_hf_endpoint_and_cache_from_the_shell(standin: StandIn, tmp_path: Path) -> None:
    commit = standin.add(TIMM_REPO, {SAFE: weights_bytes()})
    code = (
        "from acrank.zoo import Hub, ZooEntry, load_backbone\n"
        f"print(load_backbone(ZooEntry(name={TIMM_NAME!r}), hub=Hub()).info.revision)\n"
    )
    environment = {
        "HF_ENDPOINT": standin.endpoint,
        "HF_HOME": str(tmp_path / "home"),
        "PATH": "",
        "PYTHONPATH": python_path(),
    }
    ran = subprocess.run(
        [sys.executable, "-c", code],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert ran.stdout.strip() == commit, ran.stderr
    assert list((tmp_path / "home" / "hub").glob("models--timm--*"))


def test_hf_hub_offline_is_honoured(monkeypatch: pytest.MonkeyPatch) -> None:
    assert not Hub().offline
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    assert Hub().offline
