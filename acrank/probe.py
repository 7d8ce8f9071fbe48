"""One model on one sample: how its affine parameters move in a step on the target."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.modules.batchnorm import _BatchNorm

from acrank.errors import ModelError
from acrank.norm import AffineCoNorm, SourceAffine, convert_batchnorm
from acrank.norm.correlation import affine_ratio, zero_drift

# Images (N, C, H, W) and labels (N,) of batch number i, on the probe's device.
Batches = Callable[[int], tuple[Tensor, Tensor]]


@dataclass(frozen=True)
class ProbeSettings:
    """How a model is probed; see :class:`acrank.config.RunConfig` for the meanings."""

    steps: int = 1
    repeats: int = 3
    lr: float = 0.01
    head: Literal["random", "ridge"] = "random"
    temperature: float = 1.0
    seed: int = 0
    autocast: torch.dtype | None = None


@dataclass(frozen=True)
class Probe:
    """What probing one model left: its affine parameters before and after.

    Attributes:
        sources: the pretrained affine of each norm layer.
        target_weights: for each layer the scales after training, shape (R, C), where R is
            the number of batches (one step) or of repeats (several steps).
        target_biases: likewise the shifts.
        losses: cross-entropy of the last step of each of the R trials, shape (R,).
        temperature: of the affine correlation, as used in the forward pass.
    """

    sources: tuple[SourceAffine, ...]
    target_weights: tuple[Tensor, ...]
    target_biases: tuple[Tensor, ...]
    losses: Tensor
    temperature: float


def probe_model(
    model: nn.Module, batches: Batches, count: int, classes: int, settings: ProbeSettings
) -> Probe:
    """Train the target affine of every BatchNorm layer, from the pretrained one.

    With one step, each batch starts from the pretrained network converted to AC-Norm, under a
    fresh head, and takes one plain SGD step. Only the norm affines enter the score, so only
    they get a gradient: the numbers are those of a step of all parameters. With
    several steps the whole network is trained, as the authors' README does.

    BatchNorm layers normalise by batch statistics; dropout and stochastic depth are off, for
    they would add noise to the score. The network is changed: use it once.

    Args:
        model: maps images (N, C, H, W) to features (N, D).
        batches: gives batch number i.
        count: number of batches.
        classes: number of classes of the target.
        settings: how to probe.

    Raises:
        ModelError: no affine BatchNorm layer, features that are not (N, D), or a loss or an
            affine parameter that is not finite.
    """
    if not _norm_layers(model):
        raise ModelError(
            "no BatchNorm layer with affine parameters.",
            hint="AC-Corr is defined on BatchNorm scale and shift: choose a BatchNorm backbone.",
        )
    trials = _single_steps if settings.steps == 1 else _trainings
    return trials(model, batches, count, classes, settings)


def _single_steps(
    model: nn.Module, batches: Batches, count: int, classes: int, settings: ProbeSettings
) -> Probe:
    layers = _norm_layers(model)
    sources = tuple(SourceAffine.of(name, layer) for name, layer in layers.items())
    starts = [_Start(source, settings.temperature) for source in sources]
    _start_at(model, list(layers.values()), starts)
    after: list[list[tuple[Tensor, Tensor]]] = []
    losses = []
    for trial in range(count):
        images, labels = batches(trial)
        loss = _loss(model, images, labels, classes, settings, trial)
        gradients = torch.autograd.grad(
            loss,
            [p for layer in layers.values() for p in (layer.weight, layer.bias)],
            allow_unused=True,
        )
        pairs = list(zip(gradients[::2], gradients[1::2], strict=True))
        used = [weight is not None for weight, _ in pairs]
        after.append([s.step(*g, settings.lr) for s, g in zip(starts, pairs, strict=True)])
        losses.append(loss.detach())
    return _collect(sources, after, losses, used, settings.temperature)


class _Start:
    """A freshly converted AC-Norm layer: target affine = source affine.

    Every channel is then nearest to itself, so that C keeps the diagonal of P, and the
    entries of channels with the very same ratio, which are equal to it. ``I + C`` and its
    transpose are therefore sums over groups of tied channels.
    """

    def __init__(self, source: SourceAffine, temperature: float) -> None:
        self.weight = source.weight.detach().cpu().double()
        self.bias = source.bias.detach().cpu().double()
        self.kept = zero_drift(self.weight, self.bias, temperature)
        ratio = affine_ratio(self.weight, self.bias)
        values, self.group = torch.unique(ratio, return_inverse=True)
        self.groups = len(values)

    def effective(self) -> tuple[Tensor, Tensor]:
        """Scale and shift of the equivalent plain BatchNorm, ``(I + C)`` times the affine."""
        return (
            self.weight + self.kept * self._over_ties(self.weight),
            self.bias + self.kept * self._over_ties(self.bias),
        )

    def step(
        self, weight_grad: Tensor | None, bias_grad: Tensor | None, lr: float
    ) -> tuple[Tensor, Tensor]:
        """The target affine after one SGD step, from gradients of the effective affine."""
        return (
            self.weight - lr * self._pull_back(weight_grad),
            self.bias - lr * self._pull_back(bias_grad),
        )

    def _pull_back(self, gradient: Tensor | None) -> Tensor:
        if gradient is None:
            return torch.zeros_like(self.kept)
        gradient = gradient.detach().cpu().double()
        return gradient + self._over_ties(self.kept * gradient)

    def _over_ties(self, values: Tensor) -> Tensor:
        sums = torch.zeros(self.groups, dtype=values.dtype)
        return sums.index_add_(0, self.group, values)[self.group]


def _start_at(model: nn.Module, layers: Sequence[_BatchNorm], starts: Sequence[_Start]) -> None:
    model.eval().requires_grad_(False)
    _use_batch_statistics(model)
    for layer, start in zip(layers, starts, strict=True):
        for parameter, value in zip((layer.weight, layer.bias), start.effective(), strict=True):
            with torch.no_grad():
                parameter.copy_(value)
            parameter.requires_grad_(True)


def _trainings(
    model: nn.Module, batches: Batches, count: int, classes: int, settings: ProbeSettings
) -> Probe:
    convert_batchnorm(model, settings.temperature)
    layers = {n: m for n, m in model.named_modules() if isinstance(m, AffineCoNorm)}
    sources = tuple(SourceAffine.of(name, layer) for name, layer in layers.items())
    before = {name: value.clone() for name, value in model.state_dict().items()}
    model.eval()
    _use_batch_statistics(model)
    after, losses = [], []
    for trial in range(settings.repeats):
        model.load_state_dict(before)
        losses.append(_train(model, batches, count, classes, settings, trial))
        after.append([_target_affine(layer) for layer in layers.values()])
    used = [layer.weight_target.grad is not None for layer in layers.values()]
    return _collect(sources, after, losses, used, settings.temperature)


def _train(
    model: nn.Module,
    batches: Batches,
    count: int,
    classes: int,
    settings: ProbeSettings,
    trial: int,
) -> Tensor:
    """Train the whole network and a head for some steps; returns the last loss."""
    head: nn.Linear | None = None
    optimizer: torch.optim.Optimizer | None = None
    loss = torch.tensor(float("nan"))
    for batch in _order(count, settings.steps, settings.seed + trial):
        images, labels = batches(batch)
        with _autocast(images, settings.autocast):
            features = _features(model, images)
            if head is None or optimizer is None:
                head = _linear(features, classes, settings.seed, trial)
                trained = [p for p in model.parameters() if p.requires_grad]
                optimizer = torch.optim.SGD([*trained, *head.parameters()], lr=settings.lr)
            logits = (
                _ridge_logits(features, labels, classes)
                if settings.head == "ridge"
                else head(features)
            )
            loss = F.cross_entropy(logits.float(), labels)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
    return loss.detach()


def _order(count: int, steps: int, seed: int) -> Iterator[int]:
    """Batch numbers for so many steps: a new order each time all have been seen."""
    generator = torch.Generator().manual_seed(seed)
    taken = 0
    while taken < steps:
        for batch in torch.randperm(count, generator=generator).tolist()[: steps - taken]:
            yield batch
            taken += 1


def _norm_layers(model: nn.Module) -> dict[str, _BatchNorm]:
    """Affine BatchNorm layers by name, timm's fused ones included; frozen ones are no such."""
    return {
        name: module
        for name, module in model.named_modules()
        if isinstance(module, _BatchNorm) and module.affine
    }


def _use_batch_statistics(model: nn.Module) -> None:
    for module in model.modules():
        if isinstance(module, _BatchNorm):
            module.train()
            module.momentum = 0.0  # the running statistics stay the source's


def _loss(
    model: nn.Module,
    images: Tensor,
    labels: Tensor,
    classes: int,
    settings: ProbeSettings,
    trial: int,
) -> Tensor:
    with _autocast(images, settings.autocast):
        features = _features(model, images)
        if settings.head == "ridge":
            logits = _ridge_logits(features, labels, classes)
        else:
            logits = _linear(features, classes, settings.seed, trial)(features)
        return F.cross_entropy(logits.float(), labels)


@contextmanager
def _autocast(images: Tensor, dtype: torch.dtype | None) -> Iterator[None]:
    with torch.autocast(images.device.type, dtype=dtype, enabled=dtype is not None):
        yield


def _features(model: nn.Module, images: Tensor) -> Tensor:
    features = model(images)
    if not isinstance(features, Tensor) or features.dim() != 2 or len(features) != len(images):
        shape = tuple(features.shape) if isinstance(features, Tensor) else type(features).__name__
        raise ModelError(
            f"the network gives {shape} for {len(images)} images, not one feature vector each.",
            hint="Name the head to remove with 'classifier:' in the zoo entry.",
        )
    return features


def _linear(features: Tensor, classes: int, seed: int, trial: int) -> nn.Linear:
    """A fresh head, drawn as PyTorch draws a linear layer, the same on every device."""
    width = features.shape[1]
    generator = torch.Generator().manual_seed(seed * 1_000_003 + trial)
    head = nn.Linear(width, classes)
    with torch.no_grad():
        for parameter in head.parameters():
            parameter.uniform_(-(width**-0.5), width**-0.5, generator=generator)
    return head.to(features.device, features.dtype)


def _ridge_logits(features: Tensor, labels: Tensor, classes: int) -> Tensor:
    """Logits of heads fitted in closed form, each half of the batch under the other half's.

    Ridge regression on one-hot labels of centred features, in its dual form, with the mean
    squared norm as the penalty, so that the fit does not depend on the features' scale.
    Halves alternate within each class. The heads are constants of the graph.
    """
    order = torch.argsort(labels, stable=True)
    halves = (order[::2], order[1::2])
    logits = features.new_zeros(len(features), classes, dtype=torch.float32)
    for fit, use in (halves, halves[::-1]):
        known = features[fit].detach().float()
        mean = known.mean(0)
        centred = known - mean
        gram = centred @ centred.T
        penalty = gram.diagonal().mean().clamp(min=torch.finfo(gram.dtype).tiny)
        one_hot = F.one_hot(labels[fit], classes).to(gram.dtype)
        eye = torch.eye(len(fit), device=gram.device)
        dual = torch.linalg.solve(gram + penalty * eye, one_hot - one_hot.mean(0))
        logits[use] = (features[use].float() - mean) @ (centred.T @ dual)
    return logits


def _target_affine(layer: AffineCoNorm) -> tuple[Tensor, Tensor]:
    return (
        layer.weight_target.detach().to("cpu", torch.float64, copy=True),
        layer.bias_target.detach().to("cpu", torch.float64, copy=True),
    )


def _collect(
    sources: tuple[SourceAffine, ...],
    after: list[list[tuple[Tensor, Tensor]]],
    losses: list[Tensor],
    used: list[bool],
    temperature: float,
) -> Probe:
    # A layer that the features do not depend on (an auxiliary head) has nothing to say.
    sources = tuple(source for source, kept in zip(sources, used, strict=True) if kept)
    layers = [layer for layer, kept in zip(zip(*after, strict=True), used, strict=True) if kept]
    weights = tuple(torch.stack([weight for weight, _ in layer]) for layer in layers)
    biases = tuple(torch.stack([bias for _, bias in layer]) for layer in layers)
    loss = torch.stack([value.float().cpu() for value in losses])
    if not all(torch.isfinite(values).all() for values in (loss, *weights, *biases)):
        raise ModelError(
            "the loss or an affine parameter is not finite after the step.",
            hint="Lower --lr, use --precision fp32, or check the weights.",
        )
    return Probe(sources, weights, biases, loss, temperature)
