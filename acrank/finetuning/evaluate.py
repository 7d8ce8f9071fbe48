"""Judge a classifier on images: accuracies, AUROC, loss and confusion matrix."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.special import log_softmax
from sklearn.metrics import (
    accuracy_score,
    confusion_matrix,
    f1_score,
    recall_score,
    roc_auc_score,
)
from torch import Tensor, nn

from acrank.finetuning.jackknife import Values, f1_pseudo_values, placements, pseudo_values
from acrank.finetuning.objective import Autocast, require_finite


@dataclass(frozen=True)
class JudgedClasses:
    """The logits of a classifier for images, and their labels.

    Attributes:
        logits: finite logits, (N, K).
        labels: class indices, (N,).
    """

    logits: NDArray[np.float64]
    labels: NDArray[np.int64]

    @property
    def said(self) -> NDArray[np.int64]:
        """The class that each image was taken for, (N,)."""
        found: NDArray[np.int64] = self.logits.argmax(axis=1)
        return found

    def measures(self) -> dict[str, float]:
        """Compute four measures in [0, 1], higher better, and the loss in nats.

        As scikit-learn has them by default: the balanced accuracy is the mean recall of the classes
        that are there; macro F1 the mean over these and over those that an image was taken for.
        The AUROC is the mean over the classes that are there of one against the rest, NaN where
        there is one class alone. The loss is the cross-entropy of the logits, however large it is.
        """
        said, present = self.said, np.unique(self.labels)
        log_probs = log_softmax(self.logits, axis=1)
        macro: Any = {"average": "macro", "zero_division": 0.0}
        return {
            "accuracy": float(accuracy_score(self.labels, said)),
            "balanced_accuracy": float(recall_score(self.labels, said, labels=present, **macro)),
            "macro_f1": float(f1_score(self.labels, said, **macro)),
            "auroc": _auroc(np.exp(log_probs), self.labels, present),
            "loss": 0.0 - float(log_probs[np.arange(len(self.labels)), self.labels].mean()),
        }

    def each(self, measure: str) -> Values:
        """Compute the jackknife's pseudo-values of a measure by image, (N,), higher better.

        See :mod:`acrank.finetuning.jackknife`. The loss is negated.
        """
        return _EACH[measure](self)

    def confusion(self) -> NDArray[np.int64]:
        """Count images by true class (rows) and by the class they were taken for, (K, K)."""
        classes = np.arange(self.logits.shape[1])
        counts: NDArray[np.int64] = confusion_matrix(self.labels, self.said, labels=classes)
        return counts


def _auroc(
    probs: NDArray[np.float64], labels: NDArray[np.int64], present: NDArray[np.int64]
) -> float:
    if len(present) < 2:
        return float("nan")
    return float(np.mean([roc_auc_score(labels == label, probs[:, label]) for label in present]))


def _each_right(judged: JudgedClasses) -> Values:
    right: Values = (judged.said == judged.labels).astype(np.float64)
    return right


def _each_recall(judged: JudgedClasses) -> Values:
    present = np.unique(judged.labels)
    of_class = judged.labels[:, None] == present
    right = np.where(of_class, _each_right(judged)[:, None], np.nan)
    return pseudo_values(judged.measures()["balanced_accuracy"], right, 1 / len(present))


def _each_f1(judged: JudgedClasses) -> Values:
    return f1_pseudo_values(judged.labels, judged.said)


def _each_auroc(judged: JudgedClasses) -> Values:
    value, present = judged.measures()["auroc"], np.unique(judged.labels)
    if len(present) < 2:
        return np.full(len(judged.labels), value)
    probs = np.exp(log_softmax(judged.logits, axis=1))
    sides = [placements(probs[:, label], judged.labels == label) for label in present]
    return pseudo_values(value, np.hstack(sides), 1 / len(present))


def _each_likelihood(judged: JudgedClasses) -> Values:
    log_probs: Values = log_softmax(judged.logits, axis=1)
    of_truth: Values = log_probs[np.arange(len(judged.labels)), judged.labels]
    return of_truth


# Of each measure: its pseudo-values by image, in closed form.
_EACH: dict[str, Callable[[JudgedClasses], Values]] = {
    "accuracy": _each_right,
    "balanced_accuracy": _each_recall,
    "macro_f1": _each_f1,
    "auroc": _each_auroc,
    "loss": _each_likelihood,
}


@torch.no_grad()
def judge(
    network: nn.Module,
    batches: Iterable[tuple[Tensor, Tensor]],
    autocast: Autocast,
) -> JudgedClasses:
    """Run a classifier in inference mode over some images.

    Args:
        network: network from images to logits (N, K).
        batches: batches of images and labels.
        autocast: context of the forward pass.

    Raises:
        NotFiniteError: a logit is not finite.
    """
    network.eval()
    logits, labels = [], []
    for images, batch_labels in batches:
        with autocast():
            found = network(images)
        require_finite(found)
        logits.append(found.cpu().double().numpy())
        labels.append(batch_labels.cpu().numpy())
    return JudgedClasses(np.concatenate(logits), np.concatenate(labels))
