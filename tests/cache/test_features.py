"""Features written by a run and ranked again."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors import safe_open
from safetensors.numpy import load_file, save_file

import acrank
from acrank.cache.features import FeatureWriter, file_name, read_features
from acrank.config import RunConfig
from acrank.data import Sample
from acrank.errors import ConfigError, DataError
from acrank.metrics.estimate import Estimate
from acrank.results import ModelResult
from acrank.runners.from_features import rank_from_features
from acrank.scoring.extract import Extracted

GENERATOR = np.random.default_rng(0)
LABELS = np.arange(24) % 2
CATS = RunConfig(data="cats")


def sample(fingerprint: str = "f1") -> Sample:
    return Sample(
        classes=("cat", "dög"),
        keys=tuple(f"image {i}" for i in range(24)),
        labels=LABELS,
        images=(),
        batches=(),
        fingerprint=fingerprint,
    )


def extracted(strength: float, head: bool = True) -> Extracted:
    features = GENERATOR.normal(size=(24, 6)) + strength * LABELS[:, None]
    probs = GENERATOR.dirichlet(np.ones(5), 24).astype(np.float32) if head else None
    return Extracted.of_images(features.astype(np.float32), LABELS, probs)


def result(name: str) -> ModelResult:
    scores = {"ac_corr": Estimate.of_trials([1.0, 2.0]), "params": Estimate(1e6)}
    return ModelResult(
        name,
        "ok",
        scores={**scores, "log_me": Estimate(9.0)},
        undefined={"ac_corr_zero": "unknown"},
        flags={"dead-channels": "9 of 16"},
        params=1_000_000,
        input_size=(3, 32, 32),
        license="mit",
    )


@pytest.fixture
def written(tmp_path: Path) -> Path:
    writer = FeatureWriter(tmp_path / "made" / "features", sample(), CATS)
    writer(result("weak"), extracted(0.1))
    writer(result("hf-hub:org/strong@abc"), extracted(3.0, head=False))
    return tmp_path / "made" / "features"


def test_a_file_holds_arrays_and_what_they_are(written: Path) -> None:
    path = written / file_name("hf-hub:org/strong@abc")
    assert path.name.startswith("hf-hub_org_strong_abc-")
    assert (
        len({file_name(name).lower() for name in ("ResNet", "resnet", "res/net", "res_net")}) == 4
    )
    assert {path.name for path in written.iterdir()} == {"weak.safetensors", path.name}
    tensors = load_file(written / "weak.safetensors")
    assert {name: values.shape for name, values in tensors.items()} == {
        "features": (24, 6),
        "labels": (24,),
        "source_probs": (24, 5),
    }
    with safe_open(path, framework="numpy") as file:
        metadata = file.metadata()
    assert json.loads(metadata["classes"]) == ["cat", "dög"]
    assert json.loads(metadata["ids"])[23] == "image 23"
    assert metadata["fingerprint"] == "f1"


def test_what_the_network_gave_is_kept_and_the_rest_computed(written: Path) -> None:
    pairs, dataset = read_features(written)
    assert dataset["sampled"] == 24
    read = {result.model: result for result, _ in pairs}["weak"]
    expected = result("weak")
    assert read.scores == {"ac_corr": expected.scores["ac_corr"]}
    assert (read.flags, read.params, read.input_size) == (expected.flags, 1_000_000, (3, 32, 32))
    config = RunConfig(
        data=str(written), rank_by="log_me", metrics=("params", "imagenet_top1"), bootstrap=5
    )
    ranking = rank_from_features(written, config)
    assert [row.result.model for row in ranking.rows] == ["hf-hub:org/strong@abc", "weak"]
    best = ranking.rows[0].result
    assert best.value("log_me") != 9.0
    assert best.value("ac_corr") == 1.5
    assert best.value("params") == 1_000_000
    assert "no imagenet_top1" in best.undefined["imagenet_top1"]
    assert best.undefined["ac_corr_zero"] == "unknown"
    assert "cannot be computed from features" in best.undefined["ac_corr_channel"]
    assert ranking.record["config"]["lr"] == 0.01
    assert ranking.record["config"]["from_features"] == str(written)
    assert ranking.record["dataset"]["name"] == "cats"


def test_names_select(written: Path) -> None:
    def settings(name: str) -> RunConfig:
        return RunConfig(data=str(written), rank_by="log_me", models=(name,), bootstrap=0)

    assert [row.result.model for row in rank_from_features(written, settings("we*")).rows] == [
        "weak"
    ]
    with pytest.raises(ConfigError, match="is called nobody"):
        rank_from_features(written, settings("nobody"))


def test_files_of_different_samples_are_refused(written: Path) -> None:
    FeatureWriter(written, sample("f2"), CATS)(result("other"), extracted(1.0))
    with pytest.raises(DataError, match=r"different samples.*--seed"):
        read_features(written)


def test_files_of_different_settings_are_refused(written: Path) -> None:
    other = RunConfig(data="cats", lr=5.0)
    FeatureWriter(written, sample(), other)(result("other"), extracted(1.0))
    with pytest.raises(DataError, match=r"with lr 5\.0, .* with 0\.01.*into an empty folder"):
        read_features(written)


def test_precisions_are_told_apart_as_they_came_out_of_auto(written: Path) -> None:
    """One processor computes in bf16 under ``auto``, the next in fp32."""
    assert read_features(written)[1]["settings"]["precision"] == "fp32"
    FeatureWriter(written, sample(), CATS, torch.bfloat16)(result("other"), extracted(1.0))
    with pytest.raises(DataError, match=r"with precision bf16, .* with fp32"):
        read_features(written)


@pytest.mark.parametrize("content", [b"", b"not safetensors at all", None])
def test_a_file_that_cannot_be_read_is_named(written: Path, content: Any) -> None:
    path = written / "alien.safetensors"
    if content is None:
        save_file({"features": np.ones((2, 2))}, path)  # ours by form, not by content
    else:
        path.write_bytes(content)
    with pytest.raises(DataError, match=r"alien\.safetensors' cannot be read"):
        read_features(written)


def test_a_folder_without_features(tmp_path: Path) -> None:
    for folder in (tmp_path, tmp_path / "missing"):
        with pytest.raises(DataError, match="no features in"):
            read_features(folder)
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match="cannot be made"):
        FeatureWriter(tmp_path / "file" / "deeper", sample(), CATS)


def test_a_full_disk_leaves_no_part(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    writer = FeatureWriter(tmp_path, sample(), CATS)

    def full(tensors: object, path: Path, metadata: object) -> None:
        path.write_bytes(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("acrank.cache.features.save_file", full)
    with pytest.raises(ConfigError, match="No space left"):
        writer(result("a"), extracted(1.0))
    assert list(tmp_path.iterdir()) == []


def test_the_python_form_refuses_what_would_have_no_effect(written: Path) -> None:
    ranking = acrank.rank_features(written, rank_by="log_me", bootstrap=4)
    assert ranking.best is not None
    with pytest.raises(ConfigError, match="--lr cannot be used with --from-features"):
        acrank.rank_features(written, lr=1.0)


def test_a_seed_that_is_not_given_is_the_runs(tmp_path: Path) -> None:
    FeatureWriter(tmp_path, sample(), RunConfig(data="cats", seed=7))(result("a"), extracted(1.0))

    def replicates(**settings: Any) -> tuple[float, ...]:
        rows = acrank.rank_features(tmp_path, rank_by="log_me", bootstrap=4, **settings).rows
        return rows[0].result.scores["log_me"].replicates

    assert replicates() == replicates(seed=7)
    assert replicates() != replicates(seed=0)
