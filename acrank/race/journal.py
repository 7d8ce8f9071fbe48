"""Keep every decision and result of a choice on disk, so that nothing is decided or run twice.

Decisions depend on the time that was left when they were taken; a choice that goes on after it was
killed reads them back instead of taking them anew, and so ends with the same network.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from acrank.errors import ConfigError
from acrank.utils.files import folder_name, make_folder, write_whole
from acrank.utils.serialise import json_text, loads

# Gives seconds that only rise; differences count.
Clock = Callable[[], float]


class Journal:
    """The kept decisions of one choice, and the time that it has taken over all calls.

    Args:
        folder: folder of the race, which is created.
        identity: hash of everything that the choice depends on.
        clock: gives the time.
        began: time at which this call began; None for now.

    Raises:
        ConfigError: the folder holds another choice.
    """

    def __init__(
        self,
        folder: Path,
        identity: str,
        clock: Clock = time.perf_counter,
        began: float | None = None,
    ) -> None:
        self.folder, self.clock = folder, clock
        make_folder(folder)
        known = self._read("identity")
        if known is not None and known != identity:
            raise ConfigError(
                f"'{folder.parent}' holds another choice, with other data, candidates or settings.",
                hint="Give another folder with --output, or --fresh to start again.",
            )
        self._write("identity", identity)
        self._before = float((self._read("spent") or {}).get("seconds", 0.0))
        self._started = clock() if began is None else began
        self.resumed = self._before > 0

    @property
    def spent(self) -> float:
        """The seconds that the choice has taken, earlier calls included."""
        return self._before + self.clock() - self._started

    def find(self, name: str) -> Any:
        """Return what is kept under a name; None for nothing."""
        return self._read(folder_name(name))

    def keep(self, name: str, value: Any) -> None:
        """Keep a value, as JSON can hold it, and note the time."""
        self._write(folder_name(name), value)
        self.note_time()

    def once(self, name: str, make: Callable[[], Any]) -> Any:
        """Return what is kept under a name, or make it and keep it."""
        found = self.find(name)
        if found is None:
            found = json.loads(json_text(make()))
            self.keep(name, found)
        return found

    def note_time(self) -> None:
        """Write down the time that the choice has taken so far."""
        self._write("spent", {"seconds": round(self.spent, 3)})

    def _read(self, name: str) -> Any:
        file = self.folder / f"{name}.json"
        if not file.is_file():
            return None
        try:
            return loads(file.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise ConfigError(
                f"'{file}' cannot be read: {error}.", hint="Start again with --fresh."
            ) from None

    def _write(self, name: str, value: Any) -> None:
        write_whole(self.folder / f"{name}.json", json_text(value))
