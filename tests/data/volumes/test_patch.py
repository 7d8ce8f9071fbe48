import numpy as np
import pytest

from acrank.data.segmentation.classmap import IGNORE
from acrank.data.volumes.intensity import standardise
from acrank.data.volumes.patch import Grid, cut_image, cut_labels, place_patch
from acrank.data.volumes.settings import median_spacing, usual_patch

from .builders import box, noise

SAME = (1.0, 1.0, 1.0)


def foreground(values: list[int], size: tuple[int, int, int]) -> np.ndarray:
    labels = box(values, size)
    labels[labels == 0] = IGNORE
    return labels


def test_a_patch_lies_around_the_class_whose_turn_it_is() -> None:
    labels = foreground([1, 3, 4], (60, 50, 40))
    for seed in range(5):
        for wanted, expected in ((1, 1), (2, 3), (4, 4), (5, 1)):
            grid = place_patch(labels, (16, 16, 16), SAME, wanted, seed)
            assert expected in cut_labels(labels, grid)
            ends = np.array(grid.start) + 15
            assert min(grid.start) >= 0
            assert all(ends < labels.shape)
            assert grid == place_patch(labels, (16, 16, 16), SAME, wanted, seed)


def test_places_differ_where_there_is_nothing() -> None:
    labels = np.full((64, 64, 64), IGNORE, dtype=np.uint8)
    starts = {place_patch(labels, (16, 16, 16), SAME, 0, seed).start for seed in range(5)}
    assert len(starts) == 5


def test_without_resampling_voxels_are_as_they_were() -> None:
    volume, labels = noise(0, (20, 18, 40)), box([1, 2], (20, 18, 40))
    grid = place_patch(labels, (16, 16, 48), SAME, 1, 0)
    assert grid.start[2] == -4  # smaller than the patch: in its middle
    x, y = int(grid.start[0]), int(grid.start[1])
    inside = np.s_[x : x + 16, y : y + 16]
    image, mask = cut_image(volume, grid), cut_labels(labels, grid)
    np.testing.assert_array_equal(image[..., 4:44], volume[inside])
    np.testing.assert_array_equal(mask[..., 4:44], labels[inside])
    for outside in (np.s_[..., :4], np.s_[..., 44:]):
        assert not image[outside].any()
        assert (mask[outside] == IGNORE).all()


@pytest.mark.parametrize("step", [0.5, 2.0, 1.3])
def test_resampling_keeps_image_and_labels_on_top_of_one_another(step: float) -> None:
    labels = np.zeros((40, 40, 40), dtype=np.uint8)
    labels[8:30, 10:32, 12:34] = 1
    grid = place_patch(labels, (16, 16, 32), (step, step, step), 1, 3)
    image, mask = cut_image(labels.astype(np.float32), grid), cut_labels(labels, grid)
    known = mask != IGNORE
    away = np.abs(image - 0.5) > 1e-3  # half way, rounding decides
    np.testing.assert_array_equal(image[known & away] > 0.5, mask[known & away] == 1)
    assert 0 < (mask == 1).sum() < mask.size


def test_a_ramp_is_interpolated_linearly() -> None:
    ramp = np.arange(30, dtype=np.float32)[:, None, None].repeat(20, 1).repeat(20, 2)
    grid = Grid((16, 16, 16), (2.25, 0.0, 0.0), (1.5, 1.0, 1.0))
    np.testing.assert_allclose(
        cut_image(ramp, grid)[:, 3, 3], 2.25 + 1.5 * np.arange(16), rtol=1e-6
    )


def test_intensities_are_clipped_and_standardised() -> None:
    voxels = noise(0)
    voxels[0, 0, 0] = 1e6
    found = standardise(voxels, None)
    assert found.mean() == pytest.approx(0, abs=1e-5)
    assert found.std() == pytest.approx(1, rel=1e-5)
    assert found.max() < 3
    np.testing.assert_allclose(standardise(3 * voxels - 50, None), found, atol=1e-4)
    window = standardise(voxels, (90, 110))
    assert len(np.unique(window[voxels <= 90])) == len(np.unique(window[voxels >= 110])) == 1
    assert not standardise(voxels, (-1000, -900)).any()
    assert voxels[0, 0, 0] == 1e6


@pytest.mark.parametrize(
    ("sizes", "spacing", "expected"),
    [
        ([(300, 200, 150)], 1.0, (96, 96, 96)),
        ([(35, 50, 36)], 1.0, (32, 48, 32)),
        ([(35, 50, 5)], 1.0, (32, 48, 16)),
        ([(35, 50, 36)], 2.0, (16, 16, 16)),
        ([(30, 40, 40), (50, 60, 80), (33, 40, 40)], 1.0, (32, 32, 32)),
    ],
)
def test_the_usual_patch_fits_into_the_median_volume(
    sizes: list[tuple[int, int, int]], spacing: float, expected: tuple[int, int, int]
) -> None:
    spacings = [SAME] * len(sizes)
    assert usual_patch(sizes, spacings, (spacing,) * 3) == expected


def test_the_median_spacing_is_of_each_axis() -> None:
    assert median_spacing([(1, 1, 3), (1, 2, 5), (1.00004, 0.5, 5)]) == (1, 1, 5)
