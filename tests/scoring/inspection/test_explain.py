"""One model layer by layer: the numbers of a run, and how its channels move."""

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml
from torch import Tensor

import acrank
from acrank.errors import ConfigError, NotScoredError, ZooError
from acrank.metrics.affine import AffineTrials, Probe
from acrank.metrics.registry import AC_CORR
from acrank.norm import SourceAffine, find_dead_channels
from acrank.norm.layerwise import DeadChannels
from acrank.results import ModelResult
from acrank.scoring.inspection import Explanation, LayerExplanation
from acrank.scoring.inspection.layers import explain_layers
from acrank.scoring.inspection.types import choose_layers, listed_moves
from tests.norm.dense import dense_correlation

SMALL: dict[str, Any] = {"samples": 32, "batch_size": 8, "precision": "fp32"}
MODEL = "demo-random-labels"


@pytest.fixture(scope="module")
def explained() -> Explanation:
    return acrank.explain(MODEL, "demo", "demo", **SMALL)


def probe_of(source: SourceAffine, weights: Tensor, biases: Tensor) -> Probe:
    return Probe((source,), (weights,), (biases,), torch.zeros(len(weights)), 1.0)


def explain_layer(
    source: SourceAffine, weights: Tensor, biases: Tensor, dead: DeadChannels = "exclude"
) -> LayerExplanation:
    probe = probe_of(source, weights, biases)
    return explain_layers(probe, AffineTrials(probe, dead).layers, dead)[0]


def random_layer(seed: int, channels: int = 40, dead: int = 0) -> SourceAffine:
    generator = torch.Generator().manual_seed(seed)
    weight = torch.rand(channels, generator=generator) + 0.5
    weight[:dead] = 1e-6
    return SourceAffine("bn", weight, torch.randn(channels, generator=generator), None, 1e-5)


def moved(source: SourceAffine, by: float, trials: int = 5) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(99)
    shape = (trials, len(source.weight))
    return (
        source.weight.double() + by * torch.randn(shape, generator=generator).double(),
        source.bias.double() + by * torch.randn(shape, generator=generator).double(),
    )


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"lr": 0.5, "head": "ridge"},
        {"dead_channels": "keep", "seed": 3},
        {"steps": 2, "repeats": 2},
    ],
)
def test_the_numbers_are_those_of_a_run(settings: dict[str, Any]) -> None:
    given = {**SMALL, **settings}
    ranking = acrank.rank("demo", "demo", models=(MODEL,), metrics=("knn",), **given)
    result = ranking.rows[0].result
    found = acrank.explain(MODEL, "demo", "demo", **given)
    assert found.result.layers == result.layers
    telling = [layer.correlation for layer in found.layers if layer.status == "ok"]
    means = {
        "ac_corr": sum(layer.kept_sum for layer in telling) / len(telling),
        "ac_corr_channel": sum(layer.kept_mean for layer in telling) / len(telling),
        "ac_corr_zero": sum(layer.zero_drift for layer in telling) / len(telling),
    }
    for name in AC_CORR:
        assert found.result.scores[name] == result.scores[name]
        assert means[name] == pytest.approx(result.value(name), rel=1e-12)
    assert found.record["dataset"] == ranking.record["dataset"]


def test_channels_add_up_to_their_layer(explained: Explanation) -> None:
    assert len(explained.layers) == explained.result.norm_layers
    for layer in explained.layers:
        found, channels = layer.correlation, layer.channels
        assert channels.kept.sum() == pytest.approx(found.kept_sum, rel=1e-9)
        assert len(channels) == found.channels
        assert channels.dead.sum() == found.dead == 0
        assert layer.zero_mean == pytest.approx(found.zero_drift / found.channels)
        # the layer's drift is made of how far its channels move
        assert np.sqrt((channels.moved**2).mean()) == pytest.approx(layer.drift, rel=1e-9)
        np.testing.assert_allclose(
            channels.ratio_after - channels.ratio_before, channels.change, atol=1e-12
        )
        # mean and deviation over three trials together are the root mean square
        np.testing.assert_allclose(
            channels.change**2 + channels.change_sd**2 * 2 / 3, channels.moved**2, rtol=1e-6
        )
    shares = [explained.share(layer) for layer in explained.layers]
    assert sum(shares) == pytest.approx(1)


def test_affines_that_do_not_move_have_no_drift() -> None:
    source = random_layer(0)
    layer = explain_layer(source, *moved(source, 0.0))
    assert (layer.drift, layer.crossed) == (0, 0)
    assert layer.excess == pytest.approx(0, abs=1e-12)
    for name in ("moved", "change", "change_sd", "gamma_sd", "beta_sd"):
        assert not getattr(layer.channels, name).any()
    assert (layer.channels.gamma_after == layer.channels.gamma_before).all()
    assert (layer.channels.beta_after == layer.channels.beta_before).all()


@pytest.mark.parametrize("by", [1e-3, 0.05, 1.0])
@pytest.mark.parametrize("seed", range(4))
def test_crossed_channels_are_those_that_keep_another(seed: int, by: float) -> None:
    source = random_layer(seed)
    weights, biases = moved(source, by)
    expected = [
        (dense_correlation(source.weight, source.bias, weight, bias) > 0).sum(dim=1) > 1
        for weight, bias in zip(weights, biases, strict=True)
    ]
    layer = explain_layer(source, weights, biases)
    share = torch.stack(expected).double().mean(dim=0).numpy()
    np.testing.assert_allclose(layer.channels.crossed, share)
    assert layer.crossed == pytest.approx(share.sum())
    if not share.any():  # then nothing can be added
        assert layer.excess <= 0


def test_channels_of_the_same_ratio_are_crossed_from_the_start() -> None:
    source = SourceAffine("bn", torch.ones(4), torch.tensor([0.5, 0.5, -1.0, 2.0]), None, 1e-5)
    layer = explain_layer(source, *moved(source, 0.0))
    assert layer.channels.crossed.tolist() == [1, 1, 0, 0]


@pytest.mark.parametrize(("rule", "listed"), [("exclude", 30), ("keep", 40)])
def test_dead_channels_are_counted_and_left_out(rule: DeadChannels, listed: int) -> None:
    source = random_layer(1, dead=10)
    layer = explain_layer(source, *moved(source, 0.01), rule)
    dead = find_dead_channels(source).numpy()
    assert (layer.channels.dead == dead).all()
    assert layer.correlation.dead == dead.sum() == 10
    assert (~np.isnan(layer.channels.kept)).sum() == listed
    # the spread and the drift are those of live channels in any case
    assert layer.drift == pytest.approx(np.sqrt((layer.channels.moved[~dead] ** 2).mean()))
    found = explanation(layer, dead_channels=rule)
    moves = found.most_moved(100)
    assert len(moves) == listed
    assert any(move.dead for move in moves) is (rule == "keep")


def explanation(*layers: LayerExplanation, dead_channels: str = "exclude") -> Explanation:
    record = {"config": {"dead_channels": dead_channels}}
    return Explanation(ModelResult("net", "ok"), layers, record)


def test_those_that_move_most_come_first(explained: Explanation) -> None:
    every = [
        (layer.channels.moved[index], layer.name, index)
        for layer in explained.layers
        for index in range(len(layer.channels))
    ]
    moves = explained.most_moved(10)
    assert [move.moved for move in moves] == sorted((row[0] for row in every), reverse=True)[:10]
    by_place = {(layer, index): value for value, layer, index in every}
    assert all(by_place[move.layer, move.channel] == move.moved for move in moves)
    assert len(explained.most_moved(10**6)) == len(every)
    inside = explained.most_moved(3, explained.layers[-1:])
    assert {move.layer for move in inside} == {explained.layers[-1].name}


def test_one_trial_has_no_deviation() -> None:
    source = random_layer(2)
    layer = explain_layer(source, *moved(source, 0.01, trials=1))
    assert np.isnan(layer.channels.change_sd).all()
    assert np.isnan(layer.channels.gamma_sd).all()
    np.testing.assert_allclose(np.abs(layer.channels.change), layer.channels.moved)


def test_an_untrained_network_shows_its_layers_and_no_score() -> None:
    found = acrank.explain("demo-untrained", "demo", "demo", **SMALL)
    assert "tied affines" in found.silence
    assert found.result.scores == {}
    assert {layer.status for layer in found.layers} == {"tied"}
    for layer in found.layers:
        assert math.isnan(layer.crossed)
        assert math.isnan(layer.excess)
        assert math.isnan(found.share(layer))
        assert np.isnan(layer.channels.kept).all()
        assert layer.drift > layer.spread == 0
    assert len(found.most_moved(10)) == 10


def test_a_step_too_large_swamps_the_layers() -> None:
    found = acrank.explain(MODEL, "demo", "demo", **{**SMALL, "lr": 1e6})
    assert {layer.status for layer in found.layers} == {"swamped"}
    assert "smaller --lr" in found.silence
    assert all(layer.drift > layer.spread for layer in found.layers)


def test_layers_are_chosen_by_name_or_wildcard(explained: Explanation) -> None:
    names = [layer.name for layer in explained.layers]
    assert [layer.name for layer in choose_layers(explained, ["layer4*", "bn1"])] == [
        name for name in names if name == "bn1" or name.startswith("layer4")
    ]
    with pytest.raises(ConfigError, match="Did you mean layer4"):
        choose_layers(explained, ["layer4.0.bn"])
    with pytest.raises(ConfigError, match="It has 14, such as 'layer4"):
        choose_layers(explained, ["~"])


def test_moves_are_listed_under_headings(explained: Explanation) -> None:
    assert listed_moves(explained, 0) == []
    ((heading, moves),) = listed_moves(explained, 1)
    assert (heading, len(moves)) == ("The channel that moves most", 1)
    headings = [heading for heading, _ in listed_moves(explained, 3, ["conv1.*"])]
    assert headings == [f"conv1.{i}: the 3 channels that move most" for i in (1, 4)]
    dead = SourceAffine("bn", torch.zeros(4), torch.ones(4), None, 1e-5)
    layer = explain_layer(dead, *moved(dead, 0.0))
    ((heading, moves),) = listed_moves(explanation(layer), 3, ["bn"])
    assert "every channel is dead" in heading
    assert moves == []


def write_zoo(folder: Path, *names: str) -> Path:
    text = (Path(acrank.__file__).parent / "zoo" / "demo" / "zoo.yaml").read_text()
    entry = next(e for e in yaml.safe_load(text)["models"] if e["name"] == MODEL)
    entry["weights"] = str(Path(acrank.__file__).parent / "zoo" / "demo" / entry["weights"])
    path = folder / "zoo.yaml"
    models = [{**entry, "name": name} for name in names]
    path.write_text(yaml.safe_dump({"version": 1, "models": models}))
    return path


def test_a_name_is_taken_at_its_word_before_it_is_a_wildcard(tmp_path: Path) -> None:
    zoo = write_zoo(tmp_path, "net[1]", "net1", "net*")
    for name in ("net[1]", "net*"):
        assert acrank.explain(name, "demo", zoo, **SMALL).result.model == name
    with pytest.raises(ZooError, match="matches 2 models") as caught:
        acrank.explain("net[1*]", "demo", zoo, **SMALL)
    assert "net1, net*" in str(caught.value)
    assert acrank.explain("ne?1", "demo", zoo, **SMALL).result.model == "net1"


@pytest.mark.parametrize("more", [{"shard": "3/7", "jobs": 2}, {"budget": "10m"}])
def test_settings_of_many_models_have_no_effect(
    explained: Explanation, more: dict[str, Any]
) -> None:
    found = acrank.explain(MODEL, "demo", "demo", **SMALL, metrics="all", rank_by="knn", **more)
    assert found.result.scores == explained.result.scores


def test_what_cannot_be_probed_says_why(tmp_path: Path) -> None:
    zoo = write_zoo(tmp_path, "net")
    zoo.write_text(zoo.read_text().replace(".safetensors", ".nowhere"))
    with pytest.raises(NotScoredError, match=r"'net' cannot be explained: .*nowhere"):
        acrank.explain("net", "demo", zoo, **SMALL)
