"""Volumes in the voxels that networks see, and the patches that are drawn of them."""

import numpy as np
import pytest
import torch

from acrank.data import Preprocessing
from acrank.data.volumes import VolumeSettings
from acrank.finetuning.objective import Batching
from acrank.finetuning.volumes.batches import TrainingVolumes, plain_patches
from acrank.finetuning.volumes.data import LabelledVolumes, open_labelled
from acrank.finetuning.volumes.slide import slide
from tests.finetuning.volumes.boxes import SIZE, write_boxes

GEOMETRY = Preprocessing((1, 32, 32), "bicubic", 1.0, "squash", (0.0,), (1.0,))
CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def volumes(tmp_path_factory: pytest.TempPathFactory) -> LabelledVolumes:
    folder = write_boxes(tmp_path_factory.mktemp("boxes"))
    return open_labelled(str(folder), None, 0, VolumeSettings((16, 16, 16), (1, 1, 1.5)))


def test_volumes_are_resampled_and_their_own_voxels_kept(volumes: LabelledVolumes) -> None:
    assert volumes.foreground == (1, 2)
    for item in volumes.items:
        assert item.truth.shape == SIZE
        assert item.labels.shape == item.image.shape[1:] == (18, 20, 13)
        assert item.own == pytest.approx((1, 1, 2))
        shares = [(labels > 0).mean() for labels in (item.labels, item.truth)]
        assert shares[0] == pytest.approx(shares[1], rel=0.35)
        assert item.image[0][item.labels == 2].mean() > 2 > 1 > abs(item.image.mean())
    assert volumes.counts().shape == (6, 3)


def test_an_epoch_shows_each_class_and_the_next_another_patch(volumes: LabelledVolumes) -> None:
    batches = TrainingVolumes(volumes, Batching(GEOMETRY, 2, "light", 0, CPU))
    one = list(batches.epoch(0))
    for (images, labels), (same, as_before) in zip(one, batches.epoch(0), strict=True):
        assert images.shape == (2, 1, 16, 16, 16)
        assert torch.equal(images, same)
        assert torch.equal(labels, as_before)
        bright, dark = (float(images[:, 0][labels == label].mean()) for label in (2, 0))
        assert bright > dark + 1
    labels = torch.cat([labels for _, labels in one])
    assert {1, 2, -100} <= set(labels.ravel().tolist())  # 13 voxels of 16 are the volume's
    assert not torch.equal(torch.cat([labels for _, labels in batches.epoch(1)]), labels)


def test_without_augmentation_intensities_are_the_volumes(volumes: LabelledVolumes) -> None:
    known = {value for item in volumes.items for value in item.image.ravel().tolist()} | {0.0}
    images = torch.cat([images for images, _ in plain_patches(volumes, GEOMETRY, 4, 0, CPU)])
    assert set(images.ravel().tolist()) <= known
    bare = next(TrainingVolumes(volumes, Batching(GEOMETRY, 6, "none", 0, CPU)).epoch(0))[0]
    assert set(bare.ravel().tolist()) <= known
    varied = next(TrainingVolumes(volumes, Batching(GEOMETRY, 6, "light", 0, CPU)).epoch(0))[0]
    assert not set(varied.ravel().tolist()) <= known


@pytest.mark.parametrize("size", [(8, 40, 16), (20, 20, 20)])
def test_patches_are_put_together_where_they_were(size: tuple[int, ...]) -> None:
    volume = torch.from_numpy(np.random.default_rng(0).normal(size=(1, 1, *size))).float()
    found = slide(torch.nn.Identity(), volume, (16, 16, 16))
    assert torch.allclose(found, volume, atol=1e-5)
    coarse = slide(torch.nn.AvgPool3d(2), torch.ones(1, 1, 20, 20, 20), (16, 16, 16))
    assert torch.allclose(coarse, torch.ones(1, 1, 20, 20, 20))
