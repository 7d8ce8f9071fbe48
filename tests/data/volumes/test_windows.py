"""Several patches of a volume: they cover it, share it out, and few lack foreground."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from monai.data.utils import dense_patch_slices

from acrank.data import Drawing
from acrank.data.segmentation.classmap import IGNORE
from acrank.data.volumes import (
    VolumeSample,
    VolumeSettings,
    VolumeTarget,
    draw_volumes,
    open_volumes,
)
from acrank.data.volumes import windows as windows_module
from acrank.data.volumes.patch import Grid, Labels, cut_labels
from acrank.data.volumes.settings import Patches
from acrank.data.volumes.windows import part_overlaps, sliding_windows, worth_keeping

from .builders import fill, noise, save

SIZE = (16, 16, 16)
SIDES = (40, 16, 27)


@pytest.fixture(scope="module")
def target(tmp_path_factory: pytest.TempPathFactory) -> VolumeTarget:
    """Three volumes with foreground all over, and one without."""
    folder = tmp_path_factory.mktemp("windows")
    for number in range(4):
        labels = np.random.default_rng(number).integers(0, 3, SIDES).astype(np.uint8)
        save(folder / "labels" / f"c{number}.nii.gz", labels * (number > 0))
        save(folder / "images" / f"c{number}.nii.gz", noise(number, SIDES))
    return open_volumes(str(folder))


def drawn(target: VolumeTarget, patches: Patches, seed: int = 0) -> VolumeSample:
    return draw_volumes(target, 4, 2, seed, VolumeSettings(patch=SIZE, patches=patches))


@pytest.mark.parametrize("sides", [(16, 17, 96), (40, 28, 29), (100, 64, 33)])
def test_windows_lie_where_those_of_monai_do(sides: tuple[int, int, int]) -> None:
    found = [grid.start for grid in sliding_windows(sides, SIZE, (1.0, 1.0, 1.0))]
    theirs = dense_patch_slices(sides, SIZE, (12, 12, 12))
    assert found == [tuple(float(axis.start) for axis in each) for each in theirs]


@pytest.mark.parametrize("step", [0.7, 1.0, 2.3])
def test_they_reach_from_end_to_end(step: float) -> None:
    grids = sliding_windows((90, 12, 50), SIZE, (step, step, step))
    for axis, side in enumerate((90, 12, 50)):
        places = np.unique([grid.along(axis) for grid in grids])
        assert np.diff(places).max() <= step + 1e-9
        if side >= 16 * step:
            assert (places[0], places[-1]) == pytest.approx((0, side - 1))


def test_every_voxel_is_in_one_window_with_its_own_intensity(target: VolumeTarget) -> None:
    sample = drawn(target, "all")
    whole = draw_volumes(target, 4, 2, 0, VolumeSettings(patch=(48, 16, 32)))
    for row, windows in enumerate(sample.windows):
        if sample.keys[row] == "c0":
            continue
        known = whole.masks[row] != IGNORE
        volume = (part[known].reshape(SIDES) for part in (whole.images[row, 0], whole.masks[row]))
        image, labels = volume
        times = np.zeros(SIDES, dtype=int)
        grids = sliding_windows(SIDES, SIZE, (1.0, 1.0, 1.0))
        for grid, seen, mask in zip(grids, windows.images, windows.masks, strict=True):
            there = tuple(np.s_[int(start) : int(start) + 16] for start in grid.start)
            counts = mask != IGNORE
            times[there] += counts
            np.testing.assert_array_equal(seen[0], image[there])
            np.testing.assert_array_equal(mask[counts], labels[there][counts])
        assert (times == 1).all()


def test_a_voxel_is_where_it_lies_deepest() -> None:
    grids = [Grid(SIZE, (start, 0.0, 0.0), (1.0, 1.0, 1.0)) for start in (0.0, 6.0, 6.0, 40.0)]
    masks = np.ones((4, *SIZE), dtype=np.uint8)
    part_overlaps(masks, grids)
    kept = masks[:, :, 3, 3] == 1
    # voxel 11 is 3.5 from the middle at 7.5, and 2.5 from that at 13.5; the third comes too late
    assert [int(row.sum()) for row in kept] == [11, 11, 0, 16]
    assert kept[0, :11].all()
    assert kept[1, 5:].all()


def by_brute_force(masks: Labels, grids: list[Grid]) -> Labels:
    """What :func:`part_overlaps` leaves, by the distance of every voxel from every middle."""
    kept = masks.copy()
    for own, grid in enumerate(grids):
        distances = []
        for other in grids:
            squares = []
            for axis, (start, step, side) in enumerate(
                zip(other.start, other.step, other.size, strict=True)
            ):
                along = (grid.along(axis) - start) / step - (side - 1) / 2
                inside = np.abs(along) <= (side - 1) / 2 + 1e-6
                squares.append(np.where(inside, (along / side) ** 2, np.inf))
            x, y, z = np.ix_(*squares)
            distances.append(x + y + z)
        kept[own][np.argmin(distances, axis=0) != own] = IGNORE  # the first of the nearest
    return kept


@pytest.mark.parametrize("step", [(1.0, 1.0, 1.0), (0.7, 1.3, 2.1)])
@pytest.mark.parametrize("placed", ["by sliding", "at random"])
def test_looking_at_neighbours_alone_leaves_the_same(
    step: tuple[float, float, float], placed: str
) -> None:
    generator = np.random.default_rng(0)
    for size in ((5, 4, 6), (8, 3, 5), (2, 9, 4)):
        grids = sliding_windows((17, 12, 15), size, step)
        if placed == "at random":
            starts = generator.uniform(-2, 12, (9, 3)).round(generator.integers(0, 2))
            grids = [Grid(size, (float(x), float(y), float(z)), step) for x, y, z in starts]
        masks = generator.integers(0, 3, (len(grids), *size)).astype(np.uint8)
        expected = by_brute_force(masks, grids)
        part_overlaps(masks, grids)
        np.testing.assert_array_equal(masks, expected)


def test_the_cost_of_a_patch_does_not_grow_with_the_volume(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    calls = []
    squares = windows_module._squares

    def counted(grid: Grid, other: Grid) -> list[Any]:
        calls.append(other)
        return squares(grid, other)

    monkeypatch.setattr(windows_module, "_squares", counted)
    grids = sliding_windows((400, 4, 4), (4, 4, 4), (1.0, 1.0, 1.0))
    part_overlaps(np.zeros((len(grids), 4, 4, 4), dtype=np.uint8), grids)
    assert len(grids) == 133
    assert len(calls) <= 4 * len(grids)


def test_few_windows_without_foreground_are_kept() -> None:
    masks = np.zeros((9, 2, 2, 2), dtype=np.uint8)
    masks[[2, 5], 0] = 1
    masks[7] = IGNORE
    kept = worth_keeping(masks, [1], 0)
    assert len(kept) == 4
    assert {2, 5} < {*kept} <= {*range(9)} - {7}
    assert len({tuple(worth_keeping(masks, [1], seed)) for seed in range(9)}) > 1
    assert len(worth_keeping(masks, [2], 0)) == 1
    assert worth_keeping(np.full_like(masks, IGNORE), [1], 0) == [0]


def test_further_patches_hold_the_other_classes(target: VolumeTarget) -> None:
    one, three = drawn(target, 1), drawn(target, 3)
    assert one.windows == ()
    np.testing.assert_array_equal(three.images, one.images)
    counts = [len(windows) for windows in three.windows]
    assert max(counts) == 3
    for row, windows in enumerate(three.windows):
        if three.keys[row] != "c0":
            np.testing.assert_array_equal(windows.images[0], one.images[row])
            assert all(np.isin(mask, (1, 2)).any() for mask in windows.masks)
    assert three.warnings == (
        *one.warnings,
        f"Feature scores use {sum(counts)} patches, {min(counts)} to 3 of each volume.",
    )


def test_the_number_is_in_the_fingerprint_unless_it_is_one(target: VolumeTarget) -> None:
    counts: tuple[Patches, ...] = (1, 2, 3, "all")
    assert len({drawn(target, patches).fingerprint for patches in counts}) == 4
    assert drawn(target, 2).fingerprint == drawn(target, 2).fingerprint


def test_a_smaller_sample_has_the_windows_of_its_volumes(target: VolumeTarget) -> None:
    sample = drawn(target, "all")
    part = target.smaller(sample, Drawing(2, 2, 0))
    assert isinstance(part, VolumeSample)
    assert part.keys == sample.keys[:2]
    for given, expected in zip(part.windows, sample.windows[:2], strict=True):
        assert given is expected


@pytest.mark.parametrize("patches", [3, "all"])
def test_volumes_that_fit_into_a_patch_have_no_more(tmp_path: Path, patches: Patches) -> None:
    target = open_volumes(str(fill(tmp_path, {"a": [1], "b": [1]})))
    usual = VolumeSettings(patch=(32, 32, 32))
    sample = draw_volumes(target, 2, 2, 0, VolumeSettings(patch=(32, 32, 32), patches=patches))
    assert sample.windows == ()
    assert sample.warnings[-1].startswith("No sampled volume is larger than the patch")
    np.testing.assert_array_equal(sample.images, draw_volumes(target, 2, 2, 0, usual).images)


def test_resampled_windows_share_a_volume_out(tmp_path: Path) -> None:
    target = open_volumes(str(fill(tmp_path, {"a": [1, 2], "b": [1]})))
    settings = VolumeSettings(patch=SIZE, spacing=(0.6, 0.7, 1), patches="all")
    sample = draw_volumes(target, 2, 2, 0, settings)
    assert all(len(windows) > 1 for windows in sample.windows)
    labels = np.zeros((20, 18, 17), dtype=np.uint8)
    grids = sliding_windows((20, 18, 17), SIZE, (0.6, 0.7, 1.0))
    masks = np.stack([cut_labels(labels, grid) for grid in grids])
    part_overlaps(masks, grids)
    voxels = [int((19 / 0.6) + 1), int((17 / 0.7) + 1), 17]
    # the last windows lie between the voxels of the others
    assert (masks != IGNORE).sum() == pytest.approx(np.prod(voxels), rel=0.05)
