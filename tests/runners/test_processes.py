import threading
import time
from collections.abc import Callable

from acrank.runners.processes import downloads_ahead
from acrank.zoo import Hub, ZooEntry
from acrank.zoo.hub.repository import HubFiles, Snapshot


class Counting(Hub):
    def __init__(self) -> None:
        super().__init__(offline=True)
        self.fetched: list[str] = []

    def snapshot(self, files: HubFiles) -> Snapshot:
        self.fetched.append(files.repo_id)
        raise OSError("no network")


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.005)


def test_downloads_keep_so_many_ahead_and_no_trouble_ends_them() -> None:
    hub = Counting()
    remote = [ZooEntry(name=f"m{i}", source=f"hf-hub:org/m{i}") for i in range(6)]
    local = ZooEntry(name="here", source="local-dir:here")
    with downloads_ahead([local, *remote], hub, 3) as handed_out:
        until(lambda: len(hub.fetched) == 2)
        time.sleep(0.05)
        assert hub.fetched == ["org/m0", "org/m1"]
        handed_out()
        until(lambda: len(hub.fetched) == 3)
    until(lambda: not any(t.name == "acrank-fetch" for t in threading.enumerate()))
    assert len(hub.fetched) <= 4
