"""Types of settings that several commands have, and which settings are of volumes alone."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, Field

from acrank.errors import ConfigError
from acrank.utils.duration import parse_duration

# Settings of volumes alone.
VOLUME_SETTINGS = ("patch", "spacing", "window", "patches")
# Of images with masks, and of no use where an image has one label.
PIXEL_SETTINGS = ("image_size", "decoder", "pixels")
# Settings of what networks see of masks and volumes.
GEOMETRY = ("image_size", "patch", "spacing", "window")
# What networks halve their input to, and the most voxels of a side that a patch may have.
PATCH_STRIDE, PATCH_LARGEST = 16, 512

Steps = Annotated[int, Field(ge=1)] | Literal["epoch"]
Seconds = Annotated[float, BeforeValidator(parse_duration), Field(gt=0, allow_inf_nan=False)]


def _numbers(value: object) -> object:
    """Numbers between commas as a list of them."""
    return value.split(",") if isinstance(value, str) else value


def _two(value: object) -> object:
    """A lowest and a highest number."""
    given = _numbers(value)
    if not isinstance(given, list | tuple) or len(given) != 2:
        raise ValueError("write it as LOW,HIGH, for example -160,240")
    return given


def _rising(value: tuple[float, float]) -> tuple[float, float]:
    if value[0] >= value[1]:
        raise ValueError("write it as LOW,HIGH, for example -160,240")
    return value


def _count(value: object) -> object:
    """A number written as text, or ``all``."""
    if value == "all" or not isinstance(value, str):
        return value
    if not value.isdecimal():
        raise ValueError("write it as a whole number, or as all")
    return int(value)


def _each_axis(value: object) -> object:
    """One number for the three axes."""
    given = _numbers([value] if isinstance(value, int | float) else value)
    if not isinstance(given, list | tuple) or len(given) not in (1, 3):
        raise ValueError("write it as one number, or as three for the axes X,Y,Z")
    return [*given] * 3 if len(given) == 1 else given


Side = Annotated[int, Field(ge=PATCH_STRIDE, le=PATCH_LARGEST, multiple_of=PATCH_STRIDE)]
Millimetres = Annotated[float, Field(ge=0.01, le=100)]
Intensity = Annotated[float, Field(allow_inf_nan=False)]
Patch = Annotated[tuple[Side, Side, Side], BeforeValidator(_each_axis)]
Patches = Annotated[Annotated[int, Field(ge=1, le=100)] | Literal["all"], BeforeValidator(_count)]
SpacingMm = Annotated[tuple[Millimetres, Millimetres, Millimetres], BeforeValidator(_each_axis)]
Window = Annotated[tuple[Intensity, Intensity], BeforeValidator(_two), AfterValidator(_rising)]


def given(config: BaseModel, names: Iterable[str]) -> dict[str, Any]:
    """Those of some settings that somebody has set, with their values; not to None."""
    values = {name: getattr(config, name) for name in names if name in config.model_fields_set}
    return {name: value for name, value in values.items() if value is not None}


def told_unused(config: BaseModel) -> list[str]:
    """Say which settings of pixels somebody has set, where images have one label each.

    Args:
        config: of a run on such images.
    """
    names = [name for name in PIXEL_SETTINGS if name in type(config).model_fields]
    named = ", ".join("--" + name.replace("_", "-") for name in given(config, names))
    if not named:
        return []
    return [
        f"{named}: for images with masks alone, and not used here; each network sees images at its "
        "own size (input_size in a zoo entry)."
    ]


def refuse_other_kind(config: BaseModel, volumes: bool) -> None:
    """Refuse settings of images for volumes, and the other way round.

    Args:
        config: has the settings of both.
        volumes: whether the data are volumes.

    Raises:
        ConfigError: one is set, be it to what it is anyway.
    """
    names = ("image_size",) if volumes else VOLUME_SETTINGS
    others = given(config, names)
    if others:
        named = ", ".join("--" + name.replace("_", "-") for name in others)
        raise ConfigError(
            f"{named} is for {'images' if volumes else 'volumes'}, and the data are "
            f"{'volumes' if volumes else 'images'}.",
            hint="Leave it out; --patch sets the size of volumes." if volumes else None,
        )
