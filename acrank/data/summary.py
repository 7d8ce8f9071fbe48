"""Say in one line what was read: the classes with their sizes, and how much of the data."""

from __future__ import annotations

from collections.abc import Sequence

from acrank.data.base import AnySample, AnyTarget

_SHOWN = 12


def summary(sample: AnySample, target: AnyTarget) -> str:
    """Say which classes a sample holds, with their numbers, and how many of the images it has.

    The numbers of classes are of images; with masks or labels, of those that hold the class.

    Args:
        sample: drawn from the target.
        target: the dataset.
    """
    images = f"{len(sample)} of {len(target.items)} {sample.things}"
    counts = sample.held().sum(axis=0).tolist()
    return in_words(sample.classes, counts, len(target.classes), images)


def in_words(names: Sequence[str], counts: Sequence[int], classes: int, images: str) -> str:
    """Join the numbers to one line, cut after a dozen classes.

    Args:
        names: of the classes.
        counts: of their images.
        classes: of the dataset, of which some may lack images.
        images: how many there are of how many.
    """
    shown = [f"{name} {count}" for name, count in zip(names, counts, strict=True)]
    more = f", and {len(shown) - _SHOWN} more" if len(shown) > _SHOWN else ""
    of = f"{len(names)} of {classes}" if len(names) < classes else f"{classes}"
    return f"{of} classes ({', '.join(shown[:_SHOWN])}{more}), {images}"
