"""Prepare decoded images as the input of one network."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from PIL import Image
from timm.data.transforms_factory import create_transform

from acrank.data.decode import Pixels
from acrank.data.imagefile import in_threads
from acrank.errors import ModelError

# Pillow's modes by number of channels.
MODES = {1: "L", 3: "RGB"}


@dataclass(frozen=True)
class Preprocessing:
    """A network's preprocessing of images; the fields are those of timm's data configuration.

    Attributes:
        input_size: channels, height, width; channels and three sides of volumes.
        interpolation: the resize filter.
        crop_pct: the part of the resized image that the crop keeps.
        crop_mode: ``center``, ``squash`` or ``border``.
        mean: one value a channel, for pixels in 0..1.
        std: one value a channel.
    """

    input_size: tuple[int, ...]
    interpolation: str
    crop_pct: float
    crop_mode: str
    mean: tuple[float, ...]
    std: tuple[float, ...]

    @classmethod
    def from_config(cls, cfg: Mapping[str, Any]) -> "Preprocessing":
        """Take over what ``timm.data.resolve_data_config`` returns.

        Raises:
            ModelError: the network takes neither 1 nor 3 channels, or its normalisation is odd.
        """
        channels, *sides = (int(size) for size in cfg["input_size"])
        if channels not in MODES and len(sides) == 2:
            raise ModelError(
                f"The network takes {channels} input channels; images have 1 (grey) or 3 (RGB).",
                hint="Leave it out, or build it with in_chans 1 or 3.",
            )
        return cls(
            input_size=(channels, *sides),
            interpolation=str(cfg["interpolation"]),
            crop_pct=float(cfg["crop_pct"]),
            crop_mode=str(cfg["crop_mode"]),
            mean=_per_channel("mean", cfg["mean"], channels),
            std=_positive(_per_channel("std", cfg["std"], channels)),
        )

    @property
    def image_size(self) -> tuple[int, int, int]:
        """Channels, height and width, of a network of images."""
        channels, height, width = self.input_size
        return channels, height, width

    @property
    def geometry(self) -> tuple[Any, ...]:
        """The settings of the resized pixels; networks with the same ones can share them."""
        # Only the border mode looks at the mean: it pads with that colour.
        fill = self.mean if self.crop_mode == "border" else None
        return self.input_size, self.interpolation, self.crop_pct, self.crop_mode, fill


def _per_channel(name: str, values: Sequence[float], channels: int) -> tuple[float, ...]:
    """Fit a normalisation constant to the channels: average three to one, repeat one to three."""
    given = tuple(float(value) for value in values)
    if len(given) == channels:
        return given
    if len(given) == 1:
        return given * channels
    if channels == 1 and len(given) == 3:
        return (sum(given) / 3,)
    raise ModelError(
        f"The network has {channels} input channels but {len(given)} values of {name}.",
        hint=f"Give one value of {name}, or one for each channel.",
    )


def _positive(std: tuple[float, ...]) -> tuple[float, ...]:
    if min(std) > 0:
        return std
    raise ModelError(f"The network's std is {std}.", hint="Every value of std must be above 0.")


def resize(images: Sequence[Pixels], preprocessing: Preprocessing) -> torch.Tensor:
    """Resize and crop with timm's evaluation transform, to uint8 (N, C, H, W), channels last."""
    transform = create_transform(
        input_size=preprocessing.image_size,
        is_training=False,
        use_prefetcher=True,  # stops before the normalisation and returns 8-bit pixels
        interpolation=preprocessing.interpolation,
        crop_pct=preprocessing.crop_pct,
        crop_mode=preprocessing.crop_mode,
        mean=preprocessing.mean,
        std=preprocessing.std,
    )
    mode = MODES[preprocessing.input_size[0]]
    shape = (len(images), *preprocessing.image_size)
    pixels = torch.empty(shape, dtype=torch.uint8, memory_format=torch.channels_last)

    def fill(index: int) -> None:
        image = Image.fromarray(images[index]).convert(mode)
        pixels[index] = torch.as_tensor(np.asarray(transform(image)))

    in_threads(fill, range(len(images)))
    return pixels


def normalise(
    pixels: torch.Tensor,
    preprocessing: Preprocessing,
    *,
    device: torch.device | str,
    dtype: torch.dtype,
) -> torch.Tensor:
    """Move 8-bit pixels to the device and normalise them there, in single precision at least.

    Args:
        pixels: uint8 (N, C, H, W).
        preprocessing: of the network; its mean and standard deviation count.
        device: where the images go.
        dtype: of the images.

    Returns:
        Images (N, C, H, W), channels last in memory.
    """
    work = torch.float64 if dtype == torch.float64 else torch.float32
    images = pixels.to(device).to(work, memory_format=torch.channels_last)
    # along whole lines of pixels: so few channels alone would be several times as slow
    width = images.shape[3]
    lines = images.permute(0, 2, 3, 1).view(len(images), images.shape[2], -1)
    mean, std = (
        torch.tensor(values, device=device, dtype=work).repeat(width)
        for values in (preprocessing.mean, preprocessing.std)
    )
    lines.div_(255).sub_(mean).div_(std)
    return images.to(dtype)
