"""What the user is told of how pixels were read."""

import io

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image

from acrank.data import draw_sample
from acrank.data.decode import decode
from acrank.data.imagefile import MANY, count_frames, strict_pillow

from .builders import deep_png, encoded, noise, target_of

SHAPE = (40, 30)


def notices(images: list[Image.Image | bytes]) -> list[str]:
    return list(draw_sample(target_of(images), len(images), len(images) // 2, 0).warnings)


def scan(seed: int, peak: int = 4096) -> npt.NDArray[np.uint16]:
    return np.random.default_rng(seed).integers(0, peak, SHAPE).astype(np.uint16)


def stack(pages: list[Image.Image], fmt: str = "TIFF") -> bytes:
    stream = io.BytesIO()
    pages[0].save(stream, fmt, save_all=True, append_images=pages[1:])
    return stream.getvalue()


def test_plain_images_need_no_words() -> None:
    assert notices([noise(seed) for seed in range(8)]) == []


def test_one_marker_that_darkens_all_is_named() -> None:
    scans = [scan(seed) for seed in range(8)]
    assert len(notices([Image.fromarray(each) for each in scans])) == 1
    scans[3][:3, :3] = 65535
    depth, marker = notices([Image.fromarray(each) for each in scans])
    assert "the largest is 65535, so they are read as 16-bit" in depth
    assert marker.startswith("1 image decides that (i003), with 0.094 % of all pixels")
    assert "read as 12-bit and be 16 times as bright" in marker


def test_markers_in_every_image_are_told_by_their_share_of_the_pixels() -> None:
    scans = [scan(seed) for seed in range(8)]
    for each in scans:
        each[:3, :3] = 65535
    _, marker = notices([Image.fromarray(each) for each in scans])
    assert marker.startswith("8 images decide that (i000, i002, i004, ...), with 0.75 %")


def test_a_marker_in_colour_is_named_too() -> None:
    scans = [np.stack([scan(3 * seed + band) for band in range(3)], -1) for seed in range(8)]
    scans[5][:3, :3] = 65535
    _, marker = notices([deep_png(each) for each in scans])
    assert marker.startswith("1 image decides that (i005)")


def test_scans_of_one_depth_decide_together() -> None:
    peaks = [1500, 4000, 4095, 900, 3000, 2500, 4095, 700]  # several above 10 bits, many pixels
    images: list[Image.Image | bytes] = [
        Image.fromarray(scan(seed, peak)) for seed, peak in enumerate(peaks)
    ]
    assert len(notices(images)) == 1


def test_pages_beyond_the_first_are_said() -> None:
    pages = [noise(seed) for seed in range(3)]
    three = stack(pages)
    (notice,) = notices([three] * 4)
    assert notice.startswith("4 of 4 images have 3 pages or frames, of which the first is used.")
    (notice,) = notices([three, stack(pages[:2], "GIF"), noise(4), noise(5)])
    assert notice.startswith("2 of 4 images have several pages or frames")


def test_a_first_page_without_anything_is_said() -> None:
    empty = stack([Image.new("L", SHAPE), noise(0, SHAPE, 1), noise(1, SHAPE, 1)])
    pages, flat = notices([empty] * 4)
    assert "4 of 4 images have 3 pages" in pages
    assert flat == (
        "4 of 4 images hold nothing but black in the page that is used (i000, i002, i001, ...)."
    )


def test_images_of_one_colour_are_said() -> None:
    white, red = Image.new("1", (9, 9), 1), Image.new("RGB", (9, 9), "red")
    (notice,) = notices([white, white, noise(0), noise(1)])
    assert notice == "2 of 4 images hold nothing but white all over (i000, i001)."
    (notice,) = notices([red, noise(2), noise(0), noise(1)])
    assert notice == "1 of 4 images hold nothing but the colour [255, 0, 0] all over (i000)."


def test_transparency_is_said_where_there_is_some() -> None:
    clear = noise(0).convert("RGBA")
    assert notices([clear, noise(1), noise(2), noise(3)]) == []
    clear.putpixel((0, 0), (1, 2, 3, 0))
    (notice,) = notices([clear, noise(1), noise(2), noise(3)])
    assert notice == "1 of 4 images have transparent pixels, which are laid over black."


def test_frames_are_counted_without_reading_them_all() -> None:
    for fmt in ("TIFF", "GIF", "WEBP", "PNG"):
        assert count_frames(stack([noise(seed) for seed in range(3)], fmt)) == 3
        assert count_frames(encoded(noise(0), fmt)) == 1
    pages = [Image.new("L", (1, 1))] * (MANY + 5)
    assert count_frames(stack(pages)) == MANY


@pytest.mark.parametrize("fmt", ["TIFF", "GIF"])
def test_damage_in_a_later_frame_is_no_harm(fmt: str) -> None:
    whole = stack([noise(seed) for seed in range(3)], fmt)
    for cut in range(len(whole) - 200, len(whole) - 20, 9):
        torn = whole[:cut]
        with strict_pillow():
            assert 1 <= count_frames(torn) <= 3
            assert decode(torn).values.shape == (20, 24, 3)
