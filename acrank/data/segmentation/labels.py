"""Compare what all the masks of a dataset hold with its classes."""

from collections.abc import Iterator, Sequence
from types import MappingProxyType
from typing import NamedTuple

from acrank.data.checks import Fault, listing, refuse_faults
from acrank.data.segmentation.classmap import ClassMap, has_greys, infer_class_map
from acrank.data.segmentation.greys import MEND, Greys, made_up_greys, refuse_made_up
from acrank.data.segmentation.maskfile import Palette
from acrank.errors import DataError

_LABELS = "Name every value, or colour, of the masks in classes.yaml, as a class or as ignore."
_BLANK = "Remove masks in which nothing is labelled, and their images."
_PALETTES = (
    "If colours are the classes, give each its colour in classes.yaml, as in: "
    "classes: {background: [0, 0, 0], vessel: [255, 255, 255]}. If values are, whatever their "
    "colours, name the values there."
)
# Of the unknown labels in one mask.
_SHOWN = 8


class Labelled(NamedTuple):
    """A mask's file, and the values or colours that it holds.

    Attributes:
        where: the file.
        codes: its values, or its colours as one number each.
        greys: how it is made, if it has grey levels; None also if it was not looked at.
        palette: the colour of each value, if it has a palette.
    """

    where: str
    codes: frozenset[int]
    greys: Greys | None = None
    palette: Palette = MappingProxyType({})


def label_faults(class_map: ClassMap, masks: Sequence[Labelled]) -> Iterator[Fault]:
    """Every mask with labels that stand for nothing, or with none that stand for a class."""
    for where, codes, *_ in masks:
        strangers = class_map.strangers(codes)
        if strangers:
            shown = ", ".join(class_map.say(code) for code in strangers[:_SHOWN])
            more = f" and {len(strangers) - _SHOWN} more" if len(strangers) > _SHOWN else ""
            what = "colours" if class_map.colour else "values"
            hint = MEND if has_greys(strangers) and not class_map.colour else _LABELS
            yield Fault(where, f"{what} outside the classes: {shown}{more}", hint)
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
    held = [mask.codes for mask in masks]
    refuse_made_up(
        name, [mask.where for mask in masks], held, made_up_greys(held, [m.greys for m in masks])
    )
    _refuse_other_palettes(name, masks)
    class_map, notices = infer_class_map(name, held)
    refuse_faults(name, total, label_faults(class_map, masks), things="files")
    return class_map, notices


def _refuse_other_palettes(name: str, masks: Sequence[Labelled]) -> None:
    """Refuse palettes that give one value several colours: values are then no classes.

    Raises:
        DataError: there are such.
    """
    first: dict[int, tuple[tuple[int, ...], str]] = {}
    for mask in masks:
        for code, colour in mask.palette.items():
            known, where = first.setdefault(code, (colour, mask.where))
            if known != colour:
                raise DataError(
                    f"{name}: the palettes of the masks differ: the value {code} is the colour "
                    f"{list(known)} in {where}, and {list(colour)} in {mask.where}.",
                    hint=_PALETTES,
                )


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
    present = frozenset().union(*(mask.codes for mask in masks))
    absent = [
        f"{class_name!r} ({class_map.say(code)})"
        for class_name, code in zip(class_map.names, class_map.codes, strict=True)
        if code not in present
    ]
    if absent:
        raise DataError(
            f"{name}: {len(absent)} class(es) that no mask has:{listing(absent)}",
            hint="Correct their values in classes.yaml, or remove them from it.",
        )


def empty_masks(class_map: ClassMap, masks: Sequence[Labelled]) -> list[str]:
    """Say how many masks show no object."""
    nothing = {class_map.background, class_map.ignore}
    empty = sum(mask.codes <= nothing for mask in masks)
    if not empty:
        return []
    return [f"{empty} of {len(masks)} masks are empty: they hold background alone."]
