import pickle

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from acrank.data import Preprocessing
from acrank.data.segmentation import IGNORE_INDEX, SegmentationSample, draw_segmentation
from tests.data.builders import noise

from .builders import SIZE, target_of


def wanted(channels: int = 3) -> Preprocessing:
    mean, std = (0.2, 0.4, 0.6)[:channels], (0.5, 0.25, 0.125)[:channels]
    return Preprocessing((channels, 224, 192), "bilinear", 0.875, "center", mean, std)


@pytest.fixture(scope="module")
def sample() -> SegmentationSample:
    images = [noise(number, SIZE, 1 if number % 2 else 3) for number in range(12)]
    return draw_segmentation(target_of([[0, 3, 9]] * 12, images, ignore=9), 12, 4, 0, 32)


def test_a_batch_is_normalised_in_the_geometry_of_the_sample(sample: SegmentationSample) -> None:
    images, masks = sample.batch(1, wanted(), device="cpu")
    assert images.shape == (4, 3, 32, 32)
    assert images.dtype == torch.float32
    assert images.is_contiguous(memory_format=torch.channels_last)
    for place, row in enumerate(sample.batches[1]):
        image = sample.images[row]
        colour = image if image.ndim == 3 else np.repeat(image[..., None], 3, 2)
        expected = (colour / 255 - [0.2, 0.4, 0.6]) / [0.5, 0.25, 0.125]
        np.testing.assert_allclose(images[place].permute(1, 2, 0), expected, atol=1e-5)
    assert masks.shape == (4, 32, 32)
    assert masks.dtype == torch.int64


def test_networks_of_one_channel_get_grey(sample: SegmentationSample) -> None:
    images, _ = sample.batch(0, wanted(1), device="cpu", dtype=torch.float64)
    assert images.shape == (4, 1, 32, 32)
    assert images.dtype == torch.float64


def test_ignored_pixels_are_passed_over_by_cross_entropy(sample: SegmentationSample) -> None:
    _, masks = sample.batch(0, wanted(), device="cpu")
    assert np.unique(masks.numpy()).tolist() == [IGNORE_INDEX, 0, 1]
    assert torch.equal(
        masks == IGNORE_INDEX, torch.from_numpy(sample.masks[sample.batches[0]] == 255)
    )
    logits = torch.zeros(4, 2, 32, 32, requires_grad=True)
    (gradient,) = torch.autograd.grad(F.cross_entropy(logits, masks), logits)
    assert not gradient.abs().sum(1)[masks == IGNORE_INDEX].any()
    assert bool(gradient.abs().sum(1)[masks >= 0].all())


def test_batches_leave_the_sample_as_it_is(sample: SegmentationSample) -> None:
    before = sample.masks.copy()
    sample.batch(0, wanted(), device="cpu")
    assert np.array_equal(sample.masks, before)


def test_it_survives_pickling_and_read_only_arrays(sample: SegmentationSample) -> None:
    copy = pickle.loads(pickle.dumps(sample))
    for array in (copy.masks, *copy.images, *copy.batches):
        array.flags.writeable = False
    assert len(copy) == 12
    assert copy.fingerprint == sample.fingerprint
    for one, two in zip(
        copy.batch(2, wanted(), device="cpu"), sample.batch(2, wanted(), device="cpu"), strict=True
    ):
        assert torch.equal(one, two)


def test_a_part_has_its_own_rows_and_batches(sample: SegmentationSample) -> None:
    rows = np.array([1, 4, 7, 9])
    part = sample.part(rows, (np.array([0, 2]), np.array([1, 3])))
    assert part.keys == tuple(sample.keys[row] for row in rows)
    assert part.classes == sample.classes
    assert part.image_size == sample.image_size == 32
    assert np.array_equal(part.masks, sample.masks[rows])
    images, _ = part.batch(0, wanted(), device="cpu")
    whole, _ = sample.subset(np.array([1, 7])).batch(0, wanted(), device="cpu")
    assert torch.equal(images, whole)
    assert part.fingerprint not in ("", sample.fingerprint)
    assert part.fingerprint != sample.part(rows[:3], ()).fingerprint


def test_a_subset_is_one_batch(sample: SegmentationSample) -> None:
    subset = sample.subset(np.array([3, 5]))
    assert [rows.tolist() for rows in subset.batches] == [[0, 1]]
    assert subset.classes == sample.classes
    assert len(subset) == 2
