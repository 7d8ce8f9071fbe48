"""AC-Norm: BatchNorm whose target affine is mixed by its correlation with the source affine."""

from __future__ import annotations

from typing import Any, Self, cast

import torch
from timm.layers.norm_act import BatchNormAct2d
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.modules.batchnorm import _BatchNorm

from acrank.norm.base import AffineCoLayer
from acrank.norm.correlation import RATIO_EPS
from acrank.norm.types import NormKind


class AffineCoNorm(AffineCoLayer, _BatchNorm):
    r"""AC-Norm over a (N, C, ...) input of two or more dimensions.

    With gamma_t, beta_t the trained (target) affine and C the detached affine correlation
    (see :mod:`acrank.norm.correlation`), the paper's sum of two normalisations
    ``BN(x; gamma_t, beta_t) + BN(x; C gamma_t, C beta_t)`` equals one with the affine
    ``(I + C) gamma_t, (I + C) beta_t``, which is what is computed. Not the identity on a
    fresh conversion: channel i starts scaled by ``1 + C[i, i]``.

    Source: Zhang et al., "AC-Norm" (arXiv 2307.15282). Parameter names are those of the
    authors' release: ``weight`` and ``bias`` (source, frozen), ``weight_target`` and
    ``bias_target`` (trained). A plain BatchNorm checkpoint fills both.

    Args:
        num_features: number of channels C.
        temperature: temperature of the softmax in the affine correlation, above zero.
        eps: added to the variance.
        momentum: momentum of the running statistics; None for a cumulative average.
        authors: behave as the released layer does: two updates of the running statistics
            a step (momentum ``1 - (1 - m)^2``), a batch counter that stays, and ``eps``
            in the affine ratio too (otherwise 1e-5).
        track_running_stats: as in BatchNorm.
        device: device of the parameters.
        dtype: data type of the parameters.
    """

    kind: NormKind = "batch"

    def __init__(
        self,
        num_features: int,
        temperature: float = 1.0,
        eps: float = 1e-5,
        momentum: float | None = 0.1,
        authors: bool = False,
        track_running_stats: bool = True,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        if authors and momentum is None:
            raise ValueError("the released layer has no cumulative average: give a momentum")
        super().__init__(
            num_features, eps, momentum, True, track_running_stats, device=device, dtype=dtype
        )
        self.temperature = temperature
        self.authors = authors
        self.weight.requires_grad_(False)
        self.bias.requires_grad_(False)
        self.weight_target = nn.Parameter(self.weight.detach().clone())
        self.bias_target = nn.Parameter(self.bias.detach().clone())

    @classmethod
    def from_batchnorm(
        cls, bn: _BatchNorm, temperature: float = 1.0, authors: bool = False
    ) -> Self:
        """A layer that starts with source and target affine at those of a BatchNorm layer.

        Args:
            bn: an affine BatchNorm layer; its buffers are shared, its parameters copied.
            temperature: temperature of the softmax in the affine correlation, above zero.
            authors: see the class.

        Raises:
            ValueError: the layer has no affine parameters.
        """
        if not bn.affine:
            raise ValueError("a BatchNorm layer without affine parameters has no correlation")
        layer = cls(
            bn.num_features,
            temperature,
            bn.eps,
            bn.momentum,
            authors,
            bn.track_running_stats,
            bn.weight.device,
            bn.weight.dtype,
        )
        layer._copy_affine(bn.weight, bn.bias)
        for name in ("running_mean", "running_var", "num_batches_tracked"):
            setattr(layer, name, getattr(bn, name))
        return layer.train(bn.training)

    def _ratio_eps(self) -> float:
        return self.eps if self.authors else RATIO_EPS

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002 - BatchNorm's own name
        """Normalise a batch; shape (N, C, ...) in and out."""
        self._check_input_dim(input)
        weight, bias = self.effective_affine()
        # Buffers are passed where they are used (inference) or to be updated (training).
        buffers = self.track_running_stats or not self.training
        return F.batch_norm(
            input,
            self.running_mean if buffers else None,
            self.running_var if buffers else None,
            weight,
            bias,
            self.training or self.running_mean is None,
            self._update_factor(),
            self.eps,
        )

    def _update_factor(self) -> float:
        if self.authors:
            assert self.momentum is not None  # checked on construction
            return 1.0 - (1.0 - self.momentum) ** 2
        if self.training and self.track_running_stats and self.num_batches_tracked is not None:
            self.num_batches_tracked.add_(1)
            if self.momentum is None:
                return 1.0 / float(self.num_batches_tracked)
        return 0.0 if self.momentum is None else self.momentum

    def _check_input_dim(self, input: Tensor) -> None:  # noqa: A002 - BatchNorm's own name
        if input.dim() < 2:
            raise ValueError(f"expected at least 2D input (got {input.dim()}D input)")

    def extra_repr(self) -> str:
        """The settings that differ from layer to layer."""
        settings = (self.num_features, self.eps, self.momentum, self.temperature, self.authors)
        return "{}, eps={}, momentum={}, temperature={}, authors={}".format(*settings)

    def fold(self) -> _BatchNorm:
        """The plain BatchNorm layer with the same output in inference mode."""
        return self._fold_into(self._plain_class()(**self._plain_arguments()))

    def _plain_class(self) -> type[_BatchNorm]:
        return nn.SyncBatchNorm

    def _plain_arguments(self) -> dict[str, Any]:
        return {
            "num_features": self.num_features,
            "eps": self.eps,
            "momentum": self.momentum,
            "track_running_stats": self.track_running_stats,
            "device": self.weight.device,
            "dtype": self.weight.dtype,
        }

    @torch.no_grad()
    def _fold_into(self, bn: _BatchNorm) -> _BatchNorm:
        weight, bias = self.effective_affine()
        bn.weight.copy_(weight)
        bn.bias.copy_(bias)
        for name in ("running_mean", "running_var", "num_batches_tracked"):
            setattr(bn, name, getattr(self, name))
        return bn.train(self.training)


class AffineCoNorm1d(AffineCoNorm, nn.BatchNorm1d):
    """AC-Norm in place of BatchNorm1d: input (N, C) or (N, C, L). See :class:`AffineCoNorm`."""

    # a BatchNorm1d too: code that freezes or sets layers by isinstance then finds it
    _check_input_dim = nn.BatchNorm1d._check_input_dim

    def _plain_class(self) -> type[_BatchNorm]:
        return nn.BatchNorm1d


class AffineCoNorm2d(AffineCoNorm, nn.BatchNorm2d):
    """AC-Norm in place of BatchNorm2d: input (N, C, H, W). See :class:`AffineCoNorm`."""

    _check_input_dim = nn.BatchNorm2d._check_input_dim

    def _plain_class(self) -> type[_BatchNorm]:
        return nn.BatchNorm2d


class AffineCoNorm3d(AffineCoNorm, nn.BatchNorm3d):
    """AC-Norm in place of BatchNorm3d: input (N, C, D, H, W). See :class:`AffineCoNorm`."""

    _check_input_dim = nn.BatchNorm3d._check_input_dim

    def _plain_class(self) -> type[_BatchNorm]:
        return nn.BatchNorm3d


class AffineCoNormAct2d(AffineCoNorm2d):
    """AC-Norm in place of timm's BatchNormAct2d: normalisation, drop, activation."""

    drop: nn.Module
    act: nn.Module

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002 - BatchNorm's own name
        """Normalise, drop and activate a batch; shape (N, C, H, W) in and out."""
        return cast(Tensor, self.act(self.drop(super().forward(input))))

    def fold(self) -> _BatchNorm:
        """The BatchNormAct2d layer with the same output in inference mode."""
        folded = self._fold_into(BatchNormAct2d(**self._plain_arguments()))
        folded.drop, folded.act = self.drop, self.act
        return folded
