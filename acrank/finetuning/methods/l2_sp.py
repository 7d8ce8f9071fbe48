"""Fine-tune by L2-SP: draw weights towards their pretrained values."""

from __future__ import annotations

from torch import Tensor

from acrank.finetuning.methods.base import Method, Start, squared_distance
from acrank.finetuning.network import Network, squared_norm


class L2SP(Method):
    """An L2 penalty with the pretrained weights as its reference.

    ``alpha / 2 * |w - w_0|^2 + beta / 2 * |v|^2``, w the backbone's weights, w_0 those it started
    with, v the head's. Li, Grandvalet and Davoine, "Explicit Inductive Bias for Transfer Learning
    with Convolutional Networks", ICML 2018 (arXiv 1802.01483), equation 3. It takes the place of
    weight decay.

    Args:
        alpha: weight of the distance from the pretrained weights.
        beta: weight of the head's squared weights.
    """

    decays_weights = False

    def __init__(self, alpha: float = 0.1, beta: float = 0.01) -> None:
        self.alpha = alpha
        self.beta = beta
        self.start: list[Tensor] = []

    def prepare(self, start: Start) -> None:
        """Remember the pretrained weights."""
        self.start = [p.detach().clone() for p in start.network.backbone.parameters()]

    def penalty(
        self, network: Network, images: Tensor, features: Tensor, labels: Tensor
    ) -> Tensor | None:
        """Return the regulariser, a scalar of at least 0."""
        moved = squared_distance(zip(network.backbone.parameters(), self.start, strict=True))
        head = squared_norm(network.head)
        return self.alpha / 2 * moved + self.beta / 2 * head
