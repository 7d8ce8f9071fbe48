"""Images with masks, apart by their use, and the batches that are made of them."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from acrank.data import Preprocessing
from acrank.data.segmentation import IGNORE_INDEX
from acrank.errors import DataError
from acrank.finetuning.inputs import open_images
from acrank.finetuning.masks.batches import TrainingMasks, plain_masks
from acrank.finetuning.masks.data import MaskedImages, open_masks, rarest_classes
from acrank.finetuning.objective import Batching
from tests.finetuning.masks.discs import SIDES, config, write_discs

GEOMETRY = Preprocessing((3, 32, 32), "bicubic", 1.0, "squash", (0.0,) * 3, (1.0,) * 3)
CPU = torch.device("cpu")


@pytest.fixture
def discs(tmp_path: Path) -> Path:
    return write_discs(tmp_path / "discs")


def opened(folder: Path, like: MaskedImages | None = None) -> MaskedImages:
    return open_masks(str(folder), None, 0, 32, like)


def test_a_part_validates_and_the_rest_trains(discs: Path) -> None:
    images = open_images(config(discs))
    assert (len(images.training), len(images.validation)) == (8, 2)
    assert not set(images.training.keys) & set(images.validation.keys)
    assert images.training.foreground == (1,)
    truth = images.validation.truth(0)
    assert truth.shape == SIDES
    assert np.unique(truth).tolist() == [0, 1]
    again = open_images(config(discs))
    assert again.validation.fingerprint == images.validation.fingerprint
    assert open_images(config(discs, seed=1)).validation.keys != images.validation.keys


def test_images_are_split_by_their_rarest_class(tmp_path: Path) -> None:
    folder = write_discs(tmp_path, 6, ring=True)
    for index in range(4):  # no inner disc in most of them
        file = folder / "masks" / f"disc{index}.png"
        Image.fromarray(np.asarray(Image.open(file)).clip(max=1)).save(file)
    images = opened(folder)
    rare = {key for key, label in zip(images.keys, rarest_classes(images), strict=True) if label}
    assert rare == {"disc4", "disc5"}
    parts = open_images(config(folder))
    for part in (parts.training, parts.validation):
        assert part.counts()[:, 2].any()


def test_other_images_are_read_by_the_same_classes(discs: Path, tmp_path: Path) -> None:
    images = opened(discs)
    other = write_discs(tmp_path / "val", 3, seed=1)
    (other / "masks" / "disc0.png").write_bytes((discs / "masks" / "disc0.png").read_bytes())
    assert opened(other, images).class_map == images.class_map
    ring = write_discs(tmp_path / "ring", 3, ring=True)
    with pytest.raises(DataError, match="values outside the classes: 1, 2"):
        opened(ring, images)
    (ring / "classes.yaml").write_text("classes: {background: 0, wall: 1, core: 2}")
    with pytest.raises(DataError, match="background, wall, core, the training images have"):
        opened(ring, images)
    (ring / "classes.yaml").write_text("classes: {background: 0, foreground: 1}\nignore: 2")
    images = opened(ring, images)
    assert images.class_map.ignore == 2
    assert 255 in images.truth(0)


def test_image_and_mask_are_moved_alike(discs: Path) -> None:
    sample = opened(discs).sample
    batches = TrainingMasks(sample, Batching(GEOMETRY, 4, "light", 0, CPU))
    assert batches.sizes == [4, 4, 2]
    rows = list(batches.epoch(0))
    for (images, masks), (same, as_before) in zip(rows, batches.epoch(0), strict=True):
        assert torch.equal(images, same)
        assert torch.equal(masks, as_before)
    images, masks = (torch.cat(part) for part in zip(*rows, strict=True))
    known = masks != IGNORE_INDEX
    assert 0 < int((~known).sum()) < 0.3 * masks.numel()
    bright = images.mean(dim=1) > 90 / 255
    assert float((bright == (masks == 1))[known].float().mean()) > 0.95
    other = torch.cat([masks for _, masks in batches.epoch(1)])
    assert not torch.equal(other, masks)


def test_plain_batches_are_the_sample(discs: Path) -> None:
    sample = opened(discs).sample
    images, masks = (
        torch.cat(part) for part in zip(*plain_masks(sample, GEOMETRY, 4, CPU), strict=True)
    )
    assert np.array_equal(masks.numpy(), sample.masks)
    shown = (images * 255).round().to(torch.uint8).permute(0, 2, 3, 1).numpy()
    assert np.array_equal(shown, np.stack(sample.images))
    bare = TrainingMasks(sample, Batching(GEOMETRY, 10, "none", 0, CPU))
    order = next(bare.epoch(0))[1]
    assert sorted(m.numpy().tobytes() for m in order) == sorted(m.numpy().tobytes() for m in masks)


def test_a_mask_that_has_changed_is_named(discs: Path) -> None:
    images = opened(discs)
    Path(str(images.pairs[0].mask)).write_bytes(b"x")
    with pytest.raises(DataError, match="it has changed since it was checked"):
        images.truth(0)


def test_shared_classes_may_be_missing_in_validation_masks(tmp_path: Path) -> None:
    write_discs(tmp_path / "train", 4, ring=True)
    write_discs(tmp_path / "val", 2, ring=True)
    for file in (tmp_path / "val" / "masks").iterdir():
        mask = np.asarray(Image.open(file))
        Image.fromarray(np.minimum(mask, 1)).save(file)  # no core
    (tmp_path / "classes.yaml").write_text("classes: {background: 0, rim: 1, core: 2}\n")
    training = open_masks(str(tmp_path / "train"), None, 0, 32)
    found = open_masks(str(tmp_path / "val"), None, 0, 32, like=training)
    assert found.classes == ("background", "rim", "core")
    assert found.counts()[:, 2].tolist() == [0, 0]


def test_validation_images_in_another_layout(tmp_path: Path) -> None:
    folder = tmp_path / "street"
    for part, count in (("train", 5), ("val", 3)):
        write_discs(folder / part, count, seed=count)
        (folder / part / "masks").rename(folder / f"{part}annot")
        for file in [*(folder / part / "images").iterdir()]:
            file.rename(folder / part / file.name)
        (folder / part / "images").rmdir()
    images = open_images(config(folder, val=str(folder / "val")))
    assert (len(images.training), len(images.validation)) == (5, 3)
    assert any("masks in trainannot/ (the same names): 5 pairs" in note for note in images.notes)
    (told,) = [note for note in images.notes if "3 pairs" in note]
    assert told.startswith("--val: Read as images with masks: images in val/, masks in valannot/")


def test_a_folder_of_validation_images_beside_the_training_images(tmp_path: Path) -> None:
    for part, count in (("train", 5), ("val", 3)):
        folder = write_discs(tmp_path / part, count, seed=count)
        for kind in ("images", "masks"):
            (tmp_path / "all" / kind).mkdir(parents=True, exist_ok=True)
            (folder / kind).rename(tmp_path / "all" / kind / part)
    (tmp_path / "all" / "classes.yaml").write_text("classes: {back: 0, disc: 255}")
    images = open_images(config(tmp_path / "all", val=str(tmp_path / "all" / "images" / "val")))
    assert (len(images.training), len(images.validation)) == (5, 3)
    assert images.validation.classes == ("back", "disc")
    assert any("images in images/val/, masks in masks/val/" in note for note in images.notes)


def test_other_masks_by_the_classes_that_a_description_gives(discs: Path, tmp_path: Path) -> None:
    other = write_discs(tmp_path / "nn", 3)
    for old, new in (("images", "imagesTr"), ("masks", "labelsTr")):
        (other / old).rename(other / new)
    for file in [*(other / "imagesTr").iterdir()]:
        file.rename(file.with_stem(f"{file.stem}_0000"))
    text = '{"labels": {"background": 0, "foreground": 255}, "file_ending": ".png"}'
    (other / "dataset.json").write_text(text)
    images = opened(other, like=opened(discs))
    assert images.classes == ("background", "foreground")
    assert len(images) == 3
    (other / "dataset.json").write_text(text.replace("foreground", "disc"))
    with pytest.raises(DataError, match="has the classes background, disc"):
        opened(other, like=opened(discs))
