"""Choose colours for classes that differ from each other and stand out on light and dark pages."""

from __future__ import annotations

from functools import cache

import numpy as np
import numpy.typing as npt

# Halfway between what the light page and the dark one use for the same purpose. A picture cannot
# change its colours with the page, and these stand out on both.
ACCENT, SECOND, THIRD = "#3c87d1", "#cc763c", "#9978cc"
# Of what is no class: the page's --ink and --line.
DARK_GREY, LIGHT_GREY = "#1c2126", "#d0d7df"
# Classes keep away from it: much of many images looks so.
_GREY = "#868b91"

# Relative luminance that has a contrast of 3 or more with both papers (WCAG 2).
_DARKEST, _LIGHTEST = 0.13, 0.29
# How many values of red, green and blue are tried for further colours; none of them is glaring.
_STEPS = 18

# Oklab (Ottosson 2020), in which distances are about as large as they look.
_TO_CONES = np.array(
    [
        [0.4122214708, 0.5363325363, 0.0514459929],
        [0.2119034982, 0.6806995451, 0.1073969566],
        [0.0883024619, 0.2817188376, 0.6299787005],
    ]
)
_TO_OKLAB = np.array(
    [
        [0.2104542553, 0.7936177850, -0.0040720468],
        [1.9779984951, -2.4285922050, 0.4505937099],
        [0.0259040371, 0.7827717662, -0.8086757660],
    ]
)

Colours = npt.NDArray[np.float64]


@cache
def class_colours(count: int) -> tuple[str, ...]:
    """Return colours as ``#rrggbb``: the page's own three, then each time the most distant one.

    Args:
        count: how many; the first ones do not depend on it.
    """
    chosen = [ACCENT, SECOND, THIRD]
    candidates = _candidates()
    places = _oklab(candidates)
    taken = _oklab(np.array([rgb(colour) for colour in (*chosen, _GREY)]) / 255)
    distances = np.linalg.norm(places[:, None] - taken, axis=-1).min(axis=1)
    while len(chosen) < count:
        furthest = int(distances.argmax())
        red, green, blue = (candidates[furthest] * 255).round().astype(int).tolist()
        chosen.append(f"#{red:02x}{green:02x}{blue:02x}")
        distances = np.minimum(distances, np.linalg.norm(places - places[furthest], axis=-1))
    return tuple(chosen[:count])


def rgb(colour: str) -> tuple[int, int, int]:
    """Return red, green and blue of ``#rrggbb``, 0 to 255."""
    red, green, blue = bytes.fromhex(colour[1:])
    return red, green, blue


def _candidates() -> Colours:
    steps = np.linspace(0.1, 0.9, _STEPS)
    colours = np.stack(np.meshgrid(steps, steps, steps, indexing="ij"), axis=-1).reshape(-1, 3)
    luminance = _linear(colours) @ (0.2126, 0.7152, 0.0722)
    return colours[(luminance >= _DARKEST) & (luminance <= _LIGHTEST)]


def _oklab(colours: Colours) -> Colours:
    found: Colours = np.cbrt(_linear(colours) @ _TO_CONES.T) @ _TO_OKLAB.T
    return found


def _linear(colours: Colours) -> Colours:
    """Convert sRGB values, 0 to 1, to linear light."""
    return np.where(colours <= 0.04045, colours / 12.92, ((colours + 0.055) / 1.055) ** 2.4)
