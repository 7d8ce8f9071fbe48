"""Take one SGD step of the norm affines on a batch, from the pretrained network."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn

from acrank.data.base import Batches
from acrank.metrics.affine import Probe
from acrank.norm.correlation import affine_ratio, zero_drift
from acrank.norm.layerwise import SourceAffine
from acrank.scoring.norms import affine_of, kind_of, norm_layers, use_batch_statistics
from acrank.scoring.stepping import part_of
from acrank.scoring.types import ProbeSettings, collect, stack_layers
from acrank.tasks.heads import ridge_logits


def single_steps(
    model: nn.Module, batches: Batches, count: int, classes: int, settings: ProbeSettings
) -> Probe:
    """Run trials, each on a batch or a part of it; see :func:`acrank.scoring.probe.probe_model`."""
    layers = norm_layers(model, settings.norms)
    sources = tuple(SourceAffine.of(name, layer) for name, layer in layers.items())
    trained = [p for layer in layers.values() for p in affine_of(layer)]
    starts = [_Start(source, settings.temperature) for source in sources]
    _start_at(model, list(layers.values()), starts)
    after: list[list[tuple[Tensor, Tensor]]] = []
    control: list[list[tuple[Tensor, Tensor]]] = []
    losses = []
    used: list[bool] = []
    for trial in range(min(settings.repeats, count * settings.parts)):
        images, labels = part_of(batches, count, settings.parts, trial)
        features = settings.readout.features(model, images, settings.autocast)
        for steps, targets in _targets(labels, settings, trial, after, control):
            loss = _loss(features, targets, classes, settings, trial)
            # the graph serves a second step on shuffled labels
            gradients = torch.autograd.grad(
                loss, trained, allow_unused=True, retain_graph=settings.shuffled
            )
            pairs = list(zip(gradients[::2], gradients[1::2], strict=True))
            used = [weight is not None for weight, _ in pairs]
            steps.append([s.step(*g, settings.lr) for s, g in zip(starts, pairs, strict=True)])
            if steps is after:
                losses.append(loss.detach())
    kind = kind_of(layers.values()) or "batch"
    probe = collect(sources, after, losses, used, settings.temperature, kind)
    shuffled = stack_layers(control, used) if control else None
    return replace(probe, step_size=settings.lr, shuffled=shuffled)


def _targets(
    labels: Tensor,
    settings: ProbeSettings,
    trial: int,
    after: list[list[tuple[Tensor, Tensor]]],
    control: list[list[tuple[Tensor, Tensor]]],
) -> Iterator[tuple[list[list[tuple[Tensor, Tensor]]], Tensor]]:
    """The labels that a step is taken on, and where its result goes."""
    yield after, labels
    if settings.shuffled:
        generator = torch.Generator().manual_seed(settings.seed * 1_000_003 + trial)
        order = torch.randperm(len(labels), generator=generator).to(labels.device)
        yield control, labels[order]


class _Start:
    """A freshly converted AC-Norm layer: target affine = source affine.

    Every channel is then nearest to itself, so that C keeps the diagonal of P, and the
    entries of channels with the very same ratio, which are equal to it. ``I + C`` and its
    transpose are therefore sums over groups of tied channels.
    """

    def __init__(self, source: SourceAffine, temperature: float) -> None:
        self.weight = source.weight.double()
        self.bias = source.bias.double()
        self.kept = zero_drift(self.weight, self.bias, temperature)
        ratio = affine_ratio(self.weight, self.bias)
        values, self.group = torch.unique(ratio, return_inverse=True)
        self.groups = len(values)

    def effective(self) -> tuple[Tensor, Tensor]:
        """Return scale and shift of the equivalent plain layer: ``(I + C)`` times the affine."""
        return (
            self.weight + self.kept * self._over_ties(self.weight),
            self.bias + self.kept * self._over_ties(self.bias),
        )

    def step(
        self, weight_grad: Tensor | None, bias_grad: Tensor | None, lr: float
    ) -> tuple[Tensor, Tensor]:
        """Return the target affine after one SGD step, from gradients of the effective affine."""
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


def _start_at(model: nn.Module, layers: Sequence[nn.Module], starts: Sequence[_Start]) -> None:
    model.eval()
    model.requires_grad_(False)
    use_batch_statistics(model, layers)
    for layer, start in zip(layers, starts, strict=True):
        for parameter, value in zip(affine_of(layer), start.effective(), strict=True):
            with torch.no_grad():
                parameter.copy_(value)
            parameter.requires_grad_(True)


def _loss(
    features: Any, labels: Tensor, classes: int, settings: ProbeSettings, trial: int
) -> Tensor:
    if settings.head == "ridge":
        logits = ridge_logits(features, labels, classes)
    else:
        logits = settings.readout.head(features, classes, settings.seed, trial)(features)
    return settings.readout.loss(logits, labels)
