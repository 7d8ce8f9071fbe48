"""Draw a sample from a target: choose images, decode them once, part them into batches."""

from collections.abc import Sequence
from typing import NamedTuple, TypeVar

import numpy as np
import numpy.typing as npt

from acrank.data import stratify
from acrank.data.base import AnySample
from acrank.data.checks import Fault, fault_of, refuse_faults
from acrank.data.decode import Decoded, Pixels, grey_depth
from acrank.data.fingerprint import make_fingerprint
from acrank.data.imagefile import in_threads, strict_pillow
from acrank.data.notices import class_sample_notices
from acrank.data.pixel_notices import pixel_notices
from acrank.data.sample import Sample
from acrank.data.target import Item, Target, groups_of, require_two_classes
from acrank.errors import ConfigError

Drawn = TypeVar("Drawn", bound=AnySample)


def draw_sample(target: Target, samples: int, batch_size: int, seed: int) -> Sample:
    """Draw a stratified sample, decode it once and part it into stratified batches.

    Classes are drawn in proportion to their frequency, at least one image each where possible. The
    images drawn depend on the seed and on their number only, not on the batches.

    Args:
        target: the dataset.
        samples: how many images to draw; rounded down to whole batches.
        batch_size: the size of a batch.
        seed: chooses the images.

    Raises:
        ConfigError: a number below two.
        DataError: a drawn image cannot be decoded, or the target has a single class.
    """
    check_numbers(samples, batch_size)
    pools = _pools(target, seed)
    require_two_classes(target.name, tuple(target.classes[label] for label in pools))
    plan, drawn = _draw(target, pools, samples, batch_size, seed)
    counts = [len(pool) for pool in pools.values()]
    classes = len({item.label for item in drawn})
    warnings = class_sample_notices(counts, samples, batch_size, plan, classes)
    return _decoded(target, drawn, _batches(drawn, plan, seed), warnings)


def check_numbers(samples: int, batch_size: int) -> None:
    """Refuse numbers below two.

    Raises:
        ConfigError: one of them is.
    """
    for name, value in (("samples", samples), ("batch_size", batch_size)):
        if value < 2:
            raise ConfigError(f"{name} is {value}.", hint=f"Set {name} to 2 or more.")


def whole_sample(target: Target, samples: int | None, seed: int) -> Sample:
    """Decode all images, or so many of them drawn as :func:`draw_sample` does, in one batch.

    Args:
        target: the dataset.
        samples: how many images; None for all.
        seed: chooses the images.

    Raises:
        DataError: an image cannot be decoded, or the target has a single class.
    """
    drawn = drawn_items(target, samples, seed)
    return _decoded(target, drawn, (np.arange(len(drawn), dtype=np.int64),), ())


def drawn_items(target: Target, samples: int | None, seed: int) -> list[Item]:
    """Choose the items of :func:`whole_sample`, in its order.

    Args:
        target: the dataset.
        samples: how many images; None for all.
        seed: chooses the images.

    Raises:
        DataError: the target has a single class.
    """
    pools = _pools(target, seed)
    require_two_classes(target.name, tuple(target.classes[label] for label in pools))
    count = min(samples or len(target.items), len(target.items))
    _, drawn = _draw(target, pools, count, max(count, 2), seed)
    return drawn


def _decoded(
    target: Target,
    drawn: Sequence[Item],
    batches: tuple[npt.NDArray[np.int64], ...],
    warnings: Sequence[str],
) -> Sample:
    read = _decode_all(target.name, drawn)
    present = sorted({item.label for item in drawn})
    labels = np.searchsorted(present, [item.label for item in drawn]).astype(np.int64)
    classes = tuple(target.classes[label] for label in present)
    return Sample(
        classes=classes,
        keys=tuple(item.key for item in drawn),
        labels=labels,
        images=read.pixels,
        batches=batches,
        warnings=(*target.warnings, *warnings, *read.notices),
        fingerprint=_fingerprint(classes, drawn, labels.tolist(), read.digests),
        digests=tuple(read.digests),
        groups=groups_of(drawn),
    )


def smaller_sample(whole: Drawn, target: Target, samples: int, batch_size: int, seed: int) -> Drawn:
    """Draw fewer images, as :func:`draw_sample` does, from those that are decoded already.

    Args:
        whole: a larger draw from the same target, with the same seed and size of batches.
        target: the dataset.
        samples: how many images to draw; rounded down to whole batches.
        batch_size: the size of a batch.
        seed: chooses the images.
    """
    plan, drawn = _draw(target, _pools(target, seed), samples, batch_size, seed)
    places = {key: place for place, key in enumerate(whole.keys)}
    # Webster's method is monotone in the total, and so is what the largest class gives way by
    rows = np.array([places[item.key] for item in drawn])
    return whole.part(rows, _batches(drawn, plan, seed))


def _pools(target: Target, seed: int) -> dict[int, list[Item]]:
    """Group the items by label, each group in its order of drawing."""
    pools: dict[int, list[Item]] = {}
    for item in target.items:
        pools.setdefault(item.label, []).append(item)
    return {label: _shuffled(pools[label], seed) for label in sorted(pools)}


def _shuffled(items: Sequence[Item], seed: int) -> list[Item]:
    return sorted(items, key=lambda item: (stratify.rank(seed, item.key), item.key))


def _draw(
    target: Target, pools: dict[int, list[Item]], samples: int, batch_size: int, seed: int
) -> tuple[stratify.Plan, list[Item]]:
    counts = [len(pool) for pool in pools.values()]
    ranks = [stratify.rank(seed, target.classes[label]) for label in pools]
    plan = stratify.plan(counts, samples, batch_size)
    shares = stratify.quotas(counts, ranks, plan)
    drawn = [
        item for pool, share in zip(pools.values(), shares, strict=True) for item in pool[:share]
    ]
    return plan, sorted(drawn, key=lambda item: (item.label, item.key))


def _batches(
    drawn: Sequence[Item], plan: stratify.Plan, seed: int
) -> tuple[npt.NDArray[np.int64], ...]:
    places = {item.key: place for place, item in enumerate(drawn)}
    groups: dict[int, list[int]] = {}
    for item in _shuffled(drawn, seed):
        groups.setdefault(item.label, []).append(places[item.key])
    ordered = [groups[label] for label in sorted(groups)]
    return tuple(np.array(rows, dtype=np.int64) for rows in stratify.deal(ordered, plan.batches))


class Read(NamedTuple):
    """One decoded image, and the hash of what its pixels depend on."""

    image: Decoded
    digest: str


class Images(NamedTuple):
    """Decoded images in 8 bits, their hashes, and notices on how they were read."""

    pixels: list[Pixels]
    digests: list[str]
    notices: list[str]


def read_image(item: Item) -> Read | Fault:
    """Read an image's bytes once, for the hash and for the pixels."""
    try:
        data = item.read()
        return Read(item.source.decode(data), item.source.digest(data))
    except MemoryError:
        raise
    except Exception as error:  # Pillow's readers raise nearly every type on damaged input
        return fault_of(item.source, error)


def _decode_all(name: str, drawn: Sequence[Item]) -> Images:
    """Decode the drawn images."""
    with strict_pillow():
        results = in_threads(read_image, drawn)
    refuse_faults(name, len(drawn), (result for result in results if isinstance(result, Fault)))
    read = [result for result in results if not isinstance(result, Fault)]
    images, notices = all_eight_bits([item.key for item in drawn], [one.image for one in read])
    return Images(images, [one.digest for one in read], notices)


def all_eight_bits(
    names: Sequence[str], images: Sequence[Decoded]
) -> tuple[list[Pixels], list[str]]:
    """Scale values beyond 8 bits with one depth for all images.

    Args:
        names: of the images.
        images: as they were decoded.

    Returns:
        Their pixels, and what the user should know of how they were read.
    """
    peaks = [image.peak for image in images if image.peak is not None]
    depth = grey_depth(peaks) if peaks else 8
    pixels = [image.pixels(depth) for image in images]
    return pixels, pixel_notices(names, images, pixels)


def _fingerprint(
    classes: Sequence[str], drawn: Sequence[Item], labels: Sequence[int], hashes: Sequence[str]
) -> str:
    keys = [item.key for item in drawn]
    rows = list(zip(keys, labels, hashes, strict=True))
    groups = groups_of(drawn)
    # what has no groups keeps the fingerprint that it had before there were any
    return make_fingerprint(classes, rows, groups) if groups else make_fingerprint(classes, rows)
