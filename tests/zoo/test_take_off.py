"""Heads of networks that are not timm's, found by what makes the output."""

from typing import Any

import pytest
import timm
import torch
from torch import Tensor, nn

from acrank.errors import ModelError
from acrank.finetuning.network import frozen_copy
from acrank.zoo import Backbone, Hub, ZooEntry, load_backbone
from acrank.zoo.heads.ending import find_ending
from acrank.zoo.heads.removal import CHOSEN, OUTPUTS, head_name, take_off_head
from acrank.zoo.wrappers import with_hooks
from tests.zoo import own_networks

# PyTorch would have its users leave TorchScript behind, and they have not.
pytestmark = pytest.mark.filterwarnings("ignore:.torch.jit:FutureWarning")
SIZE = (3, own_networks.SIDE, own_networks.SIDE)


def load(function: str, hub: Hub, classifier: str | None = None, **kwargs: Any) -> Backbone:
    entry = ZooEntry(
        name="x",
        factory=f"tests.zoo.own_networks:{function}",
        kwargs=kwargs,
        input_size=SIZE,
        classifier=classifier,
    )
    return load_backbone(entry, trust_code=True, hub=hub)


def images() -> Tensor:
    return torch.rand(4, *SIZE, generator=torch.Generator().manual_seed(0))


def features() -> Tensor:
    with torch.no_grad():
        found: Tensor = own_networks.body().eval()(images())
    return found


# Each is the plain network in another form: it must give the same features and the same head.
EQUAL: list[tuple[str, dict[str, Any]]] = [
    *[("plain", {"name": name}) for name in ("fc", "_fc", "last_linear", "heads", "cls_head")],
    *[(name, {}) for name in ("sequential", "nested", "parallel", "compiled", "averaged")],
    *[(name, {}) for name in ("compiled_in_place", "wrapped_inside", "Silent", "double")],
    *[(name, {}) for name in ("frozen", "Misleading", "Interface", "Alias", "traced_inside")],
    *[(name, {}) for name in ("Softmax", "Scaled", "NoGradients", "QuietProbabilities")],
    *[("OneByOne", {"late": late, "flat": flat}) for late, flat in ((0, 0), (0, 1), (1, 0))],
    *[("Several", {"kind": kind}) for kind in ("dict", "ModelOutput", "list")],
    ("Writing", {}),
]


@pytest.mark.parametrize(("function", "kwargs"), EQUAL)
def test_whatever_its_form_a_network_gives_its_features(
    function: str, kwargs: dict[str, Any], no_hub: Hub
) -> None:
    loaded = load(function, no_hub, **kwargs)
    assert loaded.flags == {}
    assert not any(module.training for module in loaded.model.modules())
    with torch.no_grad():
        found = loaded.model(images())
    torch.testing.assert_close(found, features())
    assert isinstance(loaded.head, nn.Linear)
    with torch.no_grad():
        torch.testing.assert_close(loaded.head(found.clone()), own_networks.head()(features()))


@pytest.mark.parametrize("function", ["Softmax", "plain", "sequential", "Several"])
def test_a_head_that_is_named_is_taken_off_alike(function: str, no_hub: Hub) -> None:
    kwargs = {"kind": "dict"} if function == "Several" else {}
    loaded = load(function, no_hub, "9" if function == "sequential" else "fc", **kwargs)
    torch.testing.assert_close(loaded.model(images()), features())
    assert loaded.flags == {}


def test_several_outputs_are_said(no_hub: Hub) -> None:
    loaded = load("Several", no_hub, kind="tuple")
    torch.testing.assert_close(loaded.model(images()), features())
    assert loaded.flags == {CHOSEN: "the first of 2 outputs"}
    assert loaded.flags_of_maps == {}


@pytest.mark.parametrize(
    ("kind", "flags"), [("pooled", {}), ("maps", {CHOSEN: "the coarsest of 2 maps"})]
)
def test_backbones_that_give_more_than_vectors(
    kind: str, flags: dict[str, str], no_hub: Hub
) -> None:
    loaded = load("Backbone", no_hub, kind=kind)
    torch.testing.assert_close(loaded.model(images()), features())
    assert loaded.flags == flags
    assert loaded.head is None


def test_features_alone_are_nothing_to_speak_of(no_hub: Hub) -> None:
    loaded = load("headless", no_hub)
    torch.testing.assert_close(loaded.model(images()), features())
    assert (loaded.flags, loaded.head) == ({}, None)


@pytest.mark.parametrize(
    ("function", "said"),
    [
        ("traced", "its 5 outputs are taken as features; give the network untraced"),
        ("Functional", "its 5 outputs are taken as features; no single layer makes them, 'cl"),
        ("TwoHeads", "its 7 outputs are taken as features; no single layer makes them, 'cl"),
        ("NormedLogits", "its 5 outputs are taken as features; no single layer makes them, 'cl"),
        ("Clinging", "the outputs are taken as features; what follows fc needs them"),
    ],
)
def test_outputs_that_may_be_class_scores_are_flagged(
    function: str, said: str, no_hub: Hub
) -> None:
    loaded = load(function, no_hub)
    assert list(loaded.flags) == [OUTPUTS]
    assert loaded.flags[OUTPUTS].startswith(f"no head to take off: {said}")
    assert loaded.flags_of_maps == {}
    assert loaded.head is None
    whole = getattr(own_networks, function)().eval()
    torch.testing.assert_close(loaded.model(images()), whole(images()))


def test_maps_as_large_as_the_images_are_flagged(no_hub: Hub) -> None:
    loaded = load("Pixelwise", no_hub)
    assert "its 5 maps are as large as the images, as in segmentation" in loaded.flags[OUTPUTS]
    assert OUTPUTS not in loaded.flags_of_maps


def test_scripts_take_no_hooks_and_are_flagged_too() -> None:
    whole = nn.Sequential(*own_networks.body(), own_networks.head()).eval()
    for script in (torch.jit.script(whole), torch.jit.freeze(torch.jit.script(whole))):
        model = with_hooks(script)
        head, flags = take_off_head(model, None, SIZE)
        assert head is None
        assert "5 outputs" in flags[OUTPUTS]
        torch.testing.assert_close(model(images()), whole(images()))


def test_images_stay_as_they_are(no_hub: Hub) -> None:
    model = load("Writing", no_hub).model
    given = images()
    model(given)
    assert torch.equal(given, images())


@pytest.mark.parametrize("function", ["Softmax", "Writing", "parallel"])
def test_copies_work_by_themselves(function: str, no_hub: Hub) -> None:
    model = load(function, no_hub).model
    copied = frozen_copy(model)
    nn.init.zeros_(model.get_parameter("body.0.weight"))
    torch.testing.assert_close(copied(images()), features())
    assert not torch.allclose(model(images()), features())


def test_tensors_without_numbers_are_an_error(no_hub: Hub) -> None:
    with pytest.raises(ModelError, match=r"16 tensor\(s\) .* device 'meta'.*assign=True"):
        load("without_numbers", no_hub)


def test_a_pass_says_what_it_can_and_changes_nothing() -> None:
    model = own_networks.Net("top").train()
    state = {name: value.clone() for name, value in model.state_dict().items()}
    ending = find_ending(model, SIZE)
    assert ending is not None
    assert (ending.head, ending.bare, ending.unclear) == ("top", True, "")
    assert all(torch.equal(value, state[name]) for name, value in model.state_dict().items())
    assert all(parameter.grad is None for parameter in model.parameters())
    assert not model.get_submodule("top")._forward_hooks
    assert find_ending(model, (1, 16, 16)) is None
    assert find_ending(model, (3, 16, 16, 16)) is None
    assert head_name(model, SIZE) == "top"
    assert head_name(own_networks.Net("fc"), SIZE) is None
    with torch.device("meta"):
        outline = own_networks.Net("top")
    assert head_name(outline, SIZE) == "top"


def test_a_stack_of_linear_layers_is_one_head() -> None:
    stack = nn.Sequential(nn.Linear(8, 6), nn.ReLU(), nn.Dropout(), nn.Linear(6, 5))
    for name in ("fc", "projector"):
        model = own_networks.Net(name)
        setattr(model, name, stack)
        head, flags = take_off_head(model.eval(), None, SIZE)
        assert (head, flags) == (stack, {})
        torch.testing.assert_close(model(images()), features())


def test_a_network_of_linear_layers_keeps_all_but_the_last() -> None:
    model = nn.Sequential(
        nn.Flatten(), nn.Sequential(nn.Linear(768, 6), nn.ReLU(), nn.Linear(6, 5))
    )
    head, _ = take_off_head(model, None, SIZE)
    assert isinstance(head, nn.Linear)
    assert model(images()).shape == (4, 6)


def test_timm_s_word_holds_for_its_own_networks() -> None:
    model = timm.create_model("test_resnet", num_classes=5)
    expected = model.get_classifier()  # type: ignore[operator]
    head, flags = take_off_head(model, None, (3, 32, 32))
    assert head is expected
    assert flags == {}
