import joblib
import pytest
import torch

from acrank.utils.device import cpu_threads


@pytest.mark.parametrize(
    ("given", "chosen", "allowed", "used"),
    [(None, 32, 2, 2), (None, 4, 64, 4), (None, 1, 1, 1), (8, 32, 2, 8)],
)
def test_no_more_threads_than_a_container_may_use(
    monkeypatch: pytest.MonkeyPatch, given: int | None, chosen: int, allowed: int, used: int
) -> None:
    monkeypatch.setattr(torch, "get_num_threads", lambda: chosen)
    monkeypatch.setattr(joblib, "cpu_count", lambda: allowed)
    assert cpu_threads(given) == used
