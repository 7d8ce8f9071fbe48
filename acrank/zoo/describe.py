"""What can be said of a model without its weights and without the network."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import timm
import torch
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

from acrank.errors import ModelError
from acrank.norm.types import KINDS, NORM_NAMES
from acrank.norm.usable import norm_kind, usable_norms
from acrank.utils.regular import is_regular
from acrank.utils.visible import brief
from acrank.zoo.bounds import ALWAYS, MOST_TIMES, BoundedBuild, check_config
from acrank.zoo.checkpoints import State, read_state, short_sha256, without_numbers
from acrank.zoo.conversions import Converter, watched_build
from acrank.zoo.data_config import data_config
from acrank.zoo.entries import HUB_PREFIX, LOCAL_PREFIX, ZooEntry
from acrank.zoo.factory import call_factory
from acrank.zoo.fit import find_fit
from acrank.zoo.fitting import class_count
from acrank.zoo.hub import Hub
from acrank.zoo.names import pretrained_cfg
from acrank.zoo.sources import BUNDLES, hub_files, local_weights


@dataclass(frozen=True)
class EntryInfo:
    """A model's size, norm layers, input and origin.

    Attributes:
        name: the entry's name.
        source: where the network comes from, readable.
        params: parameters of the network with its head; 0 if not known yet.
        norm_layers: BatchNorm layers with a scale and a shift.
        norm_channels: channels of those layers.
        input_size: (channels, height, width), of volumes four numbers; zeros if not known yet.
        license: licence of the weights.
        tags: the entry's tags.
        revision: commit of the hub, or ``sha256:`` and twelve digits for a local file.
        cached: whether the weights are on this machine.
        norms: affine norm layers of every kind, such as ``25 LayerNorm``; empty if not known yet.
    """

    name: str
    source: str
    params: int
    norm_layers: int
    norm_channels: int
    input_size: tuple[int, ...]
    license: str | None
    tags: tuple[str, ...]
    revision: str | None
    cached: bool
    norms: str = ""


def describe(entry: ZooEntry, *, trust_code: bool = False, hub: Hub | None = None) -> EntryInfo:
    """Describe a model from its structure alone: no weights are loaded, no request is made.

    Args:
        entry: the model.
        trust_code: whether a ``factory`` may run; without it such a model's size is not known.
        hub: whose local cache to look into.

    Raises:
        ModelError: the structure cannot be built as the entry says.
    """
    hub = hub or Hub(offline=True)
    revision, cached = on_this_machine(entry, hub)
    model = structure(entry, hub, trust_code)
    return entry_info(entry, model, revision=revision, cached=cached)


def entry_info(
    entry: ZooEntry, model: nn.Module | None, *, revision: str | None, cached: bool
) -> EntryInfo:
    """Describe a model that has been built, its head still on."""
    norms = affine_norms(model) if model is not None else []
    size = data_config(entry, model)["input_size"] if model is not None else entry.input_size
    return EntryInfo(
        name=entry.name,
        source=entry.readable_source,
        params=sum(p.numel() for p in model.parameters()) if model is not None else 0,
        norm_layers=len(norms),
        norm_channels=sum(norm.num_features for norm in norms),
        input_size=size or (0, 0, 0),
        license=entry.license or _license(entry, model),
        tags=entry.tags,
        revision=revision,
        cached=cached,
        norms=_norms_text(model) if model is not None else "",
    )


def _norms_text(model: nn.Module) -> str:
    kinds = Counter(norm_kind(layer) for layer in usable_norms(model, KINDS).values())
    return ", ".join(f"{kinds[kind]} {NORM_NAMES[kind]}" for kind in KINDS if kinds[kind])


def affine_norms(model: nn.Module) -> list[_BatchNorm]:
    """The BatchNorm layers that have a scale and a shift."""
    return [m for m in model.modules() if isinstance(m, _BatchNorm) and m.affine]


def _license(entry: ZooEntry, model: nn.Module | None) -> str | None:
    """The licence in timm's description of these weights.

    An ``arch`` entry has weights of its own, and a guessed architecture carries the licence of
    other weights: timm's word on the architecture does not hold for them.
    """
    if entry.reference is None:
        return None
    if not entry.reference.startswith((HUB_PREFIX, LOCAL_PREFIX)):
        return getattr(pretrained_cfg(entry.reference), "license", None)
    cfg: dict[str, Any] = getattr(model, "pretrained_cfg", None) or {}
    return cfg.get("license") if cfg.get("source") == "local-dir" else None


def on_this_machine(entry: ZooEntry, hub: Hub) -> tuple[str | None, bool]:
    """The revision of the weights that are here, and whether they are."""
    local = local_weights(entry)
    if local is not None:
        return (short_sha256(local), True) if is_regular(local) else (None, False)
    files = hub_files(entry)
    if files is not None:
        found = hub.cached(files)
        return (found.commit, True) if found else (None, False)
    if entry.factory:
        return None, True  # a factory without weights brings its own
    return None, url_weights(entry).is_file()


def url_weights(entry: ZooEntry) -> Path:
    """Where torch keeps weights that timm knows by URL and not by hub."""
    url = getattr(pretrained_cfg(str(entry.reference)), "url", None) or ""
    return Path(torch.hub.get_dir()) / "checkpoints" / str(url).rpartition("/")[2]


def structure(
    entry: ZooEntry, hub: Hub, trust_code: bool, state: State | None = None
) -> nn.Module | None:
    """A network without numbers, as far as is known without a request; None where it is not.

    Args:
        entry: the model.
        hub: whose local cache to look into.
        trust_code: whether a ``factory`` may run.
        state: the checkpoint's tensors, where they are known from elsewhere.

    Raises:
        ModelError: it cannot be built as the entry says.
    """
    if entry.factory:
        if not trust_code:
            return None
        return without_storage(lambda: call_factory(entry, trust_code=True))
    if entry.arch:
        known = state or _known_outlines(entry, hub)
        return without_storage(lambda: build_arch(entry, known)[0])
    name = _buildable_name(entry, hub)
    if name is None:
        return None
    return without_storage(lambda: create(entry, name, pretrained=False))


def without_storage(build: Callable[[], nn.Module]) -> nn.Module:
    """What a function builds, on the meta device if that will do."""
    try:
        with torch.device("meta"):
            return build()
    except Exception:  # code that looks at its numbers while building: give it real ones
        return build()


def _known_outlines(entry: ZooEntry, hub: Hub) -> State | None:
    """The tensors of an entry's checkpoint, without numbers, if it is here and readable."""
    files = hub_files(entry)
    found = hub.cached(files) if files else None
    path = found.weights if found else local_weights(entry)
    try:
        return read_state(path, device="meta") if path and is_regular(path) else None
    except ModelError:  # loading it will say what is wrong; its listing needs only the structure
        return None


def _buildable_name(entry: ZooEntry, hub: Hub) -> str | None:
    """A name that timm can build the structure of, as far as is known offline."""
    reference = str(entry.reference)
    if reference.startswith(LOCAL_PREFIX):
        folder = entry.path(reference.removeprefix(LOCAL_PREFIX))
        return f"{LOCAL_PREFIX}{folder}" if is_regular(folder / "config.json") else None
    if not reference.startswith(HUB_PREFIX):
        return reference
    if reference.startswith(BUNDLES):
        return None  # only its author's code can tell
    files = hub_files(entry)
    found = hub.cached(files) if files else None
    if found and found.config:
        return f"{LOCAL_PREFIX}{found.config.parent}"
    # hub repositories of timm models are called architecture.tag by convention
    guess = reference.rpartition("/")[2].partition("@")[0].partition(".")[0]
    return guess if timm.is_model(guess) else None


def build_arch(entry: ZooEntry, state: State | None) -> tuple[nn.Module, Converter]:
    """Build an ``arch`` entry's network with as many classes as its checkpoint has.

    Args:
        entry: the model.
        state: the checkpoint's tensors; None where they are not known.

    Returns:
        The network, and how timm would convert a checkpoint for it.
    """
    arch = str(entry.arch)
    if state is None:
        return create(entry, arch, pretrained=False), Converter()
    bare, converter = outlined(entry, arch)
    if "num_classes" in entry.kwargs:
        return create(entry, arch, pretrained=False), converter
    classifier = entry.classifier or (getattr(bare, "pretrained_cfg", None) or {}).get("classifier")
    try:
        fit = find_fit(
            bare, without_numbers(state), entry.classifier, key=entry.key, converter=converter
        )
        classes = class_count(fit.state, classifier)
    except ModelError:  # filling it will say why
        classes = 0
    numbers = sum(value.numel() for value in state.values())
    # of a part the size of the whole cannot be told
    most = None if entry.partial else ALWAYS + MOST_TIMES * 4 * numbers
    return create(entry, arch, most=most, pretrained=False, num_classes=classes), converter


def has_new_head(entry: ZooEntry, model: nn.Module) -> bool:
    """Whether a network of timm was asked for with other classes than its checkpoint's."""
    if entry.factory:
        return False
    asked = "num_classes" in entry.kwargs
    if entry.arch or asked:
        return asked
    cfg: dict[str, Any] = getattr(model, "pretrained_cfg", None) or {}
    return bool(getattr(model, "num_classes", None) != cfg.get("num_classes"))


def outlined(entry: ZooEntry, name: str) -> tuple[nn.Module, Converter]:
    """A network of timm without numbers, and how timm would convert a checkpoint for it.

    Raises:
        ModelError: timm cannot make it as the entry says.
    """
    with watched_build() as filters:
        bare = without_storage(lambda: create(entry, name, pretrained=True))
    return bare, Converter(filters[-1] if filters else None)


def create(entry: ZooEntry, name: str, *, most: int | None = None, **options: Any) -> nn.Module:
    """Have timm make a network, with the entry's arguments.

    Args:
        entry: whose ``kwargs`` it takes.
        name: timm's.
        most: bytes that it may take; the machine's memory if None.
        options: further arguments, which win.

    Raises:
        ModelError: timm cannot, with those arguments.
    """
    kwargs = {"in_chans": entry.in_chans, **entry.kwargs, **options}
    local = name.startswith(LOCAL_PREFIX)
    cfg = None if local else timm.models.get_pretrained_cfg(name)
    if entry.input_size and cfg is not None and cfg.fixed_input_size:
        kwargs["img_size"] = entry.input_size[1:]
    try:
        if local:
            check_config(Path(name.removeprefix(LOCAL_PREFIX)) / "config.json")
        with BoundedBuild(most):
            model: nn.Module = timm.create_model(name, **kwargs)
    except Exception as error:  # any of timm's architectures may raise anything
        own = error if isinstance(error, ModelError) else None
        said = own.message if own else " ".join(str(error).split()) or type(error).__name__
        given = f" with {brief(entry.kwargs)}" if entry.kwargs else ""
        message = f"timm cannot build {entry.readable_source}{given}: {brief(said, 300)}"
        raise ModelError(message, hint=own.hint if own else "Check the entry's fields.") from error
    return model
