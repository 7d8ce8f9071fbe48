import pickle
from pathlib import Path

import numpy as np
import pytest
import torch

from acrank.data import Drawing, Preprocessing
from acrank.data.volumes import (
    VolumeSample,
    VolumeSettings,
    VolumeTarget,
    draw_volumes,
    open_volumes,
)
from acrank.errors import DataError, ModelError

from .builders import box, fill, noise, save

SMALL = VolumeSettings(patch=(16, 16, 16))


def wanted(channels: int, mean: float = 0.0, std: float = 1.0) -> Preprocessing:
    size = (channels, 96, 96, 96)
    return Preprocessing(size, "bicubic", 1.0, "center", (mean,) * channels, (std,) * channels)


@pytest.fixture(scope="module")
def target(tmp_path_factory: pytest.TempPathFactory) -> VolumeTarget:
    cases = {f"c{number}": [1, 2] for number in range(8)}
    return open_volumes(str(fill(tmp_path_factory.mktemp("volumes"), cases)))


@pytest.fixture(scope="module")
def sample(target: VolumeTarget) -> VolumeSample:
    return draw_volumes(target, 8, 4, 0, SMALL)


def test_a_sample_is_what_was_asked_for(sample: VolumeSample) -> None:
    assert sample.images.shape == (8, 1, 16, 16, 16)
    assert sample.images.dtype == np.float32
    assert sample.masks.shape == (8, 16, 16, 16)
    assert [sorted(rows) for rows in sample.batches] == [[0, 2, 4, 6], [1, 3, 5, 7]]
    assert all({1, 2} & set(np.unique(mask)) for mask in sample.masks)
    assert (sample.patch, sample.spacing, sample.warnings) == ((16, 16, 16), (1, 1, 1), ())


def test_it_depends_on_the_seed_alone(target: VolumeTarget, sample: VolumeSample) -> None:
    again, other = (draw_volumes(target, 8, 4, seed, SMALL) for seed in (0, 1))
    assert again.keys == sample.keys != other.keys
    assert again.fingerprint == sample.fingerprint != other.fingerprint
    np.testing.assert_array_equal(again.images, sample.images)


def test_fewer_are_the_start_of_more(target: VolumeTarget, sample: VolumeSample) -> None:
    drawing = Drawing(4, 2, 0, patch=SMALL.patch)
    few, part = target.draw(drawing), target.smaller(sample, drawing)
    assert few.keys == part.keys == sample.keys[:4]
    assert [list(rows) for rows in few.batches] == [list(rows) for rows in part.batches]
    for name in ("images", "masks"):
        np.testing.assert_array_equal(getattr(few, name), getattr(part, name))
    assert part.fingerprint not in (sample.fingerprint, few.fingerprint)


@pytest.mark.parametrize(
    "settings",
    [
        VolumeSettings(patch=(16, 16, 32)),
        VolumeSettings(patch=(16, 16, 16), spacing=(2, 1, 1)),
        VolumeSettings(patch=(16, 16, 16), window=(90, 110)),
    ],
)
def test_every_setting_is_in_the_fingerprint(
    target: VolumeTarget, sample: VolumeSample, settings: VolumeSettings
) -> None:
    assert draw_volumes(target, 8, 4, 0, settings).fingerprint != sample.fingerprint


def test_a_batch_is_as_the_network_wants_it(sample: VolumeSample) -> None:
    images, masks = sample.batch(1, wanted(1), device="cpu")
    assert images.dtype == torch.float32
    assert masks.dtype == torch.int64
    np.testing.assert_array_equal(images.numpy(), sample.images[sample.batches[1]])
    grey, _ = sample.batch(1, wanted(3, 0.5, 2.0), device="cpu")
    torch.testing.assert_close(grey, ((images - 0.5) / 2).repeat(1, 3, 1, 1, 1))
    with pytest.raises(ModelError, match=r"takes 2 channel\(s\), and the volumes have 1"):
        sample.batch(0, wanted(2), device="cpu")


def test_padding_is_ignored_and_the_sample_left_as_it_is(target: VolumeTarget) -> None:
    padded = draw_volumes(target, 4, 2, 0, VolumeSettings(patch=(32, 16, 16)))
    before = padded.masks.copy()
    _, masks = padded.batch(0, wanted(1), device="cpu")
    assert (masks == -100).sum() == 2 * 12 * 16 * 16
    np.testing.assert_array_equal(padded.masks, before)


def test_it_survives_pickling(sample: VolumeSample) -> None:
    copy = pickle.loads(pickle.dumps(sample))
    assert copy.fingerprint == sample.fingerprint
    assert len(copy.subset(np.array([1, 5]))) == 2


def test_channels_are_standardised_each(tmp_path: Path) -> None:
    for name in ("x", "y"):
        save(tmp_path / "images" / f"{name}_0000.nii.gz", noise(1))
        save(tmp_path / "images" / f"{name}_0001.nii.gz", 50 * noise(1) + 7)
        save(tmp_path / "labels" / f"{name}.nii.gz", box([1]))
    found = draw_volumes(open_volumes(str(tmp_path)), 2, 2, 0, SMALL)
    assert found.images.shape[1] == 2
    np.testing.assert_allclose(found.images[:, 0], found.images[:, 1], atol=1e-3)


def test_what_a_user_should_know(target: VolumeTarget, tmp_path: Path) -> None:
    few, one_batch, flat = draw_volumes(
        target, 20, 6, 0, VolumeSettings(patch=(16, 16, 16), window=(9000, 9001))
    ).warnings
    assert few.startswith("20 volumes were requested and 8 are used")
    assert "no interval" in one_batch
    assert flat.startswith("8 of 8 volumes hold a single value")
    empty = open_volumes(str(fill(tmp_path, {"a": [], "b": [], "c": [1]})))
    with pytest.raises(DataError, match="the 2 masks drawn hold only 'background'"):
        draw_volumes(empty, 2, 2, next(s for s in range(99) if misses(empty, s)), SMALL)


def misses(target: VolumeTarget, seed: int) -> bool:
    from acrank.data.segmentation.order import in_drawing_order

    return in_drawing_order(target.items, seed)[2].key == "c"


def test_files_that_change_meanwhile(tmp_path: Path) -> None:
    target = open_volumes(str(fill(tmp_path, {"a": [1], "b": [1]})))
    save(tmp_path / "labels" / "a.nii.gz", box([5]))
    save(tmp_path / "images" / "b.nii.gz", noise(0, (20, 18, 16)))
    with pytest.raises(DataError, match="2 of 2 cases") as caught:
        draw_volumes(target, 2, 2, 0, SMALL)
    assert caught.value.message.count("it has changed since it was checked") == 2
