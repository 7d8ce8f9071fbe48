"""Folders with circles, names that no terminal should obey, and files that change meanwhile."""

import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from acrank.data import draw_sample, open_target
from acrank.data.target import Target
from acrank.errors import DataError
from tests.data.builders import encoded, fill_folder, noise, png

POSIX = pytest.mark.skipif(sys.platform == "win32", reason="links and permissions are POSIX here")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return fill_folder(tmp_path / "d", {"a": 4, "b": 4})


@POSIX
def test_links_in_a_circle_are_followed_once(root: Path) -> None:
    (root / "a" / "up").symlink_to("..")
    (root / "a" / "self").symlink_to(".")
    (root / "loop").symlink_to("loop")
    target = open_target(str(root))
    assert target.classes == ("a", "b")
    keys = [item.key for item in target.items]
    assert len(keys) == len(set(keys))
    assert {"a/0.png", "b/0.png"} <= set(keys)


@POSIX
def test_folders_that_all_link_to_one_another(root: Path) -> None:
    """A dozen of them have 479 million paths."""
    folders = [root / "a" / str(place) for place in range(12)]
    for folder in folders:
        folder.mkdir()
        for other in folders:
            (folder / f"to{other.name}").symlink_to(other)
    started = time.perf_counter()
    assert len(open_target(str(root)).items) == 8
    assert time.perf_counter() - started < 60


@POSIX
def test_a_folder_that_is_a_circle_itself(tmp_path: Path) -> None:
    (tmp_path / "loop").symlink_to("loop")
    with pytest.raises(DataError, match="no such file or folder"):
        open_target(str(tmp_path / "loop"))


@POSIX
@pytest.mark.skipif(
    hasattr(os, "geteuid") and os.geteuid() == 0, reason="root may read every folder"
)
def test_a_folder_that_may_not_be_read(root: Path) -> None:
    (root / "a").chmod(0)
    try:
        with pytest.raises(DataError, match="cannot be listed") as caught:
            open_target(str(root))
    finally:
        (root / "a").chmod(0o755)
    assert caught.value.hint == "Check the folder's permissions."


def test_a_folder_that_cannot_be_listed(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(self: Path) -> None:
        raise PermissionError(13, "Permission denied", str(self))

    monkeypatch.setattr(Path, "iterdir", refuse)
    with pytest.raises(DataError, match=r"cannot be listed: .*Permission denied") as caught:
        open_target(str(root))
    assert caught.value.hint == "Check the folder's permissions."


def test_a_file_that_may_not_be_read(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened = Path.open

    def refuse(self: Path, mode: str = "r") -> object:
        if self.name == "2.png":
            raise PermissionError(13, "Permission denied", str(self))
        return opened(self, mode)

    monkeypatch.setattr(Path, "open", refuse)
    with pytest.raises(DataError, match="2 of 8 images") as caught:
        open_target(str(root))
    assert f"{root}/a/2.png: Permission denied" in caught.value.message


def becomes_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def becomes_pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


CHANGES: dict[str, tuple[Callable[[Path], object], str]] = {
    "vanishes": (Path.unlink, "No such file"),
    "is emptied": (lambda path: path.write_bytes(b""), "not an image"),
    "shrinks": (lambda path: path.write_bytes(path.read_bytes()[:300]), "truncated"),
    "becomes text": (lambda path: path.write_text("hello"), "not an image"),
    "becomes a bomb": (lambda path: path.write_bytes(png(60000, 60000)), "too large"),
    "becomes a folder": (becomes_folder, "directory"),
    "becomes a pipe": (becomes_pipe, "not a regular file"),
}


@POSIX
@pytest.mark.parametrize("how", CHANGES)
def test_a_file_that_changes_after_the_check_is_named(root: Path, how: str) -> None:
    change, words = CHANGES[how]
    target = open_target(str(root))
    change(root / "b" / "1.png")
    with pytest.raises(DataError) as caught:
        draw_sample(target, 8, 4, 0)
    head, line = caught.value.message.splitlines()
    assert head.endswith("1 of 8 images cannot be used:")
    assert f"{root}/b/1.png: " in line
    assert words in line


def test_a_file_replaced_by_another_image_is_that_image(root: Path) -> None:
    target = open_target(str(root))
    before = draw_sample(target, 8, 4, 0)
    (root / "b" / "1.png").write_bytes(encoded(noise(77)))
    assert draw_sample(target, 8, 4, 0).fingerprint != before.fingerprint


def test_changes_after_decoding_have_no_influence(root: Path) -> None:
    import shutil

    from acrank.data import Preprocessing

    target: Target = open_target(str(root))
    sample = draw_sample(target, 8, 4, 0)
    wanted = Preprocessing((3, 16, 16), "bilinear", 1.0, "center", (0.5,) * 3, (0.5,) * 3)
    before = sample.pixels(wanted).clone()
    shutil.rmtree(root)
    other = Preprocessing((3, 8, 8), "bilinear", 1.0, "center", (0.5,) * 3, (0.5,) * 3)
    assert sample.pixels(other).shape == (8, 3, 8, 8)
    assert sample.pixels(wanted).equal(before)


@POSIX
def test_names_that_a_terminal_would_obey_are_escaped_in_messages(root: Path) -> None:
    (root / "a" / "x\ny\x1b[31m\u202e.png").write_bytes(b"")
    with pytest.raises(DataError) as caught:
        open_target(str(root))
    assert caught.value.message.splitlines()[1].endswith(
        r"x\ny\x1b[31m\u202e.png: empty file (0 bytes)."
    )


@POSIX
@pytest.mark.parametrize("name", [b"caf\xe9", b"[red]x", b"a\nb", b"=1+1", b"\x1b[31m"])
def test_odd_class_names_are_kept(root: Path, name: bytes) -> None:
    try:
        (root / "a").rename(root / os.fsdecode(name))
    except OSError:
        pytest.skip("this disk takes no such name")
    assert os.fsdecode(name) in open_target(str(root)).classes


@POSIX
def test_a_csv_that_is_a_pipe_or_huge(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.csv")
    with (tmp_path / "huge.csv").open("wb") as file:
        file.truncate(3 * 10**9)  # sparse
    for name, words in (("pipe.csv", "not a regular file"), ("huge.csv", "larger than 200 MB")):
        with pytest.raises(DataError, match=words):
            open_target(str(tmp_path / name))


def test_a_csv_leads_to_no_other_kind_of_file(tmp_path: Path) -> None:
    rows = "../secret,a\n/dev/zero,b\n" + "x" * 5000 + ",a\n"
    (tmp_path / "d").mkdir()
    (tmp_path / "secret").write_text("very-secret")
    (tmp_path / "d" / "t.csv").write_text("path,label\n" + rows)
    with pytest.raises(DataError, match="2 path") as caught:
        open_target(str(tmp_path / "d" / "t.csv"))
    (tmp_path / "d" / "t.csv").write_text("path,label\n../secret,a\nt.csv,b\n")
    with pytest.raises(DataError, match="not an image in a known format") as caught:
        open_target(str(tmp_path / "d" / "t.csv"))
    assert "very-secret" not in str(caught.value)
