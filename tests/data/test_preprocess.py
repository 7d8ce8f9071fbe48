import io
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from timm.data.config import resolve_data_config
from timm.data.transforms_factory import create_transform

from acrank.data import Preprocessing, Sample, draw_sample
from acrank.errors import ModelError

from .builders import noise, target_of

_resolve: Any = resolve_data_config  # timm leaves it untyped
CONFIG: dict[str, Any] = _resolve({}, pretrained_cfg={"input_size": (3, 32, 32)})


def settings(**changes: Any) -> Preprocessing:
    return Preprocessing.from_config(CONFIG | changes)


@pytest.fixture(scope="module")
def images() -> list[Image.Image]:
    sizes = [(40, 30), (30, 50), (20, 20), (64, 33)]
    colour = [noise(index, size) for index, size in enumerate(sizes)]
    return colour + [noise(index, size, 1) for index, size in enumerate(sizes)]


@pytest.fixture
def sample(images: list[Image.Image]) -> Sample:
    return draw_sample(target_of(list(images)), 8, 4, 0)


def opened(images: list[Image.Image], sample: Sample, mode: str) -> list[Image.Image]:
    return [images[int(key[1:])].convert(mode) for key in sample.keys]


@pytest.mark.parametrize("crop_mode", ["center", "squash", "border"])
@pytest.mark.parametrize("interpolation", ["bilinear", "bicubic"])
@pytest.mark.parametrize("size", [(3, 32, 32), (1, 24, 24), (3, 24, 40)])
def test_pixels_equal_those_of_timm(
    images: list[Image.Image],
    sample: Sample,
    size: tuple[int, int, int],
    interpolation: str,
    crop_mode: str,
) -> None:
    given = settings(
        input_size=size, interpolation=interpolation, crop_mode=crop_mode, crop_pct=0.9
    )
    transform = create_transform(
        size,
        use_prefetcher=True,
        interpolation=interpolation,
        crop_pct=0.9,
        crop_mode=crop_mode,
        mean=given.mean,
    )
    mode = "L" if size[0] == 1 else "RGB"
    expected = [np.asarray(transform(image)) for image in opened(images, sample, mode)]
    pixels = sample.pixels(given)
    assert pixels.dtype == torch.uint8
    np.testing.assert_array_equal(pixels.numpy(), np.stack(expected))


def test_batch_equals_timm_with_normalisation(images: list[Image.Image], sample: Sample) -> None:
    given = settings()
    transform = create_transform(**CONFIG)
    expected = torch.stack([transform(image) for image in opened(images, sample, "RGB")])
    for index, rows in enumerate(sample.batches):
        batch, labels = sample.batch(index, given, device="cpu")
        torch.testing.assert_close(batch, expected[rows], atol=1e-5, rtol=1e-5)
        assert batch.dtype == torch.float32
        assert batch.is_contiguous(memory_format=torch.channels_last)
        assert labels.dtype == torch.int64
        assert labels.tolist() == sample.labels[rows].tolist()


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float64])
def test_batch_in_another_precision(sample: Sample, dtype: torch.dtype) -> None:
    full, _ = sample.batch(0, settings(), device="cpu")
    other, _ = sample.batch(0, settings(), device=torch.device("cpu"), dtype=dtype)
    assert other.dtype == dtype
    torch.testing.assert_close(other.float(), full, atol=0.02, rtol=0.01)


def test_batch_leaves_the_cached_pixels_alone(sample: Sample) -> None:
    before = sample.pixels(settings()).clone()
    sample.batch(0, settings(), device="cpu")
    assert torch.equal(sample.pixels(settings()), before)


def test_equal_geometry_shares_pixels(sample: Sample) -> None:
    first = sample.pixels(settings())
    assert sample.pixels(settings(mean=(0.1, 0.2, 0.3), std=(1, 1, 1))) is first
    other = sample.pixels(settings(crop_pct=0.5))
    assert other is not first
    assert sample.pixels(settings(crop_pct=0.5)) is other
    assert sample.pixels(settings()) is not first  # only the last geometry is kept


def test_border_mode_pads_with_the_mean(sample: Sample) -> None:
    one = sample.pixels(settings(crop_mode="border", mean=(0.1, 0.2, 0.3)))
    two = sample.pixels(settings(crop_mode="border", mean=(0.5, 0.5, 0.5)))
    assert not torch.equal(one, two)


def test_from_config_keeps_everything() -> None:
    given = settings()
    assert given == Preprocessing(
        input_size=(3, 32, 32),
        interpolation=CONFIG["interpolation"],
        crop_pct=CONFIG["crop_pct"],
        crop_mode=CONFIG["crop_mode"],
        mean=tuple(CONFIG["mean"]),
        std=tuple(CONFIG["std"]),
    )
    assert hash(given) == hash(settings(mean=list(CONFIG["mean"]), input_size=[3, 32, 32]))


def test_three_values_on_one_channel_are_averaged() -> None:
    given = settings(input_size=(1, 8, 8), mean=(0.1, 0.2, 0.6), std=(0.2, 0.2, 0.5))
    assert given.mean == pytest.approx((0.3,))
    assert given.std == pytest.approx((0.3,))


def test_one_value_on_three_channels_is_repeated() -> None:
    given = settings(mean=(0.5,), std=[0.25])
    assert given.mean == (0.5, 0.5, 0.5)
    assert given.std == (0.25, 0.25, 0.25)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"input_size": (4, 32, 32)}, "4 input channels"),
        ({"input_size": (2, 32, 32)}, "2 input channels"),
        ({"mean": (0.5, 0.5)}, "3 input channels but 2 values of mean"),
        ({"std": (0.5, 0.0, 0.5)}, "above 0"),
    ],
)
def test_odd_networks_are_refused(changes: dict[str, Any], reason: str) -> None:
    with pytest.raises(ModelError, match=reason):
        settings(**changes)


def test_sample_survives_pickling(sample: Sample) -> None:
    buffer = io.BytesIO()
    torch.save(sample, buffer)
    buffer.seek(0)
    again: Sample = torch.load(buffer, weights_only=False)
    assert torch.equal(again.pixels(settings()), sample.pixels(settings()))
