from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from acrank.data.segmentation import ClassMap, open_segmentation
from tests.data.builders import encoded, noise

from .builders import SIZE, blocks, fill, message

RED_GREEN = "classes: {red: [255, 0, 0], green: [0, 255, 0]}\n"


def coloured(*colours: tuple[int, int, int], mode: str = "RGB") -> Image.Image:
    stripes = np.array(colours, dtype=np.uint8)[blocks(range(len(colours)))]
    return Image.fromarray(stripes).convert(mode)


def oriented(orientation: int, size: tuple[int, int], fmt: str) -> bytes:
    exif = Image.Exif()
    exif[0x0112] = orientation
    return encoded(noise(0, size), fmt, exif=exif)


def test_values_without_names(tmp_path: Path) -> None:
    target = open_segmentation(str(fill(tmp_path, {"a": [0, 255], "b": [255]})))
    assert target.class_map == ClassMap(("background", "foreground"), (0, 255))
    assert target.classes == ("background", "foreground")
    assert target.warnings == ()


def test_names_from_the_class_file_beside_or_above(tmp_path: Path) -> None:
    fill(tmp_path / "train", {"a": [0, 7, 254], "b": [0, 7]})
    (tmp_path / "classes.yaml").write_text("classes: {vessel: 7, back: 0}\nignore: 254")
    wanted = ClassMap(("vessel", "back"), (7, 0), 254)
    assert open_segmentation(str(tmp_path)).class_map == wanted
    assert open_segmentation(str(tmp_path / "train")).class_map == wanted
    (tmp_path / "train" / "classes.yml").write_text("classes: {a: 0, b: 7}\nignore: 254")
    assert open_segmentation(str(tmp_path)).classes == ("a", "b")


def test_colours(tmp_path: Path) -> None:
    both = coloured((255, 0, 0), (0, 255, 0))
    palette = coloured((0, 255, 0), (255, 0, 0)).quantize(2)
    assert palette.mode == "P"
    fill(tmp_path, {"a": both, "b": palette})
    assert "2 of 4 files" in message_of_colours_without_names(tmp_path)
    (tmp_path / "classes.yaml").write_text(RED_GREEN)
    assert open_segmentation(str(tmp_path)).class_map.colour


def message_of_colours_without_names(folder: Path) -> str:
    fill(folder, {"b": coloured((0, 255, 0), (255, 0, 0))})
    text = message(folder)
    assert "a.png: a colour image, where values of classes are expected" in text
    fill(folder, {"b": coloured((0, 255, 0), (255, 0, 0)).quantize(2)})
    return text


def test_colours_outside_the_classes(tmp_path: Path) -> None:
    fill(tmp_path, {"a": coloured((255, 0, 0), (0, 255, 0)), "b": coloured((255, 0, 0), (1, 2, 3))})
    (tmp_path / "classes.yaml").write_text(RED_GREEN)
    assert "b.png: colours outside the classes: [1, 2, 3]." in message(tmp_path)


def test_every_kind_of_fault_is_in_one_error(tmp_path: Path) -> None:
    lossy = encoded(noise(1, SIZE, 1), "JPEG")
    small = Image.fromarray(blocks([0, 1], (39, 30)))
    stripes = {"good": [0, 1], "other": [0, 1, 7, 9], "blank": [254], "many": [*range(20)]}
    fill(tmp_path, stripes | {"single": [0, 1], "broken": [0, 1]})
    fill(tmp_path, {"lossy": lossy, "small": small, "torn": b""})
    (tmp_path / "classes.yaml").write_text("classes: [back, vessel]\nignore: 254")
    (tmp_path / "masks" / "single.png").unlink()
    (tmp_path / "images" / "broken.jpg").write_bytes(b"<html>")
    text = message(tmp_path)
    assert "8 of 17 files cannot be used" in text
    for line in (
        "lossy.png: saved as JPEG, which does not keep class values exact",
        "small.png: 39 x 30 pixels, but its image has 40 x 30",
        "other.png: values outside the classes: 7, 9",
        "many.png: values outside the classes: 2, 3, 4, 5, 6, 7, 8, 9 and 10 more",
        "blank.png: every pixel is to be ignored",
        "torn.png: empty file (0 bytes)",
        "single.jpg: no mask of this name",
        "broken.jpg: not an image in a known format",
    ):
        assert line in text


@pytest.mark.parametrize("fmt", ["JPEG", "PNG", "WEBP", "TIFF"])
@pytest.mark.parametrize("orientation", [3, 6])
def test_exif_orientation_of_the_image_is_applied(
    tmp_path: Path, fmt: str, orientation: int
) -> None:
    fill(tmp_path, {"a": [0, 1], "b": [0, 1]})
    stored = SIZE if orientation == 3 else SIZE[::-1]
    (tmp_path / "images" / "b.jpg").write_bytes(oriented(orientation, stored, fmt))
    assert [pair.size for pair in open_segmentation(str(tmp_path)).items] == [SIZE, SIZE]


def test_a_mask_that_was_not_turned_with_its_image(tmp_path: Path) -> None:
    fill(tmp_path, {"a": [0, 1], "b": [0, 1]})
    (tmp_path / "images" / "b.jpg").write_bytes(oriented(6, SIZE, "JPEG"))
    assert (
        "b.png: 40 x 30 pixels, but its image has 30 x 40, as if the image's EXIF orientation "
        "were not applied"
    ) in message(tmp_path)


def test_a_damaged_exif_block_is_no_matter(tmp_path: Path) -> None:
    fill(tmp_path, {"a": [0, 1], "b": [0, 1]})
    data = encoded(noise(0, SIZE), "JPEG", exif=b"Exif\0\0MM\0*\0\0\0\x08" + b"\xff" * 40)
    (tmp_path / "images" / "b.jpg").write_bytes(data)
    assert open_segmentation(str(tmp_path)).items[1].size == SIZE


def test_empty_masks_are_counted(tmp_path: Path) -> None:
    target = open_segmentation(str(fill(tmp_path, {"a": [0, 1], "b": [0], "c": [0], "d": [1]})))
    assert target.warnings == ("2 of 4 masks are empty: they hold background alone.",)


def test_ignored_pixels_make_no_mask_full(tmp_path: Path) -> None:
    fill(tmp_path, {"a": [0, 1, 255], "b": [0, 255]})
    ignored, empty = open_segmentation(str(tmp_path)).warnings
    assert "255 is read as 'ignore'" in ignored
    assert empty.startswith("1 of 2 masks are empty")


def test_a_mask_of_nothing_but_255_beside_others(tmp_path: Path) -> None:
    fill(tmp_path, {"a": [0, 1, 2], "b": [255], "c": [2, 255]})
    assert "b.png: every pixel is to be ignored" in message(tmp_path)


def test_classes_that_no_mask_has(tmp_path: Path) -> None:
    fill(tmp_path, {"a": [0, 1], "b": [0, 1]})
    (tmp_path / "classes.yaml").write_text("classes: [back, vessel, disc, cup]")
    text = message(tmp_path)
    assert "2 class(es) that no mask has:\n  'disc' (2)\n  'cup' (3)." in text


def test_a_single_class_and_a_single_pair(tmp_path: Path) -> None:
    fill(tmp_path / "one", {"a": [7], "b": [7]})
    assert "every pixel of the masks has the value 7" in message(tmp_path / "one")
    fill(tmp_path / "zero", {"a": [0], "b": [0]})
    assert "every pixel of the masks has the value 0" in message(tmp_path / "zero")
    fill(tmp_path / "pair", {"a": [0, 1]})
    assert "only one image with a mask" in message(tmp_path / "pair")


def test_an_instance_map(tmp_path: Path) -> None:
    deep = Image.fromarray(np.arange(1200, dtype=np.uint16).reshape(30, 40))
    fill(tmp_path, {"a": deep, "b": [0, 1]})
    assert "1200 different values, 0 to 1199" in message(tmp_path)


def test_the_order_does_not_depend_on_the_listing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(tmp_path, {f"p{number}": [0, 1] for number in range(12)})
    before = open_segmentation(str(tmp_path))
    iterdir = Path.iterdir
    monkeypatch.setattr(Path, "iterdir", lambda self: iter(sorted(iterdir(self), reverse=True)))
    assert open_segmentation(str(tmp_path)) == before
