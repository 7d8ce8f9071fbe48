"""What scores of features see of several patches a volume."""

from collections import Counter
from dataclasses import dataclass

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from acrank.data import Preprocessing
from acrank.data.segmentation.classmap import IGNORE
from acrank.data.segmentation.pixels import OF_BOUNDARIES
from acrank.data.volumes import VolumeSample
from acrank.data.volumes.observed import WindowBatches
from acrank.data.volumes.windows import Windows
from acrank.scoring.extract import Extracted, extract
from acrank.tasks.dense import DenseReadout
from acrank.tasks.maps import Maps

SIDES = (8, 8, 8)
COUNTS = (3, 1, 4, 2)
GREY = Preprocessing((1, 8, 8, 8), "bicubic", 1.0, "center", (0.5,), (2.0,))
CPU = torch.device("cpu")


@dataclass(frozen=True)
class Coarse(DenseReadout):
    """Sees the maps of a strided convolution alone."""

    def features(self, model: nn.Module, images: Tensor, autocast: torch.dtype | None) -> Maps:
        """One scale, of half the size."""
        maps = model(images)
        return Maps.of((maps,), (maps,), ("conv",))


def windows(seed: int, count: int) -> Windows:
    generator = np.random.default_rng(seed)
    masks = generator.choice(np.array([0, 1, IGNORE], np.uint8), (count, *SIDES))
    return Windows(generator.normal(size=(count, 1, *SIDES)).astype(np.float32), masks)


def sample(several: tuple[Windows, ...] = ()) -> VolumeSample:
    firsts = [windows(10 + row, 1) for row in range(4)]
    return VolumeSample(
        classes=("back", "front"),
        keys=("a", "b", "c", "d"),
        images=np.concatenate([first.images for first in firsts]),
        masks=np.concatenate([first.masks for first in firsts]),
        spacing=(1.0, 1.0, 1.0),
        batches=(np.array([2, 0]), np.array([3, 1])),
        windows=several,
    )


@pytest.fixture(scope="module")
def network() -> nn.Module:
    torch.manual_seed(0)
    return nn.Conv3d(1, 3, 3, 2, 1)


SEVERAL = tuple(windows(row, count) for row, count in enumerate(COUNTS))


def seen(network: nn.Module, given: VolumeSample, pixels: int) -> Extracted:
    batches = WindowBatches(given, GREY, pixels, 0, CPU)
    task = Coarse("unet", SIDES, pixels)
    found = extract(network, None, batches, len(batches), None, task, 0)
    return found.in_order(batches.volumes)


def test_they_are_those_of_each_window_by_itself(network: nn.Module) -> None:
    found = seen(network, sample(SEVERAL), 10_000)
    expected = []
    with torch.no_grad():
        for row, several in enumerate(SEVERAL):
            for image, mask in zip(several.images, several.masks, strict=True):
                maps = network((torch.from_numpy(image)[None] - 0.5) / 2)
                whole = F.interpolate(maps, size=SIDES, mode="trilinear")[0].flatten(1).T.numpy()
                for label in (0, 1):
                    there = np.flatnonzero(mask == label)
                    expected += [(row, label, *whole[place]) for place in there]
    assert len(found.labels) == len(expected)
    rows = np.column_stack([found.images, found.labels, found.features])
    np.testing.assert_allclose(rows, np.array(expected), atol=1e-5)


def test_so_many_of_a_class_are_drawn_from_all_windows_together(network: nn.Module) -> None:
    found = seen(network, sample(SEVERAL), 6)
    pairs = Counter(zip(found.images.tolist(), found.labels.tolist(), strict=True))
    assert pairs == {(row, label): 6 for row in range(4) for label in (0, 1)}
    given = sample(SEVERAL)
    drawn = WindowBatches(given, GREY, 6, 0, CPU)
    masks = torch.cat([drawn(index)[1] for index in range(len(drawn))])
    assert len(masks) == len(drawn.volumes) <= sum(COUNTS)
    assert (masks >= 0).flatten(1).any(1).all()
    of_third = masks[drawn.volumes == 2]
    assert ((of_third >= 0).flatten(1).sum(1) < 12).all()  # not of a single window
    again, other = (WindowBatches(given, GREY, 6, seed, CPU)(0)[1] for seed in (0, 1))
    assert torch.equal(again, drawn(0)[1])
    assert not torch.equal(other, again)


def test_voxels_on_boundaries_are_drawn_from_all_windows_together(network: nn.Module) -> None:
    given = sample(SEVERAL)
    batches = WindowBatches(given, GREY, 6, 0, CPU)
    edges = torch.cat([batches.edges(index) for index in range(len(batches))])
    marked = (edges >= 0).flatten(1).sum(1).numpy()
    counts = np.bincount(batches.volumes, marked, minlength=4)
    assert counts.tolist() == [OF_BOUNDARIES] * 4
    for volume in range(4):
        for number, window in enumerate(np.flatnonzero(batches.volumes == volume)):
            found = edges[window]
            assert (found[found >= 0] < 2).all(), (volume, number)
    task = Coarse("unet", SIDES, 6)
    both = extract(network, None, batches, len(batches), None, task, 0, edges=batches.edges)
    both = both.in_order(batches.volumes)
    assert both.boundaries is not None
    on, added = both.boundaries
    plain = seen(network, given, 6)
    for name in ("features", "labels", "images"):
        np.testing.assert_array_equal(getattr(both, name)[~added], getattr(plain, name))
    assert np.bincount(both.images[on]).tolist() == [OF_BOUNDARIES] * 4
    # the class is that of the mask, which the others do not see there
    rows = {tuple(row) for row in np.column_stack([both.images, both.labels, both.features])[on]}
    whole = seen(network, given, 10_000)
    assert rows <= {tuple(r) for r in np.column_stack([whole.images, whole.labels, whole.features])}


def test_windows_without_a_voxel_that_is_drawn_are_not_seen() -> None:
    masks = np.full((3, *SIDES), IGNORE, dtype=np.uint8)
    masks[1, 0, 0, :5] = 1
    lonely = Windows(SEVERAL[0].images, masks)
    batches = WindowBatches(sample((lonely, *SEVERAL[1:])), GREY, 4, 0, CPU)
    assert Counter(batches.volumes.tolist())[0] == 1


def test_one_window_that_is_the_patch_changes_nothing(network: nn.Module) -> None:
    plain = sample()
    same = tuple(
        Windows(plain.images[row : row + 1], plain.masks[row : row + 1]) for row in range(4)
    )
    pooled = seen(network, sample(same), 5)
    task = Coarse("unet", SIDES, 5)
    given = (lambda index: plain.batch(index, GREY, device="cpu"), 2, None, task, 0)
    alone = extract(network, None, *given).in_order(np.concatenate(plain.batches))
    for name in ("features", "labels", "images"):
        np.testing.assert_array_equal(getattr(pooled, name), getattr(alone, name))
