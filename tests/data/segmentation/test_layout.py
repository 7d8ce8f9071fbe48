import shutil
from pathlib import Path

import pytest

from acrank.data.segmentation import is_segmentation, open_segmentation
from acrank.errors import DataError
from tests.data.builders import encoded, fill_folder, noise

from .builders import fill, message

TWO = {"a": [0, 1], "b": [0, 1]}


@pytest.mark.parametrize("train", [False, True])
def test_layout_is_found_beside_val_or_under_train(tmp_path: Path, train: bool) -> None:
    fill(tmp_path / "val", {"v": [0, 1], "w": [0, 1], "x": [0, 1]})
    fill(tmp_path / "train" if train else tmp_path, TWO)
    target = open_segmentation(str(tmp_path))
    assert is_segmentation(str(tmp_path))
    assert target.name == str(tmp_path)
    assert [pair.key for pair in target.items] == ["a", "b"]
    assert {pair.size for pair in target.items} == {(40, 30)}
    assert Path(str(target.items[0].mask)).parts[-2:] == ("masks", "a.png")


def test_keys_are_in_natural_order_and_hidden_or_other_files_passed_over(tmp_path: Path) -> None:
    fill(tmp_path, {"p10": [0, 1], "p9": [0, 1], "p1.x": [0, 1]})
    (tmp_path / "images" / "._p9.jpg").write_bytes(b"resource fork")
    (tmp_path / "masks" / "readme.txt").write_text("no mask")
    keys = [pair.key for pair in open_segmentation(str(tmp_path)).items]
    assert keys == ["p1.x", "p9", "p10"]


@pytest.mark.parametrize("suffix", ["JPG", "jpeg", "bmp", "tif", "TIFF", "webp", "gif", "ppm"])
def test_images_of_every_extension(tmp_path: Path, suffix: str) -> None:
    fill(tmp_path, TWO)
    fmt = {"JPG": "JPEG", "tif": "TIFF"}.get(suffix, suffix.upper())
    data = encoded(noise(0, (40, 30)), fmt)
    (tmp_path / "images" / "a.jpg").unlink()
    (tmp_path / "images" / f"a.{suffix}").write_bytes(data)
    assert [pair.size for pair in open_segmentation(str(tmp_path)).items] == [(40, 30)] * 2


def test_missing_files_either_way_and_doubled_names_are_all_listed(tmp_path: Path) -> None:
    fill(tmp_path, TWO | {"c": [0, 1], "d": [0, 1]})
    (tmp_path / "masks" / "c.png").unlink()
    (tmp_path / "images" / "d.jpg").unlink()
    (tmp_path / "images" / "a.png").write_bytes(encoded(noise(1, (40, 30))))
    text = message(tmp_path)
    assert "3 of 7 files cannot be used" in text
    assert f"{tmp_path / 'images' / 'c.jpg'}: no mask of this name in masks/" in text
    assert f"{tmp_path / 'masks' / 'd.png'}: no image of this name in images/" in text
    assert f"{tmp_path / 'images' / 'a.png'}: the same name as a.jpg" in text


def test_names_that_never_match_are_shown_once(tmp_path: Path) -> None:
    fill(tmp_path, TWO)
    for name in TWO:
        (tmp_path / "masks" / f"{name}.png").rename(tmp_path / "masks" / f"{name}{name}.png")
    text = message(tmp_path)
    assert "none of its 2 images has a mask of the same name" in text
    assert text.count("\n") == 2
    assert "a.jpg" in text
    assert "aa.png" in text
    with pytest.raises(DataError, match="none of its 2 images has a mask of the same name"):
        is_segmentation(str(tmp_path))


@pytest.mark.parametrize(
    ("missing", "words"), [("images", "no folder images"), ("masks", "no folder masks")]
)
def test_a_missing_folder(tmp_path: Path, missing: str, words: str) -> None:
    fill(tmp_path, TWO)
    shutil.rmtree(tmp_path / missing)
    assert words in message(tmp_path)
    assert not is_segmentation(str(tmp_path))


def test_empty_folders_say_what_was_looked_for(tmp_path: Path) -> None:
    fill(tmp_path, {})
    assert "images: no images (looked for: jpg jpeg png" in message(tmp_path)


def test_folders_in_the_folders_are_refused(tmp_path: Path) -> None:
    fill(tmp_path, TWO)
    (tmp_path / "images" / "patient1").mkdir()
    assert "1 folder(s) in images/ beside its files:\n  patient1" in message(tmp_path)


def test_no_such_folder_and_no_folder(tmp_path: Path) -> None:
    assert "no such folder" in message(tmp_path / "nowhere")
    (tmp_path / "data.csv").write_text("path,label\n")
    assert "data.csv': no folder" in message(tmp_path / "data.csv")


@pytest.mark.parametrize("spec", ["demo", "hfds/name", "", "a\0b", "~nobody-of-this-name/x"])
def test_other_targets_are_not_segmentation(spec: str) -> None:
    assert not is_segmentation(spec)


def test_classes_called_images_and_masks_are_not_segmentation(tmp_path: Path) -> None:
    fill_folder(tmp_path, {"images": 3, "masks": 0})
    for name in "pqr":
        (tmp_path / "masks" / f"{name}.png").write_bytes(encoded(noise(0)))
    assert not is_segmentation(str(tmp_path))
    (tmp_path / "classes.yaml").write_text("classes: [a, b]")
    with pytest.raises(DataError, match="none of its 3 images"):
        is_segmentation(str(tmp_path))


def test_a_few_missing_masks_do_not_make_it_another_task(tmp_path: Path) -> None:
    fill(tmp_path, {f"n{number}": [0, 1] for number in range(6)})
    for number in range(4):
        (tmp_path / "masks" / f"n{number}.png").unlink()
    assert is_segmentation(str(tmp_path))
