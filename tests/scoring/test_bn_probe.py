import copy
from collections.abc import Callable
from typing import cast

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from acrank.data import Preprocessing, Sample, draw_sample, open_target
from acrank.errors import MetricError, ModelError, NoNormError
from acrank.scoring.bn_probe import _first_head, bn_probe
from acrank.zoo import Hub, load_backbone, read_zoo

CLASSES = 3
SIZE = 12


class Net(nn.Module):
    """Two normalised convolutions; dropout and an outer scale for the tests to turn."""

    def __init__(self, scale: float = 1.0) -> None:
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(3, 6, 3), nn.BatchNorm2d(6)
        self.conv2, self.bn2 = nn.Conv2d(6, 8, 3), nn.BatchNorm2d(8)
        self.drop = nn.Dropout(0.5)
        self.scale = scale
        with torch.no_grad():
            for bn in (self.bn1, self.bn2):
                bn.weight.uniform_(0.5, 1.5)
                bn.bias.normal_(0, 0.3)

    def forward(self, images: Tensor) -> Tensor:
        x = torch.relu(self.bn1(self.conv1(images)))
        x = self.drop(torch.relu(self.bn2(self.conv2(x)))).mean((2, 3))
        return cast(Tensor, self.scale * x)


def make_batches(count: int = 4, shift: float = 1.0) -> Callable[[int], tuple[Tensor, Tensor]]:
    generator = torch.Generator().manual_seed(1)
    labels = torch.arange(SIZE) % CLASSES
    centres = shift * torch.randn(CLASSES, 3, 1, 1, generator=generator)
    images = torch.randn(count, SIZE, 3, 8, 8, generator=generator) + centres[labels]
    return lambda index: (images[index], labels)


def state_of(model: nn.Module) -> tuple[list[object], dict[str, Tensor]]:
    flags: list[object] = [(p.requires_grad, p.grad is None) for p in model.parameters()]
    flags += [module.training for module in model.modules()]
    return flags, {name: value.clone() for name, value in model.state_dict().items()}


def test_the_model_comes_back_as_it_was() -> None:
    model = Net()
    model.conv1.requires_grad_(False)
    model.bn2.eval()
    model.bn1.weight.grad = torch.ones(6)
    flags, state = state_of(model)
    bn_probe(model, make_batches(), 4, CLASSES, seed=0, epochs=2)
    after, values = state_of(model)
    assert after == flags
    assert all(torch.equal(values[name], value) for name, value in state.items())
    assert model.bn1.weight.grad is not None
    assert torch.equal(model.bn1.weight.grad, torch.ones(6))


def test_the_model_comes_back_after_an_error_too() -> None:
    model = Net()
    flags, state = state_of(model)
    batches = make_batches()

    def broken(index: int) -> tuple[Tensor, Tensor]:
        images, labels = batches(index)
        return (
            images * torch.inf if model.bn1.weight.ne(state["bn1.weight"]).any() else images
        ), labels

    with pytest.raises(ModelError, match="not finite"):
        bn_probe(model, broken, 4, CLASSES, seed=0)
    after, values = state_of(model)
    assert after == flags
    assert torch.equal(values["bn1.weight"], state["bn1.weight"])


def test_every_batch_has_one_held_out_value() -> None:
    result = bn_probe(Net(), make_batches(5), 5, CLASSES, seed=0, epochs=1)
    assert result.accuracies.shape == result.log_likelihoods.shape == (5,)
    assert ((result.accuracies >= 0) & (result.accuracies <= 1)).all()
    assert (result.log_likelihoods <= 0).all()


def test_labels_of_a_batch_do_not_reach_its_own_value() -> None:
    """Held out means that: the values of one fold know the labels of the other alone."""
    batches = make_batches(4, shift=3.0)

    def shuffled(index: int) -> tuple[Tensor, Tensor]:
        images, labels = batches(index)
        return images, labels.roll(1) if index % 2 else labels

    honest = bn_probe(Net(), batches, 4, CLASSES, seed=0)
    assert honest.accuracies.mean() > 0.9
    mixed = bn_probe(Net(), shuffled, 4, CLASSES, seed=0)
    assert mixed.accuracies.max() < 0.5


def test_one_fold_equals_a_plain_loop() -> None:
    """Deep copy, torch's own Adam on named parameters, BatchNorm by its running statistics."""
    model, batches = Net(), make_batches()
    result = bn_probe(model, batches, 4, CLASSES, seed=3, epochs=2, lr=0.05)
    copied = copy.deepcopy(model).eval()
    known = torch.cat([copied(batches(i)[0]) for i in (0, 2)]).detach()
    start = _first_head(known, torch.cat([batches(i)[1] for i in (0, 2)]), CLASSES)
    head = nn.Linear(8, CLASSES)
    head.load_state_dict(start.state_dict())
    centre, size = known.mean(0), (known - known.mean(0)).square().mean().sqrt()
    groups = [
        {
            "params": list(layer.parameters()),
            "lr": 0.05 * float(layer.weight.detach().square().mean().sqrt()),
        }
        for layer in (copied.bn1, copied.bn2, head)
    ]
    rates = [float(group["lr"]) for group in groups]  # type: ignore[arg-type]
    optimizer = torch.optim.Adam(groups, betas=(0.9, 0.95))
    generator = torch.Generator().manual_seed(3)
    order = [2 * p for _ in range(2) for p in torch.randperm(2, generator=generator).tolist()]
    for step, index in enumerate(order):
        images, labels = batches(index)
        for group, rate in zip(optimizer.param_groups, rates, strict=True):
            group["lr"] = rate * min((step + 1) / (0.2 * 4 + 1), 1 - step / 5)
        optimizer.zero_grad()
        F.cross_entropy(head((copied(images) - centre) / size), labels).backward()  # type: ignore[no-untyped-call]
        optimizer.step()
    with torch.no_grad():
        expected = [
            -float(F.cross_entropy(head((copied(batches(i)[0]) - centre) / size), batches(i)[1]))
            for i in (1, 3)
        ]
    assert result.log_likelihoods[[1, 3]].tolist() == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize("scale", [1e-3, 40.0])
def test_the_scale_of_the_features_does_not_matter(scale: float) -> None:
    model, batches = Net().double(), make_batches()

    def doubled(index: int) -> tuple[Tensor, Tensor]:
        images, labels = batches(index)
        return images.double(), labels

    plain = bn_probe(model, doubled, 4, CLASSES, seed=0)
    model.scale = scale
    again = bn_probe(model, doubled, 4, CLASSES, seed=0)
    torch.testing.assert_close(again.log_likelihoods, plain.log_likelihoods, rtol=1e-6, atol=1e-6)


def test_training_the_affines_moves_the_result() -> None:
    model, batches = Net(), make_batches(6, shift=0.3)
    still = bn_probe(model, batches, 6, CLASSES, seed=0, epochs=0)
    moved = bn_probe(model, batches, 6, CLASSES, seed=0, epochs=3)
    assert not torch.equal(still.log_likelihoods, moved.log_likelihoods)
    again = bn_probe(model, batches, 6, CLASSES, seed=0, epochs=3)
    assert torch.equal(again.log_likelihoods, moved.log_likelihoods)
    other = bn_probe(model, batches, 6, CLASSES, seed=1, epochs=3)
    assert not torch.equal(other.log_likelihoods, moved.log_likelihoods)


def test_first_head_is_ridge_at_a_good_temperature() -> None:
    features, labels = torch.randn(20, 5, dtype=torch.float64), torch.arange(20) % 3
    head = _first_head(features, labels, 3)
    centred = features - features.mean(0)
    centred /= centred.square().mean().sqrt()
    targets = F.one_hot(labels, 3).double()
    penalty = centred.square().sum(1).mean() * torch.eye(5, dtype=torch.float64)
    primal = torch.linalg.solve(centred.T @ centred + penalty, centred.T @ targets)
    ratio = head.weight.detach().T / primal
    torch.testing.assert_close(ratio, ratio[0, 0].expand_as(ratio))
    assert 0.999 < float(ratio[0, 0]) < 100.1
    torch.testing.assert_close(head.bias.detach(), ratio[0, 0] * targets.mean(0))


def test_constant_features_predict_the_shares() -> None:
    model = Net(scale=0.0)
    result = bn_probe(model, make_batches(), 4, CLASSES, seed=0, epochs=1)
    assert torch.isfinite(result.log_likelihoods).all()


def test_what_cannot_be_probed() -> None:
    with pytest.raises(MetricError, match="two batches"):
        bn_probe(Net(), make_batches(), 1, CLASSES, seed=0)
    with pytest.raises(NoNormError, match="no BatchNorm"):
        bn_probe(nn.Flatten(), make_batches(), 4, CLASSES, seed=0)


@pytest.fixture(scope="module")
def demo() -> Sample:
    return draw_sample(open_target("demo"), 160, 32, 0)


@pytest.mark.parametrize("name", ["demo-cifar10", "demo-untrained"])
def test_demo_networks_beat_chance(demo: Sample, name: str) -> None:
    entry = next(entry for entry in read_zoo("demo").entries if entry.name == name)
    backbone = load_backbone(entry, hub=Hub(offline=True))
    preprocessing = Preprocessing.from_config(backbone.data_config)
    batches = [demo.batch(i, preprocessing, device="cpu") for i in range(len(demo.batches))]
    result = bn_probe(backbone.model, batches.__getitem__, len(batches), 10, seed=0)
    assert float(result.accuracies.mean()) > 0.5
    assert float(result.log_likelihoods.mean()) > -1.8  # log 10 = 2.3
