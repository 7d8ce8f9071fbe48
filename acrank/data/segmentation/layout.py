"""Find the images and masks of a dataset, and which belong together."""

from pathlib import Path

from acrank.data.folders.foreign import kind_of_folder
from acrank.data.segmentation.classfile import read_class_map
from acrank.data.segmentation.classmap import ClassMap
from acrank.data.segmentation.description import read_description
from acrank.data.segmentation.layouts import Layout, Refused, class_file, search
from acrank.data.segmentation.layouts.found import CLASSES, LAYOUT
from acrank.errors import DataError
from acrank.utils.files import expanded

# Of the documented layout, as links to other layouts are laid out too.
IMAGES = "images"
MASKS = "masks"


def is_segmentation(spec: str) -> bool:
    """Tell whether a target looks like images with masks.

    The names of folders and files have to say so, and a few of the masks to look like masks: class
    folders that happen to be called ``image`` and ``label`` are none. Names that are equal in
    ``images/`` and ``masks/``, or a class file, are enough.

    Args:
        spec: what the user gave as the target.

    Raises:
        DataError: it looks so, but which mask belongs to which image cannot be told.
    """
    try:
        folder = expanded(spec)
        found = search(folder, asked=False) if folder.is_dir() else None
    except (OSError, RuntimeError, ValueError):  # unreadable, no home, a NUL: no such folder
        return False
    if isinstance(found, Refused):
        further = "" if "--task" in found.hint else f" {CLASSES}"
        raise _refusal(f"{spec}: it looks like images with masks", found, further)
    return found is not None


def find_files(folder: Path) -> Layout:
    """List the images and masks of a dataset; hidden files are passed over.

    Raises:
        DataError: the folder has no such layout, holds no pair, or cannot be listed.
    """
    if not folder.is_dir():
        trouble = "no folder" if folder.exists() else "no such folder"
        raise DataError(f"{str(folder)!r}: {trouble}.", hint=LAYOUT)
    try:
        found = search(folder, asked=True)
    except OSError as error:
        raise DataError(
            f"{folder}: cannot be listed: {error}.", hint="Check the folder's permissions."
        ) from error
    if isinstance(found, Layout):
        return found
    if found is None:
        missing = [part for part in (IMAGES, MASKS) if not (folder / part).is_dir()]
        lacks = f"no folder {' and no folder '.join(missing)}" if missing else "no such files"
        found = Refused(f"{lacks} in it", LAYOUT)
    other = None if found.masks else kind_of_folder(folder)
    if other:
        found = Refused(f"{found.reason.rstrip('.')}. It holds {other.what}", other.step)
    raise _refusal(str(folder), found)


def _refusal(what: str, found: Refused, further: str = "") -> DataError:
    return DataError(f"{what}: {found.reason.rstrip('.')}.", hint=found.hint + further)


def own_classes(layout: Layout) -> ClassMap | None:
    """Read ``classes.yaml``, or nnU-Net's ``dataset.json``; None where there is neither.

    Args:
        layout: of the dataset.

    Raises:
        DataError: the file cannot be read, or says something else.
    """
    file = class_file(layout.root)
    if file is not None:
        return read_class_map(file)
    return read_description(layout.description).class_map if layout.description else None
