"""Shapes in weights on the hub: of a safetensors file the first kilobytes tell them."""

from __future__ import annotations

from huggingface_hub import HfApi
from huggingface_hub.errors import SafetensorsParsingError

from acrank.errors import ModelError
from acrank.zoo.checkpoints import Shapes
from acrank.zoo.hub import Hub
from acrank.zoo.hub_errors import HUB_ERRORS, explain
from acrank.zoo.sources import HubFiles, Remote


def remote_shapes(files: HubFiles, remote: Remote, hub: Hub) -> Shapes | None:
    """The shapes in weights that are not downloaded; None where only the whole file tells them.

    Raises:
        ModelError: the file is damaged, or the hub does not give it.
    """
    if not remote.weights.endswith(".safetensors"):
        return None
    api = HfApi(endpoint=hub.endpoint)
    try:
        found = api.parse_safetensors_file_metadata(
            files.repo_id, remote.weights, revision=remote.commit
        )
    except SafetensorsParsingError as error:
        message = f"{files.repo_id}: {remote.weights} is no readable safetensors file."
        raise ModelError(message, hint="It may be damaged, or of another format.") from error
    except HUB_ERRORS as error:
        raise explain(error, files, hub.endpoint) from error
    return {name: tuple(tensor.shape) for name, tensor in found.tensors.items()}
