"""Train the whole network for several steps, as the authors' README does."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import torch
from torch import Tensor, nn

from acrank.data.base import Batches
from acrank.metrics.affine import Probe
from acrank.norm.base import AffineCoLayer
from acrank.norm.convert import convert_affine
from acrank.norm.layerwise import SourceAffine
from acrank.scoring.norms import kind_of, norm_layers, use_batch_statistics
from acrank.scoring.types import ProbeSettings, collect
from acrank.tasks.heads import ridge_logits


def trainings(
    model: nn.Module, batches: Batches, count: int, classes: int, settings: ProbeSettings
) -> Probe:
    """Run one trial for each training; see :func:`acrank.scoring.probe.probe_model`."""
    plain = norm_layers(model, settings.norms).values()
    kind = kind_of(plain) or "batch"
    model.eval()
    use_batch_statistics(model, plain)
    convert_affine(model, settings.temperature, kinds=(kind,))
    layers = {n: m for n, m in model.named_modules() if isinstance(m, AffineCoLayer)}
    sources = tuple(SourceAffine.of(name, layer) for name, layer in layers.items())
    before = {name: value.clone() for name, value in model.state_dict().items()}
    after, losses = [], []
    for trial in range(settings.repeats):
        model.load_state_dict(before)
        losses.append(_train(model, batches, count, classes, settings, trial))
        after.append([_target_affine(layer) for layer in layers.values()])
    used = [layer.weight_target.grad is not None for layer in layers.values()]
    return collect(sources, after, losses, used, settings.temperature, kind)


def _train(
    model: nn.Module,
    batches: Batches,
    count: int,
    classes: int,
    settings: ProbeSettings,
    trial: int,
) -> Tensor:
    """Train the whole network and a head for some steps; returns the last loss."""
    head: nn.Module | None = None
    optimizer = _sgd(model.parameters(), settings.lr)
    loss = torch.tensor(float("nan"))
    for batch in _order(count, settings.steps, settings.seed + trial):
        images, labels = batches(batch)
        features = settings.readout.features(model, images, settings.autocast)
        if settings.head == "ridge":
            logits = ridge_logits(features, labels, classes)
        else:
            if head is None:
                head = settings.readout.head(features, classes, settings.seed, trial)
                optimizer.add_param_group({"params": list(head.parameters())})
            logits = head(features)
        loss = settings.readout.loss(logits, labels)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
    return loss.detach()


def _sgd(parameters: Iterable[nn.Parameter], lr: float) -> torch.optim.SGD:
    return torch.optim.SGD([p for p in parameters if p.requires_grad], lr=lr)


def _order(count: int, steps: int, seed: int) -> Iterator[int]:
    """Yield batch numbers for some steps: a new order each time all have been seen."""
    generator = torch.Generator().manual_seed(seed)
    taken = 0
    while taken < steps:
        for batch in torch.randperm(count, generator=generator).tolist()[: steps - taken]:
            yield batch
            taken += 1


def _target_affine(layer: AffineCoLayer) -> tuple[Tensor, Tensor]:
    return (
        layer.weight_target.detach().cpu().double().clone(),
        layer.bias_target.detach().cpu().double().clone(),
    )
