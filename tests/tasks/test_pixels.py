"""Pixels as observations."""

import pytest
import torch
from torch.nn import functional as F

from acrank.data.segmentation.pixels import sample_pixels
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
