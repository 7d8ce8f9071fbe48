from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import timm
import torch
from torch import nn

from acrank.config import RunConfig
from acrank.data import draw_sample, open_target
from acrank.errors import ConfigError
from acrank.results import ModelResult
from acrank.scoring.score import score_backbone
from acrank.utils.device import _has_bf16, choose_autocast, choose_device
from acrank.zoo import Backbone, Hub, ZooEntry, load_backbone
from acrank.zoo.description import entry_info
from tests.norm.test_convert import randomise
from tests.shared_networks import shared_entry

CONFIG = RunConfig(data="demo", samples=16, batch_size=8, rank_by="ac_corr")
CPU = torch.device("cpu")


def small_backbone(change: Callable[[nn.Module], None] = lambda model: None) -> Backbone:
    model = timm.create_model("resnet18", num_classes=0, channels=[8, 8, 8, 8], layers=[1, 1, 1, 1])
    randomise(model)
    change(model)
    entry = ZooEntry(name="small", arch="resnet18", weights="none")
    config = {
        "input_size": (3, 32, 32),
        "interpolation": "bicubic",
        "crop_pct": 1.0,
        "crop_mode": "center",
        "mean": (0.5, 0.5, 0.5),
        "std": (0.5, 0.5, 0.5),
    }
    return Backbone(entry, model, config, entry_info(entry, model, revision=None, cached=True))


def scored(backbone: Backbone, **settings: Any) -> ModelResult:
    config = CONFIG.model_copy(update=settings)
    sample = draw_sample(open_target("demo"), config.samples, config.batch_size, config.seed)
    return score_backbone(backbone, sample, config, CPU).judged_by(config.rank_by)


def test_a_result_has_scores_layers_and_what_is_known() -> None:
    result = scored(small_backbone())
    assert result.status == "ok"
    assert all(len(estimate.trials) == 2 for estimate in result.scores.values())
    assert (result.norm_layers, result.norm_channels) == (len(result.layers), 64 + 12 * 8)
    assert result.flags == {}
    mean = sum(layer.kept_sum for layer in result.layers) / len(result.layers)
    assert result.value("ac_corr") == pytest.approx(mean)


@pytest.mark.parametrize("steps", [1, 3])
def test_probing_leaves_the_global_generator_alone(steps: int) -> None:
    """The next network is made in another thread meanwhile, and may draw its weights from it."""
    backbone = small_backbone()
    before = torch.get_rng_state()
    scored(backbone, steps=steps, metrics=("all", "bn_probe", "gradient_ratio"))
    assert torch.equal(torch.get_rng_state(), before)


def test_dead_channels_are_flagged_and_do_not_raise_the_score() -> None:
    def kill(model: nn.Module) -> None:
        for module in model.modules():
            if isinstance(module, nn.BatchNorm2d):
                with torch.no_grad():
                    module.weight[: len(module.weight) // 2] *= 1e-6

    excluded = scored(small_backbone(kill))
    assert "50%" in excluded.flags["dead-channels"]
    kept = scored(small_backbone(kill), dead_channels="keep")
    assert kept.flags == excluded.flags
    assert (
        kept.value("ac_corr") > excluded.value("ac_corr") + 3
    )  # each of four or more adds about 1


def test_partly_tied_is_flagged_and_wholly_tied_is_unranked() -> None:
    def reset(count: int) -> Callable[[nn.Module], None]:
        def change(model: nn.Module) -> None:
            norms = [m for m in model.modules() if isinstance(m, nn.BatchNorm2d)]
            for norm in norms[:count]:
                norm.reset_parameters()

        return change

    partly = scored(small_backbone(reset(2)))
    assert partly.status == "ok"
    assert partly.flags["tied-affines"].startswith("2 of ")
    mostly = scored(small_backbone(reset(8)))
    assert mostly.status == "unranked"
    assert mostly.reason.startswith("8 of 13 ")
    wholly = scored(small_backbone(reset(99)))
    assert wholly.status == "unranked"
    assert wholly.scores == {}
    assert "barely trained" in wholly.reason


@pytest.mark.parametrize("noise", [0.0, 2e-4, 1e-3, 3e-3, 1e-2])
@pytest.mark.parametrize("lr", [0.01, 1.0])
def test_a_barely_trained_network_is_not_ranked(noise: float, lr: float) -> None:
    """Affines a little off their start tie nearly as much, and a step would swamp them."""

    def restart(model: nn.Module) -> None:
        for module in model.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.reset_parameters()
                nn.init.normal_(module.bias, 0, noise)

    result = scored(small_backbone(restart), lr=lr)
    assert result.status == "unranked"
    assert "tied-affines" in result.flags


def test_a_step_that_swamps_the_ratios_is_flagged() -> None:
    result = scored(small_backbone(), lr=1e4)
    assert result.status == "unranked"
    assert "drift-exceeds-spread" in result.flags
    assert "smaller --lr" in result.reason


def test_choosing_a_device(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    assert choose_device("auto") == CPU
    with pytest.raises(ConfigError, match=r"'cuda' is not available.*cpu"):
        choose_device("cuda")
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: True)
    assert choose_device("auto").type == "mps"
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert choose_device("auto").type == "cuda"


@pytest.mark.parametrize("native", [True, False])
def test_bf16_is_automatic_only_where_it_is_native(
    monkeypatch: pytest.MonkeyPatch, native: bool
) -> None:
    monkeypatch.setattr(
        "acrank.utils.device._has_bf16", _has_bf16
    )  # whatever the tests' switch says
    for probe in ("_is_amx_tile_supported", "_is_avx512_bf16_supported"):
        monkeypatch.setattr(torch.cpu, probe, lambda: native)
    assert (choose_autocast("auto", CPU) is torch.bfloat16) == native
    assert choose_autocast("fp32", CPU) is None
    assert choose_autocast("bf16", CPU) is torch.bfloat16


def test_the_embedded_networks_are_small_and_carded() -> None:
    folder = Path(__file__).parents[2] / "acrank" / "zoo" / "demo"
    weights = sorted(folder.glob("*.safetensors"))
    assert 8 <= len(weights) <= 10
    assert sum(path.stat().st_size for path in weights) <= 4 * 2**20
    for path in weights:
        card = path.with_suffix(".md").read_text()
        assert "## Source" in card
        assert "## Recipe" in card


def test_dead_channels_do_not_win(shared: Path) -> None:
    """A real network with 57 % dead channels, in the authors' form and in ours."""
    excluded = scored(shared_backbone(shared, "mobilenetv1_025_vww"))
    kept = scored(shared_backbone(shared, "mobilenetv1_025_vww"), dead_channels="keep")
    best = scored(shared_backbone(shared, "mobilenetv1_025_imagenet"))
    assert "57%" in excluded.flags["dead-channels"]
    assert excluded.value("ac_corr") < kept.value("ac_corr")
    assert excluded.value("ac_corr") < best.value("ac_corr")


def shared_backbone(shared: Path, name: str) -> Backbone:
    entry = shared_entry(shared, name, input_size=64)
    return load_backbone(entry, trust_code=True, hub=Hub(offline=True))
