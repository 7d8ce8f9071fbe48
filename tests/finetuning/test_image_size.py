"""Fine-tuning on images of another size than the network's own."""

import json
from pathlib import Path
from typing import Any

import pytest
import timm
import torch
from safetensors.torch import save_file
from timm.data.config import resolve_model_data_config

import acrank
from acrank.errors import NotScoredError
from acrank.finetuning.config import make_finetune_config
from acrank.finetuning.run import finetune
from acrank.finetuning.state import OtherFinetuningError
from acrank.zoo import Hub, ZooEntry, load_backbone

FAST: dict[str, Any] = {"samples": 40, "epochs": 1, "batch_size": 16, "precision": "fp32"}
DEMO: dict[str, Any] = {"data": "demo", "zoo": "demo", "model": "demo-mixed", **FAST}


def test_the_folder_has_the_size_that_it_was_trained_at(tmp_path: Path) -> None:
    done = acrank.finetune(output=tmp_path / "out", image_size=41, **DEMO)
    assert done.record["config"]["image_size"] == 41
    described = json.loads((tmp_path / "out" / "config.json").read_text())
    assert described["pretrained_cfg"]["input_size"] == [3, 41, 41]
    entry = ZooEntry(name="out", source=f"local-dir:{tmp_path / 'out'}")
    again = load_backbone(entry, hub=Hub(offline=True))
    assert again.own_size == (3, 41, 41)


@pytest.mark.parametrize("size", [64, 112])
def test_timm_alone_loads_a_transformer_at_its_new_size(size: int, tmp_path: Path) -> None:
    torch.manual_seed(0)
    save_file(timm.create_model("test_vit", num_classes=7).state_dict(), tmp_path / "w.safetensors")
    zoo = tmp_path / "zoo.yaml"
    zoo.write_text("version: 1\nmodels:\n- {name: vit, arch: test_vit, weights: w.safetensors}\n")
    said: list[str] = []
    settings = {**DEMO, "zoo": str(zoo), "model": "vit", "image_size": size}
    done = finetune(make_finetune_config(settings), tmp_path / "out", note=said.append)
    assert f"images at {size} pixels, not the network's own 160" in said
    model = timm.create_model(f"local-dir:{done.folder}", pretrained=True)
    resolve: Any = resolve_model_data_config
    assert resolve(model)["input_size"] == (3, size, size)
    assert model.eval()(torch.zeros(2, 3, size, size)).shape[0] == 2


def test_another_size_is_another_fine_tuning(tmp_path: Path) -> None:
    first = finetune(make_finetune_config(DEMO), tmp_path)
    assert finetune(make_finetune_config({**DEMO, "image_size": None}), tmp_path).kept
    for size in (48, 256):
        with pytest.raises(OtherFinetuningError):
            finetune(make_finetune_config({**DEMO, "image_size": size}), tmp_path)
    assert first.record["config"]["image_size"] is None


def test_a_network_that_does_not_take_the_size_says_why(tmp_path: Path) -> None:
    zoo = tmp_path / "zoo.yaml"
    zoo.write_text(
        'version: 1\nmodels:\n- {name: rigid, factory: "tests.zoo.test_image_size:rigid"}\n'
    )
    settings = {**DEMO, "zoo": str(zoo), "model": "rigid", "image_size": 40, "trust_code": True}
    with pytest.raises(NotScoredError, match="does not take images of 40 pixels"):
        finetune(make_finetune_config(settings), tmp_path / "out")
