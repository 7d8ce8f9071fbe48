import copy
import json
import os
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import timm
import torch
from safetensors.torch import load, save_file

from acrank.errors import ModelError
from acrank.zoo import Hub, ZooEntry, describe, load_backbone
from acrank.zoo.checkpoints.reading import file_sha256

from .conftest import config_bytes, lcnet, tensors, weights_bytes

Make = Callable[..., ZooEntry]


class Malicious:
    """What an attacker would put in a checkpoint."""

    def __reduce__(self) -> tuple[Any, ...]:
        return os.system, ("touch pwned",)


def features(model: torch.nn.Module, size: int = 32, channels: int = 3) -> torch.Tensor:
    with torch.no_grad():
        images = torch.linspace(-1, 1, 2 * channels * size * size)
        found = model(images.reshape(2, channels, size, size))
    assert isinstance(found, torch.Tensor)
    return found


def test_an_architecture_with_a_checkpoint(arch_entry: Make, no_hub: Hub, tmp_path: Path) -> None:
    digest = file_sha256(arch_entry().path("own.safetensors"))
    entry = arch_entry(sha256=digest, mean=(0.5,), input_size=(3, 96, 96), tags=("a",))
    loaded = load_backbone(entry, hub=no_hub)
    whole = lcnet(7)
    assert loaded.info.params == sum(p.numel() for p in whole.parameters())
    assert loaded.info.revision == f"sha256:{digest[:12]}"
    assert (loaded.info.norm_layers, loaded.info.tags, loaded.info.license) == (27, ("a",), None)
    assert loaded.data_config["mean"] == (0.5, 0.5, 0.5)
    assert loaded.data_config["input_size"] == loaded.info.input_size == (3, 96, 96)
    assert loaded.data_config["interpolation"] == "bicubic"
    assert describe(entry) == loaded.info
    model = loaded.model
    assert not model.training
    assert {p.dtype for p in model.parameters()} == {torch.float32}
    head = copy.deepcopy(whole).eval()
    head.reset_classifier(0)  # type: ignore[operator]
    assert features(model).shape == (2, 1280)
    assert torch.equal(features(model), features(head))
    assert torch.equal(features(copy.deepcopy(model)), features(head))


def test_kwargs_and_channels_reach_the_architecture(no_hub: Hub, tmp_path: Path) -> None:
    network = timm.create_model("resnet18", in_chans=1, num_classes=0, block_args={})
    save_file(network.state_dict(), tmp_path / "w.safetensors")
    entry = ZooEntry(
        name="x",
        arch="resnet18",
        weights="w.safetensors",
        in_chans=1,
        kwargs={"drop_rate": 0.1},
        base=tmp_path,
    )
    loaded = load_backbone(entry, hub=no_hub)
    assert loaded.data_config["input_size"] == (1, 224, 224)
    assert loaded.data_config["mean"] == pytest.approx(((0.485 + 0.456 + 0.406) / 3,))
    assert features(loaded.model, channels=1).shape == (2, 512)
    assert loaded.model.drop_rate == 0.1
    assert describe(entry).params == loaded.info.params


@pytest.mark.parametrize("wrapper", ["state_dict", "model", "state_dict_ema", None])
def test_wrapped_pickles_of_tensors(wrapper: str | None, no_hub: Hub, tmp_path: Path) -> None:
    state: dict[str, Any] = {f"module.{key}": value for key, value in tensors(7).items()}
    torch.save({wrapper: state, "epoch": 3} if wrapper else state, tmp_path / "w.pth")
    entry = ZooEntry(name="x", arch="lcnet_050", weights="w.pth", base=tmp_path)
    loaded = load_backbone(entry, hub=no_hub)
    assert torch.equal(loaded.model.state_dict()["bn1.weight"], tensors(7)["bn1.weight"])
    assert describe(entry) == loaded.info


def test_a_malicious_pickle_is_refused(
    no_hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    torch.save({"state_dict": tensors(7), "extra": Malicious()}, tmp_path / "pytorch_model.bin")
    (tmp_path / "old.pth").write_bytes(pickle.dumps(Malicious()))
    (tmp_path / "config.json").write_bytes(config_bytes())
    sources = (
        {"arch": "lcnet_050", "weights": "pytorch_model.bin"},
        {"arch": "lcnet_050", "weights": "old.pth"},
        {"source": "local-dir:."},
    )
    for source in sources:
        entry = ZooEntry(name="x", base=tmp_path, **source)  # type: ignore[arg-type]
        with pytest.raises(ModelError, match=r"is a pickle with more .*is not opened.*safetensors"):
            load_backbone(entry, hub=no_hub)
        describe(entry)
    assert not (tmp_path / "pwned").exists()


def test_a_missing_or_wrong_file(arch_entry: Make, no_hub: Hub) -> None:
    entry = arch_entry(sha256="ab" * 32)
    found = file_sha256(entry.path("own.safetensors"))[:12]
    with pytest.raises(ModelError, match=f"starts with {found}, the zoo says abababababab"):
        load_backbone(entry, hub=no_hub)
    entry.path("own.safetensors").unlink()
    with pytest.raises(ModelError, match=r"no weights file .*own.safetensors"):
        load_backbone(entry, hub=no_hub)
    described = describe(entry)
    assert (described.cached, described.revision) == (False, None)
    assert described.norm_layers == 27


def test_a_checkpoint_that_does_not_fit(arch_entry: Make, no_hub: Hub) -> None:
    state = tensors(7)
    for key in ("bn1.weight", "bn1.bias", "conv_stem.weight", "classifier.bias"):
        del state[key]
    state["extra.a"] = torch.zeros(1)
    state["conv_head.weight"] = torch.zeros(3, 3)
    with pytest.raises(ModelError) as caught:
        load_backbone(arch_entry(state), hub=no_hub)
    assert (
        "own.safetensors does not fit the network: 4 missing (bn1.bias, bn1.weight, "
        "classifier.bias, ...); 1 unexpected (extra.a); 1 of another shape (conv_head.weight)."
    ) in str(caught.value)


def test_arrays_of_numpy_are_named(no_hub: Hub, tmp_path: Path) -> None:
    entry = ZooEntry(name="x", arch="lcnet_050", weights="w.pth", base=tmp_path)
    arrays = {name: value.numpy() for name, value in tensors(7).items()}
    for content in (arrays, {"state_dict": tensors(7), "best": np.float64(0.3)}):
        torch.save(content, tmp_path / "w.pth")
        with pytest.raises(ModelError, match=r"NumPy's arrays or numbers.*Turn them into tensors"):
            load_backbone(entry, hub=no_hub)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_weights_that_are_not_numbers(arch_entry: Make, no_hub: Hub, value: float) -> None:
    state = tensors(7)
    state["bn1.running_var"][3] = value
    with pytest.raises(ModelError, match=r"NaN or infinite in 1 tensor\(s\): bn1.running_var"):
        load_backbone(arch_entry(state), hub=no_hub)


def test_files_that_are_no_checkpoints(no_hub: Hub, tmp_path: Path) -> None:
    (tmp_path / "cut.safetensors").write_bytes(weights_bytes(7)[:999])
    (tmp_path / "text.pth").write_text("not a checkpoint")
    torch.save({"net": {"a": torch.zeros(1)}, "epoch": 3}, tmp_path / "other.pth")
    torch.save([1, 2], tmp_path / "list.pth")
    torch.save({}, tmp_path / "empty.pth")
    for name, message in (
        ("cut.safetensors", "cut.safetensors cannot be read as a checkpoint"),
        ("text.pth", "text.pth is a pickle|text.pth cannot be read"),
        ("other.pth", r"other.pth does not fit the network: .*It holds: net \(1\)"),
        ("list.pth", "list.pth cannot be read as a checkpoint"),
        ("empty.pth", "empty.pth cannot be read as a checkpoint: it holds no tensors"),
    ):
        entry = ZooEntry(name="x", arch="lcnet_050", weights=name, base=tmp_path)
        with pytest.raises(ModelError, match=message) as caught:
            load_backbone(entry, hub=no_hub)
        assert "\n" not in str(caught.value)


def test_bad_arguments_of_an_architecture(arch_entry: Make, no_hub: Hub) -> None:
    entry = arch_entry(kwargs={"depth": 7})
    with pytest.raises(ModelError, match=r"timm cannot build arch lcnet_050 .* \{'depth': 7\}"):
        load_backbone(entry, hub=no_hub)
    with pytest.raises(ModelError, match="timm cannot build"):
        describe(entry)


def test_a_local_folder(no_hub: Hub, tmp_path: Path) -> None:
    folder = tmp_path / "nets"
    folder.mkdir()
    entry = ZooEntry(name="x", source="local-dir:nets", base=tmp_path)
    with pytest.raises(ModelError, match=r"There is no config.json in .*nets"):
        load_backbone(entry, hub=no_hub)
    assert describe(entry).params == 0
    (folder / "config.json").write_bytes(config_bytes())
    with pytest.raises(ModelError, match=r"There is no model.safetensors in .*nets"):
        load_backbone(entry, hub=no_hub)
    (folder / "model.safetensors").write_bytes(weights_bytes(7))
    loaded = load_backbone(entry, hub=no_hub)
    assert loaded.info.revision == f"sha256:{file_sha256(folder / 'model.safetensors')[:12]}"
    assert loaded.data_config["input_size"] == (3, 96, 96)
    assert describe(entry) == loaded.info
    stem = load(weights_bytes(7))["conv_stem.weight"]
    assert torch.equal(loaded.model.state_dict()["conv_stem.weight"], stem)
    (folder / "config.json").write_text(json.dumps({"architecture": "nothing"}))
    with pytest.raises(ModelError, match="Unknown model"):
        load_backbone(entry, hub=no_hub)


def test_weights_known_by_url_alone(
    no_hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path))
    entry = ZooEntry(name="hardcorenas_a")
    monkeypatch.setattr("acrank.zoo.sources.timm.get_pretrained_cfg", _by_url)
    assert not describe(entry).cached
    with pytest.raises(ModelError, match=r"not in the local cache .*w.pth\), and this run is off"):
        load_backbone(entry, hub=no_hub)


def _by_url(name: str) -> Any:
    cfg: Any = timm.models.get_pretrained_cfg(name)
    cfg.hf_hub_id, cfg.url = None, "https://example.org/w.pth"
    return cfg


def test_a_name_that_timm_does_not_know_is_a_model_error(no_hub: Hub) -> None:
    with pytest.raises(ModelError, match="timm has no pretrained model called 'nothing_50'"):
        load_backbone(ZooEntry(name="nothing_50"), hub=no_hub)
