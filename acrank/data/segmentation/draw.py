"""Draw a sample of images with masks: choose pairs, decode them once, part them into batches."""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial

import numpy as np

from acrank.data.checks import Fault, refuse_faults
from acrank.data.decode import Decoded, Pixels
from acrank.data.draw import Read, all_eight_bits, check_numbers, read_image
from acrank.data.fingerprint import make_fingerprint
from acrank.data.imagefile import in_threads, strict_pillow
from acrank.data.notices import pair_sample_notices
from acrank.data.segmentation.classmap import ClassMap
from acrank.data.segmentation.maskfile import read_mask
from acrank.data.segmentation.order import (
    class_warnings,
    deal_batches,
    in_drawing_order,
    plan_pairs,
)
from acrank.data.segmentation.sample import SegmentationSample, classes_held
from acrank.data.segmentation.squash import check_image_size, squash_image, squash_mask
from acrank.data.segmentation.target import Pair, SegmentationTarget

CHANGED = "Do not change the files while they are read, and start again."


def draw_segmentation(
    target: SegmentationTarget, samples: int, batch_size: int, seed: int, image_size: int = 256
) -> SegmentationSample:
    """Draw pairs, decode them once, stretch them to one size and part them into batches.

    The order of drawing depends on the seed and the keys only, so a smaller sample is the start of
    a larger one. Batches hold two classes each where the images drawn allow it.

    Args:
        target: the dataset.
        samples: how many pairs to draw; rounded down to whole batches.
        batch_size: the size of a batch.
        seed: chooses the pairs.
        image_size: height and width of images and masks; a multiple of 32.

    Raises:
        ConfigError: a number below two, or a size that does not fit.
        DataError: a drawn file cannot be decoded, or the sample holds a single class.
    """
    check_numbers(samples, batch_size)
    check_image_size(image_size)
    plan = plan_pairs(len(target.items), samples, batch_size)
    drawn = in_drawing_order(target.items, seed)[: plan.total]
    images, masks, hashes, deep = _decode_all(target, drawn, image_size)
    held = classes_held(masks)
    batches = deal_batches(held, plan.batches)
    warnings = pair_sample_notices(len(target.items), samples, batch_size, plan)
    warnings += class_warnings(target.name, target.classes, held, batches)
    return SegmentationSample(
        classes=target.classes,
        keys=tuple(pair.key for pair in drawn),
        images=images,
        masks=masks,
        batches=batches,
        warnings=(*target.warnings, *warnings, *deep),
        fingerprint=_fingerprint(target.class_map, drawn, hashes, image_size),
    )


def whole_segmentation(
    target: SegmentationTarget, samples: int | None, seed: int, image_size: int
) -> SegmentationSample:
    """Decode all pairs, or so many of them drawn as :func:`draw_segmentation` does, in one batch.

    Args:
        target: the dataset.
        samples: how many pairs; None for all.
        seed: chooses the pairs.
        image_size: height and width of images and masks; a multiple of 32.

    Raises:
        ConfigError: a size that does not fit.
        DataError: a file cannot be decoded.
    """
    check_image_size(image_size)
    drawn = in_drawing_order(target.items, seed)[:samples]
    images, masks, hashes, deep = _decode_all(target, drawn, image_size)
    return SegmentationSample(
        classes=target.classes,
        keys=tuple(pair.key for pair in drawn),
        images=images,
        masks=masks,
        batches=(np.arange(len(drawn), dtype=np.int64),),
        warnings=(*target.warnings, *deep),
        fingerprint=_fingerprint(target.class_map, drawn, hashes, image_size),
        digests=tuple(image for image, _ in hashes),
    )


def _read_image(pair: Pair, image_size: int) -> Read | Fault:
    read = read_image(pair.item)
    if isinstance(read, Fault):
        return read
    try:
        values = squash_image(read.image.values, pair.size, image_size)
    except ValueError as error:
        return Fault(str(pair.image), str(error), CHANGED)
    return Read(replace(read.image, values=values), read.digest)


def _read_mask(pair: Pair, class_map: ClassMap, image_size: int) -> Read | Fault:
    mask = read_mask(pair.mask, colour=class_map.colour)
    if isinstance(mask, Fault):
        return mask
    codes = squash_mask(mask.codes, image_size)
    if mask.size != pair.size or class_map.strangers(np.unique(codes).tolist()):
        return Fault(str(pair.mask), "it has changed since it was checked", CHANGED)
    return Read(Decoded(class_map.indices(codes)), mask.digest)


def _decode_all(
    target: SegmentationTarget, drawn: Sequence[Pair], image_size: int
) -> tuple[list[Pixels], Pixels, list[tuple[str, str]], list[str]]:
    """Decode the drawn pairs; return them with their hashes and what the user should know."""
    with strict_pillow():
        images = in_threads(partial(_read_image, image_size=image_size), drawn)
        reading = partial(_read_mask, class_map=target.class_map, image_size=image_size)
        masks = in_threads(reading, drawn)
    faults = [found for found in (*images, *masks) if isinstance(found, Fault)]
    refuse_faults(target.name, 2 * len(drawn), faults, things="files")
    squares = [found for found in images if isinstance(found, Read)]
    labels = [found for found in masks if isinstance(found, Read)]
    hashes = [(one.digest, two.digest) for one, two in zip(squares, labels, strict=True)]
    keys = [pair.key for pair in drawn]
    pixels, notices = all_eight_bits(keys, [square.image for square in squares])
    return pixels, np.stack([label.image.values for label in labels]), hashes, notices


def _fingerprint(
    class_map: ClassMap,
    drawn: Sequence[Pair],
    hashes: Sequence[tuple[str, str]],
    image_size: int,
) -> str:
    meaning = [class_map.names, class_map.codes, class_map.ignore, class_map.colour]
    rows = [[pair.key, *digests] for pair, digests in zip(drawn, hashes, strict=True)]
    return make_fingerprint(image_size, meaning, rows)
