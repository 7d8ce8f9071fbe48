"""What rounds compute, and on which images."""

import itertools
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from acrank.config import RunConfig
from acrank.data import draw_sample, open_target
from acrank.runners.budget.costs import cheapest_first, model_sizes
from acrank.runners.budget.samples import Samples, round_config, round_sizes
from acrank.runners.callbacks import Callback
from acrank.runners.dispatch import score_all
from acrank.runners.model import RunContext
from acrank.zoo import ZooEntry, read_zoo

CPU = torch.device("cpu")
ENTRIES = read_zoo("demo").entries


def make(features: Path | None = None, **settings: Any) -> Samples:
    wanted = {"samples": 64, "batch_size": 8, "precision": "fp32", **settings}
    config = RunConfig(data="demo", **wanted)
    target = open_target("demo")
    sample = draw_sample(target, config.samples, config.batch_size, config.seed)
    work = RunContext(config, sample, CPU, None, True, features)
    return Samples(ENTRIES, work, target, None)


def test_rounds_before_the_last_compute_what_orders_the_table() -> None:
    named = RunConfig(data="demo", metrics=("knn", "linear_probe"), budget=9.0)
    cheap = round_config(named, 64)
    assert cheap.metrics_wanted == ("log_me",)
    assert (cheap.samples, cheap.rank_by, cheap.budget) == (64, "log_me", 9.0)
    by_step = RunConfig(data="demo", metrics=("knn",), rank_by="ac_corr")
    probed = round_config(by_step, 64)
    assert probed.metrics_wanted == ("ac_corr", "ac_corr_channel", "ac_corr_zero")
    votes = RunConfig(data="demo", rank_by="consensus", metrics=("knn", "params", "ac_corr"))
    assert set(round_config(votes, 64).metrics_named) == {"knn", "ac_corr"}


def test_samples_are_nested_and_scores_of_features_need_every_class() -> None:
    samples = make(rank_by="ac_corr")
    assert samples.sizes == (16, 32, 64)
    small, whole = samples.context(16), samples.context(64)
    assert set(small.sample.keys) < set(whole.sample.keys)
    assert small.config.samples == 16
    assert make().sizes == (32, 64)  # two images of each of ten classes


def test_features_are_written_in_the_last_round_only(tmp_path: Path) -> None:
    samples = make(features=tmp_path / "features")
    assert samples.context(16).features is None
    assert samples.context(64).features == tmp_path / "features"


def test_a_round_ranks_by_what_it_computes() -> None:
    samples = make(rank_by="log_me")
    found, interrupted = samples.score(["demo-cifar10"], 32, Callback(), lambda model: True)
    assert not interrupted
    assert set(found[0].scores) == {"log_me"}  # no backward pass was made
    assert found[0].layers == ()
    assert [row.rank for row in samples.compare(found)] == [1]


@pytest.mark.parametrize("jobs", [None, 2])
def test_engines_score_what_is_let_in(jobs: int | None) -> None:
    work = make(jobs=jobs, threads=1).context(16)
    wanted = {"demo-cifar10-short", "demo-brain-mri"}
    found, _ = score_all(ENTRIES[:5], work, Callback(), None, lambda entry: entry.name in wanted)
    assert {result.model for result in found} == wanted
    assert all(0 < result.loading < result.seconds for result in found)


def test_the_cheapest_come_first() -> None:
    entries = [ZooEntry(name=name) for name in ("resnet18.a1_in1k", "lcnet_050.ra2_in1k")]
    entries.append(ZooEntry(name="own", factory="nowhere:make"))
    sizes = model_sizes(entries, lambda: True)
    assert set(sizes) == {"resnet18.a1_in1k", "lcnet_050.ra2_in1k"}
    order = ["lcnet_050.ra2_in1k", "own", "resnet18.a1_in1k"]
    assert cheapest_first(entries, sizes) == order
    assert model_sizes(entries, lambda: False) == {}
    assert cheapest_first(entries, {}) == [entry.name for entry in entries]


def test_sizes_double_in_whole_batches() -> None:
    assert round_sizes(256, 8) == (64, 128, 256)
    assert round_sizes(320, 10) == (64, 160, 320)
    assert round_sizes(96, 3) == (96,)
    assert round_sizes(40, 1) == (40,)  # one batch cannot be parted
    assert round_sizes(256, 8, least=100) == (128, 256)
    assert round_sizes(256, 8, least=200) == (256,)


@given(st.integers(1, 500), st.integers(2, 64), st.integers(0, 3000))
def test_sizes_grow_to_the_whole_sample(batches: int, size: int, least: int) -> None:
    sizes = round_sizes(batches * size, batches, least)
    assert sizes[-1] == batches * size
    assert all(images % size == 0 for images in sizes)
    assert all(
        2 * small <= large < 2 * small + 2 * size for small, large in itertools.pairwise(sizes)
    )
    assert all(images >= max(2 * size, least) for images in sizes[:-1])
