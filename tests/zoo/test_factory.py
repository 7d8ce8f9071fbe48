import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file

from acrank.errors import ModelError
from acrank.zoo import Hub, ZooEntry, describe, load_backbone

NETS = """
import torch
from torch import nn

class Net(nn.Module):
    def __init__(self, head, width=4):
        super().__init__()
        self.body = nn.Sequential(nn.Conv2d(3, width, 3), nn.BatchNorm2d(width))
        self.pool = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten())
        self.name = head
        if head:
            setattr(self, head, nn.Sequential(nn.ReLU(), nn.Linear(width, 5)))
        else:
            self.fc = nn.Conv2d(width, width, 1)

    def forward(self, x):
        x = self.body(x)
        return getattr(self, self.name)(self.pool(x)) if self.name else x

def make(head="fc", width=4):
    return Net(head, width)

def plain(): return Net("")
def number(): return 3
def broken(): raise ValueError("no such thing\\nmore")
def leave(): raise SystemExit(3)
class Packed(nn.Linear):  # as dynamic quantization leaves one
    def _save_to_state_dict(self, destination, prefix, keep_vars):
        super()._save_to_state_dict(destination, prefix, keep_vars)
        destination[prefix + "_packed_params.dtype"] = torch.qint8
def packed():
    net = Net("fc")
    net.fc = Packed(4, 5)
    return net
def looks_inside():
    net = Net("fc")
    float(net.body[0].weight.sum())
    return net
def neighbour():
    from neighbour_of_nets import make
    return make()
"""


@pytest.fixture
def factory(tmp_path: Path) -> Callable[..., ZooEntry]:
    def make(function: str, module: str = "nets_of_a_test", **fields: object) -> ZooEntry:
        (tmp_path / f"{module}.py").write_text(NETS)
        described = {"name": "x", "factory": f"{module}:{function}", **fields}
        return ZooEntry.model_validate({**described, "base": tmp_path})

    return make


def width_of(entry: ZooEntry, hub: Hub) -> int:
    model = load_backbone(entry, trust_code=True, hub=hub).model
    found = model(torch.zeros(2, 3, 16, 16))
    assert found.ndim == 2
    return int(found.shape[1])


@pytest.mark.parametrize("head", ["fc", "classifier", "head", "linear"])
def test_the_usual_heads_are_taken_off(
    factory: Callable[..., ZooEntry], no_hub: Hub, head: str
) -> None:
    assert width_of(factory("make", kwargs={"head": head, "width": 6}), no_hub) == 6


def test_a_head_of_another_name(factory: Callable[..., ZooEntry], no_hub: Hub) -> None:
    entry = factory("make", kwargs={"head": "out"})
    assert width_of(entry, no_hub) == 4
    assert width_of(entry.model_copy(update={"classifier": "out"}), no_hub) == 4
    assert width_of(entry.model_copy(update={"classifier": "out.1"}), no_hub) == 4
    wrong = entry.model_copy(update={"classifier": "ouch"})
    with pytest.raises(
        ModelError, match=r"no classifier called 'ouch'. Its modules are: body, pool"
    ):
        load_backbone(wrong, trust_code=True, hub=no_hub)


def test_a_feature_map_is_averaged_and_a_convolution_is_no_head(
    factory: Callable[..., ZooEntry], no_hub: Hub
) -> None:
    assert width_of(factory("plain"), no_hub) == 4


def test_timm_s_interface_is_used_where_there_is_one(no_hub: Hub) -> None:
    entry = ZooEntry(
        name="x", factory="timm:create_model", kwargs={"model_name": "lcnet_050", "num_classes": 3}
    )
    assert width_of(entry, no_hub) == 1280


def test_description(factory: Callable[..., ZooEntry], no_hub: Hub) -> None:
    entry = factory("make", input_size=64)
    info = describe(entry, trust_code=True)
    assert (info.params, info.norm_layers, info.norm_channels) == (145, 1, 4)
    assert info.input_size == (3, 64, 64)
    assert info == load_backbone(entry, trust_code=True, hub=no_hub).info
    untrusted = describe(entry)
    assert (untrusted.params, untrusted.input_size) == (0, (3, 64, 64))
    assert describe(factory("looks_inside"), trust_code=True).params == 145


def test_weights(factory: Callable[..., ZooEntry], no_hub: Hub, tmp_path: Path) -> None:
    entry = factory("make", weights="w.safetensors")
    network = load_backbone(factory("make"), trust_code=True, hub=no_hub).model
    state = {f"module.{key}": value for key, value in network.state_dict().items()}
    state |= {"module.fc.1.weight": torch.ones(5, 4), "module.fc.1.bias": torch.ones(5)}
    save_file(state, tmp_path / "w.safetensors")
    loaded = load_backbone(entry, trust_code=True, hub=no_hub)
    assert torch.equal(loaded.model.state_dict()["body.0.bias"], state["module.body.0.bias"])
    assert str(loaded.info.revision).startswith("sha256:")
    del state["module.fc.1.bias"]
    save_file(state, tmp_path / "w.safetensors")
    with pytest.raises(ModelError, match=r"1 missing \(fc.1.bias\)"):
        load_backbone(entry, trust_code=True, hub=no_hub)


@pytest.mark.parametrize(
    ("function", "message"),
    [
        ("absent", r"nets_of_a_test.py has no 'absent'"),
        ("number", r"returned type int, not a torch.nn.Module"),
        ("broken", r"broken\(\) failed: ValueError: no such thing\.( |$)"),
        ("leave", r"leave\(\) failed: SystemExit: 3"),
        ("Net", r"Net\(\) failed: TypeError"),
        ("packed", r"more than tensors for weights: fc._packed_params.dtype. It is quantized"),
    ],
)
def test_factories_that_fail(
    factory: Callable[..., ZooEntry], no_hub: Hub, function: str, message: str
) -> None:
    with pytest.raises(ModelError, match=message) as caught:
        load_backbone(factory(function), trust_code=True, hub=no_hub)
    assert "\n" not in str(caught.value)


def test_modules_that_cannot_be_imported(
    factory: Callable[..., ZooEntry], no_hub: Hub, tmp_path: Path
) -> None:
    absent = factory("make").model_copy(update={"factory": "no_such_module_here:make"})
    with pytest.raises(ModelError, match=r"importing no_such_module_here failed: ModuleNotFound"):
        load_backbone(absent, trust_code=True, hub=no_hub)
    (tmp_path / "half_a_module.py").write_text("def make(:")
    half = absent.model_copy(update={"factory": "half_a_module:make"})
    with pytest.raises(ModelError, match=r"importing half_a_module failed: SyntaxError"):
        load_backbone(half, trust_code=True, hub=no_hub)


def test_code_runs_only_when_trusted(
    factory: Callable[..., ZooEntry], no_hub: Hub, tmp_path: Path
) -> None:
    entry = factory("make", module="untrusted_nets")
    with pytest.raises(ModelError, match=r"runs code of the zoo's author\. Pass --trust-code"):
        load_backbone(entry, hub=no_hub)
    assert describe(entry).cached
    assert "untrusted_nets" not in sys.modules


def test_the_zoo_s_folder_is_importable_for_the_factory_alone(
    factory: Callable[..., ZooEntry], no_hub: Hub, tmp_path: Path
) -> None:
    path = list(sys.path)
    (tmp_path / "neighbour_of_nets.py").write_text("from nets_of_a_test import make")
    assert width_of(factory("neighbour"), no_hub) == 4
    assert sys.path == path


def test_two_zoos_may_name_their_modules_alike(
    factory: Callable[..., ZooEntry], no_hub: Hub, tmp_path: Path
) -> None:
    first = factory("make")
    other = tmp_path / "other"
    other.mkdir()
    (other / "nets_of_a_test.py").write_text(
        NETS.replace("width=4):\n    return", "width=9):\n    return")
    )
    assert width_of(first, no_hub) == 4
    assert width_of(first.model_copy(update={"base": other}), no_hub) == 9
    assert width_of(first, no_hub) == 4


VOLUMES = """
from torch import nn

def net(channels=2):
    return nn.Sequential(nn.Conv3d(channels, 4, 3), nn.BatchNorm3d(4))
"""


def test_networks_of_volumes_take_voxels_as_they_are(tmp_path: Path) -> None:
    (tmp_path / "volume_nets.py").write_text(VOLUMES)
    given: dict[str, Any] = {"name": "v", "factory": "volume_nets:net", "base": tmp_path}
    plain = load_backbone(ZooEntry(**given), trust_code=True, hub=Hub(offline=True))
    assert plain.info.input_size == (2, 96, 96, 96)
    assert (plain.data_config["mean"], plain.data_config["std"]) == ((0, 0), (1, 1))
    assert plain.info.norm_layers == 1
    said = ZooEntry(**given, input_size=(2, 32, 32, 48), mean=(0.5,))
    told = load_backbone(said, trust_code=True, hub=Hub(offline=True))
    assert told.info.input_size == (2, 32, 32, 48)
    assert (told.data_config["mean"], told.data_config["std"]) == ((0.5, 0.5), (1, 1))
