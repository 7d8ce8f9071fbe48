"""Read datasets as a folder with one folder per class."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from shlex import quote

from acrank.data.checks import checked, listing
from acrank.data.folders.foreign import kind_of_folder, step_for, what_is_seen
from acrank.data.folders.passed_over import beside_notice, passed_over, suffixes
from acrank.data.folders.roots import class_root
from acrank.data.folders.walk import files_below, folders_in, has_image_format, images_in
from acrank.data.formats import format_notices, image_source, image_suffixes
from acrank.data.images import Opening
from acrank.data.sources.base import (
    DataSource,
    HeldOut,
    Recognised,
    Sure,
    existing,
    held_out_folder,
)
from acrank.data.target import Target, assemble, require_two_classes, visible_entries
from acrank.errors import DataError
from acrank.utils.paths import user_path

_LAYOUT = "Lay the images out as FOLDER/CLASS/IMAGE (or FOLDER/train/CLASS/IMAGE), or give a CSV."


class ClassFolders(DataSource):
    """A folder of class folders of images, optionally under ``train/``."""

    name = "class-folders"
    written = "a folder of class folders"

    def recognise(self, spec: str, *, asked: bool) -> Recognised | None:
        """Any folder may hold class folders."""
        path = existing(spec)
        return Recognised("a folder", Sure.POSSIBLE) if path and path.is_dir() else None

    def open(self, spec: str, how: Opening) -> Target:
        """Read and check the images of the class folders."""
        return checked(open_folder(user_path(spec), how))

    def held_out(self, spec: str) -> HeldOut:
        """The folder of test images beside the training part."""
        return held_out_folder(spec)


def open_folder(folder: Path, how: Opening) -> Target:
    """Read ``DIR/CLASS/**``, or what is in the training part where the folder is a split.

    The training part is ``train``, ``Training`` and the like, where it holds the class folders; a
    folder that holds nothing else is entered. Hidden files and folders, and what systems leave in
    folders, are passed over silently; all else that is not read is said in the target's warnings.
    Symbolic links are followed.

    Raises:
        DataError: there are no images, an empty class folder, a single class, or folders that are
            parts of a split, patients or another layout.
    """
    try:
        return _read(folder, how)
    except OSError as error:
        raise DataError(
            f"{folder}: cannot be listed: {error}.", hint="Check the folder's permissions."
        ) from error
    except DataError as error:
        raise _with_what_is_seen(folder, error) from error


def _with_what_is_seen(folder: Path, error: DataError) -> DataError:
    """The same refusal with what the folder holds instead, and the next step."""
    kind = kind_of_folder(folder)
    if kind:
        return DataError(f"{error.message} It holds {kind.what}.", hint=kind.step)
    tables = [entry.name for entry in visible_entries(folder) if entry.suffix.lower() == ".csv"]
    if not tables:
        return error
    lie = f"{', '.join(tables[:3])} {'lies' if len(tables) == 1 else 'lie'} in it"
    step = _give(folder / tables[0])
    return DataError(f"{error.message} {lie}.", hint=f"{error.hint or ''} {step}".strip())


def _give(table: Path) -> str:
    return f"If {table.name} says the classes, give it: --data {quote(str(table))}."


def _read(folder: Path, how: Opening) -> Target:
    root, notices = class_root(folder)
    found: dict[Path, list[Path]] = {}
    other: dict[str, list[Path]] = {}
    for entry in folders_in(root):
        files = list(files_below(entry))
        found[entry] = [path for path in files if has_image_format(path)]
        other[entry.name] = [path for path in files if not has_image_format(path)]
    _require_images(root, found, other)
    rows = [
        (path.relative_to(root).as_posix(), entry.name, image_source(path, how))
        for entry, paths in found.items()
        for path in paths
    ]
    require_two_classes(str(root), tuple(entry.name for entry in found))
    said = [*notices, *_dead_links(root), *passed_over(other), *beside_notice(root)]
    said += format_notices(path for paths in found.values() for path in paths)
    return assemble(str(folder), rows, said)


def _dead_links(root: Path) -> list[str]:
    """Say which links beside the class folders lead nowhere: each may have been a class."""
    dead = [e.name for e in visible_entries(root) if e.is_symlink() and not e.exists()]
    return [f"{len(dead)} link(s) in {root} lead nowhere: {', '.join(dead[:3])}."] if dead else []


def _require_images(
    root: Path, found: Mapping[Path, Sequence[Path]], other: Mapping[str, Sequence[Path]]
) -> None:
    if not any(found.values()):
        raise DataError(_nothing_found(root, list(found)), hint=_LAYOUT)
    empty = [entry for entry, paths in found.items() if not paths]
    if empty:
        seen = [
            f"{entry}{f' ({suffixes(other[entry.name])})' if other[entry.name] else ''}"
            for entry in empty
        ]
        others = [path for entry in empty for path in other[entry.name]]
        steps = dict.fromkeys(map(step_for, others))
        steps |= dict.fromkeys(
            [_give(path) for path in others if path.suffix.lower() == ".csv"][:1]
        )
        raise DataError(
            f"{root}: {len(empty)} class folder(s) without images:{listing(seen)}",
            hint=" ".join(["Add images to them or remove them.", *filter(None, steps)]),
        )


def _nothing_found(root: Path, folders: list[Path]) -> str:
    sought = " ".join(extension.removeprefix(".") for extension in image_suffixes())
    direct = len(images_in(root))
    if direct:
        return f"{root}: {direct} image(s) directly in it, none in class folders, so no labels."
    looked = f"in its {len(folders)} folder(s)" if folders else "and it has no folders"
    seen = what_is_seen(root)
    found = f" Its files are: {seen}." if seen else ""
    return f"{root}: no images found {looked} (looked for: {sought}).{found}"
