"""Networks in the forms of people's own code, from the zoo file to the numbers."""

import json
import math
from pathlib import Path
from typing import Any

import pytest
import timm
import torch
from safetensors.torch import load_file, save_file
from timm.models._hub import save_config_for_hf

import acrank
from acrank.config import RunConfig
from acrank.data import Preprocessing, draw_sample, open_target
from acrank.finetuning.catalogue import METHODS
from acrank.finetuning.config import make_finetune_config
from acrank.finetuning.run import finetune
from acrank.metrics.registry import NO_CLASSIFIER
from acrank.metrics.source_head import leep
from acrank.results import ModelResult
from acrank.scoring.score import score_backbone
from acrank.zoo import Hub, ZooEntry, load_backbone
from tests.norm.test_convert import randomise
from tests.zoo import own_networks

CONFIG = RunConfig(data="demo", samples=32, batch_size=16, precision="fp32")


@pytest.fixture(scope="module")
def zoo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("zoo") / "zoo.yaml"
    models = [
        {"name": name, "factory": f"tests.zoo.own_networks:{name}", "input_size": 16}
        for name in ("plain", "Silent", "Softmax", "Writing", "parallel", "Functional")
    ]
    path.write_text(json.dumps({"version": 1, "models": models}))
    return path


def scored(entry: ZooEntry, **settings: Any) -> ModelResult:
    config = CONFIG.model_copy(update=settings)
    sample = draw_sample(open_target("demo"), config.samples, config.batch_size, config.seed)
    backbone = load_backbone(entry, trust_code=True, hub=Hub(offline=True))
    return score_backbone(backbone, sample, config, torch.device("cpu"))


def own(name: str) -> ZooEntry:
    return ZooEntry(name=name, factory=f"tests.zoo.own_networks:{name}", input_size=(3, 16, 16))


@pytest.fixture(scope="module")
def expected() -> ModelResult:
    metrics = ("all", "leep", "nce", "bn_probe", "gradient_ratio")
    return scored(own("plain"), metrics=metrics)


@pytest.mark.parametrize("name", ["Silent", "Softmax", "Writing", "parallel", "wrapped_inside"])
def test_every_score_is_that_of_the_plain_network(name: str, expected: ModelResult) -> None:
    found = scored(own(name), metrics=("all", "leep", "nce", "bn_probe", "gradient_ratio"))
    assert {"leep", "log_me", "ac_corr", "bn_probe", "gradient_ratio"} <= found.scores.keys()
    assert found.scores.keys() == expected.scores.keys()
    assert found.undefined == expected.undefined
    assert found.flags == expected.flags
    for metric in found.scores:
        value = expected.value(metric)
        assert found.value(metric) == pytest.approx(value, rel=1e-4, abs=1e-5, nan_ok=True)


@pytest.mark.parametrize("name", ["Silent", "Writing"])
def test_trainings_of_several_steps_too(name: str) -> None:
    settings = {"steps": 2, "repeats": 1, "rank_by": "ac_corr"}
    plain, found = (scored(own(each), **settings) for each in ("plain", name))
    assert found.value("ac_corr") == pytest.approx(plain.value("ac_corr"), rel=1e-4)


def test_outputs_in_place_of_features_are_flagged() -> None:
    result = scored(own("Functional"), metrics=("log_me", "leep"))
    assert "5 outputs are taken as features" in result.flags["features-are-outputs"]
    assert result.undefined["leep"] == NO_CLASSIFIER


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A timm folder of seven classes."""
    path = tmp_path_factory.mktemp("folder")
    torch.manual_seed(0)
    model = randomise(timm.create_model("test_resnet", num_classes=7))
    save_file(dict(model.state_dict()), path / "model.safetensors")
    sizes = {"input_size": (3, 32, 32), "num_classes": 7, "classifier": "fc"}
    model.pretrained_cfg = {**model.pretrained_cfg, **sizes}  # type: ignore[dict-item,assignment]
    config: Any = {"num_classes": 7}
    save_config_for_hf(model, str(path / "config.json"), model_config=config)
    return path


@pytest.mark.parametrize(
    ("kwargs", "defined"),
    [
        ({}, True),
        ({"num_classes": 7}, True),
        ({"num_classes": 5}, False),
        ({"num_classes": 0}, False),
    ],
)
def test_a_head_that_timm_has_drawn_is_no_source_classifier(
    folder: Path, kwargs: dict[str, int], defined: bool
) -> None:
    entry = ZooEntry(name="x", source=f"local-dir:{folder}", kwargs=kwargs)
    result = scored(entry, metrics=("log_me", "leep", "nce"))
    assert NO_CLASSIFIER == "the network has no source classifier"
    for metric in ("leep", "nce"):
        assert (metric in result.scores) == defined
        assert result.undefined.get(metric) == (None if defined else NO_CLASSIFIER)
    assert math.isfinite(result.value("log_me"))


@pytest.mark.parametrize("name", ["last_linear", "fc"])
def test_a_head_that_no_checkpoint_fills_is_none_either(name: str, tmp_path: Path) -> None:
    state = own_networks.Net(name).state_dict()
    state = {key: value for key, value in state.items() if not key.startswith(name)}
    save_file(state, tmp_path / "w.safetensors")
    described = {"factory": "tests.zoo.own_networks:plain", "kwargs": {"name": name}}
    entry = ZooEntry.model_validate(
        {"name": "x", **described, "weights": "w.safetensors", "partial": True, "input_size": 16,
         "base": tmp_path}
    )  # fmt: skip
    result = scored(entry, metrics=("log_me", "leep"))
    assert result.undefined["leep"] == NO_CLASSIFIER
    assert "partly-loaded" not in result.flags


def test_leep_is_of_the_network_s_own_probabilities(expected: ModelResult) -> None:
    sample = draw_sample(open_target("demo"), 32, 16, CONFIG.seed)
    whole = own_networks.Softmax().eval()
    backbone = load_backbone(own("plain"), trust_code=True, hub=Hub(offline=True))
    how = Preprocessing.from_config(backbone.data_config)
    count = len(sample.batches)
    prepared = [sample.batch(i, how, device=torch.device("cpu")) for i in range(count)]
    with torch.no_grad():
        probs = torch.cat([whole(images) for images, _ in prepared])
    labels = torch.cat([labels for _, labels in prepared])
    assert expected.value("leep") == pytest.approx(leep(probs.numpy(), labels.numpy()), rel=1e-4)


def finetuned(zoo: Path, name: str, output: Path, method: str) -> dict[str, Any]:
    settings: dict[str, Any] = {"samples": 40, "epochs": 1, "batch_size": 16, "precision": "fp32"}
    done = acrank.finetune(
        "demo", name, output, zoo=zoo, method=method, trust_code=True, **settings
    )
    record: dict[str, Any] = done.record
    return record


@pytest.mark.parametrize("method", METHODS)
def test_every_method_fine_tunes_them_alike(zoo: Path, method: str, tmp_path: Path) -> None:
    plain = finetuned(zoo, "plain", tmp_path / "plain", method)
    for name in ("Silent", "Writing"):
        found = finetuned(zoo, name, tmp_path / name, method)
        assert found["val"]["loss"] == pytest.approx(plain["val"]["loss"], rel=1e-3)


def test_fine_tuning_says_what_it_is_a_head_on(zoo: Path, tmp_path: Path) -> None:
    said: list[str] = []
    given = {"data": "demo", "model": "Functional", "zoo": str(zoo), "trust_code": True}
    config = make_finetune_config({**given, "samples": 40, "epochs": 1, "batch_size": 16})
    finetune(config, tmp_path / "out", note=said.append)
    assert any("features-are-outputs: no head to take off: its 5 outputs" in text for text in said)


def test_what_comes_frozen_is_trained_or_said(tmp_path: Path) -> None:
    def noted(kwargs: dict[str, Any]) -> list[str]:
        entry = {"name": "x", "factory": "tests.zoo.own_networks:frozen", "kwargs": kwargs}
        zoo = tmp_path / "zoo.yaml"
        zoo.write_text(json.dumps({"version": 1, "models": [{**entry, "input_size": 16}]}))
        said: list[str] = []
        given = {"data": "demo", "model": "x", "zoo": str(zoo), "trust_code": True}
        config = make_finetune_config({**given, "samples": 40, "epochs": 1, "batch_size": 16})
        finetune(config, tmp_path / "out", fresh=True, note=said.append)
        return [text for text in said if "frozen" in text]

    assert noted({}) == []
    first = own_networks.body().get_parameter("0.weight")
    trained = load_file(tmp_path / "out" / "model.safetensors")["backbone.body.0.weight"]
    assert not torch.equal(trained, first)
    assert noted({"but": "body.3.weight"}) == [
        "7 tensor(s) of the backbone were frozen already and stay frozen: body.0.weight, ..."
    ]


def test_they_are_explained(zoo: Path) -> None:
    settings: dict[str, Any] = {"samples": 16, "batch_size": 8, "trust_code": True}
    plain, silent = (
        acrank.explain(name, "demo", zoo, precision="fp32", **settings)
        for name in ("plain", "Silent")
    )
    assert [layer.name for layer in silent.result.layers] == ["body.1", "body.4"]
    assert silent.result.value("ac_corr") == pytest.approx(plain.result.value("ac_corr"))
