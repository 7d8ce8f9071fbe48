"""Define a candidate model as a zoo file describes it, and the list of them."""

import math
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from acrank.utils.files import expanded
from acrank.zoo.sources.registry import source_of

# Pixels of a side: ten times what networks take, and a batch still fits in memory.
LARGEST_SIDE = 4096


class ZooEntry(BaseModel):
    """One candidate: a name, and one place to take the network and its weights from.

    Attributes:
        name: what reports call the model; the source too when nothing else names one.
        source: a timm name, or a model of another source behind its prefix, such as
            ``hf-hub:org/name@revision``, ``local-dir:PATH`` or ``torchvision:resnet18``.
        arch: a timm architecture, loaded with ``weights``.
        kwargs: arguments of the architecture or the factory.
        weights: a checkpoint file, or ``hf-hub:org/name[@revision]/path/in/repo.safetensors``.
        sha256: what the checkpoint file must hash to.
        key: where in the checkpoint the tensors are, such as ``teacher.backbone``; without one
            they are found by their names.
        partial: whether the checkpoint may fill a part of the network only.
        factory: ``package.module:function`` that returns a network; runs user code.
        classifier: the module of the network that is its classification head.
        tags: free words to filter by.
        license: the licence of the weights.
        imagenet_top1: top-1 accuracy on the ImageNet-1k validation set in per cent, as published;
            a baseline that uses no target data.
        note: anything a reader should know.
        mean: channel means of the preprocessing, 1 or 3 of them.
        std: channel standard deviations of the preprocessing, 1 or 3 of them.
        input_size: (channels, height, width); one number is a square image, four are a volume.
        in_chans: image channels the network takes.
        base: the folder that relative paths start from; not part of a zoo file.
        image_size: pixels of the sides that a run asks for in place of the network's own; not part
            of a zoo file.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(min_length=1, max_length=300)
    source: str | None = None
    arch: str | None = Field(default=None, max_length=300)
    kwargs: dict[str, Any] = Field(default_factory=dict)
    weights: str | None = None
    sha256: str | None = None
    key: str | None = Field(default=None, min_length=1, max_length=300)
    partial: bool = False
    factory: str | None = None
    classifier: str | None = None
    tags: tuple[str, ...] = ()
    license: str | None = None
    imagenet_top1: float | None = None
    note: str | None = None
    mean: tuple[float, ...] | None = None
    std: tuple[float, ...] | None = None
    input_size: tuple[int, ...] | None = None
    in_chans: Literal[1, 3] | None = None
    base: Path = Field(default=Path(), exclude=True, repr=False)
    image_size: int | None = Field(default=None, exclude=True, repr=False)

    def __hash__(self) -> int:
        """Hash by what tells entries apart; ``kwargs`` is a dict and cannot take part."""
        return hash((self.name, self.source, self.arch, self.weights, self.factory))

    @property
    def reference(self) -> str | None:
        """The ``source``, or else the ``name``; None for ``arch`` and ``factory`` entries."""
        if self.arch or self.factory:
            return None
        return self.source or self.name

    @property
    def readable_source(self) -> str:
        """The place that the network comes from, in one short string."""
        return source_of(self).written(self)

    @property
    def sides(self) -> tuple[int, ...] | None:
        """Height and width of images, or three sides of volumes; None where nothing says them."""
        if self.image_size:
            return self.image_size, self.image_size
        return self.input_size[1:] if self.input_size else None

    def at_size(self, image_size: int | None) -> Self:
        """The candidate for images of another size.

        Args:
            image_size: pixels of both sides; None for the network's own size.
        """
        return self.model_copy(update={"image_size": image_size})

    def path(self, relative: str) -> Path:
        """A path of this entry, seen from the folder of its zoo file."""
        path = Path(relative)
        try:
            return self.base / expanded(path)
        except RuntimeError:  # ~nobody: a user that this machine does not have
            return self.base / path

    @field_validator("imagenet_top1")
    @classmethod
    def _is_per_cent(cls, value: float | None) -> float | None:
        if value is not None and not 0 <= value <= 100:  # refuses NaN too
            raise ValueError(f"takes a per cent from 0 to 100, got {value:g}")
        return value

    @field_validator("mean", "std", mode="before")
    @classmethod
    def _one_number_is_a_list(cls, value: object) -> object:
        return (value,) if isinstance(value, int | float) else value

    @field_validator("mean", "std")
    @classmethod
    def _one_or_three(cls, value: tuple[float, ...] | None) -> tuple[float, ...] | None:
        if value is not None and len(value) not in (1, 3):
            raise ValueError(f"takes 1 or 3 numbers, got {len(value)}")
        if value is not None and not all(math.isfinite(number) for number in value):
            raise ValueError("takes finite numbers only")
        return value

    @field_validator("std")
    @classmethod
    def _positive(cls, value: tuple[float, ...] | None) -> tuple[float, ...] | None:
        if value is not None and min(value) <= 0:
            raise ValueError("takes numbers above 0: images are divided by it")
        return value

    @field_validator("input_size", mode="before")
    @classmethod
    def _is_a_size(cls, value: object) -> object:
        if value is None:
            return None
        sizes = [value] if isinstance(value, int) else value
        if not isinstance(sizes, list | tuple) or len(sizes) not in (1, 3, 4):
            raise ValueError("takes one number or [channels, height, width]; of volumes, four")
        if not all(type(size) is int and size > 0 for size in sizes):
            raise ValueError(f"takes whole numbers above 0, got {value!r}")
        if max(sizes) > LARGEST_SIDE:
            raise ValueError(f"takes sides of at most {LARGEST_SIDE} pixels, got {max(sizes)}")
        # 0 channels marks "not said": filled in below, where in_chans is known
        return (0, sizes[0], sizes[0]) if len(sizes) == 1 else tuple(sizes)

    @field_validator("sha256")
    @classmethod
    def _is_sha256(cls, value: str | None) -> str | None:
        if value is not None and not re.fullmatch(r"[0-9a-fA-F]{64}", value):
            raise ValueError(
                f"is not a SHA-256: 64 hexadecimal digits, got {len(value)} characters"
            )
        return value and value.lower()

    @field_validator("source", "weights")
    @classmethod
    def _is_a_path(cls, value: str | None) -> str | None:
        if value is not None and ("\0" in value or len(value) > 4000):
            raise ValueError("takes a path of at most 4000 characters, without NUL")
        return value

    @field_validator("factory")
    @classmethod
    def _is_factory(cls, value: str | None) -> str | None:
        if value is not None and not re.fullmatch(r"\w+(\.\w+)*:\w+(\.\w+)*", value):
            raise ValueError(f"is written package.module:function, got {value!r}")
        return value

    @model_validator(mode="after")
    def _has_one_source(self) -> Self:
        given = [key for key in ("source", "arch", "factory") if getattr(self, key)]
        if len(given) > 1:
            raise ValueError(f"give one of source, arch and factory, not {' and '.join(given)}")
        source_of(self).check_fields(self)
        return self

    @model_validator(mode="after")
    def _channels_agree(self) -> Self:
        channels: int | None = self.in_chans
        if self.input_size:
            channels = self.input_size[0] or channels or 3
            # the model is frozen for its users; here it is still being made
            object.__setattr__(self, "input_size", (channels, *self.input_size[1:]))
        if self.in_chans and channels != self.in_chans:
            raise ValueError(f"input_size has {channels} channels, in_chans says {self.in_chans}")
        for key in ("mean", "std"):
            values = getattr(self, key)
            if values and channels and len(values) not in (1, channels):
                raise ValueError(f"{key} has {len(values)} numbers for {channels} channel(s)")
        return self


@dataclass(frozen=True)
class Zoo:
    """A list of candidates and what it is called: its file, ``default`` or ``demo``."""

    entries: tuple[ZooEntry, ...]
    name: str
