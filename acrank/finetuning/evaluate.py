"""How good a classifier is on some images."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.metrics import (
    accuracy_score,
    confusion_matrix,
    f1_score,
    log_loss,
    recall_score,
    roc_auc_score,
)
from torch import Tensor, nn


@dataclass(frozen=True)
class Judged:
    """What a classifier said of some images.

    Attributes:
        probs: (N, K), rows sum to 1.
        labels: (N,).
    """

    probs: NDArray[np.float64]
    labels: NDArray[np.int64]

    def measures(self) -> dict[str, float]:
        """Four in [0, 1], higher better, and the loss in nats.

        The balanced accuracy is the mean recall of the classes that are there; the AUROC the mean
        over them of one against the rest, NaN where there is one class alone.
        """
        said = self.probs.argmax(axis=1)
        present = np.unique(self.labels)
        classes = np.arange(self.probs.shape[1])
        per_class: Any = {"labels": present, "average": "macro", "zero_division": 0.0}
        return {
            "accuracy": float(accuracy_score(self.labels, said)),
            "balanced_accuracy": float(recall_score(self.labels, said, **per_class)),
            "macro_f1": float(f1_score(self.labels, said, **per_class)),
            "auroc": _auroc(self.probs, self.labels, present),
            "loss": float(log_loss(self.labels, self.probs, labels=classes)),
        }

    def confusion(self) -> NDArray[np.int64]:
        """Images by true class (rows) and by the class they were taken for, (K, K)."""
        classes = np.arange(self.probs.shape[1])
        counts: NDArray[np.int64] = confusion_matrix(
            self.labels, self.probs.argmax(axis=1), labels=classes
        )
        return counts


def _auroc(
    probs: NDArray[np.float64], labels: NDArray[np.int64], present: NDArray[np.int64]
) -> float:
    if len(present) < 2:
        return float("nan")
    return float(np.mean([roc_auc_score(labels == label, probs[:, label]) for label in present]))


@torch.no_grad()
def judge(
    network: nn.Module,
    batches: Iterable[tuple[Tensor, Tensor]],
    autocast: Callable[[], Any],
) -> Judged:
    """Run a classifier in inference mode over some images.

    Args:
        network: images to logits (N, K).
        batches: images and labels.
        autocast: context of the forward pass.
    """
    network.eval()
    probs, labels = [], []
    for images, batch_labels in batches:
        with autocast():
            logits = network(images)
        probs.append(torch.softmax(logits.double(), dim=1).cpu().numpy())
        labels.append(batch_labels.cpu().numpy())
    return Judged(np.concatenate(probs), np.concatenate(labels))
