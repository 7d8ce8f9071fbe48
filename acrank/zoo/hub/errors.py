"""Explain the hub's many exceptions to a user, in one line each."""

from huggingface_hub.errors import (
    EntryNotFoundError,
    GatedRepoError,
    HfHubHTTPError,
    LocalEntryNotFoundError,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)

from acrank.errors import ModelError
from acrank.utils.visible import first_line
from acrank.zoo.hub.repository import HubFiles


def _http_library_root() -> type[BaseException]:
    """The root of the HTTP library's errors: requests', httpx's or its successor's.

    huggingface_hub changed that library twice, and its own HTTP error derives from each in turn.
    """
    parents = HfHubHTTPError.__mro__[1:]
    library = parents[0].__module__.partition(".")[0]
    return [kind for kind in parents if kind.__module__.partition(".")[0] == library][-1]


HTTP_ERROR = _http_library_root()
# ValueError and TypeError: an endpoint that answers with something else than the hub's JSON
HUB_ERRORS: tuple[type[BaseException], ...] = (HTTP_ERROR, OSError, ValueError, TypeError)


def is_unreachable(error: BaseException) -> bool:
    """Tell whether the hub could not be reached, as against having said no."""
    if isinstance(error, HfHubHTTPError):
        return error.response is not None and error.response.status_code >= 500
    connection = (HTTP_ERROR, ConnectionError, TimeoutError, LocalEntryNotFoundError)
    return isinstance(error, connection)


def not_reachable(files: HubFiles, missing: str = "its weights are") -> ModelError:
    """The error for files that are neither here nor to be had.

    Args:
        files: that are wanted.
        missing: which of them are not here, with their verb.
    """
    return ModelError(
        f"{files.repo_id}: {missing} not in the local cache and the hub is not reachable.",
        hint="Connect to the network (HF_ENDPOINT may name a mirror), or run once online without "
        "--offline to fill the cache.",
    )


def explain(
    error: BaseException, files: HubFiles, endpoint: str, missing: str = "its weights are"
) -> ModelError:
    """Turn an exception of huggingface_hub into one line and a way out.

    Args:
        error: the exception.
        files: that were asked for.
        endpoint: of the hub.
        missing: which of them are not here, with their verb.
    """
    if is_unreachable(error):
        return not_reachable(files, missing)
    message, hint = _reason(error, files, endpoint)
    return ModelError(f"{files.repo_id}: {message}", hint=hint)


def _reason(error: BaseException, files: HubFiles, endpoint: str) -> tuple[str, str]:
    if isinstance(error, GatedRepoError):  # derives from RepositoryNotFoundError: comes first
        page = f"{endpoint}/{files.repo_id}"
        return "the repository is gated.", f"Accept its terms at {page}, then: hf auth login"
    if isinstance(error, RepositoryNotFoundError):
        hint = "Check the spelling; for a private one log in: hf auth login"
        return f"there is no such repository at {endpoint}, or it is private.", hint
    if isinstance(error, RevisionNotFoundError):
        hint = "Check the part after '@': a branch, a tag or a 40-digit commit."
        return f"the repository has no revision {files.revision!r}.", hint
    if isinstance(error, EntryNotFoundError):
        return no_such_file(files, files.weights[0])
    return _other_reason(error, endpoint)


def no_such_file(files: HubFiles, wanted: str) -> tuple[str, str]:
    """Make the error, with a hint, of a repository that lacks a file."""
    message = f"revision {files.revision!r} of the repository holds no {wanted}."
    return message, "Check the file name; a timm repository has config.json and model.safetensors."


def _other_reason(error: BaseException, endpoint: str) -> tuple[str, str]:
    if isinstance(error, HfHubHTTPError) and error.response is not None:
        status = error.response.status_code
        return f"the hub answered with HTTP {status}.", "Try again later, or check your hub token."
    if isinstance(error, OSError) and error.errno is not None:
        return (
            f"could not be stored in the cache: {first_line(error)}.",
            "Check space and rights under HF_HOME.",
        )
    return (
        f"{endpoint} did not answer like the hub: {first_line(error)}.",
        "Check HF_ENDPOINT and any proxy.",
    )
