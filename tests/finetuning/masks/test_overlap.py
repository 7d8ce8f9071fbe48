"""Dice, IoU and HD95 against their definitions."""

import numpy as np
import pytest
import torch
from torch import Tensor

from acrank.errors import MissingExtraError
from acrank.finetuning.masks.judge import predicted
from acrank.finetuning.masks.overlap import mean_known, overlaps, require_overlaps

GENERATOR = torch.Generator().manual_seed(0)


def edge(mask: np.ndarray) -> np.ndarray:
    """Places of a mask (P, 2) that have a neighbour outside it."""
    padded = np.pad(mask, 1)
    inside = padded[:-2, 1:-1] & padded[2:, 1:-1] & padded[1:-1, :-2] & padded[1:-1, 2:]
    return np.argwhere(mask & ~inside)


def hd95(guess: np.ndarray, truth: np.ndarray) -> float:
    one, other = edge(guess), edge(truth)
    away = np.linalg.norm(one[:, None] - other, axis=-1)
    return float(max(np.percentile(away.min(axis=axis), 95) for axis in (0, 1)))


def masks() -> tuple[Tensor, Tensor]:
    """A prediction and a truth of three classes, as blobs; the last row is to be ignored."""
    truth = torch.zeros(20, 24, dtype=torch.uint8)
    truth[3:12, 4:15] = 1
    truth[10:17, 12:20] = 2
    guess = torch.roll(truth, (2, -1), (0, 1))
    truth[-2:] = 255
    return guess, truth


def test_overlaps_are_those_of_their_definitions() -> None:
    guess, truth = masks()
    found = overlaps(guess, truth, (1, 2))
    known = truth.numpy() != 255
    for label, values in zip((1, 2), found, strict=True):
        one, other = ((m.numpy() == label) & known for m in (guess, truth))
        both = (one & other).sum()
        assert values[0] == pytest.approx(2 * both / (one.sum() + other.sum()))
        assert values[1] == pytest.approx(both / (one | other).sum())
        assert values[2] == pytest.approx(hd95(one, other))


def test_a_class_that_is_nowhere_or_in_one_mask() -> None:
    empty, full = torch.zeros(6, 8, dtype=torch.uint8), torch.ones(6, 8, dtype=torch.uint8)
    assert np.isnan(overlaps(empty, empty, (1,))).all()
    assert overlaps(empty, full, (1,)).tolist() == [[0.0, 0.0, 10.0]]
    assert overlaps(full, empty, (1,)).tolist() == [[0.0, 0.0, 10.0]]
    assert overlaps(full, full, (1,)).tolist() == [[1.0, 1.0, 0.0]]


def test_means_are_of_what_is_known() -> None:
    values = np.array([[1.0, np.nan], [np.nan, np.nan], [3.0, np.nan]])
    assert mean_known(values).tolist() == pytest.approx([2.0, np.nan], nan_ok=True)


def test_predictions_take_the_size_of_the_mask() -> None:
    logits = torch.zeros(3, 4, 4)
    logits[0, :, :2] = logits[2, :, 2:] = 1.0
    found = predicted(logits, (8, 12))
    assert found.shape == (8, 12)
    assert set(found[:, :6].flatten().tolist()) == {0}
    assert set(found[:, 6:].flatten().tolist()) == {2}


def test_without_the_library_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    require_overlaps()
    monkeypatch.setattr("acrank.finetuning.masks.overlap.find_spec", lambda name: None)
    with pytest.raises(MissingExtraError, match=r"acrank\[medical\]"):
        require_overlaps()
