"""Read how an output was made off the graph that PyTorch keeps for its gradients."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from enum import Enum
from typing import Any

# Operations by the names of their backward passes. An activation makes features of class scores.
_ACTIVATIONS = {
    *("Relu", "LeakyRelu", "PreluKernel", "Elu", "Gelu", "Silu", "Mish", "Tanh", "Softplus"),
    *("Hardtanh", "Hardswish", "Hardsigmoid", "Clamp", "Threshold"),
}
_PRODUCTS = {"Addmm", "Mm", "Bmm", "Baddbmm", "Mv", "Addmv", "Linear", "MkldnnLinear"}
_CONVOLUTIONS = {"Convolution", "ConvolutionOverrideable", "MkldnnConvolution"}
# Parts of names: what ends in a norm is features, and compilers make one of many operations.
_NORMS = ("BatchNorm", "LayerNorm", "GroupNorm", "RmsNorm")
_HIDDEN = ("DifferentiableGraph", "CompiledFunction")
# What features may go through too: shapes, positions, averages.
HARMLESS = {
    *("View", "UnsafeView", "ReshapeAlias", "Reshape", "Squeeze", "Unsqueeze", "Transpose", "T"),
    *("Permute", "Select", "Slice", "Alias", "Clone", "ToCopy", "Expand", "Mean"),
    *("AdaptiveAvgPool2D", "AvgPool2D"),
}


class Origin(Enum):
    """The kind of operation that makes an output.

    Attributes:
        features: such as a pooled map, or what a norm gives.
        product: of a matrix with weights, as class scores are.
        hidden: the graph does not show it.
    """

    features = "features"
    product = "product"
    hidden = "hidden"


def after(node: Any, end: Any) -> set[str] | None:
    """List the operations between one operation and the output.

    Args:
        node: the operation's place in the graph.
        end: the output's.

    Returns:
        Names of operations; None if the output depends on images by another way too, or if an
        activation makes features of it.
    """
    barred = _ACTIVATIONS | _PRODUCTS | _CONVOLUTIONS
    names, met = set(), False
    for each in _back_from(end, lambda each: each is node):
        if each is node:
            met = True
        elif hasattr(each, "variable"):
            if each.variable.numel() > 1:  # a temperature may be learnt
                return None
        elif _name(each) in barred or _any_in(each, _NORMS) or not each.next_functions:
            return None
        else:
            names.add(_name(each))
    return names if met else None


def origin(end: Any) -> Origin:
    """Tell the kind of operation that makes an output for which no layer was found.

    Args:
        end: its place in the graph.
    """
    parts = (*_NORMS, *_HIDDEN)

    def stops(node: Any) -> bool:
        return _name(node) in _PRODUCTS | _CONVOLUTIONS or _any_in(node, parts)

    ends = [node for node in _back_from(end, stops) if stops(node)]
    ends = [_product_before(node) if _any_in(node, _NORMS) else node for node in ends]
    if None in ends:
        return Origin.features
    if any(_any_in(node, _HIDDEN) for node in ends):
        return Origin.hidden
    scores = any(_name(node) in _PRODUCTS or _of_single_pixels(node) for node in ends)
    return Origin.product if scores else Origin.features


def _product_before(norm: Any) -> Any:
    """The matrix product whose result alone goes into a norm; None for other inputs."""
    node = norm
    while node is not None and _name(node) not in _PRODUCTS:
        before = [each for each, _ in node.next_functions if each is not None]
        before = [each for each in before if not hasattr(each, "variable")]
        node = before[0] if len(before) == 1 else None
    return node


def _back_from(end: Any, stops: Callable[[Any], bool]) -> Iterator[Any]:
    """The operations that an output was made by, from the last on, and not those before a stop."""
    queue, seen = [end], {end}
    while queue:
        node = queue.pop()
        yield node
        if stops(node):
            continue
        for before, _ in node.next_functions:
            if before is not None and before not in seen:
                seen.add(before)
                queue.append(before)


def _name(node: Any) -> str:
    """Return the name of an operation, such as ``Addmm``."""
    name: str = node.name()
    return name.rpartition("Backward")[0]


def _any_in(node: Any, parts: Sequence[str]) -> bool:
    return any(part in node.name() for part in parts)


def _of_single_pixels(node: Any) -> bool:
    """Tell whether an operation is a convolution of single pixels."""
    if _name(node) not in _CONVOLUTIONS:
        return False
    sizes = [
        before.variable.shape[2:].numel()
        for before, _ in node.next_functions
        if hasattr(before, "variable") and before.variable.ndim > 2
    ]
    return sizes == [1]
