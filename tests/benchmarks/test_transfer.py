"""The study's tables and controls, and in the slow tier the whole of it on a part of the data."""

import csv
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

SCRIPTS = Path(__file__).parents[2] / "benchmarks" / "transfer"
sys.path.insert(0, str(SCRIPTS))

from choices import chosen  # noqa: E402
from controls import Diagonal, DoubledRate, Permuted  # noqa: E402
from study_tables import Array, Truth, borda, static_list, worst_for_missing  # noqa: E402

from acrank.norm import AffineCoNorm, AffineCoNorm2d  # noqa: E402


def truth(*accuracies: float) -> Truth:
    seeds = np.array([accuracies, accuracies])
    return Truth(tuple("abcd"[: len(accuracies)]), seeds, seeds, seeds)


def norm_layer(channels: int = 6) -> nn.BatchNorm2d:
    generator = torch.Generator().manual_seed(0)
    layer = nn.BatchNorm2d(channels)
    with torch.no_grad():
        layer.weight.copy_(torch.rand(channels, generator=generator) + 0.5)
        layer.bias.copy_(torch.randn(channels, generator=generator))
    return layer


def images(seed: int) -> torch.Tensor:
    return torch.randn(8, 6, 4, 4, generator=torch.Generator().manual_seed(seed))


def test_a_perfect_score_reaches_more_the_less_seeds_differ() -> None:
    generator = np.random.default_rng(0)
    expected = np.linspace(0.5, 0.9, 12)

    def found(deviation: float) -> Truth:
        seeds = expected + generator.normal(0, deviation, (3, 12))
        return Truth(tuple(map(str, range(12))), seeds, seeds, seeds)

    sharp, noisy, drowned = (found(deviation) for deviation in (0.001, 0.1, 10.0))
    assert sharp.attainable == pytest.approx(1, abs=0.01)
    assert noisy.ceiling < noisy.attainable < 0.95
    assert 0 <= drowned.attainable < noisy.attainable


def test_missing_scores_are_the_worst() -> None:
    assert worst_for_missing(np.array([3.0, np.nan, 1.0])).argmin() == 1


def test_mean_rank_weighs_scores_alike() -> None:
    small, large = {"d": np.array([0.1, 0.2, 0.3])}, {"d": np.array([300.0, 100.0, 200.0])}
    assert borda([small, large])["d"].argmax() == 2


def test_static_list_does_not_see_the_dataset_it_is_for() -> None:
    truths = {"one": truth(0.1, 0.2, 0.3), "two": truth(0.9, 0.8, 0.7)}
    found = static_list(truths)
    assert found["one"].argmax() == 0
    assert found["two"].argmax() == 2


def test_what_is_chosen_on_one_half_is_reported_on_the_other() -> None:
    truths = {name: truth(0.1, 0.2) for name in ("sign_digits", "cifar10", "brain_tumor_mri")}
    taus: dict[tuple[str, ...], Array] = {
        ("good here",): np.array([0.9, 0.9, 0.1]),
        ("good there",): np.array([0.1, 0.1, 0.9]),
    }
    found = chosen(taus, truths)
    assert found["choice"] == "good here"
    assert found["tau_choosing"] == pytest.approx(0.9)
    assert found["tau_reporting"] == pytest.approx(0.1)


def test_doubled_rate_is_plain_batchnorm_at_twice_the_rate() -> None:
    plain, changed = norm_layer(), AffineCoNorm2d.from_batchnorm(norm_layer())
    DoubledRate().change(changed)
    fast = torch.optim.SGD(plain.parameters(), lr=0.2, momentum=0.9, nesterov=True)
    slow = torch.optim.SGD(
        [changed.weight_target, changed.bias_target], lr=0.1, momentum=0.9, nesterov=True
    )
    for step in range(4):
        for layer, optimizer in ((plain, fast), (changed, slow)):
            optimizer.zero_grad()
            torch.autograd.backward(layer(images(step)).pow(3).mean())
            optimizer.step()
    weight, bias = changed.effective_affine()
    torch.testing.assert_close(weight, plain.weight)
    torch.testing.assert_close(bias, plain.bias)


def test_diagonal_takes_nothing_from_other_channels() -> None:
    layer = AffineCoNorm2d.from_batchnorm(norm_layer())
    Diagonal().change(layer)
    before = layer.effective_affine()[0].detach().clone()
    with torch.no_grad():
        layer.weight_target[0] *= 3
    after = layer.effective_affine()[0].detach()
    assert torch.equal(before[1:], after[1:])
    assert before[0] != after[0]


def test_permuted_keeps_the_source_affines_but_not_their_places() -> None:
    layer: AffineCoNorm = AffineCoNorm2d.from_batchnorm(norm_layer())
    source = torch.stack([layer.weight, layer.bias], 1).detach().clone()
    target = layer.weight_target.detach().clone()
    Permuted().change(layer)
    moved = torch.stack([layer.weight, layer.bias], 1).detach()
    assert not torch.equal(moved, source)
    assert {tuple(row) for row in moved.tolist()} == {tuple(row) for row in source.tolist()}
    assert torch.equal(layer.weight_target, target)


@pytest.mark.slow
def test_whole_study_on_a_part_of_the_data(shared: Path, tmp_path: Path) -> None:
    environment = {**os.environ, "PYTHON": sys.executable, "ACRANK_SHARED": str(shared)}
    command = ["bash", str(SCRIPTS / "run.sh"), str(tmp_path / "study"), "--fast"]
    subprocess.run(command, env=environment, check=True, timeout=1800)
    tables = tmp_path / "study" / "tables"
    means = list(csv.DictReader((tables / "results" / "means.csv").open()))
    assert {"ac_corr", "log_me", "bn_probe", "sum_lr0.1"} <= {row["score"] for row in means}
    assert (tables / "images" / "transfer-scores.png").stat().st_size > 10_000
