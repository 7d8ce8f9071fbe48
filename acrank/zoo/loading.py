"""Load an entry's network and make it map images to features."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import nn

from acrank.errors import AcrankError, ModelError
from acrank.utils.visible import typed_line
from acrank.zoo.checkpoints.compatibility import check_finite
from acrank.zoo.checkpoints.filling import flags_of
from acrank.zoo.data_config import data_config
from acrank.zoo.description import EntryInfo, entry_info
from acrank.zoo.drawing import drawn_by
from acrank.zoo.entries import ZooEntry
from acrank.zoo.heads.removal import OF_VECTORS, take_off_head
from acrank.zoo.hub.client import Hub
from acrank.zoo.sources.base import Loaded, Opening
from acrank.zoo.sources.registry import source_of
from acrank.zoo.wrappers import unwrap_parts, with_hooks


@dataclass
class Backbone:
    """A candidate, loaded and ready to extract features.

    Attributes:
        entry: what it was loaded from.
        model: maps images (N, C, H, W) to features (N, D); in eval mode, on the CPU, float32.
        data_config: how to prepare images, in the form timm gives it.
        info: its description, with the revision that was really loaded.
        head: the source's classifier, from features to logits (N, K); None if it has none.
        flags: what a reader must know of how its weights were loaded, such as ``partly-loaded``.
    """

    entry: ZooEntry
    model: nn.Module
    data_config: dict[str, Any]
    info: EntryInfo
    head: nn.Module | None = None
    flags: dict[str, str] = field(default_factory=dict)

    @property
    def own_size(self) -> tuple[int, ...]:
        """The network's own input size (channels, height, width), whatever size a run asked for."""
        return tuple(data_config(self.entry.at_size(None), self.model)["input_size"])

    @property
    def size_note(self) -> str:
        """Say that a run has images of another size than the network's own; else empty."""
        used, own = self.data_config["input_size"][1:], self.own_size[1:]
        if self.entry.image_size is None or used == own:
            return ""
        own_text = " x ".join(map(str, dict.fromkeys(own)))
        return f"images at {used[0]} pixels, not the network's own {own_text}"

    @property
    def flags_of_maps(self) -> dict[str, str]:
        """The flags where feature maps are used, and not what the network gives in the end."""
        return {name: text for name, text in self.flags.items() if name not in OF_VECTORS}


def load_backbone(
    entry: ZooEntry,
    *,
    trust_code: bool = False,
    hub: Hub,
    allow_partial: bool = False,
    seed: int = 0,
) -> Backbone:
    """Load a candidate's network and weights, and take its head off.

    Args:
        entry: the candidate.
        trust_code: whether a ``factory`` may run.
        hub: where weights that are not local come from.
        allow_partial: whether a ``partial`` entry's checkpoint may fill less than half of it.
        seed: of the parameters that no checkpoint fills.

    Raises:
        ModelError: whatever went wrong, in one line.
    """
    with drawn_by(seed, entry):
        return _load_backbone(entry, Opening(hub, trust_code, allow_partial))


def _load_backbone(entry: ZooEntry, opening: Opening) -> Backbone:
    source = source_of(entry)
    try:
        code = source.code(entry)
        if code and not opening.trust_code:
            raise ModelError(f"{code}.", hint="Pass --trust-code if you trust it.")
        return _finish(entry, source.load(entry, opening))
    except ModelError:
        raise
    except AcrankError as error:
        raise ModelError(error.message, hint=error.hint) from error
    except Exception as error:  # one model's trouble must not end a run over many
        raise ModelError(f"Loading failed: {typed_line(error)}.") from error


def _finish(entry: ZooEntry, loaded: Loaded) -> Backbone:
    model = loaded.model
    unwrap_parts(model)
    model = with_hooks(model)
    _refuse_without_numbers(model)
    check_finite(model)
    info = entry_info(entry, model, revision=loaded.revision, cached=True)
    config = data_config(entry, model)
    # one by one: a network's own methods may return nothing
    model.float()
    model.cpu()
    head, flags = take_off_head(model, entry.classifier, config["input_size"])
    model.eval()
    if entry.image_size:
        _require_size(model, config["input_size"])
    _unfreeze(model)
    return Backbone(entry, model, config, info, head, {**flags_of(loaded.fit, model), **flags})


def _require_size(model: nn.Module, input_size: Sequence[int]) -> None:
    """Run a network once on an image of the size that was asked for.

    Raises:
        ModelError: it cannot take that size; says why.
    """
    try:
        with torch.no_grad():
            model(torch.zeros(1, *input_size))
    except Exception as error:  # the network's own code may raise anything
        raise ModelError(
            f"The network does not take images of {input_size[1]} pixels: {typed_line(error)}.",
            hint="Choose another --image-size, or leave it out for the network's own.",
        ) from error


def _unfreeze(model: nn.Module) -> None:
    """Let all of a network train that came frozen but for its head: else nothing is left to."""
    if not any(parameter.requires_grad for parameter in model.parameters()):
        for parameter in model.parameters():
            parameter.requires_grad_(parameter.is_floating_point())


def _refuse_without_numbers(model: nn.Module) -> None:
    empty = [name for name, value in model.state_dict().items() if value.is_meta]
    if empty:
        raise ModelError(
            f"{len(empty)} tensor(s) of the network have no values ({empty[0]}, ...): they are on "
            "the device 'meta'.",
            hint="Let the factory load them, with load_state_dict(..., assign=True).",
        )
