"""A callback that writes a line for everything that happens, as a tracker would log it."""

import json
import os
from pathlib import Path

from acrank import Callback, ModelResult, Ranking


class Diary(Callback):
    """Append a JSON line an event to the file that DIARY names."""

    def __init__(self) -> None:
        self.path = Path(os.environ["DIARY"])

    def start(self, total: int) -> None:
        self._write(start=total)

    def done(self, result: ModelResult) -> None:
        self._write(done=result.model, score=result.value("nearest_mean"))

    def ranked(self, ranking: Ranking) -> None:
        best = ranking.best
        self._write(best=best and best.result.model, rank_by=ranking.rank_by)

    def _write(self, **event: object) -> None:
        with self.path.open("a") as file:
            file.write(json.dumps({"process": os.getpid(), **event}) + "\n")
