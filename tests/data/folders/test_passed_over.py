"""Files of a folder that are not read are said, and copies in two classes."""

import os
from pathlib import Path

import pytest

from acrank.data import open_target
from acrank.data.folders.passed_over import suffix_of
from tests.data.builders import encoded, fill_folder, noise


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return fill_folder(tmp_path, {"a": 2, "b": 2})


def warnings(folder: Path) -> tuple[str, ...]:
    return open_target(str(folder)).warnings


def scatter(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_bytes(b"no image")


def test_files_that_are_not_read_are_counted_by_suffix(folder: Path) -> None:
    scatter(folder, *(f"a/{i}.raw" for i in range(3)), "a/x.NII.gz", "a/deep/bare", "b/t.txt")
    assert warnings(folder) == (
        "5 files of a/ were skipped: .raw 3, .nii.gz 1, no suffix 1.",
        "1 file of b/ was skipped: .txt 1.",
    )


def test_many_classes_are_one_line(tmp_path: Path) -> None:
    fill_folder(tmp_path, {f"c{i}": 2 for i in range(4)})
    scatter(tmp_path, *(f"c{i}/x.raw" for i in range(4)), "c2/y.xml")
    assert warnings(tmp_path) == (
        "5 files of 4 class folders were skipped: .raw 4, .xml 1; most of them, 2, in c2/.",
    )


def test_what_systems_leave_is_not_worth_a_line(folder: Path) -> None:
    scatter(folder, "a/Thumbs.db", "a/.DS_Store", "a/._0.png", "b/desktop.ini", "readme.md")
    scatter(folder, "a/@eaDir/0.png", "__MACOSX/a.png")
    assert warnings(folder) == ()


def test_images_beside_the_class_folders(folder: Path) -> None:
    (folder / "stray.png").write_bytes(encoded(noise(5)))
    assert warnings(folder) == (
        "1 image(s) beside the class folders was skipped, such as stray.png: they have no label.",
    )


@pytest.mark.skipif(os.name == "nt", reason="links need rights there")
def test_links_that_lead_nowhere(folder: Path) -> None:
    (folder / "c").symlink_to(folder / "unmounted")
    (said,) = warnings(folder)
    assert said == f"1 link(s) in {folder} lead nowhere: c."


@pytest.mark.parametrize(
    ("suffix", "fmt"),
    [
        *[("jfif", "JPEG"), ("jpe", "JPEG"), ("jp2", "JPEG2000"), ("j2k", "JPEG2000")],
        *[("jpx", "JPEG2000"), ("dib", "DIB"), ("pnm", "PPM")],
    ],
)
def test_rarer_suffixes_are_read(folder: Path, suffix: str, fmt: str) -> None:
    (folder / "a" / f"x.{suffix.upper()}").write_bytes(encoded(noise(7), fmt))
    target = open_target(str(folder))
    assert len(target.items) == 5
    assert target.warnings == ()


def test_suffixes_of_two_parts() -> None:
    names = ["a.nii.gz", "A.TAR.GZ", "b.gz", "c", "c.v1.PNG"]
    assert [suffix_of(Path(name)) for name in names] == [
        ".nii.gz",
        ".tar.gz",
        ".gz",
        "no suffix",
        ".png",
    ]


def test_copies_in_two_classes(folder: Path) -> None:
    for name in ("copy.png", "again.png"):
        (folder / "b" / name).write_bytes((folder / "a" / "0.png").read_bytes())
    (folder / "a" / "same_class.png").write_bytes((folder / "a" / "1.png").read_bytes())
    assert warnings(folder) == (
        "1 image is in two classes or more, byte for byte the same: a/0.png (a) and "
        "b/again.png (b).",
    )


def test_copies_in_a_table(folder: Path) -> None:
    (folder / "b" / "copy.png").write_bytes((folder / "a" / "0.png").read_bytes())
    (folder / "t.csv").write_text("path,label\na/0.png,x\nb/copy.png,y\na/1.png,x\n")
    (said,) = warnings(folder / "t.csv")
    assert "a/0.png (x) and b/copy.png (y)" in said


def test_files_of_one_size_are_hardly_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Bitmaps of one size differ somewhere in their last bytes."""
    import acrank.data.checks as module

    read: list[int | None] = []
    digest = module._digest

    def counted(path: Path, last: int | None) -> object:
        read.append(last)
        return digest(path, last)

    monkeypatch.setattr(module, "_digest", counted)
    assert warnings(fill_folder(tmp_path, {"a": 3, "b": 3}, "bmp")) == ()
    assert read == [4096] * 6
