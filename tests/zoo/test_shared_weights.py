"""Real pretrained networks, where the folder of shared material is at hand."""

import json
from pathlib import Path

import pytest
import torch

from acrank.zoo import Hub, describe, load_backbone
from tests.shared_networks import manifest_row, shared_entry

NAMES = [
    "mobilenetv1_025_imagenet",
    "mobilenetv1_025_vww",
    "mobilenetv1_025_widerface",
    "cifar_resnet20",
    "cifar_resnet32",
]


@pytest.mark.parametrize("name", NAMES)
def test_a_real_network_loads_strictly(name: str, no_hub: Hub, shared: Path) -> None:
    row, entry = manifest_row(shared, name), shared_entry(shared, name)
    loaded = load_backbone(entry, trust_code=True, hub=no_hub)
    info = loaded.info
    assert (info.params, info.norm_layers) == (int(row["params"]), int(row["bn_layers"]))
    assert info.norm_channels == int(row["bn_channels"])
    assert info.revision == f"sha256:{row['sha256'][:12]}"
    assert describe(entry, trust_code=True) == info
    assert loaded.data_config["std"] == pytest.approx(tuple(json.loads(row["std"])))
    with torch.no_grad():
        found = loaded.model(torch.zeros(2, *info.input_size))
    assert found.shape == (2, 64 if "cifar" in name else 256)
