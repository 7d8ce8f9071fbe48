"""What methods add to the loss, against computations of their own in NumPy."""

from typing import cast

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from acrank.errors import ConfigError, ModelError
from acrank.finetuning.catalogue import METHODS
from acrank.finetuning.methods import Method, make_method
from acrank.finetuning.methods.bss import spectral_shrinkage
from acrank.finetuning.methods.co_tuning import CoTuning, class_relation
from acrank.finetuning.methods.delta import Delta, behaviour, channel_attention, last_convolutions
from acrank.finetuning.methods.l2_sp import L2SP
from acrank.finetuning.network import Network
from tests.finetuning.small import CLASSES, backbone_of, make_batch, make_network, make_start


def penalty(method: Method, network: Network) -> torch.Tensor:
    images, labels = make_batch()
    method.train_mode(network)
    features, _ = network.outputs(images)
    found = method.penalty(network, images, features, labels)
    assert found is not None
    return found


def test_l2_sp_is_the_squared_way_from_the_start() -> None:
    network = make_network()
    method = L2SP(alpha=0.3, beta=0.7)
    method.prepare(make_start(network))
    start = [p.detach().double().numpy().copy() for p in network.backbone.parameters()]
    head = [p.detach().double().numpy() for p in network.head.parameters()]
    held = 0.7 / 2 * sum((p**2).sum() for p in head)
    assert float(penalty(method, network).detach()) == pytest.approx(held, rel=1e-5)
    with torch.no_grad():
        for parameter in network.backbone.parameters():
            parameter.add_(0.1 * torch.randn_like(parameter))
    now = [p.detach().double().numpy() for p in network.backbone.parameters()]
    moved = sum(((a - b) ** 2).sum() for a, b in zip(now, start, strict=True))
    expected = 0.3 / 2 * moved + held
    assert float(penalty(method, network).detach()) == pytest.approx(expected, rel=1e-5)
    assert not method.decays_weights


@given(st.integers(1, 6), st.integers(2, 6), st.integers(2, 9), st.integers(0, 99))
def test_shrinkage_is_of_the_smallest_eigenvalues(k: int, n: int, d: int, seed: int) -> None:
    features = np.random.default_rng(seed).normal(size=(n, d))
    gram = features @ features.T if n <= d else features.T @ features
    expected = np.sort(np.linalg.eigvalsh(gram))[:k].sum()
    found = float(spectral_shrinkage(torch.from_numpy(features), k))
    assert found == pytest.approx(max(expected, 0.0), rel=1e-4, abs=1e-5)


def test_shrinkage_has_a_gradient() -> None:
    features = torch.randn(5, 4, requires_grad=True)
    spectral_shrinkage(features, 2).backward()  # type: ignore[no-untyped-call]
    assert features.grad is not None
    assert float(features.grad.abs().sum()) > 0


def test_behaviour_sums_squares_of_channels_by_attention() -> None:
    generator = np.random.default_rng(0)
    maps, source = generator.normal(size=(2, 5, 4, 3, 3))
    attention = np.array([0.1, 0.2, 0.3, 0.4])
    expected = np.mean(
        [
            sum(attention[j] * ((maps[i, j] - source[i, j]) ** 2).sum() for j in range(4))
            for i in range(5)
        ]
    )
    found = behaviour(*(torch.from_numpy(a) for a in (maps, source, attention)))
    assert float(found) == pytest.approx(expected, rel=1e-6)


def test_behaviour_of_masks_does_not_grow_with_the_maps() -> None:
    generator = torch.Generator().manual_seed(0)
    maps, source = torch.randn(2, 5, 4, 7, 7, generator=generator)
    attention = torch.tensor([0.1, 0.2, 0.3, 0.4])
    whole = behaviour(maps, source, attention)
    assert torch.allclose(behaviour(maps, source, attention, positions=49), whole)
    larger, of_source = maps.repeat(1, 1, 3, 2), source.repeat(1, 1, 3, 2)
    assert torch.allclose(behaviour(larger, of_source, attention, positions=49), whole)


def test_attention_is_the_softmax_of_how_much_the_loss_rises() -> None:
    network = make_network().eval()
    images, labels = make_batch()
    layers = last_convolutions(network.backbone, images)
    assert layers == ["conv1", "conv2"]
    found = channel_attention(network.backbone, layers, images, labels, CLASSES)
    # the ridge classifier written out in its primal form
    with torch.no_grad():
        features = network.backbone(images).double().numpy()
    mean, targets = features.mean(axis=0), np.eye(CLASSES)[labels.numpy()]
    centred = features - mean
    ridge = (centred**2).sum(axis=1).mean()
    weight = np.linalg.solve(
        centred.T @ centred + ridge * np.eye(6), centred.T @ (targets - targets.mean(axis=0))
    )

    def loss(kept: torch.Tensor) -> float:
        logits = (kept.double().numpy() - mean) @ weight + targets.mean(axis=0)
        logits -= logits.max(axis=1, keepdims=True)
        log = logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
        return float(-log[np.arange(len(labels)), labels.numpy()].mean())

    rises = []
    for channel in range(6):
        with torch.no_grad():
            changed = make_network()
            backbone = backbone_of(changed)
            changed.eval()
            backbone.conv2.weight[channel] = 0
            cast(torch.Tensor, backbone.conv2.bias)[channel] = 0
            rises.append(loss(backbone(images)) - loss(network.backbone(images)))
    expected = np.exp(rises) / np.exp(rises).sum()
    assert found["conv2"].numpy() == pytest.approx(expected, rel=1e-4)
    assert float(found["conv1"].sum()) == pytest.approx(1.0)


def test_delta_is_zero_at_the_start_in_inference_and_grows() -> None:
    network = make_network()
    method = Delta(alpha=1.0, beta=0.0, attention_images=0)
    method.prepare(make_start(network))
    network.eval()
    images, labels = make_batch()

    def held() -> float:
        features, _ = network.outputs(images)
        found = method.penalty(network, images, features, labels)
        assert found is not None
        return float(found.detach())

    assert held() == pytest.approx(0.0, abs=1e-10)
    with torch.no_grad():
        backbone_of(network).conv2.weight.mul_(1.5)
    assert held() > 1e-3
    assert {tuple(a.shape) for a in method.attention.values()} == {(4,), (6,)}


def test_class_relation_finds_the_source_class_of_each_target_class() -> None:
    generator = np.random.default_rng(0)
    labels = np.arange(60) % 3
    probs = generator.dirichlet(np.ones(5), size=60) * 0.3
    probs[np.arange(60), labels + 1] += 0.7  # target class t looks like source class t + 1
    relation = class_relation(probs, labels, 3)
    assert relation.shape == (3, 5)
    assert relation.sum(axis=1) == pytest.approx(np.ones(3))
    assert relation.argmax(axis=1).tolist() == [1, 2, 3]


def test_class_relation_is_bayes_rule() -> None:
    from sklearn.linear_model import LogisticRegression

    generator = np.random.default_rng(1)
    labels, probs = np.arange(40) % 2, generator.dirichlet(np.ones(4), size=40)
    fitted = LogisticRegression(max_iter=1000).fit(probs, labels)
    logit = fitted.coef_[0] + fitted.intercept_[0]  # of the second class, at each source class
    second = 1 / (1 + np.exp(-logit))
    prior = probs.mean(axis=0)
    expected = np.stack([(1 - second) * prior, second * prior])
    expected /= expected.sum(axis=1, keepdims=True)
    assert class_relation(probs, labels, 2) == pytest.approx(expected)


def test_co_tuning_is_the_cross_entropy_to_the_relation() -> None:
    network, head = make_network(), nn.Linear(6, 4)
    method = CoTuning(trade_off=2.0)
    method.prepare(make_start(network, head))
    assert method.relation is not None
    images, labels = make_batch()
    network.eval()
    features, _ = network.outputs(images)
    found = method.penalty(network, images, features, labels)
    assert found is not None
    logits = head(features).detach().double().numpy()
    log = logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
    relation = method.relation.double().numpy()[labels.numpy()]
    assert float(found.detach()) == pytest.approx(
        -2.0 * (relation * log).sum(axis=1).mean(), rel=1e-5
    )
    assert method.extra_modules() == {"source_head": head}


def test_co_tuning_needs_a_source_head() -> None:
    with pytest.raises(ModelError, match="no source classifier"):
        CoTuning().prepare(make_start(make_network()))


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("stochnorm", {"p": 1.5}),
        ("bss", {"k": 0}),
        ("bn-only", {"bn_mode": "x"}),
        ("delta", {"attention_images": -1}),
    ],
)
def test_options_out_of_range_are_refused(name: str, options: dict[str, float]) -> None:
    with pytest.raises(ConfigError):
        make_method(name, options)


@pytest.mark.parametrize("name", METHODS)
def test_every_method_has_the_defaults_of_the_catalogue(name: str) -> None:
    method = make_method(name, {})
    for option, value in METHODS[name].options.items():
        assert getattr(method, option) == value
