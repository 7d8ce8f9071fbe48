"""Descriptions that ask for a network larger than the machine, or for none."""

from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save

from acrank.errors import ModelError
from acrank.zoo import Hub, ZooEntry
from acrank.zoo.bounds import BoundedBuild
from acrank.zoo.checkpoints.compatibility import class_count

from .conftest import config_bytes, weights_bytes
from .test_hostile_checkpoints import refusal

CONFIGS = {
    "deep": (b"[" * 100_000, "config.json is not a readable JSON object."),
    "list": (b"[1]", "config.json is not a readable JSON object."),
    "latin": (b'{"a": "\xe9"}', "config.json is not a readable JSON object."),
    "empty": (b"", "config.json is not a readable JSON object."),
    "nothing said": (b"{}", "config.json names no architecture."),
    "large": (b" " * 1_000_001, "config.json is larger than 1 MB."),
    "unknown": (b'{"architecture": "nonsense"}', "Unknown model (nonsense)"),
    "classes": (config_bytes(10**13), "the network needs more than"),
    "image size": (config_bytes(input_size=[3, 10**6, 10**6]), "input size is [3, 1000000"),
}


@pytest.mark.parametrize("kind", CONFIGS)
def test_a_folder_whose_config_is_hostile(no_hub: Hub, tmp_path: Path, kind: str) -> None:
    content, words = CONFIGS[kind]
    (tmp_path / "config.json").write_bytes(content)
    (tmp_path / "model.safetensors").write_bytes(weights_bytes(7))
    entry = ZooEntry(name="x", source="local-dir:.", base=tmp_path)
    assert words in refusal(entry, no_hub)


@pytest.mark.parametrize("kwargs", [{"num_classes": 10**13}, {"channels": [10**7] * 4}])
def test_arguments_for_a_network_larger_than_the_machine(
    no_hub: Hub, tmp_path: Path, kwargs: dict[str, Any]
) -> None:
    (tmp_path / "w.safetensors").write_bytes(save({"a": torch.zeros(1)}))
    entry = ZooEntry(
        name="x", arch="resnet18", kwargs=kwargs, weights="w.safetensors", base=tmp_path
    )
    assert "the network needs more than" in refusal(entry, no_hub)


def test_a_bounded_build_counts_what_it_makes() -> None:
    with BoundedBuild(1000):
        torch.nn.Linear(10, 10)
        with torch.device("meta"):
            torch.nn.Linear(10_000, 10_000)
        with pytest.raises(ModelError, match="needs more than 1 kB"):
            torch.nn.Linear(100, 100)


def test_a_head_without_a_shape_has_no_classes() -> None:
    assert class_count({"fc.weight": torch.tensor(1.0)}, "fc") == 0
