"""Define a model source: all that acrank has to know of one place that networks come from."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from acrank.errors import ZooError
from acrank.utils.nearest import has_wildcard

if TYPE_CHECKING:
    from torch import nn

    from acrank.zoo.checkpoints.conversions import Converter
    from acrank.zoo.checkpoints.fit import Fit
    from acrank.zoo.checkpoints.reading import State
    from acrank.zoo.entries import ZooEntry
    from acrank.zoo.hub.client import Hub
    from acrank.zoo.hub.repository import Remote
    from acrank.zoo.weights import Weights


@dataclass(frozen=True)
class Opening:
    """The permissions of a run when it opens networks.

    Attributes:
        hub: where weights that are not local come from.
        trust_code: whether code of a zoo's author may run.
        allow_partial: whether a ``partial`` entry's checkpoint may fill less than half.
    """

    hub: Hub
    trust_code: bool = False
    allow_partial: bool = False


@dataclass(frozen=True)
class Loaded:
    """A network with its weights and its head.

    Attributes:
        model: the network, as its source made it.
        revision: commit of the hub, or ``sha256:`` and twelve digits; None where none is known.
        fit: how a checkpoint filled it; None where the source itself loaded all of the weights.
    """

    model: nn.Module
    revision: str | None = None
    fit: Fit | None = None


class Source(ABC):
    """A place that networks come from.

    A zoo entry names it with ``NAME:...`` as its ``source`` (or as its ``name``), and the command
    line with ``--model NAME:...``. A source of another package has to define :meth:`structure`
    and :meth:`load`; the other methods have defaults that hold for a source whose networks are
    told by one word and whose weights only the source itself can find.

    Attributes:
        name: what stands before the colon; the name of the entry point.
        usage: how a model is written, for messages; empty for a source without a prefix.
        place: what such a model is, in words behind ``for``.
        takes: fields of an entry, of ``weights``, ``key`` and ``classifier``, that have a meaning.
        refused_kwargs: arguments that ``kwargs`` must not have.
        makes_timm: whether timm alone can build the networks again, without code of others.
        needs_numbers: whether a first check by shapes alone may refuse weights that do load, as
            their conversion looks at the numbers.
    """

    name: ClassVar[str]
    usage: ClassVar[str]
    place: ClassVar[str]
    takes: ClassVar[frozenset[str]] = frozenset()
    refused_kwargs: ClassVar[tuple[str, ...]] = ()
    makes_timm: ClassVar[bool] = False
    needs_numbers: ClassVar[bool] = True

    # How a model is written in a zoo file and on the command line.

    def claims(self, entry: ZooEntry) -> bool:
        """Tell whether an entry's network comes from this source."""
        return bool(entry.reference and entry.reference.startswith(f"{self.name}:"))

    def rest(self, entry: ZooEntry) -> str:
        """Return the part of an entry's reference behind the source's name and its colon."""
        return str(entry.reference).removeprefix(f"{self.name}:")

    def written(self, entry: ZooEntry) -> str:
        """The place that the network comes from, in one short string."""
        return str(entry.reference)

    def check_fields(self, entry: ZooEntry) -> None:
        """Check that an entry's fields go together; neither a file nor a registry is looked at.

        Raises:
            ValueError: says which do not.
        """
        inner = [key for key in self.refused_kwargs if key in entry.kwargs]
        if inner:
            raise ValueError(f"kwargs takes no {inner[0]}: weights come from the fields above")
        if entry.weights and "weights" not in self.takes:
            raise ValueError("weights needs arch or factory: the network to load it into")
        if entry.sha256 and not entry.weights:
            raise ValueError("sha256 needs weights: the file it is the hash of")
        if entry.partial and not entry.weights:
            raise ValueError("partial needs weights: the checkpoint that fills a part")
        if entry.key and not entry.weights and "key" not in self.takes:
            raise ValueError("key needs weights, or a folder: the checkpoint that it is a part of")
        if entry.classifier and "classifier" not in self.takes:
            raise ValueError("classifier is for arch and factory entries: timm knows the others'")

    def check(self, entry: ZooEntry) -> None:
        """Check that a model of that name exists, as far as is known without a request or a file.

        Raises:
            ZooError: it does not, or is not written as it should be.
        """
        if not self.rest(entry):
            raise ZooError(f"{str(entry.reference)!r} names no model.", hint=f"Write {self.usage}.")

    def field(self, entry: ZooEntry) -> str:
        """The field that :meth:`check` is about, to place its errors in a zoo file."""
        return "source" if entry.source else "name"

    def select(self, pattern: str) -> list[str]:
        """The models that one word of the command line names, as entries write them.

        Args:
            pattern: with the source's name; may hold the wildcards ``*``, ``?`` and ``[]``.

        Raises:
            ZooError: it names none.
        """
        from acrank.zoo.entries import ZooEntry

        if has_wildcard(pattern):
            raise ZooError(
                f"{pattern!r}: models of {self.name}: are named one by one, without wildcards.",
                hint=f"Write {self.usage}.",
            )
        self.check(ZooEntry(name=pattern))
        return [pattern]

    def added(self, reference: str, folder: Path) -> list[dict[str, Any]]:
        """The fields of new entries of a zoo file, for one word of the command line.

        Args:
            reference: as for :meth:`select`.
            folder: of the zoo file; paths are seen from the current one.
        """
        return [{"name": name} for name in self.select(reference)]

    # What is known of a model before it is loaded.

    def weights(self, entry: ZooEntry) -> Weights | None:
        """Return the place of the weights; None where only the source itself can tell."""
        return None

    def license(self, entry: ZooEntry, model: nn.Module | None) -> str | None:
        """The licence of the weights where the entry does not say; None if it is not known."""
        return None

    @abstractmethod
    def structure(
        self, entry: ZooEntry, opening: Opening, state: State | None = None
    ) -> nn.Module | None:
        """Build the network without numbers, as far as is known without a request.

        Args:
            entry: the model.
            opening: whose local cache to look into, and whether code may run.
            state: the checkpoint's tensors, where they are known from elsewhere.

        Returns:
            The network with its head, best on the device ``meta``; None where it is not known.

        Raises:
            ModelError: it cannot be built as the entry says.
        """

    def unknown(self, opening: Opening) -> str:
        """Say why :meth:`structure` gives none, for a check of a zoo; empty if that is no fault."""
        return "structure not known before it is loaded"

    def remote_structure(
        self, entry: ZooEntry, remote: Remote, opening: Opening
    ) -> tuple[nn.Module | None, State | None]:
        """Build the network of weights that are on the hub and not here; asks for their shapes.

        Returns:
            The network without numbers, and the tensors that should fit it; None for tensors that
            are known to fit.
        """
        return self.structure(entry, opening), None

    def preprocessing(self, entry: ZooEntry, model: nn.Module | None) -> Mapping[str, Any]:
        """Return how the network's images are prepared, where the entry does not say.

        Args:
            entry: the model.
            model: the network; None where it has not been built.

        Returns:
            Any of ``input_size``, ``mean``, ``std``, ``interpolation``, ``crop_pct`` and
            ``crop_mode``, as timm has them in a network's ``pretrained_cfg``.
        """
        return getattr(model, "pretrained_cfg", None) or {}

    def code(self, entry: ZooEntry) -> str:
        """Say whose code runs when the network is built; empty where none needs permission.

        Such a network is built only with ``--trust-code``. Code of installed packages, that of
        the source included, is not meant.
        """
        return ""

    def code_modules(self, entry: ZooEntry) -> set[str]:
        """Modules whose code makes the network, besides those that its layers are of."""
        return set()

    def draws(self, entry: ZooEntry) -> bool:
        """Tell whether parameters may stay as they were drawn; the run's seed is set before."""
        return entry.partial

    def identity(self, entry: ZooEntry, hub: Hub) -> dict[str, Any] | None:
        """Tell the weights and the preprocessing from all others without loading the network.

        Returns:
            ``weights`` and ``preprocessing`` in plain values; None where only the loaded network
            can tell: then all of its numbers and its code do.

        Raises:
            ModelError: the weights cannot be found.
        """
        return None

    # Weights in a zoo file that should not change unseen.

    def unpinned(self, entry: ZooEntry) -> str:
        """Say in words what should be pinned; empty if nothing should."""
        return ""

    def pins(self, entry: ZooEntry, commit: str | None, sha256: str | None) -> dict[str, str]:
        """The fields that pin an entry to the weights that were found, and what they would say.

        Args:
            entry: the model.
            commit: of the hub; None if it is not known.
            sha256: of the file on this machine; None if there is none.
        """
        return {}

    # The network itself.

    @abstractmethod
    def load(self, entry: ZooEntry, opening: Opening) -> Loaded:
        """Build the network and fill it with its weights; its head stays on.

        Raises:
            ModelError: it cannot be had, or its weights do not fit.
        """

    def converter(self, entry: ZooEntry, model: nn.Module) -> Converter | None:
        """Return timm's conversion of a checkpoint for the network; None if it has none."""
        return None

    def has_new_head(self, entry: ZooEntry, model: nn.Module) -> bool:
        """Tell whether the network was asked for with other classes than its weights have."""
        return False

    def rebuilt(self, entry: ZooEntry, classes: int) -> nn.Module | None:
        """Build the plain network for other classes, to write what was fine-tuned.

        Args:
            entry: the model.
            classes: of the target; 0 for no classifier.

        Returns:
            The network with numbers of its own; None where it cannot be built that way.
        """
        return None

    def reload(self, entry: ZooEntry, classes: int) -> str:
        """Return Python code that builds what :meth:`rebuilt` gives; empty where timm does it."""
        return ""
