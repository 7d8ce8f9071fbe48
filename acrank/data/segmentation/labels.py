"""What all the masks of a dataset hold, against its classes."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from acrank.data.checks import Fault, listing, refuse_faults
from acrank.data.segmentation.classmap import ClassMap, infer_class_map
from acrank.errors import DataError

_LABELS = "Name every value, or colour, of the masks in classes.yaml, as a class or as ignore."
_BLANK = "Remove masks in which nothing is labelled, and their images."
# Of the unknown labels in one mask.
_SHOWN = 8


class Labelled(NamedTuple):
    """A mask's file, and the values or colours that it holds."""

    where: str
    codes: frozenset[int]


def label_faults(class_map: ClassMap, masks: Sequence[Labelled]) -> Iterator[Fault]:
    """Every mask with labels that stand for nothing, or with none that stand for a class."""
    for where, codes in masks:
        strangers = class_map.strangers(codes)
        if strangers:
            shown = ", ".join(class_map.say(code) for code in strangers[:_SHOWN])
            more = f" and {len(strangers) - _SHOWN} more" if len(strangers) > _SHOWN else ""
            what = "colours" if class_map.colour else "values"
            yield Fault(where, f"{what} outside the classes: {shown}{more}", _LABELS)
        elif codes == {class_map.ignore}:
            yield Fault(where, "every pixel is to be ignored", _BLANK)


def infer_classes(name: str, total: int, masks: Sequence[Labelled]) -> tuple[ClassMap, list[str]]:
    """Take the values found for classes, and say what was assumed.

    Args:
        name: of the dataset.
        total: of its files.
        masks: all of them.

    Raises:
        DataError: they cannot be classes; it lists every mask at fault.
    """
    class_map, notices = infer_class_map(name, [codes for _, codes in masks])
    refuse_faults(name, total, label_faults(class_map, masks), things="files")
    return class_map, notices


def require_enough(name: str, class_map: ClassMap, masks: Sequence[Labelled]) -> None:
    """Refuse a single image, classes without a pixel, and data of a single class.

    Raises:
        DataError: they are such.
    """
    if len(masks) < 2:
        raise DataError(f"{name}: only one image with a mask.", hint="Give two or more.")
    if len(class_map.names) < 2:
        raise DataError(
            f"{name}: every pixel of the masks has the value {class_map.names[0]}.",
            hint="Ranking needs masks of at least two classes, such as background and foreground.",
        )
    present = frozenset().union(*(codes for _, codes in masks))
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


def empty_masks(class_map: ClassMap, masks: Sequence[Labelled]) -> list[str]:
    """Say how many masks show no object."""
    nothing = {class_map.background, class_map.ignore}
    empty = sum(codes <= nothing for _, codes in masks)
    if not empty:
        return []
    return [f"{empty} of {len(masks)} masks are empty: they hold background alone."]
