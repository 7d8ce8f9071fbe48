"""Checkpoint files made to harm: refused in one line, without running or unpacking them."""

import io
import json
import os
import pickle
import struct
import sys
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from acrank.errors import ModelError
from acrank.zoo import Hub, ZooEntry, describe, load_backbone
from acrank.zoo.bounds import refuse_zip_bomb
from tests.memory import at_most

from .conftest import config_bytes, tensors
from .test_loading import Malicious

POSIX = pytest.mark.skipif(sys.platform == "win32", reason="pipes and devices are POSIX here")


def arch(folder: Path, weights: str, **fields: Any) -> ZooEntry:
    return ZooEntry(name="x", arch="lcnet_050", weights=weights, base=folder, **fields)


def refusal(entry: ZooEntry, hub: Hub) -> str:
    """Why an entry is not loaded, in one line; its description does not fail."""
    with pytest.raises(ModelError) as caught:
        load_backbone(entry, hub=hub)
    text = str(caught.value)
    assert "\n" not in text
    assert caught.value.hint
    return text


def saved(content: object, **options: Any) -> bytes:
    stream = io.BytesIO()
    torch.save(content, stream, **options)
    return stream.getvalue()


def deflated(content: bytes, member: str, data: bytes) -> bytes:
    """A checkpoint with one member replaced and all of them compressed, which torch reads too."""
    stream = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(content)) as source,
        zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive,
    ):
        for name in source.namelist():
            archive.writestr(name, data if name.endswith(member) else source.read(name))
    return stream.getvalue()


def zipped(name: str, content: bytes) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr(name, content)
    return stream.getvalue()


def header(length: int, text: bytes, data: bytes = b"") -> bytes:
    return struct.pack("<Q", length) + text + data


def fields(described: dict[str, Any], data: bytes = bytes(8)) -> bytes:
    text = json.dumps(described).encode()
    return header(len(text), text, data)


def floats(shape: list[int], *offsets: int) -> dict[str, Any]:
    return {"dtype": "F32", "shape": shape, "data_offsets": offsets}


@pytest.mark.parametrize("suffix", ["pth", "bin", "weird"])
@pytest.mark.parametrize("protocol", [0, 2, 4])
def test_a_pickle_with_code_is_never_run(
    no_hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, suffix: str, protocol: int
) -> None:
    monkeypatch.chdir(tmp_path)
    nested = {"state_dict": {"a": [{"b": Malicious()}]}}
    for name, content in (
        ("plain", pickle.dumps(nested, protocol=protocol)),
        ("saved", saved(nested)),
        ("legacy", saved(nested, _use_new_zipfile_serialization=False)),
    ):
        (tmp_path / f"{name}.{suffix}").write_bytes(content)
        text = refusal(arch(tmp_path, f"{name}.{suffix}"), no_hub)
        assert "not opened: pickles can run code" in text or "cannot be read" in text
    assert not (tmp_path / "pwned").exists()


def test_a_pickle_in_disguise_is_never_run(
    no_hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    harmful = saved(Malicious())
    (tmp_path / "a.safetensors").write_bytes(harmful)
    (tmp_path / "inner.pth").write_bytes(zipped("archive/inner.pth", harmful))
    (tmp_path / "a.npz").write_bytes(zipped("a.npy", pickle.dumps(Malicious())))
    for name in ("a.safetensors", "inner.pth", "a.npz"):
        assert "cannot be read as a checkpoint" in refusal(arch(tmp_path, name), no_hub)
    for name in ("model.safetensors", "pytorch_model.bin", "other.pth"):
        folder = tmp_path / name.partition(".")[0]
        folder.mkdir()
        (folder / "config.json").write_bytes(config_bytes())
        (folder / name).write_bytes(harmful)
        refusal(ZooEntry(name="x", source=f"local-dir:{folder}"), no_hub)
    assert not (tmp_path / "pwned").exists()


@pytest.mark.parametrize("member", ["data.pkl", "data/0"])
def test_a_zip_bomb_is_not_unpacked(no_hub: Hub, tmp_path: Path, member: str) -> None:
    bomb = deflated(saved({"conv_stem.weight": torch.zeros(4)}), member, bytes(2**26))
    assert len(bomb) < 2**18
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "config.json").write_bytes(config_bytes())
    for path in (tmp_path / "bomb.pth", folder / "model.pth"):
        path.write_bytes(bomb)
    with at_most(16):
        for entry in (
            arch(tmp_path, "bomb.pth"),
            ZooEntry(name="x", source="local-dir:folder", base=tmp_path),
        ):
            text = refusal(entry, no_hub)
            assert "is not opened: it unpacks to 67.1 MB, but the file has" in text
            describe(entry)


def test_members_that_share_their_bytes_are_counted_each(tmp_path: Path) -> None:
    """A stored member may be listed a thousand times: nothing is compressed, all is claimed."""
    once = zipped("a/data/0", bytes(2**16))
    with zipfile.ZipFile(io.BytesIO(once)) as archive:
        start = archive.start_dir
    entry, end = once[start:-22], bytearray(once[-22:])
    end[8:12] = struct.pack("<HH", 2000, 2000)
    end[12:16] = struct.pack("<I", 2000 * len(entry))
    (tmp_path / "a.pth").write_bytes(once[:start] + entry * 2000 + bytes(end))
    with pytest.raises(ModelError, match="unpacks to 131 MB"):
        refuse_zip_bomb(tmp_path / "a.pth")


def test_numpy_archives_are_looked_into_too(no_hub: Hub, tmp_path: Path) -> None:
    np.savez_compressed(tmp_path / "bomb.npz", a=np.zeros(2**26, np.uint8))
    assert "unpacks to 67.1 MB" in refusal(arch(tmp_path, "bomb.npz"), no_hub)


@pytest.mark.parametrize("cut", [100, 1000, -30, -10])
def test_a_zip_cut_short(no_hub: Hub, tmp_path: Path, cut: int) -> None:
    (tmp_path / "cut.pth").write_bytes(saved(tensors(7))[:cut])
    text = refusal(arch(tmp_path, "cut.pth"), no_hub)
    assert "its zip directory is damaged. It may be cut short" in text


LIES = {
    "endless header": (header(2**63, b"{}"), "header too large"),
    "long header": (header(90_000_000, b"{}"), "invalid header length"),
    "beyond the file": (fields({"a": floats([1000], 0, 4000)}), "not fully covered"),
    "overlapping": (fields({"a": floats([2], 0, 8), "b": floats([2], 0, 8)}), "invalid offset"),
    "overflowing": (fields({"a": floats([2**62, 2**62], 0, 8)}), "overflow"),
    "negative": (fields({"a": floats([-2], 8, 0)}), "invalid"),
    "backwards": (fields({"a": floats([2], 8, 0)}), "invalid"),
    "wrong size": (fields({"a": floats([3], 0, 8)}), "invalid"),
    "deep": (header(50_000, b"[" * 50_000), "invalid JSON"),
    "no header": (b"\x08\x00", "header too small"),
    "empty": (b"", "is empty (0 bytes)"),
}


@pytest.mark.parametrize("lie", LIES)
def test_a_safetensors_file_that_lies(no_hub: Hub, tmp_path: Path, lie: str) -> None:
    content, words = LIES[lie]
    (tmp_path / "lie.safetensors").write_bytes(content)
    assert words in refusal(arch(tmp_path, "lie.safetensors"), no_hub)
    describe(arch(tmp_path, "lie.safetensors"))


def repeated(*shape: int) -> torch.Tensor:
    return torch.zeros(1).expand(*shape)


FALSE: dict[str, tuple[dict[str, torch.Tensor], str]] = {
    "one number, any shape": (
        {"conv_stem.weight": repeated(60000, 60000, 20)},
        "its tensors claim 288 GB",
    ),
    "classes": (
        {"classifier.weight": repeated(10**9, 1280), "classifier.bias": repeated(10**9)},
        "its tensors claim 5,124 GB",
    ),
    "no numbers, many classes": (
        {"classifier.weight": torch.zeros(10**12, 0)},
        "the network needs more than",
    ),
    "scalar head": (
        {"classifier.weight": torch.tensor(1.0)},
        "does not fit the network: 2 unexpected",
    ),
    "sparse": ({"bn1.weight": torch.ones(8).to_sparse()}, "sparse, quantized, complex"),
    "complex": ({"bn1.weight": torch.ones(8, dtype=torch.complex64)}, "sparse, quantized, compl"),
    "meta": ({"bn1.weight": torch.ones(8, device="meta")}, "or empty (meta) tensors: bn1.weight"),
    "shape": ({"bn1.weight": torch.ones(3, 3)}, "1 of another shape (bn1.weight)"),
    "nan": ({"bn1.weight": torch.full((8,), float("nan"))}, "NaN or infinite in 1 tensor(s): bn1"),
    "infinite": ({"bn1.bias": torch.full((8,), -float("inf"))}, "NaN or infinite in 1 tensor(s)"),
}


@pytest.mark.parametrize("kind", FALSE)
def test_tensors_that_no_network_has(no_hub: Hub, tmp_path: Path, kind: str) -> None:
    changed, words = FALSE[kind]
    (tmp_path / "false.pth").write_bytes(saved({**tensors(7), **changed}))
    entry = arch(tmp_path, "false.pth")
    assert words in refusal(entry, no_hub)
    assert describe(entry).norm_layers == 27


def test_weights_that_repeat_a_little_are_fine(no_hub: Hub, tmp_path: Path) -> None:
    (tmp_path / "tied.pth").write_bytes(saved({**tensors(7), "bn1.bias": repeated(8)}))
    loaded = load_backbone(arch(tmp_path, "tied.pth"), hub=no_hub)
    assert not loaded.model.state_dict()["bn1.bias"].any()


@pytest.mark.parametrize(
    "content",
    [
        {1: torch.zeros(1)},
        {("a",): torch.zeros(1)},
        [torch.zeros(1)],
        {"state_dict": [1, 2]},
        torch.zeros(3),
        7,
    ],
)
def test_files_of_other_things(no_hub: Hub, tmp_path: Path, content: object) -> None:
    (tmp_path / "odd.pth").write_bytes(saved(content))
    text = refusal(arch(tmp_path, "odd.pth"), no_hub)
    assert "cannot be read as a checkpoint: it is not a file of named tensors." in text


@POSIX
def test_paths_that_are_no_files(no_hub: Hub, tmp_path: Path) -> None:
    (tmp_path / "folder.pth").mkdir()
    os.mkfifo(tmp_path / "pipe.pth")
    (tmp_path / "link.pth").symlink_to("/dev/zero")
    (tmp_path / "self.pth").symlink_to("self.pth")
    names = ("folder.pth", "pipe.pth", "link.pth", "self.pth", "/dev/zero", "~nobody.here/w.pth")
    for name in (*names, "x" * 300, "gone.pth"):
        assert "There is no weights file" in refusal(arch(tmp_path, name), no_hub)
        assert not describe(arch(tmp_path, name)).cached


def test_a_file_of_somebody_else_is_not_shown(no_hub: Hub, tmp_path: Path) -> None:
    secret = "user:very-secret:0:0\n"
    (tmp_path / "passwd").write_text(secret * 3)
    (tmp_path / "config.json").write_text(f'{{"architecture": 1, "{secret.strip()}": 2}}')
    (tmp_path / "model.safetensors").write_text(secret)
    (tmp_path / "zoo").mkdir()
    for entry in (
        arch(tmp_path / "zoo", "../passwd"),
        arch(tmp_path / "zoo", "../model.safetensors"),
        arch(tmp_path / "zoo", "../config.json"),
        ZooEntry(name="x", source="local-dir:..", base=tmp_path / "zoo"),
    ):
        assert "secret" not in refusal(entry, no_hub)
