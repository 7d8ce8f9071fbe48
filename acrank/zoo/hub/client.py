"""Fetch files of the Hugging Face hub: from its local cache first, and never with a long wait."""

import re
from collections.abc import Iterable
from functools import partial
from pathlib import Path

from huggingface_hub import (
    HfApi,
    ModelInfo,
    constants,
    get_session,
    hf_hub_download,
    try_to_load_from_cache,
)
from huggingface_hub.errors import RevisionNotFoundError, SafetensorsParsingError
from huggingface_hub.file_download import repo_folder_name

from acrank.errors import ModelError
from acrank.zoo.checkpoints.reading import Checkpoint, outline
from acrank.zoo.checkpoints.shards import is_index, shard_names
from acrank.zoo.entries import ZooEntry
from acrank.zoo.hub.errors import HUB_ERRORS, explain, is_unreachable, no_such_file, not_reachable
from acrank.zoo.hub.repository import HubFiles, Remote, Snapshot
from acrank.zoo.sources.registry import hub_files

_COMMIT = re.compile(r"[0-9a-f]{40}")
_SHORT_COMMIT = re.compile(r"[0-9a-f]{7,39}")
# one lost answer may be chance; after two in a row every further model would only add a wait
_FAILURES_BEFORE_OFFLINE = 2


class Hub:
    """The hub as one run sees it; a model in the local cache never causes a request.

    Args:
        offline: use the local cache alone.
        timeout: seconds to wait for an answer.
        endpoint: address of the hub; HF_ENDPOINT, or the public hub, by default.
        cache_dir: the local cache; HF_HUB_CACHE by default.
    """

    def __init__(
        self,
        offline: bool = False,
        timeout: float = 5.0,
        *,
        endpoint: str | None = None,
        cache_dir: Path | None = None,
    ) -> None:
        self.offline = offline or constants.HF_HUB_OFFLINE
        self.timeout = timeout
        self.endpoint = (endpoint or constants.ENDPOINT).rstrip("/")
        self.cache_dir = Path(cache_dir or constants.HF_HUB_CACHE)
        self._asked = False
        self._failures = 0

    def preflight(self, entries: Iterable[ZooEntry]) -> str | None:
        """Ask once, shortly, whether the hub answers; go offline if it does not.

        Args:
            entries: the models of the run; nothing is asked if all of them are in the cache.

        Returns:
            One sentence for the user if the hub is needed and does not answer.
        """
        if self.offline or self._asked:
            return None
        wanted = [files for files in map(_files, entries) if files]
        absent = sum(self.cached(files) is None for files in wanted)
        if absent == 0:
            return None
        self._asked = True
        if self._answers():
            return None
        self.offline = True
        return (
            f"{self.endpoint} does not answer, so {absent} of the models cannot be loaded; "
            "those in the local cache can."
        )

    def _answers(self) -> bool:
        try:
            response = get_session().head(self.endpoint, timeout=self.timeout)
        except HUB_ERRORS:
            return False
        return bool(response.status_code < 500)

    def snapshot(self, files: HubFiles) -> Snapshot:
        """The files, all of one commit: from the cache if they are there, else downloaded.

        Raises:
            ModelError: they cannot be had.
        """
        found = self.cached(files)
        if found is not None:
            return found
        if self.offline:
            raise not_reachable(files, self.missing(files))
        try:
            return self._download(files)
        except HUB_ERRORS as error:
            self._note_failure(error)
            raise explain(error, files, self.endpoint, self.missing(files)) from error

    def _note_failure(self, error: BaseException) -> None:
        self._failures = self._failures + 1 if is_unreachable(error) else 0
        if self._failures >= _FAILURES_BEFORE_OFFLINE:
            self.offline = True

    def _download(self, files: HubFiles) -> Snapshot:
        # asking for the listing first also fails fast: hf_hub_download would retry for a minute
        info = self._info(files.repo_id, files.revision)
        chosen = self._choose(files, {file.rfilename for file in info.siblings or ()})
        # a branch is asked for by name, so that the cache learns which commit it stands for
        short = _SHORT_COMMIT.fullmatch(files.revision)
        weights = self._fetch(files.repo_id, chosen, str(info.sha) if short else files.revision)
        commit = self._commit_of(files.repo_id, weights)
        for name in shard_names(weights):  # fetched already where it is but one
            self._fetch(files.repo_id, _beside(chosen, name), commit)
        config = self._fetch(files.repo_id, "config.json", commit) if files.config else None
        self._failures = 0
        return Snapshot(commit, weights, config)

    @staticmethod
    def _choose(files: HubFiles, present: set[str]) -> str:
        """The best of the wanted weights that a repository has."""
        chosen = next((name for name in files.weights if name in present), None)
        if chosen is not None and (not files.config or "config.json" in present):
            return chosen
        message, hint = no_such_file(files, "config.json" if chosen else files.weights[0])
        raise ModelError(f"{files.repo_id}: {message}", hint=hint)

    def _info(self, repo_id: str, revision: str, *, files_metadata: bool = False) -> ModelInfo:
        api = HfApi(endpoint=self.endpoint)
        ask = partial(api.model_info, repo_id, timeout=self.timeout, files_metadata=files_metadata)
        try:
            return ask(revision=revision)
        except RevisionNotFoundError:
            full = self._full_commit(api, repo_id, revision)
            if full is None:
                raise
            return ask(revision=full)

    @staticmethod
    def _full_commit(api: HfApi, repo_id: str, revision: str) -> str | None:
        """The commit that a short hash stands for: the hub itself takes full ones only."""
        if not _SHORT_COMMIT.fullmatch(revision):
            return None
        commits = [item.commit_id for item in api.list_repo_commits(repo_id)]
        return next((commit for commit in commits if commit.startswith(revision)), None)

    def _fetch(self, repo_id: str, filename: str, revision: str) -> Path:
        path = hf_hub_download(
            repo_id,
            filename,
            revision=revision,
            cache_dir=self.cache_dir,
            endpoint=self.endpoint,
            etag_timeout=self.timeout,
            local_files_only=self.offline,
        )
        return Path(path)

    def remote(self, files: HubFiles) -> Remote:
        """Ask the hub for facts about weights, in one request.

        Raises:
            ModelError: it does not have them, or does not answer.
        """
        if self.offline:
            raise not_reachable(files)
        try:
            info = self._info(files.repo_id, files.revision, files_metadata=True)
        except HUB_ERRORS as error:
            self._note_failure(error)
            raise explain(error, files, self.endpoint) from error
        self._failures = 0
        sizes = {file.rfilename: file.size for file in info.siblings or ()}
        chosen = self._choose(files, set(sizes))
        # which files an index stands for is not known before it is read
        size = None if is_index(Path(chosen)) else sizes[chosen]
        return Remote(str(info.sha), chosen, size)

    def outlines(self, files: HubFiles, remote: Remote) -> Checkpoint | None:
        """The tensors of weights that are not downloaded; None where only the whole file tells.

        A safetensors file begins with their shapes.

        Raises:
            ModelError: the file is damaged, or the hub does not give it.
        """
        if not remote.weights.endswith(".safetensors"):
            return None
        api, where = HfApi(endpoint=self.endpoint), (files.repo_id, remote.weights)
        try:
            found = api.parse_safetensors_file_metadata(*where, revision=remote.commit)
            return Checkpoint({n: outline(t.shape, t.dtype) for n, t in found.tensors.items()})
        except HUB_ERRORS as error:
            raise explain(error, files, self.endpoint) from error
        except (SafetensorsParsingError, RuntimeError) as error:  # a shape that no tensor can have
            message = f"{files.repo_id}: {remote.weights} is not a readable safetensors file."
            hint = "It may be damaged, or of another format."
            raise ModelError(message, hint=hint) from error

    def fetch(self, repo_id: str, filename: str, revision: str = "main") -> Path:
        """One file of a repository, downloaded if it is not in the cache.

        Raises:
            ModelError: it cannot be had.
        """
        return self.snapshot(HubFiles(repo_id, revision, (filename,))).weights

    def resolve(self, repo_id: str, revision: str = "main") -> str:
        """The commit that a revision stands for: the cache's if it has one, else the hub's.

        Raises:
            ModelError: neither can tell.
        """
        commit = self.cached_commit(repo_id, revision)
        if commit is not None:
            return commit
        files = HubFiles(repo_id, revision, ())
        if self.offline:
            raise not_reachable(files)
        try:
            return str(self._info(repo_id, revision).sha)
        except HUB_ERRORS as error:
            raise explain(error, files, self.endpoint) from error

    def cached(self, files: HubFiles) -> Snapshot | None:
        """The files in the local cache, if all of them are there; no request."""
        commit = self.cached_commit(files.repo_id, files.revision)
        weights, config = self._cached_files(files, commit) if commit else (None, None)
        if commit is None or weights is None or (files.config and config is None):
            return None
        return None if self._missing_shards(files, commit) else Snapshot(commit, weights, config)

    def _cached_files(self, files: HubFiles, commit: str) -> tuple[Path | None, Path | None]:
        found = (self._cached_file(files.repo_id, name, commit) for name in files.weights)
        weights = next((path for path in found if path), None)
        config = self._cached_file(files.repo_id, "config.json", commit) if files.config else None
        return weights, config

    def _missing_shards(self, files: HubFiles, commit: str) -> list[str]:
        """List the files of sharded weights that are not in the local cache."""
        for name in files.weights:
            weights = self._cached_file(files.repo_id, name, commit)
            if weights is None:
                continue
            try:
                wanted = [_beside(name, each) for each in shard_names(weights)]
            except ModelError:  # reading it will say why
                return []
            return [each for each in wanted if not self._cached_file(files.repo_id, each, commit)]
        return []

    def missing(self, files: HubFiles) -> str:
        """Say which of the files are not in the local cache, in words with their verb."""
        commit = self.cached_commit(files.repo_id, files.revision)
        if not self._repo_folder(files.repo_id).is_dir():
            return "its weights are"
        if commit is None or not (self._repo_folder(files.repo_id) / "snapshots" / commit).is_dir():
            return f"revision {files.revision!r} is"
        weights, config = self._cached_files(files, commit)
        shards = self._missing_shards(files, commit)
        gone = [] if weights or not files.weights else [f"{files.weights[0]} (its weights)"]
        gone += shards + ["config.json"] * (files.config and config is None)
        listed = ", ".join(gone[:3]) + (f" and {len(gone) - 3} more" if len(gone) > 3 else "")
        return f"{listed} {'is' if len(gone) == 1 else 'are'}" if gone else "its weights are"

    def cached_commit(self, repo_id: str, revision: str) -> str | None:
        """The commit that a revision stands for in the local cache; no request."""
        if _COMMIT.fullmatch(revision):
            return revision
        reference = self._repo_folder(repo_id) / "refs" / revision
        if reference.is_file():
            return reference.read_text().strip()
        if _SHORT_COMMIT.fullmatch(revision):
            folders = sorted((self._repo_folder(repo_id) / "snapshots").glob(f"{revision}*"))
            return folders[0].name if folders else None
        return None

    def _cached_file(self, repo_id: str, filename: str, commit: str) -> Path | None:
        path = try_to_load_from_cache(repo_id, filename, self.cache_dir, commit)
        return Path(path) if isinstance(path, str) else None

    def _repo_folder(self, repo_id: str) -> Path:
        return self.cache_dir / repo_folder_name(repo_id=repo_id, repo_type="model")

    def _commit_of(self, repo_id: str, path: Path) -> str:
        """The commit a cached file belongs to: the cache keeps one folder for each."""
        return path.relative_to(self._repo_folder(repo_id) / "snapshots").parts[0]


def _files(entry: ZooEntry) -> HubFiles | None:
    """Return the files that an entry takes from the hub; None where its source fails."""
    try:
        return hub_files(entry)
    except ModelError:
        return None


def _beside(name: str, other: str) -> str:
    """A file in the same folder of a repository."""
    return f"{name.rpartition('/')[0]}/{other}".lstrip("/")
