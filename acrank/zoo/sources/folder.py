"""Load networks from folders in timm's form, as ``acrank finetune`` writes them."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from torch import nn

from acrank.errors import ModelError, ZooError
from acrank.utils.regular import is_regular
from acrank.zoo.checkpoints.conversions import Converter
from acrank.zoo.checkpoints.filling import fill
from acrank.zoo.checkpoints.fit import Fit
from acrank.zoo.checkpoints.reading import State, file_sha256, read_state, short_sha256
from acrank.zoo.checkpoints.shards import INDEX, shard_names
from acrank.zoo.entries import ZooEntry
from acrank.zoo.hub.client import Hub
from acrank.zoo.sources.base import Loaded, Opening, Source
from acrank.zoo.timm_build import (
    REFUSED_KWARGS,
    create,
    has_other_classes,
    outlined,
    without_storage,
)
from acrank.zoo.weights import LocalFile, Weights, seen_from

CONFIG = "config.json"
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
_WEIGHT_SUFFIXES = ("safetensors", "pth", "pth.tar", "bin")


@dataclass(frozen=True)
class FolderFile(LocalFile):
    """The weights in a folder that describes their network."""

    def identity(self, hub: Hub) -> dict[str, Any]:
        """The SHA-256 of the weights and of the description."""
        config = self.path.parent / CONFIG
        described = file_sha256(config) if config.is_file() else None
        return {**super().identity(hub), "config": described}

    def refuse_unusable(self) -> None:
        """Refuse a folder without a description or without weights."""
        for path in (self.path.parent / CONFIG, self.path):
            if not path.is_file():
                hint = "A timm folder holds config.json and model.safetensors."
                raise ModelError(f"There is no {path.name} in {path.parent}.", hint=hint)


class FolderSource(Source):
    """``local-dir:PATH``, a folder with ``config.json`` and weights; timm's own prefix."""

    name = "local-dir"
    usage = "local-dir:PATH"
    place = "a folder"
    takes = frozenset({"key"})
    refused_kwargs = REFUSED_KWARGS
    makes_timm = True

    def check(self, entry: ZooEntry) -> None:
        """Check that a folder is named."""
        if not self.rest(entry):
            raise ZooError(f"{entry.reference!r} names no folder.")

    def select(self, pattern: str) -> list[str]:
        """The one folder: a path may hold any character."""
        self.check(ZooEntry(name=pattern))
        return [pattern]

    def added(self, reference: str, folder: Path) -> list[dict[str, Any]]:
        """An entry that is called like the folder."""
        path = self.rest(ZooEntry(name=reference))
        source = f"{self.name}:{seen_from(folder, path)}" if path else reference
        return [{"name": Path(path).absolute().name, "source": source}]

    def folder(self, entry: ZooEntry) -> Path:
        """The folder."""
        return entry.path(self.rest(entry))

    def weights(self, entry: ZooEntry) -> Weights | None:
        """The file that timm would load, there or not."""
        return FolderFile(folder_weights(self.folder(entry)))

    def license(self, entry: ZooEntry, model: nn.Module | None) -> str | None:
        """The licence that the folder's description names."""
        return license_in_folder(model)

    def structure(
        self, entry: ZooEntry, opening: Opening, state: State | None = None
    ) -> nn.Module | None:
        """Have timm build what the folder describes."""
        return structure_of_folder(entry, self.folder(entry))

    def unknown(self, opening: Opening) -> str:
        """Say what is missing."""
        return "structure not known before its config.json is here"

    def identity(self, entry: ZooEntry, hub: Hub) -> dict[str, Any] | None:
        """The weights and the description, which has the preprocessing."""
        weights = self.weights(entry)
        told = weights.identity(hub) if weights else None
        return told and {"weights": told, "preprocessing": {"config": told["config"]}}

    def load(self, entry: ZooEntry, opening: Opening) -> Loaded:
        """Fill what the folder describes from its weights."""
        model, revision, fit = load_folder(entry, self.folder(entry))
        return Loaded(model, revision, fit)

    def converter(self, entry: ZooEntry, model: nn.Module) -> Converter | None:
        """Return timm's conversion of a checkpoint of the architecture."""
        return converter_of_folder(entry, model)

    def has_new_head(self, entry: ZooEntry, model: nn.Module) -> bool:
        """Tell whether ``kwargs`` ask for other classes than the description has."""
        return has_other_classes(entry, model)

    def rebuilt(self, entry: ZooEntry, classes: int) -> nn.Module | None:
        """Have timm build it for the classes."""
        return create(entry, self.folder(entry), pretrained=False, num_classes=classes)


def structure_of_folder(entry: ZooEntry, folder: Path) -> nn.Module | None:
    """The network that a folder describes, without numbers; None without a description."""
    if not is_regular(folder / CONFIG):
        return None
    return without_storage(lambda: create(entry, folder, pretrained=False))


def license_in_folder(model: nn.Module | None) -> str | None:
    """The licence in the description of a folder that a network was built from.

    A guessed architecture carries the licence of other weights, which does not hold for these.
    """
    cfg: dict[str, Any] = getattr(model, "pretrained_cfg", None) or {}
    return cfg.get("license") if cfg.get("source") == "local-dir" else None


def converter_of_folder(entry: ZooEntry, model: nn.Module) -> Converter | None:
    """Return timm's conversion of a checkpoint for a network that a folder described."""
    cfg: dict[str, Any] = getattr(model, "pretrained_cfg", None) or {}
    if cfg.get("source") != "local-dir":
        return None
    return outlined(entry, Path(str(cfg.get("file"))))[1]


def load_folder(entry: ZooEntry, folder: Path) -> tuple[nn.Module, str, Fit]:
    """The network that a folder describes, filled from its weights as an ``arch`` entry's is.

    timm's own loading takes whatever fits where the number of classes is another.

    Returns:
        The network, the revision of the file as a local one, and how it fits.

    Raises:
        ModelError: a file is missing, or the weights do not fit.
    """
    weights = folder_weights(folder)
    FolderFile(weights).refuse_unusable()
    state = read_state(weights)
    _, converter = outlined(entry, folder)
    model = create(entry, folder, pretrained=False)
    how: dict[str, Any] = {"key": entry.key, "converter": converter, "partial": None}
    how["new_head"] = has_other_classes(entry, model)
    fit = fill(model, state, weights.name, **how)
    others = _others_in_folder(weights)
    if others:
        fit = replace(fit, part="; ".join(filter(None, (fit.part, others))))
    return model, short_sha256(weights), fit


def folder_weights(folder: Path) -> Path:
    """The file that timm loads from a folder, found in its order, or an index; may be missing."""
    known = WEIGHT_FILES + INDEX_FILES
    found = [folder / name for name in known if is_regular(folder / name)]
    with suppress(OSError):  # a name longer than the disk takes is a folder without files
        for suffix in _WEIGHT_SUFFIXES:
            found.extend(sorted(folder.glob(f"*.{suffix}")))
    return found[0] if found else folder / WEIGHT_FILES[0]


def _others_in_folder(weights: Path) -> str:
    """Name the checkpoints beside the one that is taken for its place alone."""
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
