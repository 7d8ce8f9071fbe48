"""Checkpoints that fill a part of a network."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from acrank.errors import ModelError, ZooError
from acrank.norm import convert_batchnorm, fold
from acrank.scoring.norms import norm_layers
from acrank.zoo import Backbone, Hub, Zoo, ZooEntry, load_backbone
from acrank.zoo.checkpoints.fit import find_fit
from acrank.zoo.files.checking import Checker

NETS = """
from torch import nn

def make(classes=3):
    block = lambda a, b: nn.Sequential(nn.Conv2d(a, b, 3), nn.BatchNorm2d(b), nn.ReLU())
    net = nn.Sequential()
    net.first, net.second = block(3, 4), block(4, 8)
    net.pool = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten())
    net.fc = nn.Linear(8, classes)
    return net

class Twice(nn.Module):
    def __init__(self):
        super().__init__()
        self.one = make()
        self.other = nn.ModuleList([self.one.first])
    def forward(self, x): return self.one(x)
"""
FIRST = 3 * 4 * 9 + 4 + 8
SECOND = 4 * 8 * 9 + 8 + 16
Load = Callable[..., Backbone]


def whole() -> nn.Module:
    namespace: dict[str, Any] = {}
    exec(NETS, namespace)
    torch.manual_seed(1)
    made: nn.Module = namespace["make"]()
    for parameter in made.parameters():
        nn.init.normal_(parameter)
    return made


def part_of(state: Mapping[str, Tensor], *starts: str, prefix: str = "") -> dict[str, Tensor]:
    return {prefix + n: v.clone() for n, v in state.items() if n.startswith(starts)}


@pytest.fixture
def state() -> dict[str, Tensor]:
    return dict(whole().state_dict())


@pytest.fixture
def load(no_hub: Hub, tmp_path: Path) -> Load:
    def run(
        state: dict[str, Tensor], function: str = "make", *, allow: bool = False, **fields: Any
    ) -> Backbone:
        (tmp_path / "partly.py").write_text(NETS)
        save_file(state, tmp_path / "w.safetensors")
        named = {"name": "x", "factory": f"partly:{function}", "weights": "w.safetensors"}
        entry = ZooEntry.model_validate({**named, "partial": True, **fields, "base": tmp_path})
        return load_backbone(entry, trust_code=True, hub=no_hub, allow_partial=allow)

    return run


def test_what_fits_is_loaded_and_the_share_is_told(load: Load, state: dict[str, Tensor]) -> None:
    given = part_of(state, "second") | {"third.weight": torch.ones(2)}
    given["fc.weight"] = torch.ones(9, 8)
    loaded = load(given, allow=True)
    share = 100 * SECOND / (FIRST + SECOND)
    assert loaded.flags == {
        "partly-loaded": f"{share:.3g} % of the parameters, 6 of 14 tensors; 2 of the "
        "checkpoint's not used; 1 of 2 BatchNorm layers left out",
        "fresh-first-layer": "first.0 is as it was drawn",
    }
    assert torch.equal(loaded.model.state_dict()["second.0.weight"], state["second.0.weight"])
    assert loaded.head is None  # its tensors are not the source's


def test_fresh_layers_are_not_scored(load: Load, state: dict[str, Tensor]) -> None:
    model = load(part_of(state, "second"), allow=True).model
    assert set(norm_layers(model)) == {"second.1"}
    conversion = convert_batchnorm(model)
    assert conversion.converted == ("second.1",)
    assert conversion.skipped == {"first.1": "not in the checkpoint"}


def test_fresh_layers_are_the_same_each_time(load: Load, state: dict[str, Tensor]) -> None:
    torch.manual_seed(5)
    one = load(part_of(state, "second"), allow=True)
    two = load(part_of(state, "second"), allow=True)
    weights = [loaded.model.state_dict()["first.0.weight"] for loaded in (one, two)]
    assert torch.equal(*weights)


def test_below_half_is_refused_unless_allowed(load: Load, state: dict[str, Tensor]) -> None:
    share = f"{100 * FIRST / (FIRST + SECOND):.3g} % of the parameters"
    with pytest.raises(ModelError, match=rf"less than half .*{share}.*--allow-partial"):
        load(part_of(state, "first"))
    assert share in load(part_of(state, "first"), allow=True).flags["partly-loaded"]
    with pytest.raises(ModelError, match="fits no tensor of the network"):
        load({"other": torch.ones(1)}, allow=True)


def test_running_statistics_are_no_small_part(load: Load, state: dict[str, Tensor]) -> None:
    parameters = {k: v for k, v in state.items() if "running" not in k and "num_batch" not in k}
    with pytest.raises(ModelError, match=r"no running statistics for 2 norm layers .*first.1, sec"):
        load(parameters)
    with pytest.raises(ModelError, match=r"4 missing .*Save model.state_dict\(\)") as caught:
        load(parameters, partial=False)
    assert "partial" not in str(caught.value)
    loaded = load(parameters, allow=True)
    said = "2 norm layers at mean 0, variance 1: first.1, second.1"
    assert loaded.flags == {"no-running-statistics": said}
    one = {name: value for name, value in state.items() if name != "second.1.running_var"}
    with pytest.raises(ModelError, match=r"no running statistics for 1 norm layers .*second.1"):
        load(one)


def test_the_first_layer_is_no_small_part(load: Load, state: dict[str, Tensor]) -> None:
    given = {name: value for name, value in state.items() if name != "first.0.weight"}
    with pytest.raises(ModelError, match=r"nothing for the network's first layer, first.0: all"):
        load(given)
    assert load(given, allow=True).flags["fresh-first-layer"] == "first.0 is as it was drawn"
    with pytest.raises(ModelError, match="1 missing") as caught:
        load(given, partial=False)
    assert "partial" not in str(caught.value)


@pytest.mark.parametrize("dtype", [torch.int8, torch.uint8, torch.bool, torch.int64])
@pytest.mark.parametrize("partial", [True, False])
def test_whole_numbers_are_no_weights(
    load: Load, state: dict[str, Tensor], dtype: torch.dtype, partial: bool
) -> None:
    state["second.0.weight"] = (100 * state["second.0.weight"]).to(dtype)
    state["second.0.weight_scale"] = torch.ones(8)
    kind = str(dtype).removeprefix("torch.")
    with pytest.raises(ModelError, match=rf"holds {kind} for 1 of .*: second.0.weight. It is quan"):
        load(state, partial=partial)


def test_eight_bit_floats_are_no_weights(load: Load, state: dict[str, Tensor]) -> None:
    state["second.0.weight"] = state["second.0.weight"].to(torch.float8_e4m3fn)
    with pytest.raises(ModelError, match=r"holds float8_e4m3fn for 1 of the network's floating"):
        load(state)


def test_whole_numbers_of_the_network_itself_are_fine(load: Load, state: dict[str, Tensor]) -> None:
    state["first.1.num_batches_tracked"] = torch.tensor(7)
    assert load(state).model.state_dict()["first.1.num_batches_tracked"] == 7
    half = {
        name: value.half() if value.is_floating_point() else value for name, value in state.items()
    }
    assert load(half).flags == {}


def test_a_missing_head_is_no_missing_part(load: Load, state: dict[str, Tensor]) -> None:
    loaded = load(part_of(state, "first", "second"))
    assert (loaded.flags, loaded.head) == ({}, None)
    assert load(state).head is not None


def test_without_the_word_a_misfit_is_an_error(load: Load, state: dict[str, Tensor]) -> None:
    with pytest.raises(ModelError, match=r"2 missing \(fc.bias.*It fills 100 %: partial: true"):
        load(part_of(state, "first", "second"), partial=False)


@pytest.mark.parametrize("prefix", ["encoder.", "model.net.", "module.backbone."])
@pytest.mark.parametrize("partial", [True, False])
def test_prefixes_are_taken_off(
    load: Load, state: dict[str, Tensor], prefix: str, partial: bool
) -> None:
    loaded = load({prefix + name: value for name, value in state.items()}, partial=partial)
    left = prefix.removeprefix("module.")  # which is taken off of any checkpoint
    assert loaded.flags == {"renamed-weights": f"'{left}' taken off the names"}


def test_prefixes_are_put_before(state: dict[str, Tensor]) -> None:
    model = nn.Module()
    model.encoder = whole()
    model.decoder = nn.Conv2d(8, 2, 1)
    fit = find_fit(model, state, None)
    assert fit.renamed == "'encoder.' put before the names"
    assert fit.loads["encoder.fc.bias"] is state["fc.bias"]
    assert 0.9 < fit.share < 1


def test_two_names_never_become_one() -> None:
    model = nn.Sequential(nn.Linear(2, 2))
    state = {
        "net.0.weight": torch.ones(2, 2),
        "0.weight": torch.ones(2, 2),
        "0.bias": torch.ones(2),
    }
    fit = find_fit(model, state, None)
    assert (fit.renamed, fit.share, fit.unused) == ("", 1.0, 1)


def test_a_layer_in_two_places_needs_one_name(load: Load, state: dict[str, Tensor]) -> None:
    given = part_of(state, "", prefix="one.")
    loaded = load(given, "Twice", partial=False)
    assert loaded.flags == {}
    assert set(norm_layers(loaded.model)) == {"one.first.1", "one.second.1"}


def test_a_zoo_is_checked_by_the_same_rule(
    load: Load, no_hub: Hub, tmp_path: Path, state: dict[str, Tensor]
) -> None:
    load(part_of(state, "second"), allow=True)
    fields = {"name": "x", "factory": "partly:make", "weights": "w.safetensors", "base": tmp_path}
    check = Checker(no_hub, trust_code=True)
    partly = check(ZooEntry.model_validate({**fields, "partial": True}))
    assert any(said.startswith("partly loaded: ") for said in partly.warnings)
    assert "first layer, first.0: all features" in partly.warnings[0]
    assert check(ZooEntry.model_validate(fields)).status == "error"


def test_it_is_a_word_of_the_zoo_file(zoo_of: Callable[[str], Zoo]) -> None:
    text = "version: 1\nmodels:\n  - {name: x, arch: resnet18, weights: w, partial: %s}\n"
    assert zoo_of(text % "true").entries[0].partial
    with pytest.raises(ZooError, match=r"line 3, models\[0\].partial: must be true or false"):
        zoo_of(text % "half")
    with pytest.raises(ZooError, match="partial needs weights"):
        zoo_of("version: 1\nmodels:\n  - {name: resnet18, partial: true}\n")


def test_a_3d_resnet_in_the_layout_of_medicalnet(no_hub: Hub, tmp_path: Path) -> None:
    nets = pytest.importorskip("monai.networks.nets", reason="needs MONAI (extra medical)")
    # of a wrapped network, without the classes' layer, and with layers of a decoder
    kwargs = {"spatial_dims": 3, "n_input_channels": 1, "shortcut_type": "A", "num_classes": 2}
    network = nets.resnet10(**kwargs)
    state = {f"module.{n}": v for n, v in network.state_dict().items() if not n.startswith("fc")}
    assert "module.layer4.0.bn1.weight" in state
    state["module.conv_seg.0.weight"] = torch.ones(2)
    torch.save({"state_dict": state}, tmp_path / "resnet_10.pth")
    described = {"name": "x", "factory": "monai.networks.nets:resnet10", "kwargs": kwargs}
    entry = ZooEntry.model_validate(
        {**described, "weights": "resnet_10.pth", "partial": True, "base": tmp_path}
    )
    loaded = load_backbone(entry, trust_code=True, hub=no_hub)
    assert (loaded.flags, loaded.head) == ({}, None)
    assert len(norm_layers(loaded.model)) == loaded.info.norm_layers == 9
    with torch.no_grad():
        assert loaded.model(torch.zeros(1, 1, 16, 16, 16)).shape == (1, 512)


def test_what_to_do_is_true_of_what_does_not_fit(load: Load, state: dict[str, Tensor]) -> None:
    more = {**state, "projector.weight": torch.ones(2, 2)}
    with pytest.raises(ModelError, match=r"1 unexpected.*all of the network and more: partial: tr"):
        load(more, partial=False)
    assert load(more).flags == {}
    deeper = {**state, "first.3.weight": torch.ones(2, 2)}
    with pytest.raises(ModelError, match="Check arch, kwargs or factory"):
        load(deeper, partial=False)
    said = "1 tensor(s) of a larger network not used (first.3.weight)"
    assert load(deeper).flags == {"checkpoint-part": said}
    half = part_of(state, "first") | {"second.1.weight": state["second.1.weight"]}
    with pytest.raises(ModelError, match=r"6 missing .*Check arch") as caught:
        load(half | {"second.1.bias": state["second.1.bias"]}, partial=False)
    assert "named_parameters" not in str(caught.value)
    assert "partial" not in str(caught.value)  # less than half, which partial: true refuses too


@pytest.mark.parametrize("partial", [False, True])
def test_what_ac_norm_was_trained_to_is_not_left_out(
    load: Load, state: dict[str, Tensor], partial: bool
) -> None:
    network = whole()
    convert_batchnorm(network)
    with pytest.raises(ModelError, match=r"AC-Norm layers \(first.1.*fold\(model\)") as caught:
        load(dict(network.state_dict()), partial=partial)
    assert "partial" not in str(caught.value)
    assert load(dict(fold(network).state_dict()), partial=partial).flags == {}
