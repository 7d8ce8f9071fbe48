import warnings
from pathlib import Path

import pytest
from PIL import Image, ImageFile

from acrank.data import open_target
from acrank.errors import DataError

from .builders import encoded, fill_folder, noise

JPEG = encoded(noise(1, (64, 64)), "JPEG")
PNG = encoded(noise(2, (64, 64)), "PNG")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return fill_folder(tmp_path, {"a": 2, "b": 2})


def message(folder: Path) -> str:
    with pytest.raises(DataError) as caught:
        open_target(str(folder))
    assert caught.value.hint == "Repair or remove these files."
    return caught.value.message


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("x.jpg", b"", "empty file (0 bytes)"),
        ("x.jpg", JPEG[:-300], "truncated"),
        ("x.jpg", JPEG[:-2], "truncated"),
        ("x.jpg", JPEG[: len(JPEG) // 2], "truncated"),
        ("x.jpg", JPEG[: len(JPEG) // 2] + bytes(len(JPEG) // 2), "the rest of the file is zeros"),
        ("x.png", PNG[:-300], "truncated"),
        ("x.png", PNG[:20], ""),
        ("x.png", PNG[: len(PNG) // 2] + bytes(len(PNG) // 2), "broken data stream"),
        ("x.gif", b"GIF89a", ""),
        ("x.tif", b"II*\0\xff\xff\xff\xff", ""),
        ("x.png", b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 1 1\n", "not an image"),
    ],
)
def test_damaged_file_is_named_with_its_reason(
    folder: Path, name: str, content: bytes, reason: str
) -> None:
    (folder / "a" / name).write_bytes(content)
    text = message(folder)
    assert "1 of 5 images cannot be used" in text
    assert f"{folder / 'a' / name}: " in text
    assert reason in text


@pytest.mark.parametrize(
    ("content", "words", "hint"),
    [
        (b"<!DOCTYPE html><html>not found</html>", "an HTML page", "Download the images"),
        (b"\n<html>", "an HTML page", "Download the images"),
        (b"version https://git-lfs.github.com/spec/v1\n", "a Git LFS pointer", "git lfs pull"),
        (bytes(128) + b"DICM" + bytes(50), "a DICOM file", "suffix .dcm"),
        (b"\0\0\0\x18ftypheic" + bytes(50), "an HEIC or AVIF image", "PNG or JPEG"),
        (b'{"error": "rate limit"}', "a JSON document", "Download the images"),
        (b"PK\x03\x04" + bytes(50), "a ZIP archive", "Unpack"),
        (b"\x1f\x8b" + bytes(50), "a gzip archive", "Unpack"),
        (b"<?xml version='1.0'?><svg/>", "an XML or SVG document", "PNG or JPEG"),
    ],
)
def test_what_is_no_image_is_recognised(
    folder: Path, content: bytes, words: str, hint: str
) -> None:
    (folder / "a" / "x.jpg").write_bytes(content)
    with pytest.raises(DataError) as caught:
        open_target(str(folder))
    assert f"x.jpg: not an image in a known format, but {words}" in caught.value.message
    assert hint in str(caught.value.hint)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("x.jpg", JPEG + bytes(500)),
        ("x.jpg", JPEG + b"maker notes " * 50),
        ("x.png", PNG + bytes(500)),
        ("x.png", JPEG),
        ("x.jpg", PNG + b"\n"),
    ],
)
def test_odd_but_whole_file_passes(folder: Path, name: str, content: bytes) -> None:
    (folder / "a" / name).write_bytes(content)
    assert len(open_target(str(folder)).items) == 5


def test_sound_end_is_not_decoded(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fill_folder(folder, {"c": 2}, "jpg")

    def decode(self: ImageFile.ImageFile) -> None:
        raise AssertionError("decoded")

    monkeypatch.setattr(ImageFile.ImageFile, "load", decode)
    assert len(open_target(str(folder)).items) == 6


def test_faults_are_in_one_error_of_twenty_lines(folder: Path) -> None:
    for index in range(45):
        (folder / "b" / f"bad{index}.png").write_bytes(b"")
    text = message(folder)
    assert "45 of 49" in text
    assert text.count(": empty file (0 bytes)") == 20
    assert text.endswith("... and 25 more.")


def test_decompression_bomb(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 1000)
    (folder / "a" / "big.png").write_bytes(encoded(noise(1, (50, 41))))
    text = message(folder)
    assert "1 of 5" in text
    assert "big.png: too large: over 2000 pixels" in text


def test_large_image_below_the_limit_passes_without_a_warning(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 1000)
    (folder / "a" / "big.png").write_bytes(encoded(noise(1, (50, 40))))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert len(open_target(str(folder)).items) == 5


def test_leniency_set_elsewhere_does_not_count(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ImageFile, "LOAD_TRUNCATED_IMAGES", True)
    (folder / "a" / "x.jpg").write_bytes(JPEG[:-300])
    assert "x.jpg" in message(folder)
    assert ImageFile.LOAD_TRUNCATED_IMAGES is True
