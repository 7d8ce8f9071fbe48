import copy
import itertools
import math
from typing import Any

import pytest
import timm
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from acrank.errors import ModelError
from acrank.metrics.affine import AffineTrials, ac_corr
from acrank.metrics.compute import compute
from acrank.metrics.registry import AC_CORR
from acrank.norm import AffineCoNorm, affine_ratio, convert_batchnorm
from acrank.scoring.probe import probe_model
from acrank.scoring.types import ProbeSettings
from tests.norm.dense import dense_correlation
from tests.norm.test_convert import randomise

CLASSES = 3


def make_batches(count: int = 2, size: int = 6) -> tuple[Tensor, Tensor]:
    images = torch.randn(count, size, 3, 32, 32, dtype=torch.float64)
    return images, torch.arange(count * size).view(count, size) % CLASSES


def probed_scores(
    model: nn.Module, data: tuple[Tensor, Tensor], settings: ProbeSettings
) -> dict[str, list[float]]:
    images, labels = data
    probe = probe_model(
        copy.deepcopy(model), lambda i: (images[i], labels[i]), len(images), CLASSES, settings
    )
    return ac_corr(AffineTrials(probe, "keep"))


def plain_model(name: str, **kwargs: Any) -> nn.Module:
    return randomise(timm.create_model(name, num_classes=0, **kwargs)).double()


def small_model() -> nn.Module:
    """A ResNet that a property of every network can be seen on at little cost."""
    return plain_model("resnet18", channels=[8, 8, 16, 16], layers=[1, 1, 1, 1])


def head_of(width: int, trial: int) -> nn.Linear:
    """The head the probe draws: PyTorch's default for a linear layer, seeded."""
    generator = torch.Generator().manual_seed(trial)
    head = nn.Linear(width, CLASSES)
    for parameter in head.parameters():
        nn.init.uniform_(parameter, -(width**-0.5), width**-0.5, generator=generator)
    return head.double()


def loop_score(model: nn.Module, images: Tensor, labels: Tensor, trial: int, lr: float) -> float:
    """A plain loop: converted model, everything trainable, one SGD step, dense formula."""
    model = copy.deepcopy(model)
    convert_batchnorm(model)
    model.eval()
    for module in model.modules():
        if isinstance(module, nn.modules.batchnorm._BatchNorm):
            module.train()
    head = head_of(model(images).shape[1], trial)
    parameters = list(itertools.chain(model.parameters(), head.parameters()))
    optimizer = torch.optim.SGD([p for p in parameters if p.requires_grad], lr=lr)
    F.cross_entropy(head(model(images)), labels).backward()  # type: ignore[no-untyped-call]
    optimizer.step()
    sums = [
        float(dense_correlation(m.weight, m.bias, m.weight_target, m.bias_target).sum().detach())
        for m in model.modules()
        if isinstance(m, AffineCoNorm)
    ]
    return sum(sums) / len(sums)


@pytest.mark.parametrize(
    "name", ["resnet18", "mobilenetv3_small_050", "efficientnet_b0", "densenet121"]
)
def test_one_step_equals_a_plain_loop_over_all_parameters(name: str) -> None:
    model, (images, labels) = plain_model(name), make_batches()
    settings = ProbeSettings(lr=0.1)
    scores = probed_scores(model, (images, labels), settings)["ac_corr"]
    expected = [loop_score(model, images[i], labels[i], i, settings.lr) for i in range(2)]
    assert scores == pytest.approx(expected, rel=1e-5)
    assert abs(scores[0] - scores[1]) > 1e-5  # the step matters, and each batch has its own


def test_tied_channels_are_mixed_as_the_layer_does() -> None:
    model = plain_model("resnet18")
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            with torch.no_grad():
                module.weight[::3], module.bias[::3] = 0.7, 0.2
    images, labels = make_batches(1)
    scores = probed_scores(model, (images, labels), ProbeSettings(lr=0.1))["ac_corr"]
    assert scores[0] == pytest.approx(loop_score(model, images[0], labels[0], 0, 0.1), rel=1e-5)


def test_float32_agrees_with_float64() -> None:
    model, (images, labels) = small_model(), make_batches(1)
    double = probed_scores(model, (images, labels), ProbeSettings())["ac_corr"]
    single = probed_scores(model.float(), (images.float(), labels), ProbeSettings())["ac_corr"]
    assert single == pytest.approx(double, rel=1e-4)


def test_no_step_is_the_zero_drift_value() -> None:
    model, data = small_model(), make_batches(1)
    scores = probed_scores(model, data, ProbeSettings(lr=1e-30))
    assert scores["ac_corr"] == pytest.approx(scores["ac_corr_zero"], rel=1e-9)


@pytest.mark.parametrize("head", ["random", "ridge"])
@pytest.mark.parametrize("steps", [1, 3])
def test_the_same_seed_gives_the_same_numbers(head: str, steps: int) -> None:
    model, data = small_model(), make_batches(2)
    settings = [ProbeSettings(steps, 2, 0.01, head, seed=s) for s in (0, 0, 1)]  # type: ignore[arg-type]
    first, again, other = (probed_scores(model, data, s)["ac_corr"] for s in settings)
    assert first == again
    assert len(first) == 2
    if head == "random" or steps > 1:
        assert first != other


def test_several_steps_train_everything() -> None:
    model, (images, labels) = small_model(), make_batches(1)
    before = model.state_dict()["conv1.weight"].clone()
    trained = copy.deepcopy(model)
    settings = ProbeSettings(steps=4, repeats=1, lr=0.05)
    probe = probe_model(trained, lambda i: (images[i], labels[i]), 1, CLASSES, settings)
    assert not torch.equal(trained.state_dict()["conv1.weight"], before)
    assert torch.equal(probe.sources[0].weight, model.state_dict()["bn1.weight"])
    assert not torch.equal(probe.target_weights[0][0], probe.sources[0].weight)


def test_ridge_heads_classify_what_is_linear() -> None:
    """Features that are the classes: the cross-fitted heads give a loss well below chance."""

    class Oracle(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.bn = nn.BatchNorm2d(3)
            nn.init.uniform_(self.bn.weight, 1, 2)

        def forward(self, x: Tensor) -> Tensor:
            return self.bn(x).mean((2, 3))  # type: ignore[no-any-return]

    labels = torch.arange(24)[None] % CLASSES
    images = F.one_hot(labels, 3).float()[..., None, None].expand(-1, -1, -1, 2, 2)
    losses = [
        probe_model(
            Oracle(), lambda i: (images[i], labels[i]), 1, CLASSES, ProbeSettings(head=head)
        ).losses
        for head in ("ridge", "random")
    ]
    assert losses[0] < 0.9 < losses[1]


def test_the_running_statistics_stay() -> None:
    model, (images, labels) = small_model(), make_batches(1)
    probed = copy.deepcopy(model)
    probe_model(probed, lambda i: (images[i], labels[i]), 1, CLASSES, ProbeSettings())
    for key, value in model.state_dict().items():
        if "running" in key:
            assert torch.equal(probed.state_dict()[key], value)


def test_layers_off_the_path_are_left_out() -> None:
    class WithAuxiliary(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.body = randomise(timm.create_model("resnet18", num_classes=0))
            self.auxiliary = nn.BatchNorm2d(9)

        def forward(self, x: Tensor) -> Tensor:
            return self.body(x)  # type: ignore[no-any-return]

    images, labels = make_batches(1)
    for steps in (1, 2):
        probe = probe_model(
            WithAuxiliary(),
            lambda i: (images[i].float(), labels[i]),
            1,
            CLASSES,
            ProbeSettings(steps=steps, repeats=1),
        )
        assert len(probe.sources) == 20
        assert all(source.name.startswith("body.") for source in probe.sources)


class OwnForward(nn.BatchNorm2d):
    def forward(self, input: Tensor) -> Tensor:  # noqa: A002
        return super().forward(input) * 2


@pytest.mark.parametrize("steps", [1, 2])
@pytest.mark.parametrize("off_the_path", [True, False])
def test_refuses_a_network_whose_norms_do_not_count(steps: int, off_the_path: bool) -> None:
    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv = nn.Conv2d(3, 4, 3)
            self.norm = nn.BatchNorm2d(4) if off_the_path else OwnForward(4)

        def forward(self, x: Tensor) -> Tensor:
            x = self.conv(x)
            return (x if off_the_path else self.norm(x)).mean((2, 3))

    images, labels = make_batches(1)
    settings = ProbeSettings(steps=steps, repeats=1)
    with pytest.raises(ModelError, match="no BatchNorm layer"):
        probe_model(Net(), lambda i: (images[i].float(), labels[i]), 1, CLASSES, settings)


def test_refuses_a_network_without_batchnorm() -> None:
    model = timm.create_model("vit_tiny_patch16_224", num_classes=0, img_size=64)
    with pytest.raises(ModelError, match="no BatchNorm"):
        probe_model(model, lambda i: make_batches(), 1, CLASSES, ProbeSettings())


def test_refuses_features_that_are_no_vectors() -> None:
    model = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4))
    images, labels = make_batches(1)
    with pytest.raises(ModelError, match="classifier"):
        probe_model(model, lambda i: (images[i].float(), labels[i]), 1, 3, ProbeSettings())


@pytest.mark.parametrize("steps", [1, 2])
def test_refuses_what_is_not_finite(steps: int) -> None:
    model, (images, labels) = small_model(), make_batches(1)
    images[0, 0, 0, 0, 0] = float("inf")
    settings = ProbeSettings(steps=steps, repeats=1)
    with pytest.raises(ModelError, match="not finite"):
        probe_model(model, lambda i: (images[i], labels[i]), 1, CLASSES, settings)


def test_bf16_is_close_to_fp32() -> None:
    model, (images, labels) = small_model().float(), make_batches(1)
    data = (images.float(), labels)
    moved = []
    for dtype in (None, torch.bfloat16):
        scores = probed_scores(model, data, ProbeSettings(autocast=dtype, lr=0.1))
        moved.append(scores["ac_corr"][0] - scores["ac_corr_zero"][0])
    assert moved[0] > 0.05
    assert moved[1] == pytest.approx(moved[0], rel=0.05)
    assert moved[1] != moved[0]


def test_controls_are_what_a_plain_loop_gives() -> None:
    model, (images, labels) = small_model(), make_batches()
    settings = ProbeSettings(lr=0.1, shuffled=True)
    probe = probe_model(
        copy.deepcopy(model), lambda i: (images[i], labels[i]), 2, CLASSES, settings
    )
    names = (*AC_CORR, "ac_corr_shuffled", "affine_shift", "affine_grad_norm")
    found = compute("affine", names, AffineTrials(probe, "keep")).scores
    scores = {name: list(found[name].trials) for name in names}
    assert scores["affine_grad_norm"] == pytest.approx(
        [loop_gradient_norm(model, images[i], labels[i], i) for i in range(2)], rel=1e-5
    )
    order = [torch.randperm(6, generator=torch.Generator().manual_seed(i)) for i in range(2)]
    assert scores["ac_corr_shuffled"] == pytest.approx(
        [loop_score(model, images[i], labels[i][order[i]], i, settings.lr) for i in range(2)],
        rel=1e-5,
    )
    assert (
        scores["ac_corr"]
        == probed_scores(model, (images, labels), ProbeSettings(lr=0.1))["ac_corr"]
    )
    shifts = [
        (affine_ratio(w, b) - affine_ratio(s.weight, s.bias)).abs().mean(dim=1)
        for s, w, b in zip(probe.sources, probe.target_weights, probe.target_biases, strict=True)
    ]
    assert scores["affine_shift"] == pytest.approx(torch.stack(shifts).mean(dim=0).tolist())


def loop_gradient_norm(model: nn.Module, images: Tensor, labels: Tensor, trial: int) -> float:
    model = copy.deepcopy(model)
    convert_batchnorm(model)
    model.eval()
    layers = [module for module in model.modules() if isinstance(module, AffineCoNorm)]
    for layer in layers:
        layer.train()
    head = head_of(model(images).shape[1], trial)
    F.cross_entropy(head(model(images)), labels).backward()  # type: ignore[no-untyped-call]
    gradients = [p.grad for layer in layers for p in (layer.weight_target, layer.bias_target)]
    return math.sqrt(sum(float(g.square().sum()) for g in gradients if g is not None))


def test_controls_of_a_single_step_are_undefined_after_several() -> None:
    model, (images, labels) = small_model(), make_batches()
    settings = ProbeSettings(steps=2, repeats=2, shuffled=True)
    probe = probe_model(model, lambda i: (images[i], labels[i]), 2, CLASSES, settings)
    single = ("affine_grad_norm", "ac_corr_shuffled")
    found = compute("affine", (*AC_CORR, *single), AffineTrials(probe, "keep"))
    reason = "defined for a single step only (--steps 1)"
    assert found.undefined == dict.fromkeys(single, reason)
    assert set(found.scores) == set(AC_CORR)
