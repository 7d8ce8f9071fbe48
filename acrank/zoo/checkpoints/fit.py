"""Find a network's tensors in a checkpoint: which there are, where, and under what names."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import nn

from acrank.utils.visible import brief
from acrank.zoo.checkpoints.compatibility import (
    counts,
    head_names,
    head_tensors,
    misfits,
    same_tensors,
)
from acrank.zoo.checkpoints.conversions import Converter, converted_said
from acrank.zoo.checkpoints.leading import (
    Lead,
    best_of,
    find_leads,
    listed,
    other_leads,
    places,
    said_of,
    starts,
    under_key,
    usual_lead,
)
from acrank.zoo.checkpoints.reading import State, folder_of, some


@dataclass(frozen=True)
class Fit:
    """The tensors of a checkpoint, and how well they fit a network.

    Attributes:
        state: its tensors by the network's names, those without a place among them.
        loads: those that fit by name and shape.
        filled: how many of the network's tensors those are, batch counters left out.
        tensors: how many the network has.
        share: of the parameters, those of the head left out, in [0, 1].
        unused: tensors of the checkpoint that have no place.
        unnormalised: norm layers that it has a scale but no running statistics for.
        fresh_first: the first layer, where it has nothing for that; else empty.
        other_head: names of its tensors in the place of the head.
        projection: of those, the names that no classifier of one layer has.
        within: names that the network lacks in modules that it has, as of a larger network.
        part: which part of the checkpoint was taken, where there are others, in words.
        renamed: how its names were changed to fit, in words; empty if they were not.
        holds: the first parts of all names in the checkpoint, with their tensors, in words.
        converted: what timm's own conversions did, in words.
    """

    state: State
    loads: State
    filled: int
    tensors: int
    share: float
    unused: int
    unnormalised: tuple[str, ...] = ()
    fresh_first: str = ""
    other_head: frozenset[str] = frozenset()
    projection: frozenset[str] = frozenset()
    within: tuple[str, ...] = ()
    holds: str = ""
    part: str = ""
    renamed: str = ""
    converted: str = ""

    def __str__(self) -> str:
        words = f"{self.percent} of the parameters, {self.filled} of {self.tensors} tensors"
        more = f"; {self.unused} of the checkpoint's not used" if self.unused else ""
        return words + more

    @property
    def left_over(self) -> str:
        """Say which tensors only a larger network would use; empty where there are none."""
        if not self.within or self.share < 1:
            return ""
        return f"{len(self.within)} tensor(s) of a larger network not used ({some(self.within)})"

    @property
    def percent(self) -> str:
        """The share for people; what is less than all never reads 100 %."""
        return "100 %" if self.share == 1 else f"{min(100 * self.share, 99.9):.3g} %"


@dataclass(frozen=True)
class _Try:
    """Tensors by the network's names, where they come from, and how many have no place."""

    lead: Lead
    state: State
    faults: int
    part: str = ""
    converted: str = ""


def find_fit(
    model: nn.Module,
    state: State,
    classifier: str | None,
    label: str = "the checkpoint",
    *,
    key: str | None = None,
    converter: Converter | None = None,
) -> Fit:
    """Match a checkpoint's tensors with a network's by name and shape.

    Args:
        model: the whole network; its numbers are not looked at.
        state: the checkpoint's tensors.
        classifier: the name of the head, as for :func:`acrank.zoo.heads.known.remove_head`.
        label: what messages call the checkpoint.
        key: where in it the tensors are; found by their names if None.
        converter: how timm would convert them, where they do not fit as they are.

    Raises:
        ModelError: it has nothing under the key, or several parts that fit equally well.
    """
    given = state if key is None else under_key(state, key, label)
    search = _Search(model, given, classifier, label)
    found = search.by_name()
    if found.faults and converter is not None:
        found = search.by_conversion(converter, found)
    return search.fit(found)


class _Search:
    """The search for a network's tensors in one checkpoint."""

    def __init__(self, model: nn.Module, state: State, classifier: str | None, label: str) -> None:
        self.model, self.state, self.label = model, state, label
        self.same = same_tensors(model)
        self.head = head_tensors(model, classifier)
        self.wanted = {name: value.shape for name, value in model.state_dict().items()}
        asked = {self.same.get(name, name) for name in self.wanted if counts(name)}
        self.asked = len(asked - self.head)
        cfg = getattr(model, "pretrained_cfg", None) or {}
        self.heads = head_names(classifier or cfg.get("classifier"))

    def by_name(self) -> _Try:
        """The tensors as they are called."""
        leads = find_leads(self.model, self.state, self.head)
        best = best_of(leads, self.asked, self.label) or usual_lead(self.state)
        others = other_leads(best, leads, self.asked)
        return self._try(best, best.renamed(self._of_this(best, others)), said_of(best, others))

    def by_conversion(self, converter: Converter, plain: _Try) -> _Try:
        """The tensors as timm would convert them, where more of them fit so."""
        tries: dict[str, _Try] = {}
        for off in dict.fromkeys([plain.lead.off, *starts(self.state, self.asked)]):
            before = Lead(off).renamed(self.state)
            after = converter(before, self.model)
            first = next((name for name in self.state if name.startswith(off)), "")
            lead = Lead(off, folder=folder_of(self.state, first), first=len(tries))
            tried = self._try(lead, after, "", converted_said(before, after))
            better = (tried.lead.filled, -tried.faults) > (plain.lead.filled, -plain.faults)
            if tried.converted and better:
                tries[off] = tried
        leads = sorted((tried.lead for tried in tries.values()), key=lambda lead: lead.rank)
        best = best_of(leads, self.asked, self.label)
        if best is None:
            return plain
        return replace(tries[best.off], part=said_of(best, other_leads(best, leads, self.asked)))

    def _of_this(self, lead: Lead, others: Sequence[Lead]) -> State:
        """The checkpoint without other sets of the same, and dictionaries of which nothing fits."""
        copies = tuple(o.off for o in others if o.off.startswith(lead.off) and o.off != lead.off)
        folders = {
            folder_of(self.state, name)
            for name, value in self.state.items()
            if name.startswith(lead.off) and self.wanted.get(lead.new_name(name)) == value.shape
        }
        return {
            name: value
            for name, value in self.state.items()
            if not name.startswith(copies)
            and (not folders or folder_of(self.state, name) in folders)
        }

    def _try(self, lead: Lead, state: State, part: str, converted: str = "") -> _Try:
        faults = sum(map(len, misfits(self.model, state).values()))
        fitting = (name for name in state if counts(name) and self._fits(state, name))
        filled = {self.same.get(name, name) for name in fitting} - self.head
        return _Try(replace(lead, filled=len(filled)), state, faults, part, converted)

    def _fits(self, state: State, name: str) -> bool:
        return self.wanted.get(name) == state[name].shape

    def fit(self, found: _Try) -> Fit:
        """Compare the tensors that were found with those of the network."""
        state = found.state
        loads = {name: value for name, value in state.items() if self._fits(state, name)}
        loaded = {self.same.get(name, name) for name in loads}
        # a layer in two places has two names and one set of tensors
        tensors = {self.same.get(name, name) for name in self.wanted if counts(name)}
        share = self._share(loaded)
        in_head = [n for n in state if n.startswith(tuple(f"{head}." for head in self.heads))]
        plain = {f"{head}.{part}" for head in self.heads for part in ("weight", "bias")}
        return Fit(
            state=state,
            loads=loads,
            filled=len({self.same.get(name, name) for name in loads if counts(name)}),
            tensors=len(tensors),
            share=share,
            unused=sum(counts(name) for name in state.keys() - loads.keys()),
            unnormalised=self._unnormalised(loaded, whole=share == 1),
            fresh_first=self._fresh_first(loaded),
            other_head=frozenset(in_head),
            projection=frozenset(in_head).difference(plain, loads),
            within=self._within(state.keys() - set(in_head)),
            holds=listed(places(self.state)),
            part=found.part,
            renamed=self._renamed(found.lead),
            converted=found.converted,
        )

    def _within(self, names: Iterable[str]) -> tuple[str, ...]:
        own = {name.partition(".")[0] for name in self.wanted}
        others = (name for name in names if counts(name) and name not in self.wanted)
        return tuple(sorted(name for name in others if name.partition(".")[0] in own))

    def _share(self, loaded: set[Any]) -> float:
        sizes = {id(p): p.numel() for p in self.model.parameters() if id(p) not in self.head}
        whole = sum(sizes.values())
        return sum(size for each, size in sizes.items() if each in loaded) / whole if whole else 1.0

    def _unnormalised(self, loaded: set[Any], *, whole: bool) -> tuple[str, ...]:
        """The layers whose scale is the checkpoint's, and whose running statistics are not."""
        found = []
        for name, module in self.model.named_modules():
            own = [id(parameter) for parameter in module.parameters(recurse=False)]
            kept = (getattr(module, "running_mean", None), getattr(module, "running_var", None))
            statistics = [id(each) for each in kept if isinstance(each, torch.Tensor)]
            known = loaded.issuperset(own) if own else whole
            if statistics and known and not loaded.issuperset(statistics):
                found.append(name)
        return tuple(found)

    def _fresh_first(self, loaded: set[Any]) -> str:
        """The first layer of weights, where it is not loaded."""
        for name, module in self.model.named_modules():
            weight = getattr(module, "weight", None)
            if isinstance(weight, nn.Parameter) and weight.ndim > 1:
                known = id(weight) in loaded or id(weight) in self.head
                return "" if known else name or type(module).__name__
        return ""

    def _renamed(self, lead: Lead) -> str:
        """Say how the names were changed; dictionaries and ``module.`` go without saying."""
        below = [name for name in self.state if name.startswith(lead.off)]
        folder = folder_of(self.state, below[0]) if below else ""
        inner = lead.off.removeprefix(f"{folder}.") if folder else lead.off
        off = inner.removeprefix("module.") if lead.off.startswith(folder) else ""
        said = [f"'{brief(off)}' taken off"] * bool(off)
        said += [f"'{lead.on}' put before"] * bool(lead.on)
        beside = [n for n in self.state if folder_of(self.state, n) == folder and counts(n)]
        left = sum(not name.startswith(lead.off) for name in beside)
        words = [f"{' and '.join(said)} the names"] if said else []
        words += [f"{left} tensor(s) under other names not used"] * bool(left)
        return "; ".join(words)
