"""Fine-tune the BatchNorm affines and a head briefly, and judge them on unseen images."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from acrank.data.base import Batches
from acrank.errors import MetricError, ModelError
from acrank.scoring.norms import Norms, affine_of, no_norm_error, norm_layers
from acrank.tasks.heads import features_of

# Few passes keep the probe cheap beside a fine-tuning.
EPOCHS = 5
# Greatest relative step of each layer and of the head; see bn_probe.
RATE = 0.02
# Share of the steps that warm up: Adam's first ones have the size of the rate whatever the
# gradient, and would tear apart what the source has learnt.
WARM_UP = 0.2
# Adam's memory: short, as there are few steps.
BETAS = (0.9, 0.95)


@dataclass(frozen=True)
class BnProbe:
    """The quality of the probe on each batch while it was held out.

    Attributes:
        accuracies: share of images classified right, float64 (R,), in [0, 1].
        log_likelihoods: mean log-probability of the true class in nats, float64 (R,), at most 0.
    """

    accuracies: Tensor
    log_likelihoods: Tensor


def bn_probe(
    model: nn.Module,
    batches: Batches,
    count: int,
    classes: int,
    *,
    seed: int,
    epochs: int = EPOCHS,
    lr: float = RATE,
    autocast: torch.dtype | None = None,
    norms: Norms = "batch",
) -> BnProbe:
    """Train BatchNorm scales and shifts and a linear head on half of the batches; test the rest.

    As a proxy for fine-tuning: Sirotkin, Escudero-Vinolo, Carballeira and Garcia-Martin,
    "Improved transferability of self-supervised learning models through batch normalization
    finetuning", Applied Intelligence 2024. Running statistics stay as they are, in training
    too: Kanavati and Tsuneki, "Partial transfusion", MIDL 2021 (arXiv 2102.05543). With
    ``norms="affine"`` the affines of a network without BatchNorm are those of its other norms.

    Even batches are one fold, odd ones the other. Each fold is trained on from the pretrained
    network and tested on the other, so that every batch has one value, for the price of
    ``epochs`` passes forward and backward and two forward over the sample.

    Networks differ in the scale of their features, scales and gradients, none of which is to
    decide the score. So features are centred and divided by one number, their deviation over
    all channels; the head begins as a ridge regression on them, with the mean squared norm as
    the penalty, sharpened to the best temperature; Adam takes the scale out of the gradients;
    and each layer's step is at most ``lr`` times the root mean square of its own scales, the
    head's times that of its weights. Rescaled features train alike. A layer whose scales are
    all zero stays.

    Args:
        model: maps images to features (N, D); comes back as it was.
        batches: gives batch number i; each has two classes or more.
        count: number of batches R, 2 or more.
        classes: number of classes of the target.
        seed: of the order of the batches.
        epochs: passes over a fold.
        lr: greatest relative step, above 0.
        autocast: dtype of the network's arithmetic; None for that of its weights.
        norms: which layers count; see :func:`acrank.scoring.norms.norm_layers`.

    Raises:
        MetricError: fewer than two batches.
        NoNormError: no affine norm layer of such a kind.
        ModelError: features that are not (N, D), or features or a loss that are not finite.
    """
    if count < 2:
        raise MetricError("The BatchNorm probe needs two batches.", hint="Lower --batch-size.")
    layers = list(norm_layers(model, norms).values())
    if not layers:
        raise no_norm_error(model, norms)
    values = torch.empty(count, 2, dtype=torch.float64)
    folds = (list(range(0, count, 2)), list(range(1, count, 2)))
    for fit, use in (folds, folds[::-1]):
        with _borrowed(model, layers) as borrowed:
            task = _Task(borrowed, batches, classes, autocast)
            head = _trained(task, layers, fit, seed, epochs, lr)
            for index in use:
                values[index] = task.judge(head, index)
    return BnProbe(values[:, 0].clone(), values[:, 1].clone())


@dataclass(frozen=True)
class _Task:
    model: nn.Module
    batches: Batches
    classes: int
    autocast: torch.dtype | None

    def features(self, index: int) -> tuple[Tensor, Tensor]:
        images, labels = self.batches(index)
        return features_of(self.model, images, self.autocast), labels

    @torch.no_grad()
    def judge(self, head: nn.Module, index: int) -> Tensor:
        """Accuracy and mean log-likelihood of a batch, float64 (2,)."""
        features, labels = self.features(index)
        logs = F.log_softmax(head(features).double(), dim=1)
        right = (logs.argmax(dim=1) == labels).double().mean()
        return torch.stack([right, -F.nll_loss(logs, labels)]).cpu()


class _Head(nn.Module):
    """A linear head on features less their mean, over their deviation: one number for all."""

    def __init__(self, mean: Tensor, size: Tensor, weight: Tensor, bias: Tensor) -> None:
        super().__init__()
        self.mean = mean
        self.size = size
        self.weight = nn.Parameter(weight)
        self.bias = nn.Parameter(bias)

    def forward(self, features: Tensor) -> Tensor:
        return F.linear((features - self.mean) / self.size, self.weight, self.bias)


def _trained(
    task: _Task,
    layers: Sequence[nn.Module],
    fold: Sequence[int],
    seed: int,
    epochs: int,
    lr: float,
) -> _Head:
    with torch.no_grad():
        pairs = [task.features(index) for index in fold]
    known, labels = torch.cat([pair[0] for pair in pairs]), torch.cat([pair[1] for pair in pairs])
    if not torch.isfinite(known).all():
        raise ModelError("features are not finite.", hint="Use --precision fp32.")
    head = _first_head(known, labels, task.classes)
    groups = [_group(lr, *affine_of(layer)) for layer in layers]
    groups.append(_group(lr, head.weight, head.bias))
    optimizer = torch.optim.Adam(groups, betas=BETAS)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, _ramp(epochs * len(fold)))
    for index in _order(fold, seed, epochs):
        features, labels = task.features(index)
        loss = F.cross_entropy(head(features), labels)
        if not torch.isfinite(loss):
            raise ModelError("the loss of the BatchNorm probe is not finite.")
        optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        schedule.step()
    return head


def _first_head(features: Tensor, labels: Tensor, classes: int) -> _Head:
    """Ridge regression on one-hot labels, at the temperature best for images left out.

    In dual form, so that the leave-one-out predictions come with the solution.
    """
    mean = features.mean(dim=0)
    size = (features - mean).square().mean().sqrt().clamp(min=torch.finfo(features.dtype).tiny)
    centred = ((features - mean) / size).double().cpu()
    targets = F.one_hot(labels, classes).double().cpu()
    shares = targets.mean(dim=0)
    gram = centred @ centred.T
    penalty = gram.diagonal().mean().clamp(min=torch.finfo(torch.float64).tiny)
    inverse = torch.linalg.inv(gram + penalty * torch.eye(len(gram), dtype=gram.dtype))
    dual = inverse @ (targets - shares)
    # an image's prediction by the others, less what it was to be
    left_out = targets - dual / inverse.diagonal()[:, None]
    sharpness = _sharpness(left_out, labels.cpu())
    weight, bias = sharpness * (dual.T @ centred), sharpness * shares
    return _Head(mean, size, weight.to(features), bias.to(features))


def _sharpness(logits: Tensor, labels: Tensor) -> Tensor:
    """The factor on logits (N, C) of least cross-entropy, of a grid from 1 to 100."""
    grid = torch.logspace(0, 2, 41, dtype=logits.dtype)
    losses = [F.cross_entropy(factor * logits, labels) for factor in grid]
    return grid[int(torch.stack(losses).argmin())]


def _ramp(steps: int) -> Callable[[int], float]:
    """The factor of the rate at each step: up over the first fifth, then down to zero."""
    return lambda step: min((step + 1) / (WARM_UP * steps + 1), 1.0 - step / (steps + 1))


def _group(lr: float, weight: Tensor, bias: Tensor) -> dict[str, object]:
    """A layer's parameters, with a step in proportion to its weights."""
    size = float(weight.detach().double().square().mean().sqrt())
    return {"params": [weight, bias], "lr": lr * size}


def _order(fold: Sequence[int], seed: int, epochs: int) -> Iterator[int]:
    generator = torch.Generator().manual_seed(seed)
    for _ in range(epochs):
        for place in torch.randperm(len(fold), generator=generator).tolist():
            yield fold[place]


@contextmanager
def _borrowed(model: nn.Module, layers: Sequence[nn.Module]) -> Iterator[nn.Module]:
    """The model in evaluation mode with only its affines to train; put back at the end."""
    flags = [(p, p.requires_grad, p.grad) for p in model.parameters()]
    modes = [(module, module.training) for module in model.modules()]
    affines = [p for layer in layers for p in affine_of(layer)]
    kept = [p.detach().clone() for p in affines]
    model.eval()
    model.requires_grad_(False)
    for parameter in affines:
        parameter.requires_grad_(True)
    try:
        yield model
    finally:
        with torch.no_grad():
            for parameter, value in zip(affines, kept, strict=True):
                parameter.copy_(value)
        for parameter, needed, gradient in flags:
            parameter.requires_grad_(needed).grad = gradient
        for module, mode in modes:
            module.training = mode
