"""Find the leading part that the names of a network's tensors share in a checkpoint.

Training scripts wrap a network and put it under a key: ``state_dict``, ``model``, ``teacher``,
``module.encoder_q``. No list of such words is kept: the names after them tell.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

from torch import nn

from acrank.errors import ModelError
from acrank.utils.visible import brief
from acrank.zoo.checkpoints.compatibility import counts, same_tensors
from acrank.zoo.checkpoints.reading import Checkpoint, State, folder_of, unmarked

# The keys that timm takes the weights from, in its order: the first of them wins.
_PREFERRED = ("state_dict_ema", "model_ema", "", "state_dict", "model")
# Names deeper than this are no network's: what is before is not looked at.
_MOST_DOTS = 30
# A wrapped network has at least this share of its wrapper's tensors.
_WRAPPED = 0.2
_WRAPS = 4
# Below this share of a network's tensors two places that fit equally say little.
_LEAST = 0.5
_MOST_LISTED = 6
# Below this one, names that are alike are so by chance.
_MEANT = 0.2
# Of a network whose names are others, the tensors are looked for where so many of them are.
_STARTS = 0.3
_MOST_STARTS = 12


@dataclass(frozen=True)
class Lead:
    """A leading part of a checkpoint's names.

    Attributes:
        off: what is taken off them, such as ``state_dict.module.``.
        on: what is put before them to name the network's tensors.
        filled: how many tensors of the network it fills, head and batch counters left out.
        folder: the dictionary of the checkpoint that they lie in.
        first: where in the checkpoint the first of them is.
    """

    off: str
    on: str = ""
    filled: int = 0
    folder: str = ""
    first: int = 0

    @property
    def rank(self) -> tuple[int | str, ...]:
        """The sort key of a place: how much of the network it fills, then timm's order."""
        place = _PREFERRED.index(self.folder) if self.folder in _PREFERRED else len(_PREFERRED)
        return (-self.filled, place, len(self.on), not self.plain, self.first, self.off, self.on)

    @property
    def plain(self) -> bool:
        """True if the names in the dictionary are the network's own, or DataParallel's of them."""
        return self.off.removesuffix("module.") == (f"{self.folder}." if self.folder else "")

    def new_name(self, name: str) -> str:
        """A tensor's name in the network, if it is below the leading part."""
        return self.on + name[len(self.off) :]

    def renamed(self, state: State) -> State:
        """The tensors below the leading part, by the network's names."""
        return {self.new_name(k): v for k, v in state.items() if k.startswith(self.off)}


def find_leads(model: nn.Module, state: State, head: set[int]) -> list[Lead]:
    """The leading parts below which tensors fit a network by name and shape, best first.

    Args:
        model: the network; its numbers are not looked at.
        state: the checkpoint's tensors.
        head: tensors of the network that are not asked for.
    """
    same = same_tensors(model)
    tensors = {name: value for name, value in model.state_dict().items() if counts(name)}
    asked = {name for name in tensors if same.get(name) not in head} or set(tensors)
    shapes = {name: tensors[name].shape for name in asked}
    below: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for on in _wraps(asked):
        for name in asked:
            if name.startswith(on):
                below[name[len(on) :]].append((on, name))
    votes: dict[tuple[str, str], set[object]] = defaultdict(set)
    firsts: dict[tuple[str, str], tuple[str, int]] = {}
    for index, (key, value) in enumerate(state.items()):
        for off, rest in _splits(key):
            for on, name in below.get(rest, ()):
                # of x.encoder.conv and encoder.conv the common part is all of encoder.conv
                if shapes[name] == value.shape and not (off and on and _last(off) == _last(on)):
                    votes[off, on].add(same.get(name, name))
                    if (off, on) not in firsts:
                        firsts[off, on] = folder_of(state, key), index
    found = [Lead(*both, len(filled), *firsts[both]) for both, filled in votes.items()]
    return sorted(found, key=lambda lead: lead.rank)


def best_of(leads: Sequence[Lead], asked: int, label: str) -> Lead | None:
    """The one to load, where it can be told.

    Args:
        leads: best first, as :func:`find_leads` gives them.
        asked: how many tensors of the network there are to fill.
        label: what messages call the checkpoint.

    Returns:
        It; None where so little fits that no leading part is meant.

    Raises:
        ModelError: several fit equally, and none is where timm would look first.
    """
    if not leads or leads[0].filled < _MEANT * asked:
        return None
    best = leads[0]
    rivals = [lead for lead in leads if lead.filled == best.filled and lead.off != best.off]
    alone = best.plain or best.folder not in {lead.folder for lead in rivals}
    told = best.folder in _PREFERRED and alone
    if not rivals or told or best.filled < _LEAST * asked:
        return best
    places = list(dict.fromkeys(lead.off for lead in (best, *rivals)))
    raise ModelError(
        f"{label} holds {len(places)} sets of tensors that fit the network equally well: "
        f"{listed(dict.fromkeys(places, best.filled))}.",
        hint=f"Say which one in the model's entry, such as key: {brief(places[0].rstrip('.'))}.",
    )


def other_leads(best: Lead, leads: Sequence[Lead], asked: int) -> list[Lead]:
    """Other places in the checkpoint that would fill much of the network too."""
    rest: dict[str, Lead] = {}
    for lead in leads:
        if lead.off != best.off and lead.filled > _LEAST * asked:
            rest.setdefault(lead.off, lead)
    return list(rest.values())


def said_of(best: Lead, others: Sequence[Lead]) -> str:
    """Say which place was taken and which others there are; empty without others."""
    if not others:
        return ""
    taken = best.off.rstrip(".")
    chosen = f"'{brief(taken)}'" if taken else "what is under no key"
    rest = listed({lead.off: lead.filled for lead in others})
    return f"{chosen} taken ({best.filled} tensors fit); there is also {rest}"


def under_key(state: State, key: str, label: str) -> State:
    """The tensors below a dotted path, their names whole.

    Raises:
        ModelError: there are none; says which there are.
    """
    path = ".".join(part for part in unmarked(key).split(".") if part)
    found = Checkpoint({k: v for k, v in state.items() if k.startswith(f"{path}.")})
    found.folders = state.folders if isinstance(state, Checkpoint) else frozenset()
    if not found:
        raise ModelError(
            f"{label} holds no tensors under the key {brief(key)!r}.",
            hint=f"There are: {listed(places(state))}.",
        )
    return found


def places(state: State) -> dict[str, int]:
    """The first parts of a checkpoint's names, and how many tensors each has."""
    return dict(Counter(name.partition(".")[0] for name in state).most_common())


def usual_lead(state: State) -> Lead:
    """Return the place where timm looks for the tensors, whatever their names."""
    folders = Counter(folder_of(state, name) for name in state)
    folder = next((f for f in _PREFERRED if f in folders), None)
    if folder is None:
        folder = folders.most_common(1)[0][0] if folders else ""
    inside = [name for name in state if folder_of(state, name) == folder]
    off = f"{folder}." if folder else ""
    wrapped = inside and all(name.startswith(f"{off}module.") for name in inside)
    return Lead(f"{off}module." if wrapped else off, folder=folder)


def starts(state: State, asked: int) -> list[str]:
    """The leading parts below which a checkpoint has many tensors, those with most first.

    Args:
        state: the tensors.
        asked: how many a network has.
    """
    found: Counter[str] = Counter()
    for name in filter(counts, state):
        parts = name.split(".")[:-1][:_WRAPS]
        found.update("".join(f"{part}." for part in parts[:size]) for size in range(len(parts) + 1))
    enough = max(1, _STARTS * asked)
    return [off for off, count in found.most_common(_MOST_STARTS) if count >= enough]


def _splits(name: str) -> Iterator[tuple[str, str]]:
    """A name parted at each of its dots, and before the whole of it."""
    parts = name.split(".")
    for size in range(max(0, len(parts) - _MOST_DOTS), len(parts)):
        yield "".join(f"{part}." for part in parts[:size]), ".".join(parts[size:])


def _wraps(names: Collection[str]) -> list[str]:
    """Nothing, and the modules in which most of a network is: it may be a wrapper itself."""
    found: Counter[str] = Counter()
    for name in names:
        parts = name.split(".")[:-1]
        sizes = range(1, min(_WRAPS, len(parts)) + 1)
        found.update("".join(f"{part}." for part in parts[:size]) for size in sizes)
    return ["", *(on for on, count in found.items() if count >= _WRAPPED * len(names))]


def _last(lead: str) -> str:
    return lead.rstrip(".").rpartition(".")[2]


def listed(counted: Mapping[str, int]) -> str:
    """Places in a checkpoint, each with its number of tensors, in words."""
    named = [f"{brief(place.rstrip('.') or 'no key', 60)} ({n})" for place, n in counted.items()]
    more = f" and {len(named) - _MOST_LISTED} more" if len(named) > _MOST_LISTED else ""
    return ", ".join(named[:_MOST_LISTED]) + more
