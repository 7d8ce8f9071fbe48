"""timm's own conversions of a checkpoint, for ``arch`` and ``weights`` as for a folder."""

import re
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
import timm
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from acrank.errors import ModelError
from acrank.zoo import Backbone, Hub, ZooEntry, describe, load_backbone
from acrank.zoo.checkpoints.conversions import watched_build
from acrank.zoo.files.checking import Checker

Load = Callable[..., Backbone]


def made(arch: str, **kwargs: Any) -> nn.Module:
    torch.manual_seed(1)
    model: nn.Module = timm.create_model(arch, num_classes=7, **kwargs)
    return model


def as_timm_loads(arch: str, state: Mapping[str, Tensor], size: int, **kwargs: Any) -> nn.Module:
    """What timm makes of a checkpoint that its configuration describes."""
    overlay = {"state_dict": dict(state), "num_classes": 7, "input_size": (3, size, size)}
    model: nn.Module = timm.create_model(
        arch, pretrained=True, pretrained_cfg_overlay=overlay, num_classes=7, **kwargs
    )
    return model


@pytest.fixture
def load(no_hub: Hub, tmp_path: Path) -> Load:
    def run(arch: str, content: object, **fields: Any) -> Backbone:
        torch.save(content, tmp_path / "w.pth")
        described = {"name": "x", "arch": arch, "weights": "w.pth", "base": tmp_path, **fields}
        entry = ZooEntry.model_validate(described)
        loaded = load_backbone(entry, hub=no_hub)
        assert describe(entry, hub=no_hub).params == loaded.info.params
        assert Checker(no_hub)(entry).errors == []
        return loaded

    return run


def same(model: nn.Module, wanted: nn.Module) -> bool:
    ours, theirs = model.state_dict(), wanted.state_dict()
    return all(torch.equal(value, theirs[name]) for name, value in ours.items())


@pytest.mark.parametrize("lead", ["", "module.", "backbone."])
def test_position_embeddings_of_another_size(load: Load, lead: str) -> None:
    state = dict(made("test_vit").state_dict())
    loaded = load("test_vit", {f"{lead}{k}": v for k, v in state.items()}, input_size=96)
    assert loaded.flags["converted-weights"] == "pos_embed of 1x101x64 made 1x37x64, as timm does"
    assert same(loaded.model, as_timm_loads("test_vit", state, 160, img_size=96))
    assert loaded.head is not None


def test_a_first_convolution_of_other_channels(load: Load) -> None:
    gray, colour = (dict(made("test_resnet", in_chans=n).state_dict()) for n in (1, 3))
    spread = load("test_resnet", gray)
    weight = spread.model.state_dict()["conv1.0.weight"]
    assert torch.allclose(weight, gray["conv1.0.weight"].expand(-1, 3, -1, -1) / 3)
    said = "conv1.0.weight of 16x1x3x3 made 16x3x3x3, as timm does"
    assert spread.flags == {"converted-weights": said}
    folded = load("test_resnet", colour, in_chans=1)
    assert same(folded.model, as_timm_loads("test_resnet", colour, 160, in_chans=1))
    assert "made 16x1x3x3" in folded.flags["converted-weights"]
    # a part of a network is no reason to leave its first layer random
    assert load("test_resnet", gray, partial=True).flags == spread.flags


def test_names_of_the_authors_own_files(load: Load) -> None:
    model = made("test_convnext")
    theirs = {_convnext_name(name): value for name, value in model.state_dict().items()}
    assert "downsample_layers.1.1.weight" in theirs
    for content in (
        theirs,
        {"model": theirs},
        {"a": {f"module.{k}": v for k, v in theirs.items()}},
    ):
        loaded = load("test_convnext", content)
        assert same(loaded.model, model)
        assert "tensors renamed, as timm does" in loaded.flags["converted-weights"]


def test_several_that_fit_so_are_told_apart(load: Load) -> None:
    theirs = {_convnext_name(k): v for k, v in made("test_convnext").state_dict().items()}
    with pytest.raises(ModelError, match=r"equally well: a \(\d+\), b \(\d+\)\. .* key: a\."):
        load("test_convnext", {"a": theirs, "b": theirs})
    assert (
        "renamed"
        in load("test_convnext", {"a": theirs, "b": theirs}, key="b").flags["converted-weights"]
    )


def _convnext_name(name: str) -> str:
    name = name.replace("stem.", "downsample_layers.0.")
    name = re.sub(r"stages\.(\d+)\.downsample\.(\d+)", r"downsample_layers.\1.\2", name)
    name = re.sub(r"stages\.(\d+)\.blocks\.(\d+)", r"stages.\1.\2", name)
    name = name.replace("conv_dw", "dwconv").replace("mlp.fc", "pwconv")
    return name.replace("head.fc.", "head.").replace("head.norm", "norm")


def test_old_names_of_torchvision(load: Load) -> None:
    small = {"growth_rate": 4, "block_config": [1, 1, 1, 1]}
    model = made("densenet121", **small)
    old = {
        re.sub(r"(denselayer\d+\.(?:norm|conv))(\d)\.", r"\1.\2.", name): value
        for name, value in model.state_dict().items()
        if "num_batches" not in name
    }
    assert "features.denseblock1.denselayer1.norm.1.weight" in old
    assert same(load("densenet121", old, kwargs=small).model, model)


def test_what_fits_as_it_is_is_left_alone(load: Load) -> None:
    model = made("test_vit")
    loaded = load("test_vit", model.state_dict())
    assert loaded.flags == {}
    assert same(loaded.model, model)


def test_a_factory_is_told_of_channels_and_sizes(no_hub: Hub, tmp_path: Path) -> None:
    (tmp_path / "converted.py").write_text(
        "import timm\ndef make(arch, **kw): return timm.create_model(arch, num_classes=7, **kw)\n"
    )
    for arch, kwargs, hint in (
        ("test_resnet", {"in_chans": 1}, r"images of 3 channel\(s\), the network of 1: set in_ch"),
        ("test_vit", {"img_size": 96}, "of another size: set input_size, or img_size in kwargs"),
    ):
        save_file(made(arch).state_dict(), tmp_path / "w.safetensors")
        fields: dict[str, Any] = {"factory": "converted:make", "kwargs": {"arch": arch, **kwargs}}
        fields |= {"name": "x", "weights": "w.safetensors", "base": tmp_path}
        with pytest.raises(ModelError, match=hint) as caught:
            load_backbone(ZooEntry.model_validate(fields), trust_code=True, hub=no_hub)
        assert "partial" not in str(caught.value)


def test_another_thread_loads_weights_meanwhile() -> None:
    state = made("test_vit").state_dict()
    found: list[nn.Module] = []
    with watched_build() as filters:
        other = threading.Thread(
            target=lambda: found.append(as_timm_loads("test_vit", state, 160)), daemon=True
        )
        other.start()
        other.join()
        assert filters == []
        timm.create_model("test_vit", pretrained=True)
    assert same(found[0], made("test_vit"))
    assert len(filters) == 1


def test_channels_beyond_three_are_not_dropped(load: Load) -> None:
    state = made("test_resnet", in_chans=6).state_dict()
    with pytest.raises(ModelError, match=r"of 6 channel\(s\), the network of 3; only 1 or 3"):
        load("test_resnet", state)


def test_what_timm_leaves_out_is_said(load: Load) -> None:
    small = {"embed_dim": 12, "depths": [1] * 4, "num_heads": [1] * 4}
    state = dict(made("swin_tiny_patch4_window7_224", **small).state_dict())
    state["layers.1.blocks.0.attn_mask"] = torch.zeros(3, 49, 49)
    state["layers.1.blocks.0.attn.relative_position_index"] = torch.zeros(49, 49)
    loaded = load("swin_tiny_patch4_window7_224", state, kwargs=small)
    assert loaded.flags == {"converted-weights": "2 tensor(s) left out, as timm does"}
