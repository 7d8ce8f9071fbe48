"""Keep folders of links to the files of a dataset, the same from run to run."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from acrank.data.segmentation import ClassMap
from acrank.data.segmentation.layouts import CLASS_FILES
from acrank.errors import ConfigError, DataError
from acrank.utils.files import make_folder, write_whole
from acrank.utils.paths import user_path


def refuse_inside(data: str, folder: Path) -> None:
    """Refuse to put links among the files that they point to.

    Args:
        data: folder of a dataset.
        folder: folder for the links.

    Raises:
        ConfigError: the dataset is in that folder.
    """
    if user_path(data).resolve().is_relative_to(folder.resolve()):
        raise ConfigError(
            f"{data} is where the links to its images would be put, {folder}.",
            hint="Give another folder with --output.",
        )


def link_files(folder: Path, files: Mapping[str, Path]) -> None:
    """Make a folder hold links to these files, and to no others.

    Args:
        folder: folder, which is created.
        files: files by the names of their links.

    Raises:
        ConfigError: the folder cannot be made.
        DataError: no links can be made there.
    """
    make_folder(folder)
    wanted = {name: file.resolve() for name, file in files.items()}
    for old in folder.iterdir():
        if old.is_symlink() and wanted.get(old.name) != old.readlink():
            old.unlink()
    for name, file in wanted.items():
        _point(folder / name, file)


def _point(link: Path, file: Path) -> None:
    if link.is_symlink():
        return
    try:
        link.symlink_to(file)
    except OSError as error:
        raise DataError(
            f"{link}: cannot link to {file}: {error.strerror or error}.",
            hint="--output needs an empty folder where symbolic links are allowed.",
        ) from error


def write_classes(folder: Path, class_map: ClassMap | None) -> None:
    """Write ``classes.yaml``, which says what the masks of a folder mean.

    Args:
        folder: folder of ``images/`` and the masks.
        class_map: classes of the masks; None to remove the file.
    """
    if class_map is None:
        (folder / CLASS_FILES[0]).unlink(missing_ok=True)
    else:
        write_whole(folder / CLASS_FILES[0], _yaml(class_map))


def _yaml(class_map: ClassMap) -> str:
    """Write a class map as the text of ``classes.yaml``."""
    said: dict[str, Any] = {
        "classes": {
            name: _code(class_map, code)
            for name, code in zip(class_map.names, class_map.codes, strict=True)
        }
    }
    if class_map.ignore is not None:
        said["ignore"] = _code(class_map, class_map.ignore)
    return yaml.safe_dump(said, sort_keys=False, allow_unicode=True)


def _code(class_map: ClassMap, code: int) -> int | list[int]:
    return list(code.to_bytes(3, "big")) if class_map.colour else code
