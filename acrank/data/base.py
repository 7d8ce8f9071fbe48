"""The sample and the target of any task: what scoring, reports and budgets ask of them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple, Protocol, Self, cast

import numpy as np
import numpy.typing as npt
import torch

from acrank.data.preprocess import Preprocessing
from acrank.errors import DataError

Rows = npt.NDArray[np.int64]
# Images (N, C, ...) and labels, of images (N,) or of pixels (N, ...), of batch number i.
Batches = Callable[[int], tuple[torch.Tensor, torch.Tensor]]
# Labels (N, ...) of batch number i on the boundaries of its masks, below zero elsewhere.
Edges = Callable[[int], torch.Tensor]


def seed_of_batch(seed: int, index: int) -> int:
    """The seed of what is drawn from one batch, the same for every network."""
    return seed * 1_000_003 + index


def not_told() -> DataError:
    """The error for a record that does not say how the sample of its run was drawn."""
    return DataError(
        "The result does not say how its sample was drawn.",
        hint="Leave --data out; the page then has no images.",
    )


class Drawing(NamedTuple):
    """The settings of a run that decide which sample is drawn; see :class:`acrank.RunConfig`."""

    samples: int
    batch_size: int
    seed: int
    image_size: int | None = None
    patch: tuple[int, int, int] | None = None
    spacing: tuple[float, float, float] | None = None
    window: tuple[float, float] | None = None
    patches: Any = 1

    @classmethod
    def of(cls, settings: Mapping[str, Any]) -> Drawing:
        """Read them off the settings of a run, or off the record that a run has left.

        Raises:
            DataError: the record does not say how the sample was drawn.
        """
        given = {name: settings[name] for name in cls._fields if settings.get(name) is not None}
        # only masks need a size, and their target asks for it
        numbers = {"image_size": 0, **given}
        told = ("samples", "batch_size", "seed", "image_size")
        if not all(isinstance(numbers.get(name), int) for name in told):
            raise not_told()
        found = {n: tuple(v) if isinstance(v, list) else v for n, v in given.items()}
        return cls(**cast(dict[str, Any], found))


@dataclass(frozen=True)
class Seen:
    """The part of a sample that scores of features see.

    Attributes:
        batches: images and labels of batch number i.
        count: number of batches.
        rows: int64, the sample's row of each image, in the order of the batches.
        edges: labels on the boundaries of masks; None where those of the batches tell.
    """

    batches: Batches
    count: int
    rows: Rows
    edges: Edges | None = None


class AnySample(ABC):
    """Images, patches or other inputs with labels, decoded once and parted into batches.

    Attributes:
        task: key of the task in :mod:`acrank.tasks.registry`.
        things: what it is made of, in words.
        classes: names of the classes.
        keys: ids of the images.
        batches: disjoint index arrays that cover the sample.
        warnings: plain sentences for the user.
        fingerprint: a hash of all that is in it.
    """

    task: ClassVar[str]
    things: ClassVar[str]
    classes: tuple[str, ...]
    keys: tuple[str, ...]
    batches: tuple[Rows, ...]
    warnings: tuple[str, ...]
    fingerprint: str

    def __len__(self) -> int:
        return len(self.keys)

    @property
    def sides(self) -> tuple[int, ...]:
        """Pixels of every image along each axis; empty where networks resize images themselves."""
        return ()

    @property
    def facts(self) -> dict[str, Any]:
        """Facts that a run records beside its settings, because the data decided them."""
        return {}

    @abstractmethod
    def held(self) -> npt.NDArray[np.bool_]:
        """Tell which classes each image holds, bool (N, K)."""

    @abstractmethod
    def part(self, rows: Rows, batches: tuple[Rows, ...]) -> Self:
        """Return the images of some rows, ascending, as a sample with batches of its own."""

    @abstractmethod
    def batch(
        self,
        index: int,
        preprocessing: Preprocessing,
        *,
        device: torch.device | str,
        dtype: torch.dtype = torch.float32,
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Return one batch on the device: images as the network takes them, and int64 labels."""

    def adapted(self, preprocessing: Preprocessing) -> dict[str, str]:
        """Say by flags what is done to the images so that a network takes them.

        Raises:
            ModelError: the network takes channels that the images do not have.
        """
        return {}

    def seen(
        self, preprocessing: Preprocessing, device: torch.device, *, pixels: int, seed: int
    ) -> Seen:
        """Return what scores of features see: by default the batches themselves.

        Args:
            preprocessing: of the network.
            device: where batches go.
            pixels: how many of a class and an image are observed at most.
            seed: of what is drawn.
        """

        def batches(index: int) -> tuple[torch.Tensor, torch.Tensor]:
            return self.batch(index, preprocessing, device=device)

        return Seen(batches, len(self.batches), np.concatenate(self.batches))


class AnyTarget(Protocol):
    """A dataset of some task, not decoded."""

    task: ClassVar[str]

    @property
    def name(self) -> str:
        """The text that the user gave."""
        ...

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the classes."""
        ...

    @property
    def items(self) -> Sequence[Any]:
        """The labelled images."""
        ...

    @property
    def warnings(self) -> tuple[str, ...]:
        """Plain sentences for the user."""
        ...

    @property
    def windowed(self) -> bool:
        """Tell whether images have units, so that the window of the user applies."""
        ...

    def draw(self, drawing: Drawing) -> AnySample:
        """Draw a sample and decode it.

        Raises:
            ConfigError: a setting does not fit.
            DataError: a drawn file cannot be decoded, or the sample holds a single class.
        """
        ...

    def smaller(self, whole: AnySample, drawing: Drawing) -> AnySample:
        """Draw fewer images from those of a larger draw with the same seed, without decoding.

        Args:
            whole: the larger draw.
            drawing: with the smaller number of samples.
        """
        ...
