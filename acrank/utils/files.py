"""Files written whole or not at all."""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from acrank.errors import ConfigError
from acrank.utils.visible import brief

# How the names of files begin that are still being written.
UNFINISHED = ".acrank-"


def expanded(path: str | Path) -> Path:
    """A path with ``~`` as the user's home; that of a user who does not exist stays as it is.

    So does it where no home is known: what is then said is that there is no such file.
    """
    return Path(os.path.expanduser(path))  # noqa: PTH111 - that of pathlib raises RuntimeError


def check_all_writable(*paths: Path | None) -> None:
    """Refuse result files that could not be written, before any work is done.

    Args:
        paths: the files that are asked for; None where one is not.

    Raises:
        ConfigError: one cannot be written, as :func:`check_writable` says, or two are the same
            file, of which the last would be left.
    """
    seen: dict[str, Path] = {}
    for path in filter(None, paths):
        check_writable(path)
        first = seen.setdefault(os.path.realpath(path), path)
        if first is not path:
            raise ConfigError(
                f"'{path}' is given for two outputs, and the second would overwrite the first.",
                hint="Give each its own name.",
            )


def check_writable(path: Path) -> None:
    """Refuse a result file that could not be written, before any work is done.

    Raises:
        ConfigError: its folder is missing or read-only, or it is a folder itself, or has a name
            that no file can have.
    """
    try:
        _check_writable(path)
    except (OSError, ValueError, RuntimeError) as error:  # too long, with a NUL, a loop of links
        reason = getattr(error, "strerror", None) or str(error)
        raise ConfigError(
            f"'{brief(str(path))}' cannot be written: {reason}.", hint="Give another name."
        ) from None


def _check_writable(path: Path) -> None:
    path = Path(os.path.realpath(path, strict=False)) if path.is_symlink() else path
    if path.is_dir():
        raise ConfigError(f"'{path}' is a folder.", hint="Give the name of a file in it.")
    if path.is_symlink():
        raise ConfigError(
            f"'{path}' is a link to a file that does not exist.", hint="Give another name."
        )
    if path.exists() and not path.is_file():
        raise ConfigError(f"'{path}' is not a regular file.", hint="For stdout, use --format.")
    folder = path.absolute().parent
    if folder.exists() and not folder.is_dir():
        raise ConfigError(f"'{folder}' is not a folder.", hint="Choose another one.")
    if not folder.is_dir():
        raise ConfigError(f"Folder '{folder}' does not exist.", hint=f"Make it: mkdir -p {folder}")
    if not os.access(folder, os.W_OK):
        raise ConfigError(f"Folder '{folder}' cannot be written to.", hint="Choose another one.")


def write_all(*files: tuple[Path | None, Callable[[], str | bytes]]) -> None:
    """Write each file that is asked for, whatever becomes of the others.

    Args:
        files: a path, or None for no file, and what makes its content.

    Raises:
        ConfigError: the first file that cannot be written; the others have been tried.
    """
    failed: Exception | None = None
    for path, content in files:
        try:
            if path:
                write_whole(path, content())
        except Exception as error:  # what one file cannot hold, the other may
            failed = failed or error
    if failed:
        raise failed


def write_whole(path: Path, content: str | bytes) -> None:
    """Write a file completely or leave what was there.

    Args:
        path: of the file.
        content: text is written as UTF-8.

    Raises:
        ConfigError: the file cannot be written, for example on a full disk.
    """
    with whole_file(path) as stream:
        stream.write(content.encode("utf-8") if isinstance(content, str) else content)


@contextmanager
def whole_file(path: Path) -> Iterator[IO[bytes]]:
    """A file to write to; what was there stays until it is complete, and if it never is.

    Args:
        path: of the file.

    Raises:
        ConfigError: the file cannot be written, for example on a full disk.
    """
    path = path.resolve()  # a link stays a link
    temporary: Path | None = None
    try:
        with tempfile.NamedTemporaryFile(
            "wb", dir=path.parent, prefix=UNFINISHED, delete=False
        ) as stream:
            temporary = Path(stream.name)
            yield stream
            stream.flush()
            os.fsync(stream.fileno())
        temporary.chmod(0o666 & ~_umask())  # temporary files are private, results are not
        temporary.replace(path)
    except BaseException as error:  # an interrupt too must leave nothing behind
        if temporary is not None:
            temporary.unlink(missing_ok=True)
        if isinstance(error, OSError):
            raise ConfigError(f"'{path}' could not be written: {error.strerror}.") from None
        raise


def make_folder(folder: Path) -> None:
    """Make a folder for results, with those above it; one that is there stays.

    Raises:
        ConfigError: it cannot be made.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise unusable_folder(folder, error) from None


def unusable_folder(folder: Path, error: OSError) -> ConfigError:
    """Make the error for a folder of results that the system refuses."""
    return ConfigError(
        f"Folder '{folder}' cannot be used: {error.strerror}.", hint="Give another --output."
    )


def folder_name(text: str, otherwise: str = "-") -> str:
    """A name, such as a model's, as one part of a path.

    Args:
        text: the name; what is no letter, digit, dot, hyphen or underscore becomes a hyphen.
        otherwise: where nothing is left of it.
    """
    return re.sub(r"[^\w.-]+", "-", text).strip("-.") or otherwise


def remove_unfinished(folder: Path) -> None:
    """Remove the files that killed processes left half written in a folder of their own."""
    for file in folder.glob(f"{UNFINISHED}*"):
        file.unlink(missing_ok=True)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
