"""What is known of the models of a run beforehand stands in their results; damage is told first."""

import sys
from pathlib import Path

import pytest

from acrank.errors import ExpectationError
from acrank.expectation import weights
from acrank.results import ModelResult
from acrank.runners.beforehand import beforehand, check_published, with_beforehand
from acrank.zoo import ZooEntry


def test_names_are_known_and_descendants_are_not() -> None:
    known = ZooEntry(name="ours", source="resnet18.a1_in1k")
    child = ZooEntry(name="resnet18.a1_in1k", arch="resnet18", weights="ours.safetensors")
    nobody = ZooEntry(name="hf-hub:nobody/knows-this")
    public, ours, unknown = (beforehand(entry, 11_000_000) for entry in (known, child, nobody))
    assert (public.basis, public.public) == ("measured", True)
    assert public.history_n is not None
    assert (ours.basis, ours.public, ours.history) == ("facts", False, None)
    assert (unknown.mean, unknown.public) == (None, False)
    assert "nothing is published" in unknown.basis


def test_a_zoo_that_tells_the_imagenet_accuracy_makes_a_network_public() -> None:
    entry = ZooEntry(name="ours", arch="resnet18", weights="ours.pth", imagenet_top1=70.0)
    assert beforehand(entry).public


def test_every_result_has_it_whatever_its_status() -> None:
    entries = [ZooEntry(name="resnet18.a1_in1k"), ZooEntry(name="vgg16.tv_in1k")]
    results = [ModelResult("vgg16.tv_in1k", "ok"), ModelResult.failed("resnet18.a1_in1k", "gone")]
    found = with_beforehand(results, entries)
    assert [one.model for one in found] == ["vgg16.tv_in1k", "resnet18.a1_in1k"]
    assert all(one.beforehand and one.beforehand.public for one in found)


def test_damaged_weights_are_told_before_anything_is_scored(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    file = tmp_path / "weights.json"
    file.write_text("{}")
    # the package has a function of the same name
    monkeypatch.setattr(sys.modules["acrank.expectation.weights"], "FILE", file)
    weights.cache_clear()
    try:
        with pytest.raises(ExpectationError, match="cannot be read"):
            check_published()
    finally:
        weights.cache_clear()
