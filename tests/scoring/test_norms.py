"""Which layers a probe takes, and that a step in them is that of real AC-Norm layers."""

import copy
import itertools
from collections.abc import Callable, Sequence

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from acrank.errors import NoNormError
from acrank.metrics.affine import AffineTrials, ac_corr
from acrank.norm import AffineCoLayer, convert_affine
from acrank.norm.types import NormKind
from acrank.scoring.bn_probe import bn_probe
from acrank.scoring.norms import Norms, kind_of, norm_layers
from acrank.scoring.probe import probe_model
from acrank.scoring.types import ProbeSettings
from tests.norm.dense import dense_correlation
from tests.norm.test_samplewise import with_affines
from tests.scoring.test_step import CLASSES, head_of

WIDTH = 6


class Net(nn.Module):
    """Two convolutions, each with a norm layer; features (N, 6)."""

    def __init__(self, first: nn.Module, second: nn.Module) -> None:
        super().__init__()
        self.conv1, self.norm1 = nn.Conv2d(3, WIDTH, 3), first
        self.conv2, self.norm2 = nn.Conv2d(WIDTH, WIDTH, 3), second

    def forward(self, images: Tensor) -> Tensor:
        maps = torch.relu(_last(self.norm1, self.conv1(images)))
        return _last(self.norm2, self.conv2(maps)).relu().mean((2, 3))


def _last(norm: nn.Module, maps: Tensor) -> Tensor:
    """LayerNorm has the channels last."""
    last = any(isinstance(part, nn.LayerNorm) for part in getattr(norm, "_plain", (norm,)))
    result: Tensor = norm(maps.movedim(1, -1)).movedim(-1, 1) if last else norm(maps)
    return result


NORMS: dict[str, Callable[[], nn.Module]] = {
    "layer": lambda: nn.LayerNorm(WIDTH),
    "group": lambda: nn.GroupNorm(2, WIDTH),
    "instance": lambda: nn.InstanceNorm2d(WIDTH, affine=True, track_running_stats=True),
    "batch": lambda: nn.BatchNorm2d(WIDTH),
}


def net_of(*kinds: str) -> nn.Module:
    torch.manual_seed(0)
    return with_affines(Net(*(NORMS[kind]() for kind in kinds))).double()


def make_batches(count: int = 2) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(1)
    images = torch.randn(count, 6, 3, 8, 8, dtype=torch.float64, generator=generator)
    return images, torch.arange(count * 6).view(count, 6) % CLASSES


def loop_score(
    model: nn.Module, images: Tensor, labels: Tensor, trial: int, kind: NormKind
) -> float:
    """A plain loop: AC-Norm layers, everything trainable, one SGD step, dense formula."""
    model = copy.deepcopy(model).eval()
    for module in model.modules():
        if isinstance(module, nn.modules.batchnorm._NormBase):
            module.train()
    convert_affine(model, kinds=(kind,))
    layers = [module for module in model.modules() if isinstance(module, AffineCoLayer)]
    head = head_of(WIDTH, trial)
    parameters = list(itertools.chain(model.parameters(), head.parameters()))
    optimizer = torch.optim.SGD([p for p in parameters if p.requires_grad], lr=0.3)
    F.cross_entropy(head(model(images)), labels).backward()  # type: ignore[no-untyped-call]
    optimizer.step()
    affines = [(m.weight, m.bias, m.weight_target, m.bias_target) for m in layers]
    return sum(float(dense_correlation(*four).sum().detach()) for four in affines) / len(layers)


@pytest.mark.parametrize("kind", ["layer", "group", "instance", "batch"])
def test_one_step_equals_a_plain_loop_over_ac_norm_layers(kind: NormKind) -> None:
    model, (images, labels) = net_of(kind, kind), make_batches()
    settings = ProbeSettings(lr=0.3, norms="affine")
    probed = copy.deepcopy(model)
    probe = probe_model(probed, lambda i: (images[i], labels[i]), 2, CLASSES, settings)
    assert probe.kind == kind
    scores = ac_corr(AffineTrials(probe, "keep"))["ac_corr"]
    expected = [loop_score(model, images[i], labels[i], i, kind) for i in range(2)]
    assert scores == pytest.approx(expected, rel=1e-9)
    assert abs(scores[0] - scores[1]) > 1e-6  # the step matters
    for name, value in model.state_dict().items():
        assert "running" not in name or torch.equal(probed.state_dict()[name], value)


@pytest.mark.parametrize("kind", ["layer", "group", "instance"])
def test_several_steps_train_ac_norm_layers(kind: NormKind) -> None:
    model, (images, labels) = net_of(kind, kind), make_batches()
    settings = ProbeSettings(steps=3, repeats=2, lr=0.1, norms="affine")
    probe = probe_model(model, lambda i: (images[i], labels[i]), 2, CLASSES, settings)
    assert (probe.kind, len(probe.sources)) == (kind, 2)
    assert not torch.equal(probe.target_weights[0][0], probe.sources[0].weight)


@pytest.mark.parametrize(
    ("kinds", "norms", "expected"),
    [
        (("batch", "layer"), "batch", "batch"),
        (("batch", "layer"), "affine", "batch"),
        (("group", "layer"), "affine", "layer"),
        (("instance", "instance"), "affine", "instance"),
        (("layer", "layer"), "batch", None),
    ],
)
def test_layers_of_one_kind_count_and_batchnorm_first(
    kinds: Sequence[str], norms: Norms, expected: str | None
) -> None:
    layers = norm_layers(net_of(*kinds), norms)
    assert kind_of(layers.values()) == expected
    assert len(layers) == (0 if expected is None else kinds.count(expected))


def test_a_network_without_such_layers_says_what_it_has() -> None:
    images, labels = make_batches(1)

    def refused(model: nn.Module, norms: Norms) -> str:
        with pytest.raises(NoNormError) as caught:
            probe_model(
                model, lambda i: (images[i], labels[i]), 1, CLASSES, ProbeSettings(norms=norms)
            )
        return str(caught.value)

    assert "but GroupNorm. --norms affine" in refused(net_of("group", "group"), "batch")
    scale = nn.Sequential(nn.RMSNorm(8), nn.Flatten())
    assert "InstanceNorm layer" in refused(scale, "affine")
    assert "RMSNorm has no shift" in refused(scale, "affine")
    assert "--norms affine" not in refused(scale, "batch")


def test_the_batchnorm_probe_trains_other_affines_and_puts_them_back() -> None:
    model, (images, labels) = net_of("layer", "layer"), make_batches(2)
    before = copy.deepcopy(model.state_dict())

    def batches(index: int) -> tuple[Tensor, Tensor]:
        return images[index], labels[index]

    trained = [
        bn_probe(model, batches, 2, CLASSES, seed=0, lr=lr, norms="affine").log_likelihoods
        for lr in (0.05, 1e-9)
    ]
    assert not torch.allclose(trained[0], trained[1])
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    with pytest.raises(NoNormError, match="--norms affine"):
        bn_probe(model, batches, 2, CLASSES, seed=0)
