"""Hostile input as it reaches a user: one line, no traceback, the documented exit code."""

import csv
import io
import json
import os
import pickle
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml

from acrank.cli.app import main
from tests.cli.test_score import FAST, SMALL, Acrank, acrank, save_network, write_zoo
from tests.data.builders import encoded, fill_folder, noise
from tests.report.builders.test_hostile_names import NAMES
from tests.utils.test_yaml_text import laughs
from tests.zoo.test_loading import Malicious

__all__ = ["acrank"]  # the fixture
POSIX = pytest.mark.skipif(sys.platform == "win32", reason="pipes and devices are POSIX here")
DEMO = ("score", "--data", "demo", *FAST)
RAW = {"\x1b", "\u202e", "\u202c", "\x9b", "\x07", "\0", "\u2028", "\r"}


@POSIX
def test_hostile_checkpoints_cost_a_row_each(acrank: Acrank, tmp_path: Path) -> None:
    good = save_network(tmp_path, **SMALL)
    torch.save({"state_dict": {"a": Malicious()}}, tmp_path / "code.pth")
    (tmp_path / "code.bin").write_bytes(pickle.dumps(Malicious()))
    torch.save({"conv1.weight": torch.zeros(1).expand(10**6, 10**6)}, tmp_path / "claim.pth")
    with zipfile.ZipFile(tmp_path / "bomb.pth", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("archive/data.pkl", bytes(2**26))
    os.mkfifo(tmp_path / "pipe.pth")
    (tmp_path / "empty.pth").touch()
    (tmp_path / "folder.pth").mkdir()
    expected = {
        "code.pth": "pickles can run code",
        "code.bin": "pickles can run code",
        "claim.pth": "its tensors claim 4,000 GB",
        "bomb.pth": "it unpacks to 67.1 MB",
        "pipe.pth": "There is no weights file",
        "empty.pth": "is empty (0 bytes)",
        "folder.pth": "There is no weights file",
        "/dev/zero": "There is no weights file",
        "../../../../../../../../../etc/passwd": "cannot be read",
    }
    entries = [{**good, "name": name, "weights": name} for name in expected]
    zoo = write_zoo(tmp_path, *entries, good)
    done = acrank(*DEMO, "--zoo", zoo, "--format", "csv")
    assert done.returncode == 3, done.stderr
    rows = {row["model"]: row for row in csv.DictReader(io.StringIO(done.stdout))}
    assert rows.pop("resnet18")["rank"] == "1"
    for name, words in expected.items():
        assert rows[name]["status"] == "failed"
        assert words in rows[name]["reason"]
        assert "\n" not in rows[name]["reason"]
    assert "Traceback" not in done.stderr
    assert "root:" not in done.stderr + done.stdout
    assert not (tmp_path / "pwned").exists()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (laughs(), "aliases repeat more than"),
        ("a: &a [*a]", "an alias stands inside"),
        ("[" * 10_000, "nested more than 40 levels deep"),
        ("a: !!python/object/apply:os.system ['touch pwned']", "could not determine a constructor"),
        (" " * 1_000_001, "larger than 1 MB"),
        ("\x00", "not valid YAML"),
    ],
)
def test_hostile_yaml_is_exit_2(acrank: Acrank, tmp_path: Path, text: str, words: str) -> None:
    (tmp_path / "bad.yaml").write_text(text)
    for arguments in (
        (*DEMO, "--zoo", "bad.yaml"),
        (*DEMO, "--config", "bad.yaml"),
        ("list-zoo", "--zoo", "bad.yaml"),
    ):
        done = acrank(*arguments)
        assert done.returncode == 2
        assert words in done.stderr
        assert "bad.yaml" in done.stderr
        assert done.stdout == ""
        assert "Traceback" not in done.stderr
        assert len(done.stderr.splitlines()) <= 2
    assert not (tmp_path / "pwned").exists()


def test_names_are_shown_and_not_obeyed(acrank: Acrank, tmp_path: Path) -> None:
    good = save_network(tmp_path, **SMALL)
    gone = {**good, "name": "gone \x1b[31m", "weights": "no\x1b[31m\nwhere.pth"}
    names = [name for name in NAMES if RAW & set(name) or name in ("[/x]", "a,b", "=1+1")]
    zoo = write_zoo(tmp_path, *({**good, "name": name} for name in names), gone)
    done = acrank(*DEMO, "--zoo", zoo, "--csv", "out.csv", "--json", "out.json")
    assert done.returncode == 3, done.stderr
    for text in (done.stdout, done.stderr):
        assert not RAW & set(text)
        assert r"\x1b[31mred\x1b[0m" in text
        assert r"no\x1b[31m\nwhere.pth" in text
    with (tmp_path / "out.csv").open(encoding="utf-8", newline="") as file:
        found = {row["model"] for row in csv.DictReader(file)}
    assert found == {*names, gone["name"]}
    document = json.loads((tmp_path / "out.json").read_text(encoding="utf-8"))
    assert {model["model"] for model in document["models"]} == found
    for output in ("table", "md"):
        listed = acrank("list-zoo", "--zoo", zoo, "--format", output)
        assert listed.returncode == 0
        assert not RAW & set(listed.stdout)


def test_messages_show_names_and_obey_none(acrank: Acrank, tmp_path: Path) -> None:
    (tmp_path / "zoo.yaml").write_text(
        yaml.safe_dump({"version": 1, "models": ["\x1b[31m\u202ex"]})
    )
    for arguments in (
        (*DEMO, "--zoo", "zoo.yaml"),
        (*DEMO, "--zoo", "\x1b[31m"),
        (*DEMO, "--model", "\x1b[31m\u202e"),
        ("score", "--data", "\x1b[31m\u202e"),
        (*DEMO, "--metric", "\x1b[31m"),
        (*DEMO, "--config", "\x1b[31m.yaml"),
        ("validate", "\x1b[31m.csv", "\u202e.csv"),
    ):
        done = acrank(*arguments)
        assert done.returncode == 2
        assert not RAW & set(done.stderr)
        assert r"\x1b[31m" in done.stderr


def test_class_names_are_kept_as_they_are(acrank: Acrank, tmp_path: Path) -> None:
    names = ["[red]x", "\x1b[31mred", "a\nb", "\u202ex", "=1+1", "caf\udce9"]
    try:
        fill_folder(tmp_path / "d", dict.fromkeys(names, 4))
    except OSError:
        pytest.skip("this disk takes no such names")
    zoo = write_zoo(tmp_path, save_network(tmp_path, **SMALL))
    done = acrank("score", "--data", "d", *FAST, "--zoo", zoo, "--json", "out.json")
    assert done.returncode == 0, done.stderr
    assert not RAW & set(done.stdout + done.stderr)
    document = json.loads((tmp_path / "out.json").read_text(encoding="utf-8"))
    assert sorted(document["dataset"]["classes"]) == sorted(names)


def test_tables_to_validate_show_names_and_obey_none(acrank: Acrank, tmp_path: Path) -> None:
    models = "abcdefgh"
    names = ["[/x]", "\x1b[31mred", "safe\u202e"]
    for file, shift in (("scores.csv", 3), ("truth.csv", 0)):
        rows = [["model", *names]]
        for place, model in enumerate(models):
            rows.append([model, *(str((place * 3 + shift * k) % 8) for k in range(1, 4))])
        text = "\n".join(",".join(row) for row in rows)
        (tmp_path / file).write_text(text, encoding="utf-8")
    done = acrank("validate", "scores.csv", "truth.csv", "--draws", "100", "--detail")
    assert done.returncode == 0, done.stderr
    assert not RAW & set(done.stdout + done.stderr)
    assert "[/x]" in done.stdout
    assert r"\x1b[31mred" in done.stdout


@POSIX
def test_hostile_images_are_exit_2(acrank: Acrank, tmp_path: Path) -> None:
    root = fill_folder(tmp_path / "d", {"a": 8, "b": 8})
    os.mkfifo(root / "a" / "pipe.png")
    (root / "a" / "bomb.ppm").write_bytes(b"P5 60000 60000 255\n")
    (root / "b" / "\x1b[31m.png").write_bytes(encoded(noise(0))[:90])
    done = acrank("score", "--data", "d", "--zoo", "demo", *FAST)
    assert done.returncode == 2
    assert "3 of 19 images cannot be used" in done.stderr
    for words in ("not a regular file", "a decompression bomb", r"\x1b[31m.png: "):
        assert words in done.stderr
    assert not RAW & set(done.stderr)
    assert "Traceback" not in done.stderr


@pytest.mark.skipif(
    sys.platform == "win32" or os.geteuid() == 0, reason="root may write into every folder"
)
def test_a_read_only_output_folder_is_refused_first(acrank: Acrank, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out").chmod(0o500)
    done = acrank(*DEMO, "--zoo", "demo", "--csv", "out/x.csv")
    assert done.returncode == 2
    assert "cannot be written to" in done.stderr


def test_an_output_folder_that_takes_no_files_is_refused_first(
    acrank: Acrank, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same for root, who may write everywhere."""
    allowed = os.access
    monkeypatch.setattr(
        os, "access", lambda path, mode, **k: mode != os.W_OK and allowed(path, mode)
    )
    done = acrank(*DEMO, "--zoo", "demo", "--csv", "x.csv")
    assert done.returncode == 2
    assert "cannot be written to." in done.stderr
    assert "demo-cifar10" not in done.stderr


def test_a_terminal_that_knows_few_letters(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """What it cannot show is escaped; the result is not lost."""
    stream = io.TextIOWrapper(io.BytesIO(), encoding="ascii", write_through=True)
    monkeypatch.setattr(sys, "stdout", stream)
    monkeypatch.setattr(sys, "argv", ["acrank", "list-zoo", "--zoo", _listed(tmp_path)])
    with pytest.raises(SystemExit) as ended:
        main()
    assert not ended.value.code
    stream.seek(0)
    assert r"\u540d" in stream.read()


def _listed(folder: Path) -> str:
    entry: dict[str, Any] = {"name": "\u540d", "source": "lcnet_050"}
    return write_zoo(folder, entry)
