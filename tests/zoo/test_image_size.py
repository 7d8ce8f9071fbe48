"""Networks for images of another size than their own: built for it, or refused with a reason."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import timm
import torch
from safetensors.torch import save_file
from timm.models import save_for_hf
from torch import nn

from acrank.errors import ModelError, ZooError
from acrank.zoo import Hub, ZooEntry, describe, load_backbone, read_zoo

from .conftest import config_bytes, weights_bytes

Load = Callable[..., Any]


@pytest.fixture
def vit(tmp_path: Path) -> nn.Module:
    """A transformer for images of 160 pixels, as a checkpoint and as a folder."""
    torch.manual_seed(0)
    model: nn.Module = timm.create_model("test_vit", num_classes=7)
    save_file(model.state_dict(), tmp_path / "vit.safetensors")
    save_for_hf(model, str(tmp_path / "vit"), model_config={})
    return model


@pytest.fixture
def entries(vit: nn.Module, tmp_path: Path) -> dict[str, ZooEntry]:
    (tmp_path / "cnn").mkdir()
    (tmp_path / "cnn" / "model.safetensors").write_bytes(weights_bytes(7))
    (tmp_path / "cnn" / "config.json").write_bytes(config_bytes(7))
    return {
        "arch": ZooEntry(name="arch", arch="test_vit", weights="vit.safetensors", base=tmp_path),
        "folder": ZooEntry(name="folder", source="local-dir:vit", base=tmp_path),
        "cnn": ZooEntry(name="cnn", source="local-dir:cnn", base=tmp_path),
        "own": ZooEntry(name="own", source="local-dir:cnn", base=tmp_path, input_size=(3, 48, 64)),
    }


@pytest.mark.parametrize(
    ("name", "own"), [("arch", "160"), ("folder", "160"), ("cnn", "96"), ("own", "48 x 64")]
)
@pytest.mark.parametrize("size", [64, 112])
def test_a_network_is_built_for_the_size(
    entries: dict[str, ZooEntry], name: str, own: str, size: int, no_hub: Hub
) -> None:
    entry = entries[name].at_size(size)
    loaded = load_backbone(entry, hub=no_hub)
    assert loaded.data_config["input_size"] == loaded.info.input_size == (3, size, size)
    assert describe(entry) == loaded.info
    assert loaded.size_note == f"images at {size} pixels, not the network's own {own}"
    assert loaded.own_size == describe(entries[name]).input_size
    with torch.no_grad():
        assert loaded.model(torch.zeros(2, 3, size, size)).ndim == 2


def test_odd_sizes_are_for_convolutions(entries: dict[str, ZooEntry], no_hub: Hub) -> None:
    assert load_backbone(entries["cnn"].at_size(97), hub=no_hub).info.input_size == (3, 97, 97)
    with pytest.raises(ModelError, match=r"images of 97 pixels: .*divisible by patch size"):
        load_backbone(entries["arch"].at_size(97), hub=no_hub)


def test_its_own_size_is_nothing_to_say(entries: dict[str, ZooEntry], no_hub: Hub) -> None:
    plain, told = (load_backbone(entries["cnn"].at_size(s), hub=no_hub) for s in (None, 96))
    assert plain.data_config == told.data_config
    assert plain.size_note == told.size_note == ""


def test_the_rest_of_the_preprocessing_stays(entries: dict[str, ZooEntry], no_hub: Hub) -> None:
    own, other = (load_backbone(entries["cnn"].at_size(s), hub=no_hub) for s in (None, 64))
    changed = {k for k, v in own.data_config.items() if other.data_config[k] != v}
    assert changed == {"input_size"}


def test_a_grey_network_stays_grey(no_hub: Hub, tmp_path: Path) -> None:
    torch.manual_seed(0)
    model = timm.create_model("lcnet_050", num_classes=7, in_chans=1)
    save_for_hf(model, str(tmp_path / "grey"), model_config={})
    entry = ZooEntry(name="grey", source="local-dir:grey", base=tmp_path)
    assert load_backbone(entry.at_size(40), hub=no_hub).data_config["input_size"] == (1, 40, 40)


def rigid() -> nn.Module:
    return nn.Sequential(nn.Conv2d(3, 2, 3), nn.Flatten(), nn.Linear(2 * 30 * 30, 3))


def volumes() -> nn.Module:
    return nn.Sequential(nn.Conv3d(1, 2, 3), nn.AdaptiveAvgPool3d(1), nn.Flatten())


@pytest.mark.parametrize(
    ("function", "message"),
    [("rigid", "does not take images of 40 pixels: RuntimeError"), ("volumes", "takes volumes")],
)
def test_a_network_that_does_not_take_the_size(function: str, message: str, no_hub: Hub) -> None:
    entry = ZooEntry(name="x", factory=f"{__name__}:{function}")
    with pytest.raises(ModelError, match=message):
        load_backbone(entry.at_size(40), trust_code=True, hub=no_hub)


def test_a_zoo_file_says_it_as_input_size(tmp_path: Path) -> None:
    zoo = tmp_path / "zoo.yaml"
    zoo.write_text("version: 1\nmodels:\n- {name: resnet18, image_size: 64}\n")
    with pytest.raises(ZooError, match="image_size"):
        read_zoo(str(zoo))
    entry = ZooEntry(name="resnet18").at_size(64)
    assert "image_size" not in entry.model_dump()
