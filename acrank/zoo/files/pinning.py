"""Check a whole zoo file, and pin the weights that it names."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from acrank.errors import ConfigError, ZooError
from acrank.utils.files import check_writable
from acrank.utils.paths import user_path
from acrank.zoo.entries import ZooEntry
from acrank.zoo.files.checking import Checked, Checker
from acrank.zoo.files.editing import pinned, save
from acrank.zoo.files.reading import ZooFile, open_zoo, packaged_zoo
from acrank.zoo.hub.client import Hub


@dataclass(frozen=True)
class ZooReport:
    """A zoo file and what was found out about its entries.

    Attributes:
        spec: how it was named.
        file: as it was read.
        entries: of the file; None for one that cannot be read.
        checks: of the entries, in the same order.
    """

    spec: str
    file: ZooFile
    entries: tuple[ZooEntry | None, ...]
    checks: tuple[Checked, ...]


def check_zoo(
    spec: str, hub: Hub, *, trust_code: bool = False, tell: Callable[[str], None]
) -> ZooReport:
    """Check every entry of a zoo file.

    Args:
        spec: ``default``, ``demo``, or the path of a zoo file.
        hub: asked for what its local cache does not have.
        trust_code: whether a ``factory`` may run.
        tell: is told if the hub does not answer.

    Raises:
        ZooError: the file itself cannot be used.
    """
    file = open_zoo(spec)
    items = tuple(file.each())
    entries = tuple(item if isinstance(item, ZooEntry) else None for item in items)
    silent = hub.preflight(entry for entry in entries if entry)
    if silent:
        tell(silent)
    checker = Checker(hub, trust_code=trust_code)
    checks = tuple(
        checker(item, file.line(number))
        if isinstance(item, ZooEntry)
        else _unreadable(file, number, item)
        for number, item in enumerate(items)
    )
    return ZooReport(spec, file, entries, checks)


def _unreadable(file: ZooFile, number: int, error: ZooError) -> Checked:
    name = file.says_name(number) or f"models[{number}]"
    return Checked(name, line=file.line(number), errors=[str(error)])


def pin_zoo(report: ZooReport) -> str:
    """Write the commits and SHA-256 that were found into the file; a second time changes nothing.

    What was to be pinned and cannot be is an error of its entry in the report.

    Returns:
        What was done, in one sentence.

    Raises:
        ConfigError: the file comes with the package, or cannot be written.
        ZooError: the file is written so that it cannot be changed by itself.
    """
    if packaged_zoo(report.spec):
        raise ConfigError(
            f"The zoo {report.spec!r} comes with acrank and is not changed.",
            hint="Copy the file, and pin the copy.",
        )
    path = user_path(report.spec)
    check_writable(path)
    changes = {}
    for number, (entry, checked) in enumerate(zip(report.entries, report.checks, strict=True)):
        if entry is not None and not checked.errors:
            changes[number] = checked.pins(entry)
            if not changes[number] and checked.unpinned:
                checked.errors.append("cannot be pinned: its commit is not known")
    changes = {number: fields for number, fields in changes.items() if fields}
    if not changes:
        return f"nothing to pin in {report.spec}"
    save(path, pinned(report.file, changes))
    for number in changes:
        report.checks[number].pinned()
    _place(report.checks, open_zoo(report.spec))
    return f"pinned {len(changes)} model(s) in {report.spec}"


def _place(checks: Sequence[Checked], file: ZooFile) -> None:
    """Name the lines as they are in the changed file."""
    for number, item in enumerate(file.each()):
        checks[number].line = file.line(number)
        if isinstance(item, ZooError):
            checks[number].errors = [str(item)]
