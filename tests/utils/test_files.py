import os
from pathlib import Path

import pytest

from acrank.errors import ConfigError
from acrank.utils.files import check_all_writable, check_writable, folder_name, write_whole


def test_a_file_is_written_whole_or_not_at_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "out.csv"
    mask = os.umask(0o022)
    try:
        write_whole(path, "first")
    finally:
        os.umask(mask)
    assert path.read_text() == "first"
    assert path.stat().st_mode & 0o777 == 0o644

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(ConfigError, match="No space left"):
        write_whole(path, "second")
    assert path.read_text() == "first"
    assert list(tmp_path.iterdir()) == [path]


def test_an_output_that_cannot_be_written_is_refused_first(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="mkdir -p"):
        check_writable(tmp_path / "missing" / "out.csv")
    with pytest.raises(ConfigError, match="is a folder"):
        check_writable(tmp_path)
    check_writable(tmp_path / "out.csv")
    with pytest.raises(ConfigError, match="not a regular file"):
        check_writable(Path(os.devnull))


def test_a_link_stays_a_link(tmp_path: Path) -> None:
    target, link = tmp_path / "target.csv", tmp_path / "link.csv"
    link.symlink_to(target)
    write_whole(link, "text")
    assert link.is_symlink()
    assert target.read_text() == "text"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("resnet50.a1_in1k", "resnet50.a1_in1k"),
        ("hf-hub:org/name@v1", "hf-hub-org-name-v1"),
        ("../..", "finetuned"),
        ("..hidden/", "hidden"),
    ],
)
def test_a_name_becomes_one_part_of_a_path(text: str, expected: str) -> None:
    assert folder_name(text, "finetuned") == expected


def test_two_outputs_are_two_files(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "a.csv")
    check_all_writable(tmp_path / "a.csv", None, tmp_path / "a.json")
    check_all_writable(None, None)
    for other in ("a.csv", "b/../a.csv", "link"):
        (tmp_path / "b").mkdir(exist_ok=True)
        (tmp_path / "a.csv").touch()
        with pytest.raises(ConfigError, match="two outputs"):
            check_all_writable(tmp_path / "a.csv", tmp_path / other)
