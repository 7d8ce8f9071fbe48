"""AC-Norm fine-tuning."""

from __future__ import annotations

from acrank.errors import NoNormError
from acrank.finetuning.methods.base import Method, Start
from acrank.finetuning.network import Network
from acrank.norm import convert_batchnorm, fold


class AcNorm(Method):
    """Every BatchNorm layer becomes an AC-Norm layer; everything but the source affines is trained.

    Zhang et al., "AC-Norm: Effective Tuning for Medical Image Analysis via Affine Collaborative
    Normalization" (arXiv 2307.15282).

    Args:
        temperature: of the affine correlation's softmax.
        authors: move the running statistics as the authors' release does.
    """

    def __init__(self, temperature: float = 1.0, authors: bool = False) -> None:
        self.temperature = temperature
        self.authors = authors

    def prepare(self, start: Start) -> None:
        """Convert the network.

        Raises:
            NoNormError: there is no BatchNorm layer to convert.
        """
        done = convert_batchnorm(start.network.backbone, self.temperature, self.authors)
        if not done.converted:
            raise NoNormError("no BatchNorm layer with affine parameters: ac-norm changes nothing.")

    def finish(self, network: Network, *, fold: bool) -> None:
        """Replace every layer by the plain BatchNorm of the same inference output."""
        if fold:
            _fold(network.backbone)


_fold = fold
