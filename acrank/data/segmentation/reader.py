"""Open a folder of images and masks as a checked dataset."""

from functools import partial
from typing import NamedTuple

import numpy as np

from acrank.data.checks import Fault, fault_of, find_fault, refuse_faults
from acrank.data.formats import image_source
from acrank.data.imagefile import in_threads, strict_pillow
from acrank.data.images import ImageSource, Opening, PathSource
from acrank.data.segmentation.classmap import ClassMap, has_greys
from acrank.data.segmentation.greys import look_at_greys
from acrank.data.segmentation.labels import (
    Labelled,
    empty_masks,
    infer_classes,
    label_faults,
    require_enough,
)
from acrank.data.segmentation.layout import find_files, own_classes
from acrank.data.segmentation.layouts import Layout
from acrank.data.segmentation.maskfile import read_mask
from acrank.data.segmentation.objects import refuse_objects
from acrank.data.segmentation.target import Pair, SegmentationTarget
from acrank.data.target import Item
from acrank.utils.paths import user_path

# How images are opened where nobody says anything.
PLAINLY = Opening()
_SIZES = "Give each mask the size of its image, as shown: EXIF orientations are applied."


Size = tuple[int, int]


class _Seen(NamedTuple):
    """A pair, and what its mask holds."""

    pair: Pair
    label: Labelled


class _MaskSeen(NamedTuple):
    """The size of a mask, and the values that it holds."""

    size: Size
    label: Labelled


def open_segmentation(
    spec: str, class_map: ClassMap | None = None, how: Opening = PLAINLY
) -> SegmentationTarget:
    """Open a folder of images and masks, in any of the layouts that are known, and check it all.

    Every mask is read once; images are decoded only where nothing cheaper tells that they are
    whole. ``classes.yaml``, beside the two folders or in the folder above, names the classes (or
    ``dataset.json`` of nnU-Net); without it they are the values found in the masks.

    Args:
        spec: the folder.
        class_map: of other masks, to read these by; classes may be missing then.
        how: images are to be opened.

    Raises:
        ConfigError: a window is set, and no image has units.
        DataError: the data are missing, ill-formed or damaged; it lists files at fault.
    """
    layout = find_files(user_path(spec))
    name = str(user_path(spec))
    given = class_map or own_classes(layout)
    seen, faults = _look(layout, how, colour=given is not None and given.colour)
    masks = [found.label for found in seen]
    if given:
        faults += label_faults(given, masks)
    refuse_faults(name, layout.total, faults, things="files")
    known, notices = (given, []) if given else infer_classes(name, layout.total, masks)
    if not given:
        refuse_objects(name, masks)
    if class_map is None:
        require_enough(name, known, masks)
    pairs = tuple(found.pair for found in seen)
    target = SegmentationTarget(
        name, known, pairs, (*layout.warnings(), *notices, *empty_masks(known, masks))
    )
    how.refuse_unused(name, windowed=target.windowed)
    return target


def _look(layout: Layout, how: Opening, *, colour: bool) -> tuple[list[_Seen], list[Fault]]:
    """Check every file; return the sound pairs, and what is wrong with the other files."""
    pairs = layout.pairs()
    with strict_pillow():
        images = [image_source(pair.image, how) for pair in pairs]
        sizes = in_threads(_check_size, images)
        masks = in_threads(
            partial(_check_mask, colour=colour), [PathSource(pair.mask) for pair in pairs]
        )
    seen, faults = [], list(layout.faults())
    for files, image, size, found in zip(pairs, images, sizes, masks, strict=True):
        faults += [fault for fault in (size, found) if isinstance(fault, Fault)]
        if isinstance(size, Fault) or isinstance(found, Fault):
            continue
        if found.size != size:
            faults.append(Fault(str(files.mask), _unlike(found.size, size), _SIZES))
            continue
        pair = Pair(files.key, image, PathSource(files.mask), size)
        seen.append(_Seen(pair, found.label))
    return seen, faults


def _check_mask(source: PathSource, *, colour: bool) -> _MaskSeen | Fault:
    """Return a mask's size and what it holds; its pixels are not kept."""
    mask = read_mask(source, colour=colour)
    if isinstance(mask, Fault):
        return mask
    codes = frozenset(np.unique(mask.codes).tolist())
    greys = look_at_greys(mask.codes) if not colour and has_greys(codes) else None
    return _MaskSeen(mask.size, Labelled(str(source), codes, greys, mask.palette))


def _unlike(mask: Size, image: Size) -> str:
    turned = ", as if the image's EXIF orientation were not applied" if mask == image[::-1] else ""
    return (
        f"{mask[0]} x {mask[1]} pixels, but its image has {image[0]} x {image[1]}"
        f"{turned if mask != image else ''}"
    )


def _check_size(source: ImageSource) -> Size | Fault:
    """Check that an image is whole, and return its width and height with EXIF applied."""
    fault = find_fault(Item("", 0, source))
    if fault:
        return fault
    try:
        return source.size()
    except MemoryError:
        raise
    except Exception as error:  # Pillow's readers raise nearly every type on damaged input
        return fault_of(source, error)
