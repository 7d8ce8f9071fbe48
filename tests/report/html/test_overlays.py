"""Masks over images: where they are, in which colours, and how much of each class there is."""

import base64
import io
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image

from acrank.data.segmentation import SegmentationSample
from acrank.report.figures.colours import ACCENT, DARK_GREY, LIGHT_GREY, SECOND, rgb
from acrank.report.html.overlays import MOST, SIZE, draw_over, make_overlays

SIDE = 64
Pixels = npt.NDArray[np.uint8]


def decoded(uri: str) -> npt.NDArray[np.float64]:
    kind, _, encoded = uri.partition(",")
    assert kind == "data:image/jpeg;base64"
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(encoded)))).astype(np.float64)


def halves(left: int, right: int) -> Pixels:
    mask = np.full((SIDE, SIDE), left, dtype=np.uint8)
    mask[:, SIDE // 2 :] = right
    return mask


def sample_of(masks: Sequence[Pixels], classes: tuple[str, ...], grey: int = 0) -> Any:
    image = np.full((SIDE, SIDE), grey, dtype=np.uint8)
    return SegmentationSample(
        classes=classes,
        keys=tuple(f"patient-{number}" for number in range(len(masks))),
        images=[image] * len(masks),
        masks=np.stack(masks),
        batches=(np.arange(len(masks)),),
    )


def is_nearly(found: npt.NDArray[np.float64], colour: Sequence[float]) -> bool:
    return bool(np.abs(found - np.array(colour)).max() <= 12)


@pytest.mark.parametrize("shape", [(SIDE, SIDE), (SIDE, SIDE, 3)])
def test_a_class_is_filled_and_outlined_and_the_background_is_neither(
    shape: tuple[int, ...],
) -> None:
    uri = draw_over(np.full(shape, 200, dtype=np.uint8), halves(0, 1), ("", ACCENT))
    found = decoded(uri)
    assert found.shape == (SIZE, SIZE, 3)
    assert is_nearly(found[:, : SIZE // 2 - 4], (200, 200, 200))
    assert is_nearly(found[:, SIZE // 2], rgb(ACCENT))
    share = 96 / 255
    fill = [share * part + (1 - share) * 200 for part in rgb(ACCENT)]
    assert is_nearly(found[:, SIZE // 2 + 6 :], fill)


def test_two_classes_are_outlined_each_on_its_side() -> None:
    black = np.zeros((SIDE, SIDE), dtype=np.uint8)
    found = decoded(draw_over(black, halves(1, 2), ("", ACCENT, SECOND)))
    assert np.abs(found[:, SIZE // 2 - 1] - rgb(ACCENT)).max() < 40
    assert np.abs(found[:, SIZE // 2] - rgb(SECOND)).max() < 40
    assert found[:, 4].mean() < found[:, SIZE // 2 - 1].mean()


@pytest.mark.parametrize("grey", [0, 128, 255])
def test_pixels_to_ignore_are_hatched_on_any_image(grey: int) -> None:
    image = np.full((SIDE, SIDE), grey, dtype=np.uint8)
    found = decoded(draw_over(image, halves(0, 255), ("", ACCENT)))
    assert is_nearly(found[:, : SIZE // 2 - 8], (grey,) * 3)
    hatched = found[:, SIZE // 2 + 8 :]
    assert hatched.max() - hatched.min() > 60
    assert np.ptp(hatched, axis=-1).max() < 24  # grey, as are both lines
    assert rgb(DARK_GREY)[0] < 128 < rgb(LIGHT_GREY)[0]


def test_a_mask_lies_where_its_image_is() -> None:
    image = halves(255, 0)
    image[SIDE // 2 :] = 0
    mask = (image > 0).astype(np.uint8)
    found = decoded(draw_over(image, mask, ("", "#ff0000")))
    assert is_nearly(found[: SIZE // 2 - 8, : SIZE // 2 - 8], (255, 159, 159))
    assert found[SIZE // 2 + 6 :].max() < 10
    assert found[:, SIZE // 2 + 6 :].max() < 10


def test_shares_are_of_all_pixels_and_images_of_the_whole_sample() -> None:
    masks = [halves(0, 1), halves(0, 0), halves(0, 255), halves(0, 1)]
    found = make_overlays(sample_of(masks, ("background", "vessel", "disc")))
    told = [(each.name, each.colour, each.share, each.images) for each in found.classes]
    assert told == [
        ("background", "", "62.5 %", 4),
        ("vessel", ACCENT, "25.0 %", 2),
        ("disc", SECOND, "0.0 %", 0),
    ]
    assert found.ignored is not None
    assert (found.ignored.share, found.ignored.images) == ("12.5 %", 1)
    assert [image.told for image in found.images] == [
        "vessel 50.0 %",
        "no class but background",
        "no class but background",
        "vessel 50.0 %",
    ]


def test_a_few_pixels_are_not_none_and_almost_all_are_not_all() -> None:
    mask = halves(0, 0)
    mask[0, 0] = 1
    found = make_overlays(sample_of([mask] + [halves(0, 0)] * 7, ("background", "dot")))
    assert [each.share for each in found.classes] == [">99.9 %", "<0.1 %"]
    assert found.ignored is None


def test_background_is_the_class_of_that_name_wherever_it_stands() -> None:
    found = make_overlays(sample_of([halves(0, 1)], ("vessel", "background")))
    assert [each.colour for each in found.classes] == [ACCENT, ""]
    assert found.images[0].told == "vessel 50.0 %"


def test_the_largest_classes_are_told_of_many() -> None:
    mask = np.repeat(np.arange(1, 9, dtype=np.uint8), 8)[:, None].repeat(SIDE, axis=1)
    mask[:8] = 6  # of two stripes now
    classes = tuple("zabcdefgh")
    (image,) = make_overlays(sample_of([mask], classes)).images
    assert image.told == "f 25.0 %, b 12.5 %, c 12.5 %, 4 more"


@pytest.mark.parametrize("images", [1, 2, MOST, MOST + 1, 3 * MOST])
def test_images_are_few_and_spread_over_the_sample(images: int) -> None:
    masks = [halves(0, 1)] * images
    sample = sample_of(masks, ("background", "vessel"))
    levels = [np.full((SIDE, SIDE), number, dtype=np.uint8) for number in range(images)]
    sample.images = tuple(levels)
    found = make_overlays(sample)
    assert (len(found.images), found.drawn) == (min(images, MOST), images)
    shown = [decoded(image.uri)[:, :60].mean() for image in found.images]
    assert shown == pytest.approx(np.linspace(0, images - 1, len(shown)), abs=2.5)


def test_they_are_small_whatever_is_in_them() -> None:
    noise = np.random.default_rng(0).integers(0, 256, (SIDE * 4, SIDE * 4, 3), dtype=np.uint8)
    mask = np.random.default_rng(1).integers(0, 3, (SIDE * 4, SIDE * 4), dtype=np.uint8)
    assert len(draw_over(noise, mask, ("", ACCENT, SECOND))) < 60_000
