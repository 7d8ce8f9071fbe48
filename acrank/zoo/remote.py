"""Tensors in weights on the hub, without numbers: a safetensors file begins with their shapes."""

from __future__ import annotations

from huggingface_hub import HfApi
from huggingface_hub.errors import SafetensorsParsingError

from acrank.errors import ModelError
from acrank.zoo.checkpoints import Checkpoint, outline
from acrank.zoo.hub import Hub
from acrank.zoo.hub_errors import HUB_ERRORS, explain
from acrank.zoo.sources import HubFiles, Remote


def remote_outlines(files: HubFiles, remote: Remote, hub: Hub) -> Checkpoint | None:
    """The tensors of weights that are not downloaded; None where only the whole file tells them.

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
        raise _damaged(files, remote) from error
    except HUB_ERRORS as error:
        raise explain(error, files, hub.endpoint) from error
    try:
        return Checkpoint({n: outline(t.shape, t.dtype) for n, t in found.tensors.items()})
    except RuntimeError as error:  # a shape that no tensor can have
        raise _damaged(files, remote) from error


def _damaged(files: HubFiles, remote: Remote) -> ModelError:
    message = f"{files.repo_id}: {remote.weights} is no readable safetensors file."
    return ModelError(message, hint="It may be damaged, or of another format.")
