"""Whether training images are mirrored: of classes, masks and volumes."""

from pathlib import Path

import numpy as np
import pytest
import torch

from acrank.data import Preprocessing, Sample
from acrank.data.segmentation import SegmentationSample
from acrank.finetuning.config import make_finetune_config
from acrank.finetuning.images import TrainingImages
from acrank.finetuning.inputs import find_backbone, open_images
from acrank.finetuning.masks.batches import TrainingMasks
from acrank.finetuning.objective import Batching
from acrank.finetuning.run import prepare, with_task
from acrank.finetuning.volumes.batches import TrainingVolumes, varied
from tests.finetuning.diverging import KINDS, SETTINGS, write_kind, write_zoo

CPU = torch.device("cpu")
GEOMETRY = Preprocessing((3, 32, 32), "bicubic", 1.0, "squash", (0.0,) * 3, (1.0,) * 3)
IMAGES = 40


def half() -> np.ndarray:
    """Pixels that are bright on the left."""
    pixels = np.zeros((32, 32), np.uint8)
    pixels[:, :16] = 200
    return pixels


def bright_left(images: torch.Tensor) -> int:
    """How many images (N, C, H, W) are brighter on the left."""
    left, right = images.chunk(2, dim=3)
    return int((left.mean(dim=(1, 2, 3)) > right.mean(dim=(1, 2, 3))).sum())


@pytest.mark.parametrize("augment", ["light", "timm"])
def test_images_are_mirrored_only_where_they_may_be(augment: str) -> None:
    labels = np.arange(IMAGES, dtype=np.int64) % 2
    sample = Sample(
        classes=("a", "b"),
        keys=tuple(map(str, range(IMAGES))),
        labels=labels,
        images=[half()] * IMAGES,
        batches=(np.arange(IMAGES),),
    )
    counts = {}
    for flip in (True, False):
        batches = TrainingImages(sample, Batching(GEOMETRY, IMAGES, augment, 0, CPU, flip))
        counts[flip] = sum(bright_left(next(batches.epoch(number))[0]) for number in range(3))
    # timm's crops may be narrow, and hold one side alone
    assert 0.3 < counts[True] / (3 * IMAGES) < 0.7
    assert counts[False] > (0.99 if augment == "light" else 0.8) * 3 * IMAGES


def test_masks_are_mirrored_only_where_they_may_be() -> None:
    pixels = half()
    sample = SegmentationSample(
        classes=("a", "b"),
        keys=tuple(map(str, range(IMAGES))),
        images=[pixels] * IMAGES,
        masks=np.stack([(pixels > 0).astype(np.uint8)] * IMAGES),
        batches=(np.arange(IMAGES),),
    )
    for flip in (True, False):
        batches = TrainingMasks(sample, Batching(GEOMETRY, IMAGES, "light", 0, CPU, flip))
        images, masks = next(batches.epoch(0))
        count = bright_left(images)
        assert count == bright_left((masks == 1)[:, None].float())
        assert 10 < count < 30 if flip else count == IMAGES


def test_volumes_are_mirrored_only_where_they_may_be() -> None:
    image = np.zeros((1, 4, 4, 4), np.float32)
    image[:, :2] = 9
    labels = (image[0] > 0).astype(np.uint8)
    draw = np.random.default_rng(0)
    for flip in (True, False):
        moved = [varied(image, labels, draw, flip=flip) for _ in range(IMAGES)]
        lefts = [float(one[0, 0].mean()) > float(one[0, -1].mean()) for one, _ in moved]
        assert lefts == [bool(mask[0, 0, 0]) for _, mask in moved]
        assert 10 < sum(lefts) < 30 if flip else all(lefts)


@pytest.mark.parametrize("kind", KINDS)
def test_the_setting_reaches_the_batches(kind: str, tmp_path: Path) -> None:
    data = write_kind(tmp_path / kind, kind)
    zoo = write_zoo(tmp_path / "zoo.yaml", kind, fine=99)
    for flip in (True, False):
        given = {"data": str(data), "zoo": str(zoo), "model": "fine", "trust_code": True}
        settings = with_task(make_finetune_config({**given, **SETTINGS[kind], "flip": flip}))[0]
        images = open_images(settings)
        settings = settings.model_copy(update=images.settings)
        training, _ = prepare(settings, images, find_backbone(settings), CPU)
        batches = training.setup.training
        assert isinstance(batches, TrainingImages | TrainingMasks | TrainingVolumes)
        assert batches.batching.flip is flip
