"""What a runner does with one entry: recall, failures, and what it keeps."""

import gc
import weakref
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from acrank.cache import ResultStore
from acrank.config import RunConfig
from acrank.data import draw_sample, open_target
from acrank.errors import ModelError
from acrank.metrics import spectra
from acrank.results import NOT_KEPT, ModelResult
from acrank.runners.model import WEIGHTS_ALONE, ModelRunner, RunContext
from acrank.scoring.score import score_backbone
from acrank.utils.failures import explain_failure
from acrank.zoo import ZooEntry, load_backbone, read_zoo

CPU = torch.device("cpu")
SMALL = {"samples": 16, "batch_size": 8, "precision": "fp32"}


def make(store: Path, **settings: Any) -> ModelRunner:
    config = RunConfig(data="demo", **{**SMALL, "rank_by": "ac_corr", **settings})
    sample = draw_sample(open_target("demo"), config.samples, config.batch_size, config.seed)
    return ModelRunner(RunContext(config, sample, CPU, None, True), ResultStore(store))


@pytest.fixture
def entry() -> ZooEntry:
    return read_zoo("demo").entries[0]


@pytest.fixture
def scored(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Names of the networks that are really probed."""
    names: list[str] = []
    score = score_backbone

    def count(backbone: Any, *given: Any, **more: Any) -> ModelResult:
        names.append(backbone.entry.name)
        return score(backbone, *given, **more)

    monkeypatch.setattr("acrank.runners.model.score_backbone", count)
    return names


@pytest.mark.parametrize("cyclic", [False, True])
def test_a_network_does_not_outlive_its_turn(tmp_path: Path, entry: ZooEntry, cyclic: bool) -> None:
    runner = make(tmp_path)
    prepared = runner.prepare(entry)
    assert prepared.backbone is not None
    network = prepared.backbone.model
    if cyclic:
        network.__dict__["loop"] = [network]
    layers = [weakref.ref(layer) for layer in network.modules()]
    del network
    gc.disable()  # nothing but what the runner does itself frees it
    try:
        assert runner.finish(prepared).status == "ok"
        assert all(layer() is None for layer in layers)
    finally:
        gc.enable()


def test_a_second_run_finds_the_result_of_the_first(
    tmp_path: Path, entry: ZooEntry, scored: list[str]
) -> None:
    first = make(tmp_path)(entry)
    again = make(tmp_path)(entry)
    assert scored == [entry.name]
    assert (first.kept, again.kept) == (False, True)
    seconds = round(first.seconds, 3)
    assert replace(again, kept=False) == replace(first, seconds=seconds)
    assert make(tmp_path).recall(entry) == again
    assert make(tmp_path / "other").recall(entry) is None


def test_fresh_scores_again(tmp_path: Path, entry: ZooEntry, scored: list[str]) -> None:
    make(tmp_path)(entry)
    assert not make(tmp_path, fresh=True)(entry).kept
    assert scored == [entry.name] * 2


def test_fewer_metrics_are_found_among_more(
    tmp_path: Path, entry: ZooEntry, scored: list[str]
) -> None:
    more = make(tmp_path, metrics=("log_me", "knn"))(entry)
    fewer = make(tmp_path, metrics=("knn",))(entry)
    assert fewer.kept
    assert fewer.scores == {n: v for n, v in more.scores.items() if n != "log_me"}
    assert not make(tmp_path, metrics=("log_me", "h_score"))(entry).kept
    assert scored == [entry.name] * 2


def test_scores_of_the_weights_are_kept_whatever_the_target(
    tmp_path: Path, entry: ZooEntry, scored: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    fitted = []
    real = spectra.alpha_hat

    def counted(weights: Any) -> float:
        fitted.append(len(weights))
        return real(weights)

    monkeypatch.setattr(spectra, "alpha_hat", counted)
    first = make(tmp_path, metrics=("alpha_hat",))(entry)
    other = make(tmp_path, metrics=("alpha_hat", "knn"), samples=24, seed=1)(entry)
    assert other.scores["alpha_hat"] == first.scores["alpha_hat"]
    assert not other.kept
    assert (len(scored), len(fitted)) == (2, 1)
    make(tmp_path, metrics=("alpha_hat",), samples=24, fresh=True)(entry)
    another = next(e for e in read_zoo("demo").entries if e.name != entry.name)
    assert make(tmp_path, metrics=("alpha_hat",))(another).scores != first.scores
    assert len(fitted) == 3
    listed = [kept.data for kept in ResultStore(tmp_path)]
    assert listed.count(WEIGHTS_ALONE) == 2  # one for each network


def test_what_it_is_ranked_by_is_judged_anew(tmp_path: Path, scored: list[str]) -> None:
    untrained = next(e for e in read_zoo("demo").entries if e.name == "demo-untrained")
    assert make(tmp_path, metrics=("knn",))(untrained).status == "unranked"
    by_knn = make(tmp_path, rank_by="knn")(untrained)
    assert by_knn.kept
    assert by_knn.status == "ok"


def test_a_failure_is_a_row_and_is_tried_again(
    tmp_path: Path, entry: ZooEntry, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*given: Any, **more: Any) -> ModelResult:
        raise RuntimeError("two\nlines")

    with monkeypatch.context() as patch:
        patch.setattr("acrank.runners.model.score_backbone", fail)
        failed = make(tmp_path)(entry)
    assert (failed.status, failed.reason) == ("failed", "RuntimeError: two lines")
    assert failed.seconds > 0
    assert make(tmp_path)(entry).status == "ok"


def test_a_missing_file_is_a_row(tmp_path: Path, entry: ZooEntry) -> None:
    gone = entry.model_copy(update={"weights": "gone.safetensors"})
    result = make(tmp_path)(gone)
    assert result.status == "failed"
    assert "gone.safetensors" in result.reason
    assert make(tmp_path).recall(gone) is None


def test_weights_that_change_while_they_load_are_scored_but_not_kept(
    tmp_path: Path, entry: ZooEntry, monkeypatch: pytest.MonkeyPatch
) -> None:
    load = load_backbone

    def swap(*given: Any, **options: Any) -> Any:
        backbone = load(*given, **options)
        backbone.info = replace(backbone.info, revision="sha256:000000000000")
        return backbone

    monkeypatch.setattr("acrank.runners.model.load_backbone", swap)
    assert make(tmp_path)(entry).status == "ok"
    assert list(ResultStore(tmp_path)) == []


def test_a_full_disk_is_said_once_and_costs_no_result(
    tmp_path: Path, entry: ZooEntry, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ResultStore, "put", lambda *given: "No space left on device")
    result = make(tmp_path)(entry)
    assert result.status == "ok"
    assert result.flags[NOT_KEPT] == "No space left on device"


def test_a_gpu_that_is_too_small_gives_the_same_numbers(
    tmp_path: Path, entry: ZooEntry, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No GPU is needed: the device only has to call itself one, and the first pass to fail."""
    expected = make(tmp_path / "a")(entry)
    score = score_backbone
    calls: list[int] = []

    def first_fails(
        backbone: Any, sample: Any, config: Any, device: Any, *rest: Any, **more: Any
    ) -> ModelResult:
        calls.append(1)
        if len(calls) == 1:
            for parameter in backbone.model.parameters():  # a pass changes the network
                parameter.data.zero_()
            raise torch.OutOfMemoryError("CUDA out of memory.")
        return score(backbone, sample, config, CPU, *rest, **more)

    monkeypatch.setattr("acrank.runners.model.score_backbone", first_fails)
    given = make(tmp_path / "b")
    runner = ModelRunner(replace(given.context, device=torch.device("mps")), given.store)
    result = runner(entry)
    assert len(calls) == 2
    assert "host memory" in result.flags["gpu-memory"]
    assert result.scores == expected.scores


def test_failures_are_explained_in_one_line() -> None:
    assert "out of memory" in explain_failure(MemoryError())
    assert explain_failure(ModelError("no.", hint="Mend.")) == "no. Mend."
    with pytest.raises(RuntimeError) as caught:
        torch.empty(10**16)
    assert explain_failure(caught.value).startswith("out of memory")
