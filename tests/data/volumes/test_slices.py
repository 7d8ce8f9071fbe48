"""Slices of volumes: which, and which way up."""

import numpy as np

from acrank.data.volumes.slices import slices_of

SHAPE = (12, 20, 16)
SIDE = 40


def marked(place: tuple[int, int, int]) -> np.ndarray:
    mask = np.zeros(SHAPE, dtype=np.uint8)
    mask[tuple(slice(start, start + 3) for start in place)] = 1
    return mask


def where(square: np.ndarray) -> tuple[float, float]:
    """The middle of class 1, from 0 at the top left to 1."""
    down, right = (float(found.mean()) / SIDE for found in np.nonzero(square == 1))
    return down, right


def test_head_and_front_are_up_and_the_right_is_on_the_left() -> None:
    mask = marked((9, 17, 13))  # right, front, head
    axial, coronal, sagittal = slices_of(mask.astype(np.float32), mask, (1, 1, 1), 0, SIDE)
    assert [axial.plane, coronal.plane, sagittal.plane] == ["axial", "coronal", "sagittal"]
    for found in (axial, coronal, sagittal):
        assert found.image.shape == found.mask.shape == (SIDE, SIDE)
        down, right = where(found.mask)
        assert down < 0.3
        assert right < 0.4
        lit = found.image[found.mask == 1]
        assert lit.mean() > 200 > 50 > found.image[found.mask == 0].mean()


def test_slices_have_their_proportions() -> None:
    mask = marked((2, 3, 4))
    mask[0] = 255
    volume = np.ones(SHAPE, dtype=np.float32)
    axial, coronal, _ = slices_of(volume, mask, (2, 1, 3), 0, SIDE)
    # 24 mm across, 20 mm high; 24 mm across, 48 mm high
    assert where(axial.mask)[0] > 0.5
    ignored = np.nonzero(axial.mask == 255)
    assert np.ptp(ignored[0]) + 1 == round(SIDE * 20 / 24)
    ignored = np.nonzero(coronal.mask == 255)
    assert np.ptp(ignored[0]) + 1 == SIDE
    assert ignored[1].max() < 0.8 * SIDE


def test_the_slice_shows_most_of_the_objects_or_else_the_middle() -> None:
    mask = np.zeros(SHAPE, dtype=np.uint8)
    volume = np.zeros(SHAPE, dtype=np.float32)
    volume[:, :, 8] = 1
    axial, *_ = slices_of(volume, mask, (1, 1, 1), 0, SIDE)
    assert axial.image.max() == 255
    mask[2:4, 2:4, 3] = mask[3, 3, :] = 1
    axial, *_ = slices_of((mask == 1).astype(np.float32), mask, (1, 1, 1), 0, SIDE)
    assert (axial.mask == 1).sum() > 12
