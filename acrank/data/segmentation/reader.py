"""``open_segmentation``: from a folder of images and masks to a checked dataset."""

from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np

from acrank.data.checks import Fault, listing, refuse_faults
from acrank.data.imagefile import in_threads, strict_pillow
from acrank.data.segmentation.classfile import read_class_map
from acrank.data.segmentation.classmap import ClassMap, infer_class_map
from acrank.data.segmentation.imagesize import Size, check_size
from acrank.data.segmentation.layout import Layout, class_file, find_files
from acrank.data.segmentation.maskfile import read_mask
from acrank.data.segmentation.target import Pair, SegmentationTarget
from acrank.data.target import PathSource
from acrank.errors import DataError

_SIZES = "Give each mask the size of its image, as shown: EXIF orientations are applied."
_LABELS = "Name every value, or colour, of the masks in classes.yaml, as a class or as ignore."
_BLANK = "Remove masks in which nothing is labelled, and their images."
# Of the unknown labels in one mask.
_SHOWN = 8


class _Seen(NamedTuple):
    """A pair, and the values or colours that its mask holds."""

    pair: Pair
    codes: frozenset[int]


def open_segmentation(spec: str) -> SegmentationTarget:
    """Open a folder of ``images/`` and ``masks/`` (optionally under ``train/``), and check it all.

    Every mask is read once; images are decoded only where nothing cheaper tells that they are
    whole. ``classes.yaml``, beside the two folders or in the folder above, names the classes;
    without it they are the values found in the masks.

    Args:
        spec: the folder.

    Raises:
        DataError: the data are missing, ill-formed or damaged; it lists every file at fault.
    """
    layout = find_files(Path(spec).expanduser())
    name = str(Path(spec).expanduser())
    file = class_file(layout.root)
    given = read_class_map(file) if file else None
    seen, faults = _look(layout, colour=given is not None and given.colour)
    if given:
        faults += _label_faults(given, seen)
    refuse_faults(name, layout.total, faults, things="files")
    class_map, notices = (given, []) if given else _inferred(name, layout, seen)
    _require_enough(name, class_map, seen)
    pairs = tuple(pair for pair, _ in seen)
    return SegmentationTarget(name, class_map, pairs, (*notices, *_empty_masks(class_map, seen)))


def _look(layout: Layout, *, colour: bool) -> tuple[list[_Seen], list[Fault]]:
    """Check every file; return the sound pairs, and what is wrong with the other files."""
    pairs = layout.pairs()
    with strict_pillow():
        sizes = in_threads(check_size, [PathSource(image) for _, image, _ in pairs])
        masks = in_threads(
            partial(_check_mask, colour=colour), [PathSource(mask) for _, _, mask in pairs]
        )
    seen, faults = [], list(layout.faults())
    for (key, image, mask), size, found in zip(pairs, sizes, masks, strict=True):
        faults += [fault for fault in (size, found) if isinstance(fault, Fault)]
        if isinstance(size, Fault) or isinstance(found, Fault):
            continue
        if found[0] != size:
            faults.append(Fault(str(mask), _unlike(found[0], size), _SIZES))
            continue
        seen.append(_Seen(Pair(key, PathSource(image), PathSource(mask), size), found[1]))
    return seen, faults


def _check_mask(source: PathSource, *, colour: bool) -> tuple[Size, frozenset[int]] | Fault:
    """Return a mask's size and what it holds; its pixels are not kept."""
    mask = read_mask(source, colour=colour)
    if isinstance(mask, Fault):
        return mask
    return mask.size, frozenset(np.unique(mask.codes).tolist())


def _unlike(mask: Size, image: Size) -> str:
    turned = ", as if the image's EXIF orientation were not applied" if mask == image[::-1] else ""
    return (
        f"{mask[0]} x {mask[1]} pixels, but its image has {image[0]} x {image[1]}"
        f"{turned if mask != image else ''}"
    )


def _label_faults(class_map: ClassMap, seen: Sequence[_Seen]) -> Iterator[Fault]:
    """Every mask with labels that stand for nothing, or with none that stand for a class."""
    for pair, codes in seen:
        strangers = class_map.strangers(codes)
        if strangers:
            shown = ", ".join(class_map.say(code) for code in strangers[:_SHOWN])
            more = f" and {len(strangers) - _SHOWN} more" if len(strangers) > _SHOWN else ""
            what = "colours" if class_map.colour else "values"
            yield Fault(str(pair.mask), f"{what} outside the classes: {shown}{more}", _LABELS)
        elif codes == {class_map.ignore}:
            yield Fault(str(pair.mask), "every pixel is to be ignored", _BLANK)


def _inferred(name: str, layout: Layout, seen: Sequence[_Seen]) -> tuple[ClassMap, list[str]]:
    class_map, notices = infer_class_map(name, [codes for _, codes in seen])
    refuse_faults(name, layout.total, _label_faults(class_map, seen), things="files")
    return class_map, notices


def _require_enough(name: str, class_map: ClassMap, seen: Sequence[_Seen]) -> None:
    """Refuse a single image, classes without a pixel, and data of a single class."""
    if len(seen) < 2:
        raise DataError(f"{name}: only one image with a mask.", hint="Give two or more.")
    if len(class_map.names) < 2:
        raise DataError(
            f"{name}: every pixel of the masks has the value {class_map.names[0]}.",
            hint="Ranking needs masks of at least two classes, such as background and foreground.",
        )
    present = frozenset().union(*(codes for _, codes in seen))
    absent = [
        f"{class_name!r} ({class_map.say(code)})"
        for class_name, code in zip(class_map.names, class_map.codes, strict=True)
        if code not in present
    ]
    if absent:
        raise DataError(
            f"{name}: {len(absent)} class(es) that no mask has:{listing(absent, limit=None)}",
            hint="Correct their values in classes.yaml, or remove them from it.",
        )


def _empty_masks(class_map: ClassMap, seen: Sequence[_Seen]) -> list[str]:
    """Say how many masks show no object."""
    nothing = {class_map.background, class_map.ignore}
    empty = sum(codes <= nothing for _, codes in seen)
    if not empty:
        return []
    return [f"{empty} of {len(seen)} masks are empty: they hold background alone."]
