"""Fine-tune by co-tuning: train the source's classifier too, on related source classes."""

from __future__ import annotations

from typing import cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from acrank.errors import ModelError
from acrank.finetuning.methods.base import Method, Start
from acrank.finetuning.network import Network
from acrank.finetuning.objective import require_finite

Array = NDArray[np.float64]


def class_relation(source_probs: Array, labels: NDArray[np.int64], classes: int) -> Array:
    """Estimate the distribution over source classes for each target class, p(source | target).

    The reverse way of the paper: p(target | source) is learnt by logistic regression on the
    source's probabilities, evaluated at each source class, and turned by Bayes' rule with the mean
    of the probabilities as p(source). You, Kou, Long and Wang, "Co-Tuning for Transfer Learning",
    NeurIPS 2020, section 3.2. The probabilities are not calibrated: that needs source images.

    Args:
        source_probs: source probabilities of the training images, (N, S); rows sum to 1.
        labels: target labels, (N,), with each of the K classes present.
        classes: K, 2 or more.

    Returns:
        (K, S), rows sum to 1.
    """
    from sklearn.linear_model import LogisticRegression

    fitted = LogisticRegression(max_iter=1000).fit(source_probs, labels)
    sources = source_probs.shape[1]
    target_given_source: Array = fitted.predict_proba(np.eye(sources))  # (S, K)
    joint = target_given_source * source_probs.mean(axis=0)[:, None]
    relation: Array = (joint / joint.sum(axis=0)).T
    return relation.reshape(classes, sources)


class CoTuning(Method):
    """Fine-tuning of everything with the source's classifier kept on its own task.

    The loss is ``CE(target) + trade_off * CE(p(source | label), source head)``; see
    :func:`class_relation`.

    Args:
        trade_off: weight of the source's loss.
    """

    def __init__(self, trade_off: float = 2.3) -> None:
        self.trade_off = trade_off
        self.head: nn.Module | None = None
        self.relation: Tensor | None = None

    def prepare(self, start: Start) -> None:
        """Learn the relation of the classes.

        Raises:
            ModelError: the network has no source classifier, or what it says is not finite.
        """
        if start.source_head is None:
            raise ModelError(
                "The network has no source classifier, which co-tuning needs.",
                hint="Choose weights with their head, or another method.",
            )
        self.head = start.source_head
        probs, labels = _source_probs(start, self.head)
        relation = class_relation(probs, labels, start.classes)
        device = next(start.network.parameters()).device
        self.relation = torch.from_numpy(relation).float().to(device)

    def extra_modules(self) -> dict[str, nn.Module]:
        """Return the source's classifier."""
        return {} if self.head is None else {"source_head": self.head}

    def penalty(
        self, network: Network, images: Tensor, features: Tensor, labels: Tensor
    ) -> Tensor | None:
        """Return the loss of the source's classifier."""
        head, relation = cast(nn.Module, self.head), cast(Tensor, self.relation)
        return self.trade_off * F.cross_entropy(head(features), relation[labels])


@torch.no_grad()
def _source_probs(start: Start, head: nn.Module) -> tuple[Array, NDArray[np.int64]]:
    network = start.network.eval()
    probs, labels = [], []
    for images, batch_labels in start.batches():
        with start.autocast():
            logits = head(network.backbone(images))
        require_finite(logits)
        probs.append(torch.softmax(logits.double(), dim=1).cpu().numpy())
        labels.append(batch_labels.cpu().numpy())
    return np.concatenate(probs), np.concatenate(labels)
