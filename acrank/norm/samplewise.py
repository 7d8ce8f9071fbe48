"""AC-Norm for layers that normalise each sample by itself: LayerNorm, GroupNorm, InstanceNorm."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import cast

from timm.layers import norm as timm_norm
from timm.layers import norm_act as timm_norm_act
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn.modules.instancenorm import _InstanceNorm

from acrank.norm.base import AffineCoLayer
from acrank.norm.types import NormKind

_KINDS: dict[type[nn.Module], NormKind] = {
    nn.LayerNorm: "layer",
    nn.GroupNorm: "group",
    _InstanceNorm: "instance",
}
# A layer is known by the forward it runs. Each of these multiplies what it has normalised by the
# scale of the channel and adds its shift; timm's may drop and activate after that.
_FORWARDS: set[Callable[..., object]] = {
    nn.LayerNorm.forward,
    nn.GroupNorm.forward,
    _InstanceNorm.forward,
    timm_norm.LayerNorm.forward,
    timm_norm.LayerNorm2d.forward,
    timm_norm.LayerNormExp2d.forward,
    timm_norm.LayerNormFp32.forward,
    timm_norm.LayerNorm2dFp32.forward,
    timm_norm.GroupNorm.forward,
    timm_norm.GroupNorm1.forward,
    timm_norm_act.LayerNormAct.forward,
    timm_norm_act.LayerNormAct2d.forward,
    timm_norm_act.LayerNormActFp32.forward,
    timm_norm_act.LayerNormAct2dFp32.forward,
    timm_norm_act.GroupNormAct.forward,
    timm_norm_act.GroupNorm1Act.forward,
}
# Scale without shift: there is no affine ratio.
_SCALE_ONLY = (
    nn.RMSNorm,
    *(timm_norm.RmsNorm, timm_norm.RmsNorm2d, timm_norm.RmsNormFp32, timm_norm.RmsNorm2dFp32),
    *(timm_norm.SimpleNorm, timm_norm.SimpleNorm2d),
    *(timm_norm.SimpleNormFp32, timm_norm.SimpleNorm2dFp32),
)


class AffineCoSampleNorm(AffineCoLayer):
    r"""AC-Norm in place of a LayerNorm, GroupNorm or InstanceNorm, or timm's forms of them.

    AC-Norm (Zhang et al., arXiv 2307.15282) is defined on BatchNorm. Its affine does not depend
    on what is normalised over, so that the same is done here: with x^ the normalised input,
    gamma_t, beta_t the trained (target) affine and C the affine correlation, the output is
    ``x^ ((I + C) gamma_t) + (I + C) beta_t``. This is a generalisation of this project.

    Parameter names are those of :class:`acrank.norm.AffineCoNorm`; a plain checkpoint fills
    source and target.

    Args:
        norm: the plain layer, with a scale and a shift for each channel; its buffers, drop and
            activation are shared, its parameters copied.
        temperature: temperature of the softmax in the affine correlation, above zero.

    Raises:
        ValueError: the layer is none of these, or has no affine of one scale and shift a channel.
    """

    def __init__(self, norm: nn.Module, temperature: float = 1.0) -> None:
        reason = why_not_samplewise(norm)
        if reason is not None:
            raise ValueError(f"{type(norm).__name__}: {reason or 'no such layer'}")
        super().__init__()
        self.kind = cast(NormKind, samplewise_kind(norm))
        self.temperature = temperature
        # Not a submodule: it lends its forward, and its own affine is not to be trained or saved.
        self._plain = (norm,)
        weight, bias = cast(Tensor, norm.weight), cast(Tensor, norm.bias)
        self.weight = nn.Parameter(weight.detach().clone(), requires_grad=False)
        self.bias = nn.Parameter(bias.detach().clone(), requires_grad=False)
        self.weight_target = nn.Parameter(weight.detach().clone())
        self.bias_target = nn.Parameter(bias.detach().clone())
        for name, buffer in norm.named_buffers(recurse=False):
            self.register_buffer(name, buffer)
        for name, child in norm.named_children():
            self.add_module(name, child)
        self.training = norm.training

    @property
    def eps(self) -> float:
        """Added to the variance."""
        return cast(float, self._plain[0].eps)

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002 - the plain layers' own name
        """Normalise a batch; shape as of the plain layer, in and out."""
        weight, bias = self.effective_affine()
        plain = self._plain[0]
        plain.training = self.training
        tensors = {"weight": weight, "bias": bias, **dict(self.named_buffers(recurse=False))}
        return cast(Tensor, functional_call(plain, tensors, (input,)))

    def extra_repr(self) -> str:
        """The plain layer and the temperature."""
        return f"{type(self._plain[0]).__name__}, temperature={self.temperature}"

    def fold(self) -> nn.Module:
        """The plain layer with the same output."""
        folded = copy.copy(self._plain[0])
        for table in ("_parameters", "_buffers", "_modules"):
            setattr(folded, table, dict(getattr(folded, table)))
        weight, bias = self.effective_affine()
        folded.weight = nn.Parameter(weight.detach().clone())
        folded.bias = nn.Parameter(bias.detach().clone())
        for name, buffer in self.named_buffers(recurse=False):
            folded._buffers[name] = buffer
        return folded.train(self.training)


def samplewise_kind(module: nn.Module) -> NormKind | None:
    """Return what a layer normalises over; None for other modules, BatchNorm among them."""
    return next((kind for plain, kind in _KINDS.items() if isinstance(module, plain)), None)


def why_not_samplewise(module: nn.Module) -> str | None:
    """None to convert, a reason to report, or an empty string where there is no such layer."""
    if isinstance(module, _SCALE_ONLY):
        return f"{type(module).__name__} has no shift"
    if samplewise_kind(module) is None:
        return ""
    weight, bias = getattr(module, "weight", None), getattr(module, "bias", None)
    if weight is None:
        return "no affine parameters"
    if bias is None:
        return f"{type(module).__name__} has no shift"
    if isinstance(weight, nn.UninitializedParameter):
        return "lazy layer not initialised yet: run one batch first"
    if weight.ndim != 1:
        return f"normalises over {weight.ndim} dimensions, not over channels"
    if type(module).forward not in _FORWARDS:
        return f"{type(module).__name__} has a forward of its own"
    return None
