"""Choose the main one of the outputs of a network that gives several."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from torch import Tensor

# Names under which networks give what they mean, best first: torchvision's segmenters, then
# transformers' classifiers, backbones and encoders of two kinds of data, then DINOv2.
NAMES = ("out", "logits", "pooler_output", "image_embeds", "x_norm_clstoken")


def main_output(output: object) -> object:
    """Return the main one of the outputs of a network, which may give auxiliary ones beside it."""
    named = _named(output)
    if named is not None:
        name = next((n for n in NAMES if isinstance(named.get(n), Tensor)), None)
        return named[name] if name else next(iter(named.values()), None)
    return output[0] if isinstance(output, list | tuple) and output else output


def output_for_features(output: object) -> tuple[object, str]:
    """The output that feature vectors are taken from: the main one, of maps alone the coarsest.

    Args:
        output: of a network.

    Returns:
        The output, and how it was chosen where nothing but its place speaks for it, in words;
        empty otherwise.
    """
    named = _named(output)
    if named is not None:
        if any(isinstance(named.get(name), Tensor) for name in NAMES):
            return main_output(named), ""
        named = {name: value for name, value in named.items() if isinstance(value, Tensor)}
        if not named:
            return output, ""
        first, said = next(iter(named)), f"of {', '.join(map(str, named))}"
        return named[first], f"{first} {said}" if len(named) > 1 else ""
    if not isinstance(output, list | tuple):
        return output, ""
    parts = [part for part in output if part is not None]
    maps = [part for part in parts if isinstance(part, Tensor) and part.ndim == 4]
    if len(parts) > 1 and len(maps) == len(parts):
        coarsest = min(reversed(maps), key=lambda values: values.shape[2:].numel())
        return coarsest, f"the coarsest of {len(maps)} maps"
    if not parts:
        return output, ""
    found, said = output_for_features(parts[0])
    return found, said or (f"the first of {len(parts)} outputs" if len(parts) > 1 else "")


def _named(output: object) -> Mapping[Any, Any] | None:
    """Outputs by name, where they have names."""
    if isinstance(output, Mapping):
        return output
    is_object = dataclasses.is_dataclass(output) and not isinstance(output, type)
    return vars(output) if is_object else None
