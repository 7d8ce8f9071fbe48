"""Controls of AC-Norm: what it would do by the size of its steps and scales alone.

``register`` adds them to the methods of ``acrank.finetune``:

- ``affine-lr-doubled``: plain BatchNorm whose scale and shift learn at twice the rate.
- ``ac-norm-diagonal``: each channel scaled by ``1 + C[i, i]``, nothing taken from other channels.
- ``ac-norm-permuted``: AC-Norm whose source affines are those of the layer's channels in another
  order, so that C says nothing.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from acrank.finetuning.catalogue import METHODS, OWN, MethodEntry
from acrank.finetuning.methods.ac_norm import AcNorm
from acrank.finetuning.methods.base import Start
from acrank.norm import AffineCoNorm, affine_ratio, correlation_matrix


class _Changed(AcNorm):
    """AC-Norm whose layers are changed after the conversion."""

    def prepare(self, start: Start) -> None:
        """Convert the network, then change every layer."""
        super().prepare(start)
        for layer in start.network.modules():
            if isinstance(layer, AffineCoNorm):
                self.change(layer)

    def change(self, layer: AffineCoNorm) -> None:
        """One layer."""
        raise NotImplementedError


class Permuted(_Changed):
    """The source affines in another order."""

    def change(self, layer: AffineCoNorm) -> None:
        """Permute scale and shift alike."""
        generator = torch.Generator().manual_seed(layer.num_features)
        order = torch.randperm(layer.num_features, generator=generator)
        with torch.no_grad():
            layer.weight.copy_(layer.weight[order])
            layer.bias.copy_(layer.bias[order])


class Diagonal(_Changed):
    """Only what a channel keeps of itself."""

    def change(self, layer: AffineCoNorm) -> None:
        """Mix with the diagonal of C."""

        def mix() -> tuple[Tensor, Tensor]:
            with torch.no_grad():
                source = affine_ratio(layer.weight, layer.bias)
                target = affine_ratio(layer.weight_target, layer.bias_target)
                kept = correlation_matrix(source, target, layer.temperature).diagonal()
            return (1 + kept) * layer.weight_target, (1 + kept) * layer.bias_target

        layer.effective_affine = mix  # type: ignore[method-assign]


class DoubledRate(_Changed):
    """Plain BatchNorm; SGD moves ``sqrt(2) w`` by twice what it moves ``w``."""

    def change(self, layer: AffineCoNorm) -> None:
        """Divide what is trained by sqrt(2), and what is computed with by nothing."""
        root = math.sqrt(2)
        with torch.no_grad():
            layer.weight_target.div_(root)
            layer.bias_target.div_(root)

        def mix() -> tuple[Tensor, Tensor]:
            return root * layer.weight_target, root * layer.bias_target

        layer.effective_affine = mix  # type: ignore[method-assign]


CONTROLS = {
    "affine-lr-doubled": DoubledRate,
    "ac-norm-diagonal": Diagonal,
    "ac-norm-permuted": Permuted,
}


def register() -> None:
    """Make the controls methods of this process."""
    for name, cls in CONTROLS.items():
        OWN[name] = MethodEntry(name, name, "-", f"{__name__}:{cls.__name__}")
    METHODS.forget()
