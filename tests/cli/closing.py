"""Runs commands many times, each with its streams closed in another way; prints exit codes.

Every run is a fork of this process, which has the imports behind it: what takes half a second for
one takes as much for all. The streams of a fork are made as Python makes them at its start.

Usage: closing.py FOLDER COMMAND..., each one argument; prints as JSON
{command: {way: [exit code, files, what stderr got]}}.
"""

import io
import json
import os
import sys
import traceback
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout, suppress
from pathlib import Path
from typing import Any

import acrank.cli.app

Way = Callable[[], None]


def closed(*descriptors: int) -> Way:
    """As >&- does."""

    def close() -> None:
        for descriptor in descriptors:
            os.close(descriptor)

    return close


def full(*descriptors: int) -> Way:
    """As >/dev/full does."""

    def fill() -> None:
        device = os.open("/dev/full", os.O_WRONLY)
        for descriptor in descriptors:
            os.dup2(device, descriptor)

    return fill


def unread(*descriptors: int, after: int = 0) -> Way:
    """As a pipe whose reader leaves: at once, or after so many bytes."""

    def leave() -> None:
        reader, writer = os.pipe()
        if after and not os.fork():
            os.close(writer)
            os.read(reader, after)
            os._exit(0)
        os.close(reader)
        for descriptor in descriptors:
            os.dup2(writer, descriptor)
        os.close(writer)

    return leave


WAYS = {
    "open": lambda: None,
    "stdout closed": closed(1),
    "stderr closed": closed(2),
    "both closed": closed(1, 2),
    "all closed": closed(0, 1, 2),
    "reader of stdout gone": unread(1),
    "reader of stderr gone": unread(2),
    "reader of both gone": unread(1, 2),
    "reader of stdout leaves in between": unread(1, after=9),
    "stdout full": full(1),
    "stderr full": full(2),
    "both full": full(1, 2),
}


def _stream(descriptor: int) -> Any:
    try:
        os.fstat(descriptor)
    except OSError:
        return None
    buffering = 1 if descriptor == 2 else -1
    return open(descriptor, "w", buffering, closefd=False)


def _run(way: Way, arguments: list[str]) -> None:
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    os.dup2(os.open("errors", os.O_WRONLY | os.O_CREAT | os.O_TRUNC), 2)
    os.closerange(3, 100)
    way()
    sys.stdout, sys.stderr = _stream(1), _stream(2)
    sys.argv = ["acrank", *arguments]
    code = 99
    try:
        acrank.cli.app.main()
    except SystemExit as ended:
        code = int(ended.code or 0)
        for stream in (sys.stdout, sys.stderr):
            try:
                stream.flush()
            except Exception:  # Python ends with 120 then
                code = 120
    except BaseException:  # must not go on as this process
        traceback.print_exc()
    os._exit(code)


def _ended(way: Way, folder: Path, arguments: list[str]) -> tuple[int, dict[str, str], str]:
    for file in folder.glob("out*"):
        file.unlink()
    child = os.fork()
    if not child:
        _run(way, arguments)
    _, status = os.waitpid(child, 0)
    files = {file.name: file.read_text() for file in folder.glob("out*")}
    return os.waitstatus_to_exitcode(status), files, (folder / "errors").read_text()


def _import_for(arguments: list[str]) -> None:
    """Run a command here, so that no fork has to import anything."""
    sys.argv = ["acrank", *arguments]
    nowhere = io.StringIO()
    with redirect_stdout(nowhere), redirect_stderr(nowhere), suppress(SystemExit):
        acrank.cli.app.main()


def main() -> None:
    """Run all commands in all ways and print what came of them."""
    folder, commands = Path(sys.argv[1]), sys.argv[2:]
    os.chdir(folder)
    for command in commands:
        _import_for(command.split())
    found = {
        command: {name: _ended(way, folder, command.split()) for name, way in WAYS.items()}
        for command in commands
    }
    print(json.dumps(found))


if __name__ == "__main__":
    main()
