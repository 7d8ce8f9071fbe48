"""The smallest crew: its workers say what they were given, and where modules would be found."""

from dataclasses import dataclass
from importlib.util import find_spec
from multiprocessing.connection import Connection

from acrank.runners.crew import READY, Crew


@dataclass(frozen=True)
class Word:
    name: str


def serve(pipe: Connection) -> None:
    pipe.send(READY)
    while (word := pipe.recv()) is not None:
        spec = find_spec(word.name)
        pipe.send((word.name, spec.origin if spec else None))


def crew(jobs: int = 1) -> Crew[Word, tuple[str, str | None]]:
    return Crew(
        jobs,
        serve,
        arguments=lambda place: (),
        failed=lambda word, reason, seconds: (word.name, reason),
        begin=lambda name: None,
        admit=lambda word: True,
    )
