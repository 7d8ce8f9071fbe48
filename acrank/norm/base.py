"""The base of all AC-Norm layers: two affines, their mixing, and folding."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from acrank.norm.correlation import RATIO_EPS
from acrank.norm.mixing import mixed_affine
from acrank.norm.types import NormKind


class AffineCoLayer(nn.Module):
    """A normalisation layer whose target affine is mixed by its correlation with the source's.

    Attributes:
        kind: kind of the layer that it replaces.
        temperature: temperature of the softmax in the affine correlation, above zero.
        weight: pretrained (source) scales, frozen, shape (C,).
        bias: pretrained shifts likewise.
        weight_target: trained (target) scales, shape (C,).
        bias_target: trained shifts, shape (C,).
    """

    kind: NormKind
    temperature: float
    weight: nn.Parameter
    bias: nn.Parameter
    weight_target: nn.Parameter
    bias_target: nn.Parameter

    def effective_affine(self) -> tuple[Tensor, Tensor]:
        """Scale and shift of the one equivalent plain layer, ``(I + C)`` times the target's.

        Returns:
            Two tensors of shape (C,) in the parameters' dtype, differentiable with respect
            to the target affine (C is a constant of the graph, as in the paper).
        """
        return mixed_affine(
            (self.weight, self.bias),
            (self.weight_target, self.bias_target),
            self.temperature,
            self._ratio_eps(),
        )

    def fold(self) -> nn.Module:
        """The plain layer with the same output in inference mode."""
        raise NotImplementedError

    def _ratio_eps(self) -> float:
        return RATIO_EPS

    @torch.no_grad()
    def _copy_affine(self, weight: Tensor, bias: Tensor) -> None:
        for parameter, value in (
            (self.weight, weight),
            (self.bias, bias),
            (self.weight_target, weight),
            (self.bias_target, bias),
        ):
            parameter.copy_(value)

    def _load_from_state_dict(
        self, state_dict: dict[str, Any], prefix: str, *args: Any, **kwargs: Any
    ) -> None:
        for name in ("weight", "bias"):
            source = state_dict.get(f"{prefix}{name}")
            target = f"{prefix}{name}_target"
            if isinstance(source, Tensor) and _is_one(source, state_dict.get(target, source)):
                # with assign=True the tensors themselves become the parameters: two are needed,
                # or a step on the target's moves the source's
                state_dict[target] = source.detach().clone()
        super()._load_from_state_dict(state_dict, prefix, *args, **kwargs)


def _is_one(tensor: Tensor, other: object) -> bool:
    """Return whether two tensors are the same, or start at the same element of one storage."""
    if other is tensor:
        return True
    return isinstance(other, Tensor) and tensor.data_ptr() == other.data_ptr() != 0
