import socket
import sys
from dataclasses import replace
from types import ModuleType
from typing import cast

import pytest
import torch

from acrank.cache import ResultStore
from acrank.config import RunConfig
from acrank.data import Sample
from acrank.errors import AcrankError, ConfigError, ExitCode, MissingExtraError
from acrank.runners.model import RunContext
from acrank.runners.ray import cluster
from acrank.runners.ray.cluster import load_ray
from acrank.runners.ray.needs import AN_IMAGE, BASE, Needs
from acrank.runners.ray.run import run_on_ray
from acrank.utils.device import choose_autocast, choose_device
from acrank.zoo import ZooEntry

WORK = RunContext(
    RunConfig(data="demo", batch_size=8), cast("Sample", None), torch.device("cpu"), None, True
)
ON_GPU = replace(WORK, device=torch.device("cuda"))
SMALL = {"CPU": 2.0, "memory": 4e9}
LARGE = {"CPU": 16.0, "memory": 64e9}
HEAD = {"CPU": 0.0, "memory": 200e9}
GPUS = {"CPU": 8.0, "GPU": 2.0, "memory": 32e9}
UNKNOWN = ZooEntry(name="x", factory="nets:make")


@pytest.fixture
def no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    """What Ray is told by its environment stays within a test."""
    monkeypatch.setattr(cluster, "SETTINGS", {})
    monkeypatch.setattr(cluster, "SETTINGS_TO_JOIN", {})


def fails(address: str) -> AcrankError:
    work = replace(WORK, config=RunConfig(data="demo", engine="ray", ray_address=address))
    with pytest.raises(AcrankError) as caught:
        next(iter(run_on_ray([UNKNOWN], work, ResultStore(), lambda name: None)))
    assert caught.value.exit_code == ExitCode.USAGE
    return caught.value


def test_ray_is_an_extra(monkeypatch: pytest.MonkeyPatch, no_settings: None) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(MissingExtraError, match=r"--engine ray needs.*acrank\[ray\]"):
        load_ray()


@pytest.mark.parametrize(("version", "message"), [("2.9.3", "2.9.3 is too old: 2.40"), ("", "imp")])
def test_an_unfit_ray_says_so(
    monkeypatch: pytest.MonkeyPatch, no_settings: None, version: str, message: str
) -> None:
    module = ModuleType("ray")
    if version:
        module.__dict__["__version__"] = version
    monkeypatch.setitem(sys.modules, "ray", module)
    with pytest.raises(AcrankError, match=message):
        load_ray()


def test_no_cluster_at_an_address(no_settings: None) -> None:
    pytest.importorskip("ray", reason="the extra ray is not installed")
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{closed.getsockname()[1]}"
        assert f"No Ray cluster answers at {address}: " in str(fails(address))
    for address in ("ray://127.0.0.1:10001", "head", ":6379", "head:port"):
        assert "HOST:PORT" in str(fails(address))
    assert "No Ray cluster answers" in str(fails("127.0.0.1:99999"))


def test_a_model_is_given_what_some_node_has() -> None:
    def chosen(cpus: int, *nodes: dict[str, float]) -> tuple[int, int]:
        needs = Needs.choose(WORK, cpus, nodes)
        return needs.cpus, needs.places(nodes)

    assert chosen(1, SMALL, LARGE, HEAD) == (1, 18)
    assert chosen(4, SMALL, LARGE, HEAD) == (4, 4)
    assert chosen(64, SMALL, LARGE) == (16, 1)
    # the memory is that of a node with the CPUs
    assert Needs.choose(WORK, 64, [SMALL, LARGE, HEAD]).memory < 64e9
    with pytest.raises(ConfigError, match="CPU to offer"):
        Needs.choose(WORK, 1, [HEAD])


def test_gpus_are_asked_for_where_the_device_is_cuda() -> None:
    needs = Needs.choose(ON_GPU, 64, [LARGE, GPUS])
    assert (needs.cpus, needs.gpus) == (8, 1)
    assert Needs.choose(ON_GPU, 1, [LARGE, GPUS]).places([LARGE, GPUS]) == 2
    with pytest.raises(ConfigError, match=r"has a GPU.*--device cpu"):
        Needs.choose(ON_GPU, 1, [LARGE])


def test_memory_is_reserved_and_never_keeps_a_model_from_running() -> None:
    assert Needs.choose(WORK, 1, [LARGE]).memory == BASE + 8 * AN_IMAGE
    assert Needs.choose(ON_GPU, 1, [GPUS]).memory == BASE
    needs = Needs.choose(WORK, 1, [{"CPU": 1.0, "memory": 1e9}])
    assert needs.memory == int(0.8e9)
    assert needs.fit([SMALL])
    assert not needs.fit([{"CPU": 1.0, "memory": 0.5e9}])
    assert not needs.fit([])


def test_another_machine_may_have_the_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    device = choose_device("cuda", elsewhere=True)
    assert device.type == "cuda"
    monkeypatch.setattr("acrank.utils.device._has_bf16", lambda device: False)  # whatever is here
    assert choose_autocast("auto", device) is None
    assert choose_autocast("bf16", device) is torch.bfloat16
