"""The cases of networks as people have them, where the folder of shared material is at hand."""

import runpy
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from acrank.norm import AffineCoNorm2d
from acrank.zoo import Backbone, Hub, load_backbone, read_zoo

# the scripts leave it to Python to close their files
pytestmark = [
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]


@pytest.fixture
def case(shared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Makes a case in a folder of its own; returns the folder and what its script knows."""
    monkeypatch.chdir(tmp_path)

    def make(name: str) -> tuple[Path, dict[str, Any]]:
        source = shared / "cases" / "models" / name
        if not source.is_dir():
            pytest.skip(f"no case at {source}")
        folder = tmp_path / name
        folder.mkdir()
        shutil.copy(source / "make.py", folder / "make.py")
        return folder, runpy.run_path(str(folder / "make.py"))

    return make


def loaded(folder: Path) -> dict[str, Backbone]:
    entries = read_zoo(str(folder / "zoo.yaml")).entries
    hub = Hub(offline=True)
    return {entry.name: load_backbone(entry, trust_code=True, hub=hub) for entry in entries}


def test_every_form_of_a_network_is_the_plain_one(case: Any) -> None:
    folder, _ = case("factory_networks")
    backbones = loaded(folder)
    images = torch.rand(2, 3, 64, 64)
    with torch.no_grad():
        expected = backbones["plain"].model(images)
        scores = backbones["plain"].head(expected)  # type: ignore[misc]
        for name, backbone in backbones.items():
            assert backbone.flags == {}, name
            torch.testing.assert_close(backbone.model(images), expected)
            torch.testing.assert_close(backbone.head(expected), scores)  # type: ignore[misc]
    assert len(backbones) >= 7


def test_a_head_that_was_drawn_is_no_source_classifier(case: Any) -> None:
    folder, _ = case("random_source_head")
    backbones = loaded(folder)
    assert isinstance(backbones["seven"].head, nn.Linear)
    assert backbones["five"].head is None


def test_source_and_target_are_apart_after_assign(case: Any, capsys: Any) -> None:
    case("assign_true")
    said = capsys.readouterr().out
    assert "share storage: False" in said
    assert "frozen source moved by 0.0" in said


def test_conversions_after_ac_norm_are_refused(case: Any) -> None:
    with pytest.raises(ValueError, match="would become a SyncBatchNorm"):
        case("sync_after_convert")


def test_the_usual_freezing_works_and_timm_s_is_refused(case: Any, capsys: Any) -> None:
    with pytest.raises(ValueError, match="would become a FrozenBatchNorm2d"):
        case("frozen_bn_trick")
    assert "isinstance BatchNorm2d: True | running mean moved: 0.0" in capsys.readouterr().out
    assert issubclass(AffineCoNorm2d, nn.BatchNorm2d)
