"""Masks with values between 0 and 255: classes, or what is left of black and white."""

import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image

from acrank.data.segmentation import ClassMap, open_segmentation
from acrank.data.segmentation.greys import look_at_greys, made_up_greys
from acrank.errors import DataError
from tests.data.builders import encoded, noise

from .builders import SIZE, fill, message

LARGE = (2 * SIZE[0], 2 * SIZE[1])
Values = npt.NDArray[np.uint8]


def disc(value: int, radius: float = 20, size: tuple[int, int] = LARGE) -> Values:
    y, x = np.mgrid[: size[1], : size[0]]
    inside = (x - size[0] / 2) ** 2 + (y - size[1] / 2) ** 2 < radius**2
    return np.where(inside, value, 0).astype(np.uint8)


def vessel() -> Values:
    """A line of one pixel, so that no block of four is white."""
    values = np.zeros(LARGE[::-1], np.uint8)
    values[np.arange(60), np.arange(60)] = 255
    return values


def halved(values: Values) -> Image.Image:
    return Image.fromarray(values).resize(SIZE, Image.Resampling.BOX)


def through_jpeg(values: Values) -> Image.Image:
    data = encoded(
        Image.fromarray(values).resize(SIZE, Image.Resampling.NEAREST), "JPEG", quality=80
    )
    return Image.open(io.BytesIO(data)).convert("L")


@pytest.mark.parametrize(
    "make",
    [
        lambda radius: halved(disc(255, radius)),
        lambda radius: halved(disc(200, radius)),
        lambda radius: halved(vessel()),
        lambda radius: Image.fromarray(disc(255, radius)).resize(SIZE, Image.Resampling.BICUBIC),
        lambda _: Image.fromarray(disc(255, 5, (10, 8))).resize(SIZE, Image.Resampling.BILINEAR),
        lambda radius: through_jpeg(disc(255, radius)),
    ],
    ids=["halved", "halved_200", "thin", "bicubic", "enlarged", "jpeg"],
)  # fmt: skip
def test_interpolated_masks_are_refused_by_name(
    tmp_path: Path, make: Callable[[float], Image.Image]
) -> None:
    folder = fill(tmp_path, {"a": make(18), "b": make(22), "plain": [0, 255]})
    text = message(folder)
    assert "2 of 3 masks hold grey between 0 and 255 along edges alone" in text
    assert f"{folder}/masks/a.png: " in text
    assert "plain.png" not in text
    with pytest.raises(DataError) as caught:
        open_segmentation(str(folder))
    assert "nearest pixel" in str(caught.value.hint)
    assert "threshold" in str(caught.value.hint)


@pytest.mark.parametrize("between", [127, 128])
def test_three_levels_are_three_classes_and_that_is_said(tmp_path: Path, between: int) -> None:
    fill(tmp_path, {"a": [0, between, 255], "b": [0, 255], "c": [0, between]})
    target = open_segmentation(str(tmp_path))
    assert target.class_map == ClassMap(("0", str(between), "255"), (0, between, 255))
    (notice,) = target.warnings
    assert f"The values 0, {between}, 255 are read as 3 classes, including 255" in notice


@pytest.mark.parametrize("levels", [(0, 85, 170, 255), tuple(range(0, 256, 17)), (50, 100, 255)])
def test_grey_levels_are_classes_with_white(tmp_path: Path, levels: tuple[int, ...]) -> None:
    wide = Image.fromarray(np.repeat(np.repeat(np.array([levels], np.uint8), 8, 1), 30, 0))
    images = {name: noise(0, wide.size) for name in "ab"}
    fill(tmp_path, {"a": wide, "b": wide})
    for name, image in images.items():
        (tmp_path / "images" / f"{name}.jpg").write_bytes(encoded(image, "JPEG"))
    assert open_segmentation(str(tmp_path)).class_map.codes == levels


def test_three_levels_of_which_one_is_an_edge_are_refused(tmp_path: Path) -> None:
    values = disc(255, 9, SIZE)
    values[(disc(1, 10, SIZE) - disc(1, 9, SIZE)) == 1] = 128
    fill(tmp_path, {"a": Image.fromarray(values), "b": [0, 255]})
    assert "1 of 2 masks hold grey" in message(tmp_path)
    (tmp_path / "classes.yaml").write_text("classes: {back: 0, rim: 128, disc: 255}")
    assert open_segmentation(str(tmp_path)).classes == ("back", "rim", "disc")


@pytest.mark.parametrize("values", [(0, 1, 2, 255), (0, 15, 255), (0, 5, 20, 255)])
def test_255_beside_indices_is_ignored(tmp_path: Path, values: tuple[int, ...]) -> None:
    fill(tmp_path, {"a": values, "b": values})
    target = open_segmentation(str(tmp_path))
    assert target.class_map.ignore == 255
    assert "is read as 'ignore'" in target.warnings[0]


def test_greys_outside_the_classes_of_a_file_are_explained(tmp_path: Path) -> None:
    fill(tmp_path, {"a": halved(disc(255)), "b": [0, 255]})
    (tmp_path / "classes.yaml").write_text("classes: {back: 0, disc: 255}")
    with pytest.raises(DataError, match="values outside the classes: 64, 128, 192") as caught:
        open_segmentation(str(tmp_path))
    assert "nearest pixel" in str(caught.value.hint)


def test_photographs_are_not_called_interpolated(tmp_path: Path) -> None:
    fill(tmp_path, {"a": noise(0, SIZE, 1), "b": noise(1, SIZE, 1)})
    assert "different values" in message(tmp_path)


def test_masks_of_16_bits_may_be_black_and_white(tmp_path: Path) -> None:
    deep = Image.fromarray(disc(1, 9, SIZE).astype(np.uint16) * 65535)
    fill(tmp_path, {"a": deep, "b": deep})
    assert open_segmentation(str(tmp_path)).class_map.codes == (0, 65535)


def coloured(palette: list[int]) -> Image.Image:
    image = Image.fromarray(disc(1, 9, SIZE)).convert("P")
    image.putpalette(palette)
    return image


def test_palettes_that_differ_are_refused(tmp_path: Path) -> None:
    black_first, white_first = [0, 0, 0, 255, 255, 255], [255, 255, 255, 0, 0, 0]
    fill(tmp_path, {"a": coloured(black_first), "b": coloured(white_first)})
    text = message(tmp_path)
    assert "the value 0 is the colour [0, 0, 0] in" in text
    assert "and [255, 255, 255] in" in text
    (tmp_path / "classes.yaml").write_text("classes: {back: [0, 0, 0], disc: [255, 255, 255]}")
    assert open_segmentation(str(tmp_path)).class_map.colour
    (tmp_path / "classes.yaml").write_text("classes: {back: 0, disc: 1}")
    assert open_segmentation(str(tmp_path)).classes == ("back", "disc")
    (tmp_path / "classes.yaml").unlink()
    fill(tmp_path, {"b": coloured(black_first)})
    assert open_segmentation(str(tmp_path)).classes == ("background", "foreground")


def test_areas_of_any_number_of_dimensions() -> None:
    values = np.zeros((9, 9, 9), np.int32)
    values[2:7, 2:7, 2:7] = 128
    values[0, 0, :] = 200
    greys = look_at_greys(values)
    assert 128 in greys.areas
    assert 200 not in greys.areas
    assert greys.ends == pytest.approx(1 - (125 + 9) / 729)
    assert look_at_greys(np.full((2, 9), 7)).areas == frozenset()


def test_labels_that_were_not_looked_at_have_no_made_up_greys() -> None:
    assert made_up_greys([{0, 128, 255}], [None]) == frozenset()
