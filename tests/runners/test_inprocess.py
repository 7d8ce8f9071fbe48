import threading
import time
from collections.abc import Iterator

from acrank.runners.inprocess import ahead


def test_results_come_in_order_and_the_next_is_worked_on_meanwhile() -> None:
    began: list[int] = []

    def work(number: int) -> int:
        began.append(number)
        return number * 10

    seen = []
    for result in ahead(work, range(4)):
        deadline = time.monotonic() + 10
        while len(began) < min(result // 10 + 2, 4) and time.monotonic() < deadline:
            time.sleep(0.001)
        seen.append((result, len(began)))
    assert seen == [(0, 2), (10, 3), (20, 4), (30, 4)]


def test_only_one_is_worked_on_ahead() -> None:
    taken: list[int] = []

    def inputs() -> Iterator[int]:
        for number in range(10):
            taken.append(number)
            yield number

    results = ahead(lambda number: number, inputs())
    next(results)
    assert taken == [0, 1]
    results.close()  # type: ignore[attr-defined]


def test_no_input_and_an_abandoned_run_leave_no_thread() -> None:
    assert list(ahead(str, [])) == []
    results = ahead(str, range(5))
    next(results)
    del results
    deadline = time.monotonic() + 10
    while any(t.name == "acrank-ahead" for t in threading.enumerate()):
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_the_end_waits_a_little_for_what_is_worked_on_ahead() -> None:
    ended: list[int] = []

    def work(number: int) -> int:
        if number:
            time.sleep(0.3)
        ended.append(number)
        return number

    results = ahead(work, range(2))
    assert next(results) == 0
    results.close()  # type: ignore[attr-defined]
    assert ended == [0, 1]  # nothing is left that the end of the process could cut short
