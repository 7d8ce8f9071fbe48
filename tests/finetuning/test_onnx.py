"""A fine-tuned network as ONNX: the same logits without PyTorch, or no file at all."""

import importlib.util
import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest
import timm
import torch
from PIL import Image
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

import acrank
from acrank.data import Preprocessing
from acrank.data.preprocess import normalise, resize
from acrank.errors import ConfigError, ExportError, MissingExtraError
from acrank.finetuning import onnx
from acrank.finetuning.config import make_finetune_config
from acrank.finetuning.load import load_trained
from acrank.finetuning.onnx import TOLERANCE, export_onnx
from acrank.finetuning.result import Finetuned
from acrank.finetuning.run import finetune
from acrank.finetuning.trained import Trained
from acrank.report.builders.finetuning import FinetuneReport
from tests.finetuning.masks.discs import config as of_discs
from tests.finetuning.masks.discs import write_discs
from tests.finetuning.volumes.boxes import config as of_boxes
from tests.finetuning.volumes.boxes import write_boxes

PAGE = Path(__file__).parents[2] / "docs" / "finetune.md"
SHORT: dict[str, Any] = {"epochs": 1, "batch_size": 8, "precision": "fp32"}


def run(digits: Path, output: Path, **settings: Any) -> Finetuned:
    given = {"data": str(digits), "zoo": "demo", "model": "demo-mixed", **SHORT}
    return finetune(make_finetune_config({**given, **settings}), output)


@pytest.fixture(scope="module")
def done(digits: Path, tmp_path_factory: pytest.TempPathFactory) -> Finetuned:
    return run(digits, tmp_path_factory.mktemp("done") / "out", export=("onnx",))


def logits_of(path: Path, inputs: Tensor) -> Tensor:
    """What ONNX Runtime gives."""
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name
    return torch.from_numpy(session.run(None, {name: inputs.numpy()})[0])


def about(path: Path) -> dict[str, Any]:
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    metadata = session.get_modelmeta().custom_metadata_map
    return {name: json.loads(value) for name, value in metadata.items()}


def test_it_gives_the_logits_of_timm_for_batches_of_any_size(done: Finetuned) -> None:
    model = timm.create_model(f"local-dir:{done.folder}", pretrained=True).eval()
    for count in (1, 2, 5):
        images = torch.randn(count, 3, 64, 64)
        with torch.no_grad():
            expected = model(images)
        found = logits_of(done.folder / "model.onnx", images)
        torch.testing.assert_close(found, expected, rtol=1e-3, atol=1e-4)


def test_the_metadata_say_how_images_are_prepared(done: Finetuned) -> None:
    config = json.loads((done.folder / "config.json").read_text())
    found, known = about(done.folder / "model.onnx"), config["pretrained_cfg"]
    assert found["classes"] == config["label_names"] == [str(digit) for digit in range(10)]
    for name in ("input_size", "mean", "std", "interpolation", "crop_pct", "crop_mode"):
        assert found[name] == known[name]


def test_the_record_and_the_report_have_the_comparison(done: Finetuned) -> None:
    record = json.loads((done.folder / "finetune.json").read_text())
    assert record == json.loads(json.dumps(done.record))
    written = record["exports"]["onnx"]
    assert written["bytes"] == (done.folder / "model.onnx").stat().st_size
    assert (written["input"], written["output"]) == ("images", "logits")
    assert written["compared"]["batches"] == [1, 3]
    assert 0 <= written["compared"]["relative"] <= written["compared"]["tolerance"] == TOLERANCE
    (line,) = [line for line in FinetuneReport(done).lines() if line.startswith("ONNX: ")]
    assert "in batches of 1 and 3 its logits differ from PyTorch's by at most" in line


def test_the_code_of_the_page_runs(
    done: Finetuned, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: Any
) -> None:
    (code,) = re.findall(r"^```python onnx\n(.*?)^```$", PAGE.read_text(), re.M | re.S)
    pixels = np.random.default_rng(0).integers(0, 256, (90, 70, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(tmp_path / "scan.png")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "resnet50.a1_in1k-ac-norm").symlink_to(done.folder)
    names: dict[str, Any] = {}
    exec(compile(code, "page", "exec"), names)
    trained = load_trained(done.folder)
    how: Preprocessing = trained.preprocessing
    images = normalise(resize([pixels], how), how, device="cpu", dtype=torch.float32)
    with torch.no_grad():
        expected = trained.network(images)
    np.testing.assert_allclose(names["images"], images.numpy(), atol=1e-5)
    np.testing.assert_allclose(names["logits"], expected.numpy(), rtol=1e-3, atol=1e-3)
    assert capsys.readouterr().out.startswith("['")


def test_a_kept_result_is_exported_once_and_another_training_removes_it(
    digits: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file, calls = tmp_path / "model.onnx", []

    def fake(folder: Path, *, trust_code: bool) -> onnx.OnnxExport:
        calls.append(folder)
        file.write_bytes(b"a network")
        shape = (3, 64, 64)
        return onnx.OnnxExport(file, 20, "images", "logits", shape, (1, 3), 0, 0, 1e-4, 9)

    monkeypatch.setattr(onnx, "export_onnx", fake)
    assert "exports" not in run(digits, tmp_path).record
    assert not calls
    exported = run(digits, tmp_path, export=["onnx"])
    assert exported.kept
    assert run(digits, tmp_path, export=["onnx", "onnx"]).record == exported.record
    assert len(calls) == 1
    assert run(digits, tmp_path).record == exported.record
    file.write_bytes(b"another")
    run(digits, tmp_path, export=["onnx"])
    assert len(calls) == 2
    given = {"data": str(digits), "zoo": "demo", "model": "demo-mixed", **SHORT}
    again = finetune(make_finetune_config(given), tmp_path, fresh=True)
    assert "exports" not in again.record
    assert not file.exists()


def test_a_network_of_own_code_is_exported_if_its_code_is_trusted(tmp_path: Path) -> None:
    zoo = tmp_path / "zoo.yaml"
    model = {"name": "own", "factory": "tests.zoo.own_networks:Writing", "input_size": 16}
    zoo.write_text(json.dumps({"version": 1, "models": [model]}))
    done = acrank.finetune(
        "demo", "own", tmp_path / "out", zoo=zoo, trust_code=True, samples=40, **SHORT
    )
    with pytest.raises(ExportError, match="--trust-code"):
        export_onnx(done.folder)
    export_onnx(done.folder, trust_code=True)
    images, trained = torch.randn(4, 3, 16, 16), load_trained(done.folder, trust_code=True)
    with torch.no_grad():
        expected = trained.network(images)
    found = logits_of(done.folder / "model.onnx", images)
    torch.testing.assert_close(found, expected, rtol=1e-3, atol=1e-4)


def test_masks_have_logits_for_each_pixel(tmp_path: Path) -> None:
    done = finetune(of_discs(write_discs(tmp_path / "discs"), epochs=1), tmp_path / "out")
    written = export_onnx(done.folder)
    assert written.shape == (3, 32, 32)
    segmenter, images = acrank.load_segmenter(done.folder), torch.randn(3, 3, 32, 32)
    with torch.no_grad():
        expected = segmenter(images)
    found = logits_of(written.path, images)
    assert found.shape == (3, 2, 32, 32)
    torch.testing.assert_close(found, expected, rtol=1e-3, atol=1e-4)
    assert about(written.path)["crop_mode"] == "squash"


@pytest.mark.parametrize("model", ["unet", "encoder"])
def test_volumes_have_the_network_of_a_patch(model: str, tmp_path: Path) -> None:
    settings = of_boxes(write_boxes(tmp_path / "boxes"), model=model, epochs=1)
    done = finetune(settings, tmp_path / "out")
    written = export_onnx(done.folder, trust_code=True)
    assert (written.input, written.shape) == ("patches", (1, 16, 16, 16))
    segmenter = acrank.load_segmenter(done.folder, trust_code=True)
    patch = torch.randn(1, 1, 16, 16, 16)
    with torch.no_grad():
        expected = segmenter(patch)  # a volume of one patch
    found = logits_of(written.path, patch)
    assert found.shape == (1, 3, 16, 16, 16)
    torch.testing.assert_close(found, expected, rtol=1e-3, atol=1e-4)
    assert about(written.path)["spacing"] == list(segmenter.spacing or ())


def test_a_file_that_computes_something_else_is_not_left(
    done: Finetuned, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, content = tmp_path / "out", (done.folder / "model.onnx").read_bytes()
    folder.mkdir()
    for name in ("finetune.json", "config.json", "model.onnx"):
        (folder / name).write_bytes((done.folder / name).read_bytes())
    weights = load_file(done.folder / "model.safetensors")
    weights["fc.weight"] = weights["fc.weight"] * 1.001
    save_file(weights, folder / "model.safetensors")
    monkeypatch.setattr(onnx, "_exported", lambda trained, folder: (content, 20))
    with pytest.raises(ExportError, match=r"differ from PyTorch's by up to .*0.0001 is allowed"):
        export_onnx(folder)
    assert not (folder / "model.onnx").exists()


class Branching(nn.Module):
    """Looks at the numbers of its images."""

    def forward(self, images: Tensor) -> Tensor:
        return images.mean((2, 3)) if images.sum().item() > 0 else images.amax((2, 3))


class Fixed(nn.Module):
    """Turns the size of the batch into a plain number."""

    def forward(self, images: Tensor) -> Tensor:
        return images.mean((2, 3)) + torch.zeros(len(images), 3)


@pytest.mark.parametrize(
    ("network", "message"),
    [
        (Branching(), "PyTorch cannot export the network to ONNX"),
        (Fixed(), "PyTorch cannot export|batches of one size alone"),
    ],
)
def test_what_cannot_be_exported_is_an_error(
    network: nn.Module, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: Any
) -> None:
    how = Preprocessing((3, 8, 8), "bicubic", 1.0, "center", (0.5,) * 3, (0.5,) * 3)
    trained = Trained(network.eval(), ("a", "b", "c"), how, ())
    monkeypatch.setattr(onnx, "load_trained", lambda folder, trust_code: trained)
    with pytest.raises(ExportError, match=message):
        export_onnx(tmp_path)
    assert not list(tmp_path.iterdir())
    assert capfd.readouterr() == ("", "")


def test_a_missing_package_is_said_before_any_training(
    digits: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = importlib.util.find_spec
    monkeypatch.setattr(
        onnx, "find_spec", lambda name: None if name == "onnxscript" else found(name)
    )
    with pytest.raises(MissingExtraError, match=r"acrank\[onnx\]"):
        run(digits, tmp_path / "out", export=("onnx",))
    assert not (tmp_path / "out").exists()


def test_other_formats_and_folders_without_weights_are_refused(
    digits: Path, tmp_path: Path
) -> None:
    with pytest.raises(ConfigError, match="input should be 'onnx'"):
        run(digits, tmp_path / "out", export=("tflite",))
    given = {"data": str(digits), "zoo": "demo", "model": "demo-mixed", "export": ("onnx",)}
    with pytest.raises(ConfigError, match="--export needs the weights"):
        finetune(make_finetune_config(given), tmp_path / "out", weights=False)
    with pytest.raises(ExportError, match="holds no finished fine-tuning"):
        export_onnx(tmp_path)
