"""The smallest pool: its workers say what they were given, and where modules would be found."""

from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec

from acrank.runners.worker_pool import WorkerPool


@dataclass(frozen=True)
class Word:
    name: str


def answer(word: Word) -> tuple[str, str | None]:
    spec = find_spec(word.name)
    return word.name, spec.origin if spec else None


def prepare() -> Callable[[Word], tuple[str, str | None]]:
    return answer


def pool(jobs: int = 1) -> WorkerPool[Word, tuple[str, str | None]]:
    return WorkerPool(
        jobs,
        prepare,
        arguments=lambda place: (),
        failed=lambda word, reason, seconds: (word.name, reason),
        begin=lambda name: None,
        admit=lambda word: True,
    )
