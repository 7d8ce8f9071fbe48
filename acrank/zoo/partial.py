"""Checkpoints that fill a part of a network: which part, and what stays as it was drawn."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from torch import nn

from acrank.common.fresh import is_fresh, mark_fresh
from acrank.errors import ModelError
from acrank.zoo.checkpoints import Shapes, State, check_fit, same_tensors
from acrank.zoo.drawing import drawn_flags
from acrank.zoo.heads import find_head

# What training scripts put before the names of a network's tensors.
PREFIXES = ("module.", "encoder.", "backbone.", "model.", "net.")
# Of them, one inside another.
MOST_PREFIXES = 3
# Below this share of the parameters a checkpoint is rather of another network.
LEAST_SHARE = 0.5

# Names of the network by those of the checkpoint; with the prefixes taken off and put before.
_Names = dict[str, str]
_Renamed = tuple[_Names, str, str]


@dataclass(frozen=True)
class Fit:
    """What a checkpoint has for a network.

    Attributes:
        names: of the network's tensors that it fills, by those of the checkpoint.
        filled: how many those are, batch counters left out.
        tensors: how many the network has.
        share: of the parameters, those of the head left out, in [0, 1].
        unused: tensors of the checkpoint that have no place.
        renamed: how its names were changed to fit, in words; empty if they were not.
    """

    names: Mapping[str, str]
    filled: int
    tensors: int
    share: float
    unused: int
    renamed: str = ""

    def __str__(self) -> str:
        words = f"{self.percent} of the parameters, {self.filled} of {self.tensors} tensors"
        more = f"; {self.unused} of the checkpoint's not used" if self.unused else ""
        return words + more

    @property
    def percent(self) -> str:
        """The share for people; what is less than all never reads 100 %."""
        return "100 %" if self.share == 1 else f"{min(100 * self.share, 99.9):.3g} %"


def find_fit(model: nn.Module, shapes: Shapes, classifier: str | None) -> Fit:
    """Match a checkpoint's tensors with a network's by name and shape.

    Where more of them fit so, one of ``PREFIXES`` after another is taken off the checkpoint's
    names, or put before them.

    Args:
        model: the whole network; its numbers are not looked at.
        shapes: in the checkpoint.
        classifier: the name of the head, as for :func:`acrank.zoo.heads.remove_head`.
    """
    wanted = {name: tuple(value.shape) for name, value in model.state_dict().items()}
    names, renamed = _best_names(wanted, shapes)
    found = {old: new for old, new in names.items() if wanted.get(new) == shapes[old]}
    unused = sum(_counts(name) for name in shapes.keys() - found.keys())
    same = same_tensors(model)
    loaded = {same[new] for new in found.values() if new in same}
    # a layer in two places has two names and one set of tensors
    tensors = {same.get(name, name) for name in wanted if _counts(name)}
    share = _share(model, loaded, classifier)
    filled = {same.get(name, name) for name in found.values() if _counts(name)}
    return Fit(found, len(filled), len(tensors), share, unused, renamed)


def fill(
    model: nn.Module,
    state: State,
    label: str,
    *,
    classifier: str | None = None,
    partial: bool = False,
    allow: bool = False,
) -> Fit:
    """Load a checkpoint: all of it into all of the network, or what fits.

    Args:
        model: changed in place; layers that get nothing are marked as fresh.
        state: the checkpoint's tensors.
        label: what messages call it.
        classifier: the name of the head.
        partial: whether it may fill a part only.
        allow: whether that may be less than half.

    Raises:
        ModelError: it does not fit, or fills too little.
    """
    shapes = {key: tuple(value.shape) for key, value in state.items()}
    fit = find_fit(model, shapes, classifier)
    if partial:
        refuse_little(fit, label, allow=allow)
    else:
        check_whole(model, shapes, fit, label)
    model.load_state_dict({new: state[old] for old, new in fit.names.items()}, strict=False)
    _mark_fresh_layers(model, fit.names.values())
    return fit


def check_whole(model: nn.Module, shapes: Shapes, fit: Fit, label: str) -> None:
    """See that a checkpoint has the network's tensors and no others.

    Raises:
        ModelError: it does not, and where; says how much of the network it would fill.
    """
    renamed = {fit.names.get(name, name): shape for name, shape in shapes.items()}
    try:
        check_fit(model, renamed, label)
    except ModelError as error:
        hint = f"{error.hint} It fills {fit.percent}: partial: true in its entry loads that part."
        raise ModelError(error.message, hint=hint if fit.names else error.hint) from None


def refuse_little(fit: Fit, label: str, *, allow: bool) -> None:
    """Refuse a checkpoint of which nothing fits or, unless it is allowed, less than half.

    Raises:
        ModelError: says how much.
    """
    if not fit.names:
        raise ModelError(
            f"{label} fits no tensor of the network, by name and shape.",
            hint="Check arch, kwargs or factory: this checkpoint is of another network.",
        )
    if fit.share < LEAST_SHARE and not allow:
        raise ModelError(
            f"{label} fills less than half of the network: {fit}.",
            hint="Check arch, kwargs or factory, or pass --allow-partial.",
        )


def flags_of(fit: Fit | None, model: nn.Module) -> dict[str, str]:
    """What a reader must know of a checkpoint that did not fill its network as it was.

    Args:
        fit: of the checkpoint; None where the whole of it was loaded by others.
        model: that it was loaded into.
    """
    flags = {}
    if fit is not None and fit.share < 1:
        norms = [m for m in model.modules() if isinstance(m, nn.modules.batchnorm._BatchNorm)]
        fresh = sum(map(is_fresh, norms))
        left = f"; {fresh} of {len(norms)} BatchNorm layers left out" if fresh else ""
        flags["partly-loaded"] = f"{fit}{left}"
    if fit is not None and fit.renamed:
        flags["renamed-weights"] = fit.renamed
    return flags if fit is not None else drawn_flags(model)


def _best_names(wanted: Shapes, shapes: Shapes) -> tuple[_Names, str]:
    """The checkpoint's names as most of its tensors fit, and what was done to them, in words."""
    tries = [
        tried
        for stripped in _stripped({name: name for name in shapes}, "")
        for tried in (stripped, *_extended(stripped))
        if len(set(tried[0].values())) == len(shapes)  # two names must not become one
    ]
    names, off, on = max(tries, key=lambda tried: _fitting(tried[0], wanted, shapes))
    said = [f"'{off}' taken off"] * bool(off) + [f"'{on}' put before"] * bool(on)
    return names, f"{' and '.join(said)} the names" if said else ""


def _stripped(names: _Names, off: str) -> Iterator[_Renamed]:
    """Names as they are, and with one prefix after another taken off."""
    yield names, off, ""
    for prefix in PREFIXES if off.count(".") < MOST_PREFIXES else ():
        if any(name.startswith(prefix) for name in names.values()):
            shorter = {old: name.removeprefix(prefix) for old, name in names.items()}
            yield from _stripped(shorter, off + prefix)


def _extended(renamed: _Renamed) -> Iterator[_Renamed]:
    names, off, _ = renamed
    for prefix in PREFIXES:
        yield {old: prefix + name for old, name in names.items()}, off, prefix


def _fitting(names: Mapping[str, str], wanted: Shapes, shapes: Shapes) -> int:
    return sum(wanted.get(new) == shapes[old] for old, new in names.items())


def _counts(name: str) -> bool:
    """Old checkpoints lack BatchNorm's batch counter, which means nothing here."""
    return not name.endswith("num_batches_tracked")


def _share(model: nn.Module, loaded: set[int], classifier: str | None) -> float:
    head = find_head(model, classifier)
    left_out = set() if head is None else {id(parameter) for parameter in head.parameters()}
    sizes = {id(p): p.numel() for p in model.parameters() if id(p) not in left_out}
    whole = sum(sizes.values())
    return sum(size for each, size in sizes.items() if each in loaded) / whole if whole else 1.0


def _mark_fresh_layers(model: nn.Module, names: Iterable[str]) -> None:
    same = same_tensors(model)
    loaded = {same.get(name) for name in names}
    for module in model.modules():
        if not loaded.issuperset(map(id, module.parameters(recurse=False))):
            mark_fresh(module)
