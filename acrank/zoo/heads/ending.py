"""Find the layer that makes a network's output, in one pass and its graph of gradients."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from acrank.utils.outputs import output_for_features
from acrank.zoo.heads.graph import HARMLESS, Origin, after, origin

# What makes probabilities of class scores, where only the numbers can tell.
_PROBABILITIES = (
    partial(torch.softmax, dim=1),
    partial(torch.log_softmax, dim=1),
    torch.sigmoid,
)
# Images of the pass: squeeze() leaves two apart.
_IMAGES = 2


@dataclass(frozen=True)
class Ending:
    """The last layers of a network, which make its output.

    Attributes:
        head: name of the linear layer, or convolution of single pixels, that makes it; empty
            where there is none.
        bare: whether nothing comes after that but what features may go through too.
        unclear: why the output may be class scores all the same, in words; empty where it is
            features.
        chosen: which of several outputs is meant, in words; empty where there is no doubt.
        writes: whether the network changes the images that it is given.
    """

    head: str = ""
    bare: bool = True
    unclear: str = ""
    chosen: str = ""
    writes: bool = False


def find_ending(model: nn.Module, input_size: Sequence[int]) -> Ending | None:
    """Run a network once and see which layer makes its output.

    A layer makes the output if everything that the output depends on goes through it, and nothing
    but shapes, averages, scales and probabilities come after it.

    Args:
        model: maps images (N, C, H, W) to anything; is set to evaluation mode.
        input_size: (channels, height, width) of an image.

    Returns:
        None where it takes volumes, or does not run on such images.
    """
    if len(input_size) != 3:
        return None
    model.eval()
    watch = _Watch(model)
    try:
        # of gradients only the graph is wanted, not what it would keep of each layer
        with torch.enable_grad(), torch.autograd.graph.saved_tensors_hooks(_nothing, _nothing):
            images = example_images(model, input_size).requires_grad_() * 1
            version = images._version
            output = model(images)
    except (MemoryError, torch.OutOfMemoryError):
        raise
    except Exception:  # whatever it raises, scoring says it
        return None
    finally:
        watch.end()
    found, chosen = output_for_features(output)
    writes = images._version != version
    head, bare, unclear = "", True, ""
    if isinstance(found, Tensor) and (found.ndim == 2 or found.shape[2:].numel() == 1):
        head, bare = watch.maker(found)
        unclear = "" if head else _why_unclear(model, found)
    elif isinstance(found, Tensor) and found.shape[2:] == images.shape[2:]:
        unclear = (
            f"its {found.shape[1]} maps are as large as the images, as in segmentation, and their "
            "averages are taken as features; give its encoder alone"
        )
    return Ending(head, bare, unclear, chosen, writes)


def gives_vectors(model: nn.Module, input_size: Sequence[int]) -> bool:
    """Tell whether a network runs and gives one vector an image."""
    try:
        with torch.no_grad():
            found = model(example_images(model, input_size))
    except (MemoryError, torch.OutOfMemoryError):
        raise
    except Exception:  # any network may raise anything
        return False
    return isinstance(found, Tensor) and found.ndim == 2 and len(found) == _IMAGES


def example_images(model: nn.Module, input_size: Sequence[int]) -> Tensor:
    """Images (2, C, H, W) of rising numbers from 0 to 1, of the network's kind of numbers."""
    like = next((p for p in model.parameters() if p.is_floating_point()), torch.empty(0))
    size = (_IMAGES, *input_size)
    count = torch.Size(size).numel()
    return torch.linspace(0, 1, count, device=like.device, dtype=like.dtype).reshape(size)


class _Watch:
    """Notes what the layers that may be heads give in a pass."""

    def __init__(self, model: nn.Module) -> None:
        self.seen: dict[str, list[tuple[Any, Tensor | None]]] = {}
        self._handles = [
            module.register_forward_hook(self._noting(name))
            for name, module in model.named_modules()
            if name and _may_be_head(module)
        ]

    def end(self) -> None:
        """Watch no longer."""
        for handle in self._handles:
            handle.remove()

    def maker(self, output: Tensor) -> tuple[str, bool]:
        """The name of the layer that makes an output, empty for none, and whether it is bare."""
        for name, turns in reversed(self.seen.items()):
            node, values = turns[0]
            if len(turns) > 1:
                continue
            rest = after(node, output.grad_fn) if node else None
            if rest is not None:
                return name, rest <= HARMLESS
            if values is not None and _same(output, values):
                return name, True
            if values is not None and any(_same(output, f(values)) for f in _PROBABILITIES):
                return name, False
        return "", True

    def _noting(self, name: str) -> Any:
        def hook(module: nn.Module, args: object, output: object) -> None:
            if isinstance(output, Tensor):
                node = output.grad_fn
                # without a graph the numbers must tell
                noted = (node, None if node else output.detach().clone())
                self.seen.setdefault(name, []).append(noted)

        return hook


def _may_be_head(module: nn.Module) -> bool:
    if isinstance(module, nn.Conv2d):
        return module.kernel_size == (1, 1) and module.groups == 1
    return isinstance(module, nn.Linear)


def _nothing(value: Any) -> Any:
    """Keep nothing of what a backward pass would need: there is none."""


def _same(output: Tensor, values: Tensor) -> bool:
    return output.numel() == values.numel() and torch.allclose(output.flatten(), values.flatten())


def _why_unclear(model: nn.Module, output: Tensor) -> str:
    """Say why an output without a known layer may be class scores; empty where it is none."""
    found = origin(output.grad_fn) if output.grad_fn else Origin.hidden
    if found is Origin.features:
        return ""
    if any(isinstance(module, torch.jit.ScriptModule) for module in model.modules()):
        why = "give the network untraced"
    elif found is Origin.hidden:
        why = "how they are made cannot be seen, 'classifier:' may name a layer"
    else:
        why = "no single layer makes them, 'classifier:' may name one"
    return f"its {output[0].numel()} outputs are taken as features; {why}"
