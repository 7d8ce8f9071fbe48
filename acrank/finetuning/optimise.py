"""Make the optimiser and the learning rate schedule of a fine-tuning."""

from __future__ import annotations

from collections.abc import Iterable

from torch import nn
from torch.optim import SGD, AdamW, Optimizer
from torch.optim.lr_scheduler import (
    CosineAnnealingLR,
    LinearLR,
    LRScheduler,
    OneCycleLR,
    SequentialLR,
)

from acrank.finetuning.config import FinetuneConfig
from acrank.finetuning.network import Network

# Of the highest learning rate, where a warm-up begins.
LOW = 0.01


def make_optimizer(
    network: Network, extra: Iterable[nn.Module], config: FinetuneConfig, *, decays: bool
) -> Optimizer:
    """Make an optimiser of everything that is trained.

    Args:
        network: network, frozen where it is not trained.
        extra: modules beside it, which train at the backbone's rate.
        config: configuration of the fine-tuning.
        decays: True if weights decay; biases and norm affines never do.
    """
    lr, decay = config.highest_lr, config.weight_decay if decays else 0.0
    modules = [(network.backbone, lr), *((m, lr) for m in extra)]
    modules.append((network.head, lr * config.head_lr_factor))
    groups = [group for module, rate in modules for group in _groups(module, rate, decay)]
    if config.optimizer == "adamw":
        return AdamW(groups, lr=lr)
    nesterov = config.momentum > 0
    return SGD(groups, lr=lr, momentum=config.momentum, nesterov=nesterov)


def make_schedule(optimizer: Optimizer, config: FinetuneConfig, steps: int) -> LRScheduler | None:
    """Make the learning rate schedule; None for a constant rate.

    Args:
        optimizer: optimiser whose groups have their highest rate.
        config: configuration of the fine-tuning.
        steps: number of steps of the optimiser in all.
    """
    highest = [group["lr"] for group in optimizer.param_groups]
    rising = round(config.warmup * steps)
    if config.schedule == "onecycle" and steps > 2:
        # each of the cycle's two parts has a step or more, counted from the first on
        share = min(max(rising, 2), steps - 1) / steps
        return OneCycleLR(
            optimizer, max_lr=highest, total_steps=steps, pct_start=share, cycle_momentum=False
        )
    parts: list[LRScheduler] = []
    if rising:
        parts.append(LinearLR(optimizer, start_factor=LOW, total_iters=rising))
    if config.schedule == "cosine":
        parts.append(CosineAnnealingLR(optimizer, T_max=max(steps - rising, 1)))
    if len(parts) < 2:
        return parts[0] if parts else None
    return SequentialLR(optimizer, parts, milestones=[rising])


def _groups(module: nn.Module, lr: float, decay: float) -> list[dict[str, object]]:
    trained = [p for p in module.parameters() if p.requires_grad]
    matrices = [p for p in trained if p.ndim > 1]
    vectors = [p for p in trained if p.ndim <= 1]
    groups = ((matrices, decay), (vectors, 0.0))
    return [{"params": p, "lr": lr, "weight_decay": d} for p, d in groups if p]
