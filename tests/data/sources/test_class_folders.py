import os
from pathlib import Path
from typing import Any

import pytest

from acrank.data import open_target
from acrank.errors import DataError
from tests.data.builders import encoded, fill_folder, noise


def keys(spec: Path) -> list[str]:
    return [item.key for item in open_target(str(spec)).items]


def test_classes_are_in_natural_order(tmp_path: Path) -> None:
    fill_folder(tmp_path, {"c10": 1, "c2": 1, "C1": 1, "b": 2})
    target = open_target(str(tmp_path))
    assert target.name == str(tmp_path)
    assert target.classes == ("b", "C1", "c2", "c10")
    assert [(item.key, item.label) for item in target.items] == [
        ("b/0.png", 0),
        ("b/1.png", 0),
        ("C1/0.png", 1),
        ("c2/0.png", 2),
        ("c10/0.png", 3),
    ]
    assert target.items[0].read() == (tmp_path / "b" / "0.png").read_bytes()


def test_order_does_not_depend_on_the_listing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill_folder(tmp_path, {"a": 5, "b": 5})
    before = open_target(str(tmp_path))
    listing = Path.iterdir

    def backwards(self: Path) -> Any:
        return iter(sorted(listing(self), reverse=True))

    monkeypatch.setattr(Path, "iterdir", backwards)
    assert open_target(str(tmp_path)) == before


def test_nested_images_and_every_extension_are_found(tmp_path: Path) -> None:
    fill_folder(tmp_path, {"a": 1, "b/deep/er": 1})
    image = noise(0)
    for suffix, fmt in [
        ("JPG", "JPEG"),
        ("jpeg", "JPEG"),
        ("bmp", "BMP"),
        ("tif", "TIFF"),
        ("TIFF", "TIFF"),
        ("webp", "WEBP"),
        ("gif", "GIF"),
        ("ppm", "PPM"),
        ("pgm", "PPM"),
    ]:
        (tmp_path / "a" / f"x.{suffix}").write_bytes(encoded(image, fmt))
    (tmp_path / "a" / "notes.txt").write_text("no image")
    found = keys(tmp_path)
    assert len(found) == 11
    assert "b/deep/er/0.png" in found


def test_train_is_entered_when_it_holds_the_class_folders(tmp_path: Path) -> None:
    fill_folder(tmp_path / "train", {"a": 1, "b": 1})
    fill_folder(tmp_path / "val", {"a": 3, "b": 3})
    assert keys(tmp_path) == ["a/0.png", "b/0.png"]


def test_train_with_images_in_it_is_a_class(tmp_path: Path) -> None:
    fill_folder(tmp_path, {"car": 1, "train": 1, "train/fast": 1})
    assert open_target(str(tmp_path)).classes == ("car", "train")


def test_hidden_entries_are_ignored(tmp_path: Path) -> None:
    fill_folder(tmp_path, {"a": 1, "b": 1, ".cache": 2, "a/.thumbs": 1})
    (tmp_path / "a" / "._0.png").write_bytes(b"resource fork")
    assert keys(tmp_path) == ["a/0.png", "b/0.png"]


def test_links_are_followed_but_not_in_circles(tmp_path: Path) -> None:
    fill_folder(tmp_path / "data", {"a": 1})
    fill_folder(tmp_path, {"elsewhere": 2})
    try:
        (tmp_path / "data" / "b").symlink_to(tmp_path / "elsewhere", target_is_directory=True)
        (tmp_path / "elsewhere" / "loop").symlink_to(tmp_path / "elsewhere")
    except OSError:
        pytest.skip("this file system has no symbolic links")
    assert keys(tmp_path / "data") == ["a/0.png", "b/0.png", "b/1.png"]


def test_broken_link_is_named(tmp_path: Path) -> None:
    fill_folder(tmp_path, {"a": 1, "b": 1})
    (tmp_path / "a" / "link.png").symlink_to(tmp_path / "gone.png")
    with pytest.raises(DataError, match=r"link\.png: No such file"):
        open_target(str(tmp_path))


@pytest.mark.parametrize("spec", ["nowhere/at/all", "", "  "])
def test_missing_path(spec: str) -> None:
    with pytest.raises(DataError, match=r"no such file or folder") as caught:
        open_target(spec)
    assert "hfds/NAME" in str(caught.value.hint)


def test_file_that_is_no_csv(tmp_path: Path) -> None:
    file = tmp_path / "data.zip"
    file.write_bytes(b"PK")
    with pytest.raises(DataError, match=r"data\.zip: no data source reads it: archives"):
        open_target(str(file))


def test_no_images_says_what_was_looked_for(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    (tmp_path / "a" / "x.nii.gz").write_bytes(b"x")
    with pytest.raises(DataError, match=r"no images found in its 2 folder.*jpg jpeg png.*pgm"):
        open_target(str(tmp_path))


def test_empty_folder(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"no images found and it has no folders"):
        open_target(str(tmp_path))


def test_images_without_class_folders(tmp_path: Path) -> None:
    fill_folder(tmp_path, {".": 3})
    with pytest.raises(DataError, match=r"3 image\(s\) directly in it, none in class folders"):
        open_target(str(tmp_path))


def test_single_class(tmp_path: Path) -> None:
    fill_folder(tmp_path, {"only": 3})
    with pytest.raises(DataError, match=r"only one class, 'only'"):
        open_target(str(tmp_path))


def test_the_part_with_a_single_class_is_named(tmp_path: Path) -> None:
    fill_folder(tmp_path / "train", {"good": 2})
    fill_folder(tmp_path / "test", {"good": 2, "bent": 2})
    with pytest.raises(DataError, match=r"train: only one class, 'good'"):
        open_target(str(tmp_path))


def test_a_table_in_place_of_images_is_named(tmp_path: Path) -> None:
    fill_folder(tmp_path, {"input": 2})
    (tmp_path / "truth").mkdir()
    (tmp_path / "truth" / "t.csv").write_text("path,label")
    with pytest.raises(DataError, match=r"truth \(.csv 1\)") as caught:
        open_target(str(tmp_path))
    assert f"give it: --data {tmp_path / 'truth' / 't.csv'}." in str(caught.value.hint)


def test_twenty_of_the_empty_class_folders_are_named(tmp_path: Path) -> None:
    fill_folder(tmp_path, {"a": 1, "b": 1} | {f"e{i}": 0 for i in range(30)})
    with pytest.raises(DataError, match=r"30 class folder\(s\) without images") as caught:
        open_target(str(tmp_path))
    assert all(f"{os.sep}e{i}" in caught.value.message for i in range(20))
    assert caught.value.message.endswith("... and 10 more.")
