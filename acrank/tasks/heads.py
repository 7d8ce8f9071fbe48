"""Compute logits over the target's classes from images: features, and the heads on them."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from acrank.errors import ModelError


def features_of(model: nn.Module, images: Tensor, autocast: torch.dtype | None) -> Tensor:
    """The features of a batch, in full precision whatever the network computes in.

    Args:
        model: maps images (N, C, H, W) to features (N, D).
        images: a batch.
        autocast: dtype of the network's arithmetic; None for that of its weights.

    Raises:
        ModelError: the network does not give one vector an image.
    """
    with torch.autocast(images.device.type, dtype=autocast, enabled=autocast is not None):
        features = model(images)
    if not isinstance(features, Tensor) or features.dim() != 2 or len(features) != len(images):
        shape = tuple(features.shape) if isinstance(features, Tensor) else type(features).__name__
        raise ModelError(
            f"the network gives {shape} for {len(images)} images, not one feature vector each.",
            hint="Name the head to remove with 'classifier:' in the zoo entry.",
        )
    return features if autocast is None else features.float()


def linear_head(features: Tensor, classes: int, seed: int, trial: int) -> nn.Linear:
    """A fresh head, drawn as PyTorch draws a linear layer, the same on every device."""
    width = features.shape[1]
    generator = torch.Generator().manual_seed(seed * 1_000_003 + trial)
    # PyTorch's own generator is left to networks that are made in another thread meanwhile
    head = nn.Linear(width, classes, device="meta").to_empty(device="cpu")
    with torch.no_grad():
        for parameter in head.parameters():
            parameter.uniform_(-(width**-0.5), width**-0.5, generator=generator)
    return head.to(features.device, features.dtype)


def ridge_logits(features: Tensor, labels: Tensor, classes: int) -> Tensor:
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
