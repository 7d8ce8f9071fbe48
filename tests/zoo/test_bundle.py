"""MONAI bundles on the hub."""

import io
import json

import pytest
import torch

from acrank.errors import ModelError
from acrank.zoo import Hub, ZooEntry, describe, load_backbone

from .conftest import offline_twin
from .standin import StandIn

nets = pytest.importorskip("monai.networks.nets", reason="needs MONAI (extra medical)")

NETWORK = {
    **{"spatial_dims": 3, "in_channels": 1, "out_channels": 2, "norm": "batch"},
    **{"channels": [2, 4], "strides": [2]},
}
CONFIG = {"classes": 2, "network_def": {"_target_": "UNet", **NETWORK, "out_channels": "$@classes"}}
ENTRY = ZooEntry(name="x", source="hf-hub:MONAI/tiny")


def files(config: object = CONFIG, **settings: object) -> dict[str, bytes]:
    network = nets.UNet(**{**NETWORK, **settings})
    weights = io.BytesIO()
    torch.save({"model": network.state_dict()}, weights)
    return {
        "configs/inference.json": json.dumps(config).encode(),
        "models/model.pt": weights.getvalue(),
    }


def test_the_network_it_defines_has_its_weights(standin: StandIn, hub: Hub) -> None:
    commit = standin.add("MONAI/tiny", files())
    loaded = load_backbone(ENTRY, trust_code=True, hub=hub)
    assert loaded.info.revision == commit
    assert loaded.info.norm_layers == 2
    assert isinstance(loaded.model, nets.UNet)
    again = load_backbone(ENTRY, trust_code=True, hub=offline_twin(hub))
    pairs = zip(again.model.parameters(), loaded.model.parameters(), strict=True)
    assert all(torch.equal(*pair) for pair in pairs)
    assert describe(ENTRY, hub=hub).cached


@pytest.mark.parametrize(
    ("made", "message"),
    [
        (files({"network_def": {"_target_": "NoNet"}}), "makes no network: "),
        (files({"network": 3}), "it has no network_def"),
        (files({"network_def": 3}), "network_def in inference.json is of type int, not a"),
        (files(out_channels=5), r"model.pt does not fit the network: .* of another shape"),
        ({"models/model.pt": b""}, "holds no configs/inference.json"),
        ({"configs/inference.json": b"{}"}, "holds no models/model"),
    ],
)
def test_bundles_that_fail(
    standin: StandIn, hub: Hub, made: dict[str, bytes], message: str
) -> None:
    standin.add("MONAI/tiny", made)
    with pytest.raises(ModelError, match=message) as caught:
        load_backbone(ENTRY, trust_code=True, hub=hub)
    assert "\n" not in str(caught.value)


def test_its_code_runs_only_when_trusted(standin: StandIn, hub: Hub) -> None:
    standin.add("MONAI/tiny", files())
    with pytest.raises(ModelError, match=r"runs code of the bundle's author\. Pass --trust-code"):
        load_backbone(ENTRY, hub=hub)


def test_without_monai_the_extra_is_named(
    standin: StandIn, hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    standin.add("MONAI/tiny", files())
    monkeypatch.setattr("acrank.zoo.sources.bundle.find_spec", lambda name: None)
    with pytest.raises(ModelError, match=r"acrank\[medical\]"):
        load_backbone(ENTRY, trust_code=True, hub=hub)
