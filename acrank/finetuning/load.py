"""Load the network that a finished fine-tuning has left in a folder, whatever its task."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import timm
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from acrank.data import Preprocessing
from acrank.errors import ConfigError, ModelError
from acrank.finetuning.export import WEIGHTS
from acrank.finetuning.inputs import find_backbone
from acrank.finetuning.network import build_network
from acrank.finetuning.state import RECORD
from acrank.finetuning.trained import Finished, Trained
from acrank.finetuning.tuning import tuning_of
from acrank.tasks.registry import task_named
from acrank.utils.visible import first_line
from acrank.zoo.sources.registry import source_of


def load_trained(folder: str | Path, *, trust_code: bool = False) -> Trained:
    """Load the network of a folder that ``acrank finetune`` has finished.

    Args:
        folder: folder of the fine-tuning.
        trust_code: allow the ``factory`` of a zoo entry to run its code.

    Returns:
        The network from prepared images, or patches of volumes, to logits.

    Raises:
        ModelError: the folder holds no finished fine-tuning, or its network cannot be built again.
        MissingExtraError: an optional package that the network needs is missing.
    """
    place = Path(folder)
    finished = Finished(place, _record(place), trust_code)
    # tasks of one name share how their folders are read
    tuning = tuning_of(task_named(finished.task))
    try:
        return tuning.trained(finished)
    except (OSError, SafetensorError, RuntimeError) as error:
        raise ModelError(f"{place}: the network cannot be loaded: {first_line(error)}.") from error


def _record(folder: Path) -> dict[str, Any]:
    """Read the record of a fine-tuning.

    Raises:
        ModelError: there is none, or it lacks what loading needs.
    """
    try:
        record: dict[str, Any] = json.loads((folder / RECORD).read_text(encoding="utf-8"))
        found = Finished(folder, record)
        _ = found.task, found.classes, found.of_backbone
    except (OSError, ValueError, KeyError, TypeError, ConfigError) as error:
        raise ModelError(
            f"{folder} holds no finished fine-tuning: {RECORD} cannot be used: "
            f"{first_line(error)}.",
            hint="Give the folder that acrank finetune has written.",
        ) from error
    return record


def load_classifier(finished: Finished) -> Trained:
    """Load a network with one class for each image: by timm alone, or else by its zoo entry.

    Args:
        finished: the fine-tuning.

    Raises:
        ModelError: the weights are not those of the network that the zoo entry gives.
    """
    network: nn.Module
    prepared: dict[str, Any]
    if "not_for_timm" not in finished.record:
        network = timm.create_model(f"local-dir:{finished.folder}", pretrained=True)
        resolve: Any = timm.data.resolve_data_config  # type: ignore[attr-defined, unused-ignore]
        prepared = resolve(model=network)
    else:
        backbone = find_backbone(finished.of_backbone)
        prepared = backbone.data_config
        classes, state = len(finished.classes), load_file(finished.folder / WEIGHTS)
        plain = source_of(backbone.entry).rebuilt(backbone.entry, classes)
        alike = plain is not None and plain.state_dict().keys() == state.keys()
        network = plain if plain and alike else build_network(backbone, classes, seed=0)
        _fill(network, state, finished.folder)
    how = Preprocessing.from_config(prepared)
    return Trained(network.eval(), finished.classes, how, files=(WEIGHTS,))


def _fill(network: nn.Module, state: dict[str, Tensor], folder: Path) -> None:
    """Fill a network with weights of the same names.

    Raises:
        ModelError: the names differ.
    """
    strange = sorted(network.state_dict().keys() ^ state.keys())
    if any(name.endswith(".weight_target") for name in strange):
        raise ModelError(
            f"{folder}: the network holds AC-Norm layers (--no-fold).",
            hint="Fine-tune with --fold, which keeps plain layers of the same output.",
        )
    if strange:
        raise ModelError(
            f"{folder}: the weights are not those of the zoo entry's network: {len(strange)} "
            f"tensor(s) differ ({strange[0]}, ...)."
        )
    network.load_state_dict(state)
