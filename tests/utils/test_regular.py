import os
import sys
from pathlib import Path

import pytest

from acrank.utils.regular import is_regular, open_regular, read_regular

POSIX = pytest.mark.skipif(sys.platform == "win32", reason="pipes and devices are POSIX here")


def test_a_file_is_read(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"12345")
    assert read_regular(tmp_path / "a", 5) == b"12345"
    assert is_regular(tmp_path / "a")


def test_a_large_file_is_not(tmp_path: Path) -> None:
    with (tmp_path / "a").open("wb") as file:
        file.truncate(2_000_001)  # sparse: no disk is used
    with pytest.raises(OSError, match="larger than 2 MB"):
        read_regular(tmp_path / "a", 2_000_000)


@POSIX
def test_pipes_and_devices_are_not_opened(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "link").symlink_to("/dev/zero")
    for path in (tmp_path / "pipe", tmp_path / "link", Path("/dev/zero")):
        assert not is_regular(path)
        with pytest.raises(OSError, match="not a regular file"):
            open_regular(path, 100)


@pytest.mark.parametrize("name", ["absent", "", "a\0b", "x" * 5000])
def test_names_of_no_file(tmp_path: Path, name: str) -> None:
    assert not is_regular(f"{tmp_path}/{name}")
    with pytest.raises(OSError, match=r"."):
        open_regular(tmp_path / name, 100)
