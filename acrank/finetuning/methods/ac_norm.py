"""Fine-tune with AC-Norm layers in place of BatchNorm."""

from __future__ import annotations

from acrank.finetuning.methods.base import Method, Start, no_norms, norm_kinds
from acrank.finetuning.network import Network
from acrank.norm.convert import convert_affine, fold


class AcNorm(Method):
    """AC-Norm in place of every BatchNorm layer; everything but the source affines is trained.

    Zhang et al., "AC-Norm: Effective Tuning for Medical Image Analysis via Affine Collaborative
    Normalization" (arXiv 2307.15282).

    Args:
        temperature: temperature of the affine correlation's softmax.
        authors: move the running statistics as the authors' release does.
        norms: ``batch`` as above; ``affine`` replaces LayerNorm, GroupNorm and InstanceNorm too,
            a generalisation.
    """

    def __init__(
        self, temperature: float = 1.0, authors: bool = False, norms: str = "batch"
    ) -> None:
        self.temperature = temperature
        self.authors = authors
        self.norms = norms
        self.kinds = norm_kinds(norms)

    def prepare(self, start: Start) -> None:
        """Convert the network.

        Raises:
            NoNormError: there is no layer to convert.
        """
        backbone = start.network.backbone
        done = convert_affine(backbone, self.temperature, self.authors, kinds=self.kinds)
        if not done.converted:
            raise no_norms("ac-norm would change nothing", self.norms)

    def finish(self, network: Network, *, fold: bool) -> None:
        """Replace every layer by the plain one of the same inference output."""
        if fold:
            _fold(network.backbone)


_fold = fold
