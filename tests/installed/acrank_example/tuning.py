"""A method of fine-tuning."""

from acrank.finetuning.catalogue import MethodEntry
from acrank.finetuning.methods.base import Method, Start, freeze


class BiasOnly(Method):
    """Train the biases of the backbone, and the head."""

    def prepare(self, start: Start) -> None:
        freeze(start.network.backbone)
        for name, parameter in start.network.backbone.named_parameters():
            parameter.requires_grad_(name.endswith("bias"))


BIAS_ONLY = MethodEntry(
    name="bias-only",
    summary="every bias of the backbone, and the head",
    source="Ben Zaken et al., BitFit, ACL 2022, arXiv 2106.10199",
    target="acrank_example.tuning:BiasOnly",
    lr=0.03,
)
