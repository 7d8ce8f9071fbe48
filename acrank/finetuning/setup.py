"""Hold what a training needs before its first epoch, and what it keeps of its best one."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from torch import Tensor

from acrank.finetuning.methods.base import Method
from acrank.finetuning.network import Network
from acrank.finetuning.objective import Autocast, Batches, Judgement, Objective
from acrank.tasks.registry import Measure


@dataclass
class Setup:
    """Everything that a training needs before its first epoch.

    Attributes:
        network: network that the method has prepared, on its device.
        method: method of fine-tuning.
        objective: task of the fine-tuning.
        training: augmented batches.
        judge: function that judges a network on the validation images.
        autocast: context of a forward pass.
        monitor: measure that chooses the best epoch.
    """

    network: Network
    method: Method
    objective: Objective[Any, Any]
    training: Batches
    judge: Callable[[Any], Judgement]
    autocast: Autocast
    monitor: Measure


@dataclass
class Best:
    """The epoch whose weights are kept.

    Attributes:
        epoch: number of the epoch, from 1; 0 before there is one.
        value: measure that chose it, higher better.
        loss: loss on the validation images, which decides between equals.
        state: state of the network that was judged.
        risen: epoch in which the value last rose, not only the loss fell.
    """

    epoch: int = 0
    value: float = -math.inf
    loss: float = math.inf
    state: dict[str, Tensor] = field(default_factory=dict)
    risen: int = 0
