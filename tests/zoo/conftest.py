import json
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import huggingface_hub
import pytest
import timm
import torch
from safetensors.torch import save, save_file
from torch import nn

from acrank.zoo import Hub, Zoo, ZooEntry, read_zoo

from .standin import StandIn

TIMM_NAME = "lcnet_050.ra2_in1k"  # 1.9 million parameters: quick to make
TIMM_REPO = f"timm/{TIMM_NAME}"


@cache
def lcnet(num_classes: int = 1000) -> nn.Module:
    torch.manual_seed(0)
    model: nn.Module = timm.create_model("lcnet_050", num_classes=num_classes)
    return model


def tensors(num_classes: int = 1000) -> dict[str, torch.Tensor]:
    state = lcnet(num_classes).state_dict()
    return {key: value.clone() for key, value in state.items()}


@cache
def weights_bytes(num_classes: int = 1000) -> bytes:
    return save(tensors(num_classes))


def config_bytes(num_classes: int = 7, **cfg: Any) -> bytes:
    config = {
        "architecture": "lcnet_050",
        "num_classes": num_classes,
        "pretrained_cfg": {
            "input_size": [3, 96, 96],
            "mean": [0.1, 0.2, 0.3],
            "std": [0.5, 0.5, 0.5],
            "num_classes": num_classes,
            "first_conv": "conv_stem",
            "classifier": "classifier",
            "license": "mit",
            **cfg,
        },
    }
    return json.dumps(config).encode()


@pytest.fixture
def standin() -> Iterator[StandIn]:
    server = StandIn()
    server.start()
    yield server
    server.stop()
    huggingface_hub.close_session()


@pytest.fixture
def hub(standin: StandIn, tmp_path: Path) -> Hub:
    return Hub(endpoint=standin.endpoint, cache_dir=tmp_path / "hub")


def offline_twin(hub: Hub) -> Hub:
    """A hub with the same cache that may not ask the network."""
    return Hub(offline=True, endpoint=hub.endpoint, cache_dir=hub.cache_dir)


@pytest.fixture
def no_hub(tmp_path: Path) -> Hub:
    return Hub(offline=True, cache_dir=tmp_path / "hub")


@pytest.fixture
def write_zoo(tmp_path: Path) -> Callable[[str], Path]:
    def write(text: str) -> Path:
        path = tmp_path / "zoo.yaml"
        path.write_text(text, encoding="utf-8")
        return path

    return write


@pytest.fixture
def zoo_of(write_zoo: Callable[[str], Path]) -> Callable[[str], Zoo]:
    return lambda text: read_zoo(str(write_zoo(text)))


@pytest.fixture
def arch_entry(tmp_path: Path) -> Callable[..., ZooEntry]:
    """An ``arch`` entry whose checkpoint, lcnet with seven classes by default, is on disk."""

    def make(state: dict[str, torch.Tensor] | None = None, **fields: Any) -> ZooEntry:
        save_file(state if state is not None else tensors(7), tmp_path / "own.safetensors")
        described = {"name": "own", "arch": "lcnet_050", "weights": "own.safetensors", **fields}
        return ZooEntry(base=tmp_path, **described)

    return make
