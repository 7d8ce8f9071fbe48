"""Fine-tune all weights, the norm affines and the head, or the head alone."""

from __future__ import annotations

from acrank.errors import ConfigError
from acrank.finetuning.methods.base import (
    Method,
    Start,
    freeze,
    no_norms,
    norm_kinds,
    set_bn_mode,
)
from acrank.finetuning.network import Network
from acrank.norm.usable import usable_norms
from acrank.scoring.norms import affine_of
from acrank.zoo.description import affine_norms


class Full(Method):
    """Plain fine-tuning of every weight; BatchNorm adapts its statistics."""


class Head(Method):
    """A linear probe, which trains the head on features of the frozen backbone."""

    def prepare(self, start: Start) -> None:
        """Freeze the backbone."""
        freeze(start.network.backbone)

    def train_mode(self, network: Network) -> None:
        """Keep the backbone in inference mode, with the running statistics of the source."""
        network.train()
        network.backbone.eval()


class BnOnly(Method):
    """Partial transfusion, which trains scale and shift of every BatchNorm layer, and the head.

    Kanavati and Tsuneki, "Partial transfusion: on the expressive influence of trainable batch
    norm parameters for transfer learning", MIDL 2021 (arXiv 2102.05543). The running statistics
    stay the source's and BatchNorm runs in inference mode, in training too.

    Args:
        bn_mode: ``eval`` as above; ``train`` normalises by batch statistics and adapts the
            running ones, which the paper warns of.
        norms: ``batch`` as above; ``affine`` trains LayerNorm, GroupNorm and InstanceNorm too.
    """

    def __init__(self, bn_mode: str = "eval", norms: str = "batch") -> None:
        if bn_mode not in ("eval", "train"):
            raise ConfigError(f"bn_mode is {bn_mode!r}.", hint="It is eval or train.")
        self.bn_mode = bn_mode
        self.norms = norms
        self.kinds = norm_kinds(norms)

    def prepare(self, start: Start) -> None:
        """Freeze the backbone except for the norm affines.

        Raises:
            NoNormError: the network has none.
        """
        freeze(start.network.backbone)
        batch = affine_norms(start.network.backbone)
        others = usable_norms(start.network.backbone, set(self.kinds) - {"batch"})
        if not batch and not others:
            raise no_norms("bn-only would train none", self.norms)
        for norm in (*batch, *others.values()):
            for parameter in affine_of(norm):
                parameter.requires_grad_(True)

    def train_mode(self, network: Network) -> None:
        """Set dropout and the like to training, and BatchNorm by ``bn_mode``."""
        network.train()
        set_bn_mode(network.backbone, training=self.bn_mode == "train")
