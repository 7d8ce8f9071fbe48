"""From an entry to a network that maps images to features."""

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from torch import nn

from acrank.errors import AcrankError, ModelError
from acrank.utils.visible import typed_line
from acrank.zoo.bundle import bundle_network
from acrank.zoo.checkpoints import check_file, read_state, refuse_unsafe_pickle, short_sha256
from acrank.zoo.data_config import data_config
from acrank.zoo.describe import (
    EntryInfo,
    build_arch,
    create,
    entry_info,
    has_new_head,
    outlined,
    url_weights,
)
from acrank.zoo.drawing import drawn_by, mark_drawn
from acrank.zoo.entries import HUB_PREFIX, LOCAL_PREFIX, ZooEntry
from acrank.zoo.factory import call_factory
from acrank.zoo.fit import Fit
from acrank.zoo.fitting import check_finite
from acrank.zoo.heads import mark_fresh_head
from acrank.zoo.hub import Hub
from acrank.zoo.names import pretrained_cfg, split_repo
from acrank.zoo.partial import fill, flags_of
from acrank.zoo.sources import (
    BUNDLE_CONFIGS,
    BUNDLE_WEIGHTS,
    BUNDLES,
    HubFiles,
    folder_weights,
    hub_files,
    others_in_folder,
)
from acrank.zoo.take_off import OF_VECTORS, head_name, take_off_head
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
        return _load_backbone(entry, trust_code, hub, allow_partial)


def _load_backbone(entry: ZooEntry, trust_code: bool, hub: Hub, allow_partial: bool) -> Backbone:
    try:
        if entry.weights:
            return _finish(entry, *_load_own(entry, trust_code, hub, allow_partial))
        if str(entry.reference).startswith(BUNDLES):
            return _finish(entry, *_load_bundle(entry, trust_code, hub))
        return _finish(entry, *_load(entry, trust_code, hub))
    except ModelError:
        raise
    except AcrankError as error:
        raise ModelError(error.message, hint=error.hint) from error
    except Exception as error:  # one model's trouble must not end a run over many
        raise ModelError(f"Loading failed: {typed_line(error)}.") from error


def _finish(
    entry: ZooEntry, model: nn.Module, revision: str | None, fit: Fit | None = None
) -> Backbone:
    unwrap_parts(model)
    model = with_hooks(model)
    _refuse_without_numbers(model)
    check_finite(model)
    info = entry_info(entry, model, revision=revision, cached=True)
    config = data_config(entry, model)
    if not entry.factory and fit is None:
        mark_fresh_head(model)
    # one by one: a network's own methods may return nothing
    model.float()
    model.cpu()
    head, flags = take_off_head(model, entry.classifier, config["input_size"])
    model.eval()
    _unfreeze(model)
    return Backbone(entry, model, config, info, head, {**flags_of(fit, model), **flags})


def _unfreeze(model: nn.Module) -> None:
    """Let all of a network train that came frozen but for its head: else nothing is left to."""
    if not any(parameter.requires_grad for parameter in model.parameters()):
        for parameter in model.parameters():
            parameter.requires_grad_(parameter.is_floating_point())


def _refuse_without_numbers(model: nn.Module) -> None:
    empty = [name for name, value in model.state_dict().items() if value.is_meta]
    if empty:
        raise ModelError(
            f"{len(empty)} tensor(s) of the network have no numbers ({empty[0]}, ...): they are "
            "on the device 'meta'.",
            hint="Let the factory load them, with load_state_dict(..., assign=True).",
        )


def _load(entry: ZooEntry, trust_code: bool, hub: Hub) -> tuple[nn.Module, str | None, Fit | None]:
    """The network with its weights and head, the revision of the weights, and how they fit."""
    if entry.factory:
        return mark_drawn(lambda: call_factory(entry, trust_code=trust_code)), None, None
    reference = str(entry.reference)
    if reference.startswith(LOCAL_PREFIX):
        return _load_folder(entry, entry.path(reference.removeprefix(LOCAL_PREFIX)))
    files = hub_files(entry)
    if files is None:
        return _load_url(entry, hub), None, None
    if reference.startswith(HUB_PREFIX):
        return _load_repository(entry, files, hub)
    return *_load_timm(entry, files, hub), None


def _load_timm(entry: ZooEntry, files: HubFiles, hub: Hub) -> tuple[nn.Module, str]:
    found = hub.snapshot(files)
    refuse_unsafe_pickle(found.weights)
    name = str(entry.reference)
    # given a file timm does not ask the network; "hf" marks weights in the authors' own format
    custom = getattr(pretrained_cfg(name), "custom_load", False) == "hf"
    overlay = {"file": str(found.weights), "custom_load": custom}
    return create(entry, name, pretrained=True, pretrained_cfg_overlay=overlay), found.commit


def _load_url(entry: ZooEntry, hub: Hub) -> nn.Module:
    """Weights that timm knows by URL alone: timm fetches them itself."""
    path = url_weights(entry)
    if hub.offline and not path.is_file():
        raise ModelError(
            f"{entry.reference}: weights are not in the local cache ({path}), and this run is "
            "offline.",
            hint="Run once online without --offline.",
        )
    return create(entry, str(entry.reference), pretrained=True)


def _load_repository(entry: ZooEntry, files: HubFiles, hub: Hub) -> tuple[nn.Module, str, Fit]:
    found = hub.snapshot(files)
    model, _, fit = _load_folder(entry, found.weights.parent)
    return model, found.commit, fit


def _load_bundle(entry: ZooEntry, trust_code: bool, hub: Hub) -> tuple[nn.Module, str, Fit]:
    repo, revision = split_repo(str(entry.reference))
    found = hub.snapshot(HubFiles(repo, revision, BUNDLE_WEIGHTS))
    config = hub.snapshot(HubFiles(repo, found.commit, BUNDLE_CONFIGS)).weights
    model = bundle_network(config, trust_code=trust_code)
    state = read_state(found.weights)
    # no field of such an entry allows a part
    fit = fill(model, state, found.weights.name, key=entry.key, partial=None)
    return model, found.commit, fit


def _load_folder(entry: ZooEntry, folder: Path) -> tuple[nn.Module, str, Fit]:
    """The network that a folder describes, filled from its weights as an ``arch`` entry's is.

    timm's own loading takes whatever fits where the number of classes is another.
    """
    weights = folder_weights(folder)
    for path in (folder / "config.json", weights):
        if not path.is_file():
            hint = "A timm folder holds config.json and model.safetensors."
            raise ModelError(f"There is no {path.name} in {folder}.", hint=hint)
    state = read_state(weights)
    name = f"{LOCAL_PREFIX}{folder}"
    _, converter = outlined(entry, name)
    model = create(entry, name, pretrained=False)
    how: dict[str, Any] = {"key": entry.key, "converter": converter, "partial": None}
    how["new_head"] = has_new_head(entry, model)
    fit = fill(model, state, weights.name, **how)
    others = others_in_folder(weights)
    if others:
        fit = replace(fit, part="; ".join(filter(None, (fit.part, others))))
    return model, short_sha256(weights), fit


def _weights(entry: ZooEntry, hub: Hub) -> tuple[Path, str]:
    """An entry's checkpoint file, the one that was meant, and its revision."""
    files = hub_files(entry)
    if files is not None:
        found = hub.snapshot(files)
        check_file(found.weights, entry.sha256)
        return found.weights, found.commit
    path = entry.path(str(entry.weights))
    check_file(path, entry.sha256)
    return path, short_sha256(path)


def _load_own(
    entry: ZooEntry, trust_code: bool, hub: Hub, allow_partial: bool
) -> tuple[nn.Module, str, Fit]:
    """The network of an ``arch`` or a ``factory`` with the weights that the entry names."""
    # a factory's own trouble comes first: it may not be allowed to run at all
    model = call_factory(entry, trust_code=trust_code) if entry.factory else None
    path, revision = _weights(entry, hub)
    state = read_state(path)
    converter = None
    if model is None:
        model, converter = build_arch(entry, state)
    classifier = entry.classifier
    if entry.partial and not classifier:  # a head that the checkpoint lacks is not missed
        classifier = head_name(model, data_config(entry, model)["input_size"])
    how: dict[str, Any] = {"partial": entry.partial, "allow": allow_partial, "key": entry.key}
    how |= {"converter": converter, "new_head": has_new_head(entry, model)}
    fit = fill(model, state, path.name, classifier=classifier, **how)
    return model, revision, fit
