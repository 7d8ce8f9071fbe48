"""Which files of the hub an entry needs, told from its description alone."""

from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from acrank.utils.regular import is_regular
from acrank.zoo import names
from acrank.zoo.entries import HUB_PREFIX, LOCAL_PREFIX, ZooEntry
from acrank.zoo.shards import INDEX, shard_names

# timm's own order of preference inside a folder; safetensors first, as it cannot run code
WEIGHT_FILES = (
    "model.safetensors",
    "pytorch_model.bin",
    "pytorch_model.pth",
    "model.pth",
    "open_clip_model.safetensors",
    "open_clip_pytorch_model.safetensors",
    "open_clip_pytorch_model.bin",
    "open_clip_pytorch_model.pth",
)
# Of weights in several files; timm itself would take the first of them alone.
INDEX_FILES = (f"model.safetensors{INDEX}", f"pytorch_model.bin{INDEX}")
# MONAI's own repositories, and what a bundle has where.
BUNDLES = f"{HUB_PREFIX}MONAI/"
BUNDLE_WEIGHTS = ("models/model.safetensors", "models/model.pt")
BUNDLE_CONFIGS = tuple(f"configs/inference.{suffix}" for suffix in ("json", "yaml", "yml"))
_WEIGHT_SUFFIXES = ("safetensors", "pth", "pth.tar", "bin")


@dataclass(frozen=True)
class HubFiles:
    """Files of one repository of the hub.

    Attributes:
        repo_id: ``org/name``.
        revision: a branch, a tag or a commit.
        weights: names the weights may have, best first.
        config: whether timm's ``config.json`` is needed too.
    """

    repo_id: str
    revision: str
    weights: tuple[str, ...]
    config: bool = False


@dataclass(frozen=True)
class Remote:
    """Weights as the hub has them; not downloaded.

    Attributes:
        commit: that the revision stands for.
        weights: the file's name.
        size: its bytes; None if the hub does not say.
    """

    commit: str
    weights: str
    size: int | None


@dataclass(frozen=True)
class Snapshot:
    """Files of one commit of a repository, in the local cache."""

    commit: str
    weights: Path
    config: Path | None = None


def hub_files(entry: ZooEntry) -> HubFiles | None:
    """What an entry takes from the hub, or None if it takes nothing from there."""
    if entry.weights and entry.weights.startswith(HUB_PREFIX):
        repo_id, revision, filename = names.split_repo_file(entry.weights)
        return HubFiles(repo_id, revision, (filename,))
    reference = entry.reference
    if reference is None or reference.startswith(LOCAL_PREFIX):
        return None
    if reference.startswith(BUNDLES):
        return HubFiles(*names.split_repo(reference), BUNDLE_WEIGHTS)
    if reference.startswith(HUB_PREFIX):
        return HubFiles(*names.split_repo(reference), WEIGHT_FILES + INDEX_FILES, config=True)
    return _timm_files(reference)


def _timm_files(name: str) -> HubFiles | None:
    cfg = names.pretrained_cfg(name)
    if cfg is None:
        raise names.unknown_name(name)
    if not cfg.hf_hub_id:
        return None
    repo_id, revision = names.split_repo(cfg.hf_hub_id)
    return HubFiles(repo_id, revision, _alternatives(cfg.hf_hub_filename))


def _alternatives(filename: str | None) -> tuple[str, ...]:
    """The names to look for when timm asks for one: its safetensors twin goes first."""
    if filename is None:
        return ("model.safetensors", "pytorch_model.bin")
    if not filename.endswith(".bin"):
        return (filename,)
    twin = filename.replace("pytorch_model.bin", "model.bin").removesuffix(".bin")
    return (f"{twin}.safetensors", filename)


def local_weights(entry: ZooEntry) -> Path | None:
    """The local file with an entry's weights, there or not; None if they are not local."""
    reference = entry.reference
    if reference and reference.startswith(LOCAL_PREFIX):
        return folder_weights(entry.path(reference.removeprefix(LOCAL_PREFIX)))
    if entry.weights and not entry.weights.startswith(HUB_PREFIX):
        return entry.path(entry.weights)
    return None


def folder_weights(folder: Path) -> Path:
    """The file that timm loads from a folder, found in its order, or an index; may be missing."""
    known = WEIGHT_FILES + INDEX_FILES
    found = [folder / name for name in known if is_regular(folder / name)]
    with suppress(OSError):  # a name longer than the disk takes is a folder without files
        for suffix in _WEIGHT_SUFFIXES:
            found.extend(sorted(folder.glob(f"*.{suffix}")))
    return found[0] if found else folder / WEIGHT_FILES[0]


def others_in_folder(weights: Path) -> str:
    """Which checkpoints stand beside the one that is taken for its place alone, in words."""
    known = WEIGHT_FILES + INDEX_FILES
    if weights.name in known:
        return ""
    one = set(shard_names(weights))
    beside = sorted(
        path.name
        for path in weights.parent.glob(f"*{weights.suffix}")
        if path.name not in one and is_regular(path)
    )
    more = f" and {len(beside) - 1} more" if len(beside) > 1 else ""
    return f"{weights.name} taken; there is also {beside[0]}{more}" if beside else ""
