"""Networks of torchvision, from files that the tests write; nothing is fetched from outside."""

import hashlib
import io
import math
import threading
from collections.abc import Callable, Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn
from torchvision.models import ResNet18_Weights, get_model_builder, get_model_weights

from acrank.data import Preprocessing
from acrank.data.preprocess import normalise, resize
from acrank.errors import ModelError, ZooError
from acrank.finetuning.export import save_network
from acrank.finetuning.network import build_network
from acrank.zoo import Backbone, Hub, ZooEntry, describe, load_backbone, select_entries
from acrank.zoo.data_config import data_config
from acrank.zoo.files.checking import Checker
from acrank.zoo.identity import identify
from acrank.zoo.listing import Lister
from acrank.zoo.sources.base import Opening
from acrank.zoo.sources.registry import SOURCES
from tests.cli.test_score import Acrank, acrank, images

__all__ = ["acrank", "images"]

TORCHVISION = SOURCES["torchvision"]
NAME = "torchvision:resnet18@IMAGENET1K_V1"
SMALL = ZooEntry(name="small", source=NAME, input_size=(3, 32, 32))
Put = Callable[..., Path]


@pytest.fixture
def put(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Put:
    """Write a file as torchvision would keep it, named by its own SHA-256."""
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    folder = tmp_path / "torch" / "hub" / "checkpoints"
    folder.mkdir(parents=True)

    def write(name: str = "resnet18", content: object = None, address: str = "") -> Path:
        if content is None:
            content = get_model_builder(name)(num_classes=1000).state_dict()
        file = io.BytesIO()
        torch.save(content, file)
        digits = hashlib.sha256(file.getvalue()).hexdigest()[:8]
        path = folder / f"{name}-{digits}.pth"
        path.write_bytes(file.getvalue())
        weights: Any = get_model_weights(name).DEFAULT.value
        monkeypatch.setattr(weights, "url", f"{address or 'http://127.0.0.1:9'}/{path.name}")
        return path

    return write


def names(*patterns: str) -> list[str]:
    return [entry.name for entry in select_entries(None, patterns)]


def test_names_get_their_weights() -> None:
    assert names("torchvision:resnet18") == [NAME]
    assert names("torchvision:resnet50", "torchvision:resnet50@IMAGENET1K_V1") == [
        "torchvision:resnet50@IMAGENET1K_V2",
        "torchvision:resnet50@IMAGENET1K_V1",
    ]
    assert names("torchvision:resnet5*") == ["torchvision:resnet50@IMAGENET1K_V2"]
    assert len(names("torchvision:resnet5*@*")) == 2
    everything = names("torchvision:*")
    assert len(everything) >= 80
    assert not any("quantized" in name or "segmentation" in name for name in everything)
    # weights of features alone classify nothing
    assert names("torchvision:vgg16@*") == ["torchvision:vgg16@IMAGENET1K_V1"]


@pytest.mark.parametrize(
    ("pattern", "message"),
    [
        ("torchvision:resnet19", "no classifier with weights called 'resnet19'. Did you mean"),
        ("torchvision:zzz", r"Write torchvision:NAME\[@WEIGHTS\], such as torchvision:resnet18"),
        ("torchvision:", "no classifier with weights called ''"),
        ("torchvision:zzz*", "no classifier that matches 'torchvision:zzz\\*'"),
        ("torchvision:resnet18@V7", r"no weights 'V7' for resnet18. It has IMAGENET1K_V1"),
        ("torchvision:fcn_resnet50", "no classifier with weights called 'fcn_resnet50'"),
        ("torchvison:resnet18", r"not a timm model name. Write .*torchvision:NAME\[@WEIGHTS\] for"),
    ],
)
def test_unknown_names(pattern: str, message: str) -> None:
    with pytest.raises(ZooError, match=message):
        names(pattern)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"in_chans": 1}, "take 3 channels"),
        ({"input_size": [1, 32, 32]}, "take 3 channels"),
        ({"kwargs": {"weights": None}}, "kwargs takes no weights"),
        ({"kwargs": {"num_classes": 5}}, "kwargs takes no num_classes"),
        ({"key": "model"}, "key needs weights"),
        ({"weights": "x.pth"}, "weights needs arch or factory"),
    ],
)
def test_fields_that_have_no_meaning(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        ZooEntry.model_validate({"name": NAME, **fields})


def every_weights() -> list[ZooEntry]:
    return [ZooEntry(name=name) for name in TORCHVISION.select("torchvision:*@*")]


def test_every_transform_keeps_its_sizes() -> None:
    for entry in every_weights():
        seen = data_config(entry, nn.Identity())
        transforms = get_model_weights(entry.name[12:].partition("@")[0])[
            entry.name.partition("@")[2]
        ].transforms()
        size = seen["input_size"][1]
        assert [size] == transforms.crop_size
        assert [math.floor(size / seen["crop_pct"])] == transforms.resize_size
        assert seen["interpolation"] == transforms.interpolation.value


@pytest.mark.parametrize("name", ["resnet18", "efficientnet_b0", "swin_v2_t", "inception_v3"])
def test_images_are_prepared_as_torchvision_does(name: str) -> None:
    entry = ZooEntry(name=f"torchvision:{name}")
    pixels = np.random.default_rng(0).integers(0, 256, (301, 417, 3), dtype=np.uint8)
    wanted = get_model_weights(name).DEFAULT.transforms()(Image.fromarray(pixels))
    how = Preprocessing.from_config(data_config(entry, nn.Identity()))
    found = normalise(resize([pixels], how), how, device="cpu", dtype=torch.float32)[0]
    torch.testing.assert_close(found, wanted, rtol=0, atol=1e-5)


def told_parameters(entry: ZooEntry) -> tuple[int, int]:
    """By the structure without weights, and by torchvision's word on the weights."""
    model, _, tag = entry.name.partition(":")[2].partition("@")
    info = describe(entry, hub=Hub(offline=True))
    weights = get_model_weights(model)
    return info.params, (weights[tag] if tag else weights.DEFAULT).meta["num_params"]


@pytest.mark.parametrize(
    "name",
    ["googlenet", "inception_v3", "regnet_y_400mf", "vit_b_16@IMAGENET1K_SWAG_E2E_V1", "maxvit_t"],
)
def test_a_listing_needs_no_weights(name: str) -> None:
    found, told = told_parameters(ZooEntry(name=f"torchvision:{name}"))
    assert found == told


@pytest.mark.slow
def test_every_listing_has_the_parameters_of_the_weights() -> None:
    for entry in every_weights():
        found, told = told_parameters(entry)
        assert found == told, entry.name


def test_licences_are_those_that_torchvision_names() -> None:
    swag = ZooEntry(name="torchvision:regnet_y_16gf@IMAGENET1K_SWAG_LINEAR_V1")
    assert TORCHVISION.license(swag, None) == "cc-by-nc-4.0"
    assert TORCHVISION.license(SMALL, None) is None


def test_a_network_with_its_weights(put: Put, no_hub: Hub) -> None:
    state = get_model_builder("resnet18")(num_classes=1000).state_dict()
    path = put("resnet18", state)
    loaded = load_backbone(SMALL, hub=no_hub)
    assert torch.equal(loaded.model.state_dict()["conv1.weight"], state["conv1.weight"])
    assert isinstance(loaded.head, nn.Linear)
    assert torch.equal(loaded.head.weight, state["fc.weight"])
    assert loaded.model(torch.rand(2, 3, 32, 32)).shape == (2, 512)
    assert loaded.flags == {}
    assert loaded.data_config["input_size"] == (3, 32, 32)
    assert loaded.info == describe(SMALL, hub=no_hub)
    assert loaded.info.revision is not None
    assert path.stem.endswith(loaded.info.revision.removeprefix("sha256:")[:8])
    assert (loaded.info.norm_layers, loaded.info.cached) == (20, True)
    listed = Lister(no_hub).built(SMALL, loaded.info)
    assert (listed.size, listed.reason) == (path.stat().st_size, None)
    checked = Checker(no_hub)(SMALL)
    assert (checked.errors, checked.warnings) == ([], ["no licence"])


def test_the_identity_is_the_file_and_the_transforms(
    put: Put, no_hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    put()
    first = identify(SMALL, no_hub)
    assert first is not None
    assert first["weights"]["sha256"]
    put()  # other numbers
    assert identify(SMALL, no_hub) != first
    told = partial(TORCHVISION.preprocessing, SMALL, None)()
    monkeypatch.setattr(
        type(TORCHVISION), "preprocessing", lambda *_: {**told, "interpolation": "bicubic"}
    )
    changed = identify(SMALL, no_hub)
    assert changed is not None
    assert changed["preprocessing"] != first["preprocessing"]


def test_a_missing_file_offline_is_one_line(put: Put, no_hub: Hub, tmp_path: Path) -> None:
    path = put()
    path.unlink()
    with pytest.raises(ModelError) as caught:
        load_backbone(SMALL, hub=no_hub)
    assert str(caught.value) == (
        f"{NAME}: weights are not in the local cache ({path}), and this run is offline. "
        "Run once online without --offline."
    )
    assert identify(SMALL, no_hub) is None
    checked = Checker(no_hub)(SMALL)
    assert checked.errors == []
    assert "its weights are not in the local cache, and the run is offline" in checked.warnings
    listed = Lister(no_hub).built(SMALL, describe(SMALL, hub=no_hub))
    assert listed.size == round(ResNet18_Weights.DEFAULT.meta["_file_size"] * 2**20)
    assert not listed.info.cached


def test_another_file_under_the_name_is_refused(put: Put, no_hub: Hub) -> None:
    path = put()
    with path.open("ab") as file:
        file.write(b"\0")
    message = "is not the file that its name says: its SHA-256 starts with"
    with pytest.raises(ModelError, match=message):
        load_backbone(SMALL, hub=no_hub)
    (error,) = Checker(no_hub)(SMALL).errors
    assert message in error


class Hostile:
    def __reduce__(self) -> tuple[Any, tuple[str]]:
        return eval, ("print('run')",)


def test_a_pickle_with_code_is_not_opened(
    put: Put, no_hub: Hub, capsys: pytest.CaptureFixture[str]
) -> None:
    put("resnet18", {"fc.weight": Hostile()})
    with pytest.raises(ModelError, match="is a pickle with more than tensors in it"):
        load_backbone(SMALL, hub=no_hub)
    assert "run" not in capsys.readouterr().out


@pytest.fixture
def server(tmp_path: Path) -> Iterator[str]:
    class Handler(SimpleHTTPRequestHandler):
        def log_message(self, *args: object) -> None:
            pass

    (tmp_path / "web").mkdir()
    handler = partial(Handler, directory=str(tmp_path / "web"))
    web = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=web.serve_forever, args=(0.02,), daemon=True).start()
    yield f"http://127.0.0.1:{web.server_address[1]}"
    web.shutdown()
    web.server_close()


def test_a_file_is_downloaded_once(put: Put, server: str, hub: Hub, tmp_path: Path) -> None:
    path = put("resnet18", address=server)
    path.rename(tmp_path / "web" / path.name)
    loaded = load_backbone(SMALL, hub=hub)
    assert [item.name for item in path.parent.iterdir()] == [path.name]
    (tmp_path / "web" / path.name).unlink()
    assert load_backbone(SMALL, hub=hub).info == loaded.info


def test_what_cannot_be_downloaded_is_one_line(
    put: Put, server: str, hub: Hub, tmp_path: Path
) -> None:
    path = put("resnet18", address=server)
    path.unlink()
    with pytest.raises(ModelError, match=r"cannot be downloaded: HTTP Error 404.* put the file"):
        load_backbone(SMALL, hub=hub)
    # what is there is something else
    (tmp_path / "web" / path.name).write_bytes(b"<html>")
    with pytest.raises(ModelError, match="is not the file that its name says"):
        load_backbone(SMALL, hub=hub)
    assert not path.exists()  # the next run fetches it anew
    path = put("resnet18")
    path.unlink()
    with pytest.raises(ModelError, match=r"cannot be downloaded: .*refused") as caught:
        load_backbone(SMALL, hub=hub)
    assert "\n" not in str(caught.value)


def trained(name: str, no_hub: Hub, folder: Path, size: int = 32) -> tuple[str, Backbone]:
    entry = ZooEntry(name="x", source=f"torchvision:{name}", input_size=(3, size, size))
    backbone = load_backbone(entry, hub=no_hub)
    network = build_network(backbone, 3, seed=0)
    network(torch.rand(4, 3, size, size))  # moves the running statistics
    return save_network(folder, backbone, network, ["a", "b", "c"]), backbone


def test_a_fine_tuned_network_is_torchvisions(put: Put, no_hub: Hub, tmp_path: Path) -> None:
    put()
    said, backbone = trained("resnet18", no_hub, tmp_path)
    made = "torchvision.models.resnet18(num_classes=3)"
    assert said == f"the weights are those of {made}, not of a timm network"
    assert not (tmp_path / "config.json").exists()
    again = ZooEntry(
        name="again",
        factory="torchvision.models:resnet18",
        kwargs={"num_classes": 3},
        weights="model.safetensors",
        input_size=(3, 32, 32),
        base=tmp_path,
    )
    found = load_backbone(again, hub=no_hub, trust_code=True)
    images = torch.rand(2, 3, 32, 32)
    torch.testing.assert_close(found.model(images), backbone.model.eval()(images))
    assert found.head is not None


def test_a_network_of_another_end_is_saved_as_it_is(put: Put, no_hub: Hub, tmp_path: Path) -> None:
    put("mobilenet_v3_small")
    said, _ = trained("mobilenet_v3_small", no_hub, tmp_path)
    assert said == "the weights are those of the network with its new head, not of a timm network"


def test_the_command_line(put: Put, acrank: Acrank, images: Path) -> None:
    put()
    done = acrank("zoo", "add", "zoo.yaml", "torchvision:resnet18", "--set", "input_size=32")
    assert done.returncode == 0, done.stderr
    written = "{name: resnet18.imagenet1k_v1, source: torchvision:resnet18@IMAGENET1K_V1, "
    assert f"{written}input_size: 32}}" in Path("zoo.yaml").read_text()
    assert acrank("zoo", "check", "zoo.yaml", "--offline").returncode == 0
    data = ("--data", str(images), "--samples", "8", "--batch-size", "4", "--offline")
    done = acrank("score", *data, "--zoo", "zoo.yaml", "--format", "csv")
    assert done.returncode == 0, done.stderr
    assert "resnet18.imagenet1k_v1,ok" in done.stdout
    kept = acrank("score", *data, "--zoo", "zoo.yaml", "--format", "csv")
    assert "kept" in kept.stderr
    done = acrank("list-zoo", "--model", "torchvision:resnet18", "--format", "csv")
    assert f"\n{NAME},{NAME},11.69," in done.stdout
    done = acrank("score", *data, "--model", "torchvision:squeezenet1_1")
    assert done.returncode == 4
    assert "weights are not in the local cache" in done.stdout


def test_the_structure_is_on_no_device(no_hub: Hub) -> None:
    for name in ("resnet18", "regnet_x_400mf"):
        model = TORCHVISION.structure(ZooEntry(name=f"torchvision:{name}"), Opening(no_hub))
        assert model is not None
        assert {parameter.device.type for parameter in model.parameters()} == {"meta"}
