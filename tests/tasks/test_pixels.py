"""Pixels as observations."""

import pytest
import torch
from torch.nn import functional as F

from acrank.data.segmentation.pixels import (
    OF_BOUNDARIES,
    boundaries,
    sample_boundaries,
    sample_pixels,
)
from acrank.tasks.pixels import at_places, observe_pixels

LABELS = torch.zeros(2, 6, 8, dtype=torch.int64)
LABELS[0, 2:4, 3:5] = 1  # four pixels
LABELS[1] = 2
LABELS[1, 0] = -100


def test_so_many_of_each_class_and_image() -> None:
    images, places = sample_pixels(LABELS, 10, seed=0)
    drawn = LABELS.flatten(1)[images, places]
    assert [int((drawn[images == i] == c).sum()) for i in (0, 1) for c in (0, 1, 2)] == [
        *(10, 4, 0),
        *(0, 0, 10),
    ]
    assert (images.diff() >= 0).all()
    assert len(set(zip(images.tolist(), places.tolist(), strict=True))) == len(images)


def test_the_draw_is_of_the_seed() -> None:
    one, two, other = (sample_pixels(LABELS, 5, seed)[1] for seed in (1, 1, 2))
    assert torch.equal(one, two)
    assert not torch.equal(one, other)


def test_boundaries_are_pixels_beside_another_class() -> None:
    known = boundaries(LABELS)
    # both sides of a square of four; the end of an image and ignored pixels are no boundary
    assert (known[0] >= 0).tolist() == [
        [False] * 8,
        [False] * 3 + [True, True] + [False] * 3,
        [False] * 2 + [True] * 4 + [False] * 2,
        [False] * 2 + [True] * 4 + [False] * 2,
        [False] * 3 + [True, True] + [False] * 3,
        [False] * 8,
    ]
    assert torch.equal(known[0][known[0] >= 0], LABELS[0][known[0] >= 0])
    assert (known[1] == -1).all()
    renamed = boundaries(2 - LABELS[:1])
    assert torch.equal(renamed >= 0, known[:1] >= 0)


def test_boundaries_of_volumes_are_faces() -> None:
    labels = torch.zeros(1, 5, 5, 5, dtype=torch.int16)
    labels[0, 2, 2, 2] = 3
    known = boundaries(labels) >= 0
    assert int(known.sum()) == 7  # the voxel and the six that share a face with it
    assert not known[0, 1, 1, 2]


def test_boundaries_are_drawn_whatever_the_class() -> None:
    labels = (torch.arange(60)[:, None] > 3).long().expand(60, 60)[None].repeat(3, 1, 1)
    labels[1] = 0
    images, places = sample_boundaries(boundaries(labels), seed=0)
    assert torch.bincount(images, minlength=3).tolist() == [OF_BOUNDARIES, 0, OF_BOUNDARIES]
    assert set((places // 60).tolist()) == {3, 4}
    none = sample_boundaries(boundaries(labels[1:2]), seed=0)
    assert [len(part) for part in none] == [0, 0]


@pytest.mark.parametrize("size", [(6, 8), (4, 6, 8)])
def test_features_are_interpolated_as_a_whole_map_is(size: tuple[int, ...]) -> None:
    coarse = torch.randn(2, 3, *(side // 2 for side in size), dtype=torch.float64)
    mode = "bilinear" if len(size) == 2 else "trilinear"
    whole = F.interpolate(coarse, size=size, mode=mode).flatten(2)
    images, places = sample_pixels(torch.randint(0, 3, (2, *size)), 7, seed=0)
    torch.testing.assert_close(at_places(coarse, size, images, places), whole[images, :, places])


def test_a_map_of_the_image_s_own_scale_is_read_as_it_is() -> None:
    same = torch.arange(48.0, dtype=torch.float64).view(1, 1, 6, 8)
    places = torch.tensor([0, 13, 47])
    found = at_places(same, (6, 8), torch.zeros(3, dtype=torch.int64), places)
    torch.testing.assert_close(found[:, 0], places.double())


def test_scales_stand_side_by_side() -> None:
    maps = [torch.full((2, 3, 6, 8), 1.0), torch.full((2, 5, 3, 4), 2.0)]
    images, places = sample_pixels(LABELS, 2, seed=0)
    seen = observe_pixels(maps, LABELS, images, places)
    assert seen.widths == (3, 5)
    assert (seen.features == torch.tensor([1.0] * 3 + [2.0] * 5)).all()
    assert torch.equal(seen.labels, LABELS.flatten(1)[images, places])
