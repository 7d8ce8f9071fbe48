"""Fill a network, or a part of it, from a checkpoint, and say which part."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from torch import nn

from acrank.errors import ModelError
from acrank.utils.fresh import is_fresh, mark_fresh
from acrank.zoo.checkpoints.compatibility import (
    check_fit,
    head_names,
    head_tensors,
    misfits,
    refuse_odd_tensors,
    same_tensors,
)
from acrank.zoo.checkpoints.conversions import Converter
from acrank.zoo.checkpoints.fit import Fit, find_fit
from acrank.zoo.checkpoints.reading import SAVE, State, some
from acrank.zoo.drawing import drawn_flags

_STATISTICS = ("running_mean", "running_var")
# Below this share of the parameters a checkpoint is rather of another network.
LEAST_SHARE = 0.5


def fill(
    model: nn.Module,
    state: State,
    label: str,
    *,
    classifier: str | None = None,
    key: str | None = None,
    converter: Converter | None = None,
    new_head: bool = False,
    partial: bool | None = False,
    allow: bool = False,
) -> Fit:
    """Load a checkpoint: all of it into all of the network, or what fits.

    Args:
        model: changed in place; layers that get nothing are marked as fresh.
        state: the checkpoint's tensors.
        label: what messages call it.
        classifier: the name of the head.
        key: where in the checkpoint the tensors are; found by their names if None.
        converter: how timm would convert them.
        new_head: whether the network has a head of its own, which the checkpoint need not fit.
        partial: whether it may fill a part only; None where no word of the user's can allow it.
        allow: whether that may be less than half, or lack what the rest is worth little without.

    Raises:
        ModelError: it does not fit, or fills too little.
    """
    fit = find_fit(model, state, classifier, label, key=key, converter=converter)
    refuse_odd_tensors(model, fit.state, label, numbers=True)
    if partial:
        refuse_little(fit, label, allow=allow)
    else:
        check_whole(model, fit, label, classifier, new_head=new_head, fixed=partial is None)
    model.load_state_dict(dict(fit.loads), strict=False)
    _mark_fresh_layers(model, fit.loads)
    return fit


def check_whole(
    model: nn.Module,
    fit: Fit,
    label: str,
    classifier: str | None,
    *,
    new_head: bool = False,
    fixed: bool = False,
) -> None:
    """Check that a checkpoint has the network's tensors and no others.

    Args:
        model: the network.
        fit: of the checkpoint.
        label: what messages call it.
        classifier: the name of the head.
        new_head: whether the head need not be the checkpoint's.
        fixed: whether the entry cannot allow a part of the network.

    Raises:
        ModelError: it does not, and where; says how much of the network it would fill.
    """
    found = misfits(model, fit.state, but=head_tensors(model, classifier) if new_head else None)
    # what the source had in the place of a classifier: another head, a projection
    other_head = fit.other_head if new_head else fit.projection
    found["unexpected"] = [name for name in found["unexpected"] if name not in other_head]
    try:
        check_fit(found, label)
    except ModelError as error:
        hint = _hint(model, fit, found, fixed=fixed)
        if not hint:
            hint = str(error.hint)
            if fit.loads and not fixed and not lacking(fit):
                hint += f" It fills {fit.percent}: partial: true in its entry loads that part."
            elif not fit.loads:
                hint += f" It holds: {fit.holds}."
        raise ModelError(error.message, hint=hint) from None


def _hint(model: nn.Module, fit: Fit, found: Mapping[str, Sequence[str]], *, fixed: bool) -> str:
    """Suggest how to mend a checkpoint that does not fit; empty where that cannot be told."""
    missing, extra, differing = found["missing"], found["unexpected"], found["of another shape"]
    if fit.unnormalised and all(name.endswith(_STATISTICS) for name in missing):
        return f"It has no running statistics, as of named_parameters() alone. {SAVE}"
    wanted = model.state_dict()
    cfg = getattr(model, "pretrained_cfg", None) or {}
    heads = tuple(f"{head}." for head in head_names(cfg.get("classifier")))
    if fixed and heads and all(n.startswith(heads) for n in (*missing, *differing, *extra)):
        return "Its head alone is another: num_classes: 0 in kwargs leaves the head out."
    if not missing and not differing and not fit.within:
        own_weights = "an entry of arch or factory, weights and partial: true"
        way = own_weights if fixed else "partial: true in its entry"
        return f"It has all of the network and more: {way} leaves the rest out."
    if differing and not missing and not extra:
        if all("pos" in name for name in differing):
            return "Its images were of another size: set input_size, or img_size in kwargs."
        old, new = fit.state[differing[0]].shape, wanted[differing[0]].shape
        if len(differing) == 1 and len(old) == len(new) > 2 and _but_one(old) == _but_one(new):
            said = f"It takes images of {old[1]} channel(s), the network of {new[1]}"
            if old[1] not in (1, 3):
                return f"{said}; only 1 or 3 can be given to it here."
            return f"{said}: set in_chans (that of a factory in its kwargs too)."
    return ""


def _but_one(shape: Sequence[int]) -> tuple[int, ...]:
    return (shape[0], *shape[2:])


def refuse_little(fit: Fit, label: str, *, allow: bool) -> None:
    """Refuse a checkpoint that leaves too much of a network as it was drawn.

    Raises:
        ModelError: nothing fits; or, unless it is allowed, less than half does, running
            statistics are missing, or the first layer is.
    """
    if not fit.loads:
        raise ModelError(
            f"{label} fits no tensor of the network, by name and shape.",
            hint="Check arch, kwargs or factory: this checkpoint is of another network.",
        )
    lacks = lacking(fit)
    if lacks and not allow:
        raise ModelError(f"{label} {lacks[0][0]}.", hint=f"{lacks[0][1]}, or pass --allow-partial.")


def lacking(fit: Fit) -> list[tuple[str, str]]:
    """Say why a part is too little to be loaded unless that is allowed, each with what to do."""
    found = []
    if fit.share < LEAST_SHARE:
        found.append(
            (f"fills less than half of the network: {fit}", "Check arch, kwargs or factory")
        )
    if fit.unnormalised:
        found.append(
            (
                f"has no running statistics for {len(fit.unnormalised)} norm layers that it has "
                f"the scales of ({some(fit.unnormalised)}): they would stay at mean 0, variance 1",
                "Save model.state_dict(), which has them, in place of named_parameters()",
            )
        )
    if fit.fresh_first:
        found.append(
            (
                f"has nothing for the network's first layer, {fit.fresh_first}: all features would "
                "come from random numbers",
                "Check in_chans, arch, kwargs or factory",
            )
        )
    return found


def flags_of(fit: Fit | None, model: nn.Module) -> dict[str, str]:
    """Return the flags of a checkpoint that did not fill its network as it was.

    Args:
        fit: of the checkpoint; None where the whole of it was loaded by others.
        model: that it was loaded into.
    """
    if fit is None:
        return drawn_flags(model)
    flags = {}
    if fit.share < 1:
        norms = [m for m in model.modules() if isinstance(m, nn.modules.batchnorm._BatchNorm)]
        fresh = sum(map(is_fresh, norms))
        more = f"; {fresh} of {len(norms)} BatchNorm layers left out" if fresh else ""
        flags["partly-loaded"] = f"{fit}{more}"
    if fit.unnormalised:
        count, names = len(fit.unnormalised), some(fit.unnormalised)
        flags["no-running-statistics"] = f"{count} norm layers at mean 0, variance 1: {names}"
    if fit.fresh_first:
        flags["fresh-first-layer"] = f"{fit.fresh_first} is as it was drawn"
    other = some(sorted(fit.projection))
    left = f"a head of another kind is left out ({other})" if fit.projection else ""
    words = {
        "checkpoint-part": "; ".join(filter(None, (fit.part, left, fit.left_over))),
        "renamed-weights": fit.renamed,
        "converted-weights": fit.converted,
    }
    return flags | {name: said for name, said in words.items() if said}


def _mark_fresh_layers(model: nn.Module, names: Iterable[str]) -> None:
    same = same_tensors(model)
    loaded = {same.get(name) for name in names}
    for module in model.modules():
        if not loaded.issuperset(map(id, module.parameters(recurse=False))):
            mark_fresh(module)
