"""Files of other kinds that are given as checkpoints: what they are is said, and what to do."""

import gzip
import io
import json
import struct
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save
from torch import nn

from acrank.errors import ModelError
from acrank.zoo import Hub, ZooEntry, load_backbone
from acrank.zoo.checkpoints.kinds import is_safetensors
from acrank.zoo.checkpoints.reading import read_state

from .conftest import tensors, weights_bytes
from .test_hostile_checkpoints import saved


def zipped(*names: str) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for name in names:
            archive.writestr(name, b"content")
    return stream.getvalue()


def tarred(name: str, content: bytes) -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as archive:
        member = tarfile.TarInfo(name)
        member.size = len(content)
        archive.addfile(member, io.BytesIO(content))
    return stream.getvalue()


def array(save_array: Callable[..., None], *args: object, **arrays: object) -> bytes:
    stream = io.BytesIO()
    save_array(stream, *args, **arrays)
    return stream.getvalue()


POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a21\nsize 102502400\n"
INDEX = json.dumps({"metadata": {"total_size": 9}, "weight_map": {"a": "b"}}).encode()
ONNX = b"\x08\x08\x12\x07pytorch\x1a\x052.1.0:" + bytes(300)
LINK = "download the file itself"
CONVERT = "Convert it to PyTorch first"
KINDS = {
    "page.pth": (b"<!DOCTYPE html><html><title>Virus scan</title>", "an HTML page", LINK),
    "page.safetensors": (b"\xef\xbb\xbf\n <HTML lang=en>", "an HTML page", LINK),
    "error.pth": (b'<?xml version="1.0"?><Error/>', "an XML or SVG document", LINK),
    "lfs.pth": (POINTER, "a Git LFS pointer of 76 bytes, in place of 102,502,400", "git lfs pull"),
    "lfs.safetensors": (POINTER, "a Git LFS pointer", "git lfs pull"),
    "annex.pth": (b"../.git/annex/objects/x/y/SHA256E-s9", "a git-annex pointer", "git annex get"),
    "net.h5": (b"\x89HDF\r\n\x1a\n" + bytes(99), "an HDF5 file", CONVERT),
    "keras.pth": (b"\x89HDF\r\n\x1a\n" + bytes(99), "an HDF5 file", CONVERT),
    "net.keras": (zipped("config.json", "model.weights.h5"), "a Keras model", CONVERT),
    "net.onnx": (b"\x08\x07" + bytes(99), "an ONNX model", CONVERT),
    "onnx.pth": (ONNX, "an ONNX model", CONVERT),
    "saved_model.pb": (b"\x08\x01\x12\xff\x01\n\x05serve", "a TensorFlow SavedModel", CONVERT),
    "frozen.pb": (b"\n\x22\n\x05input\x12\x0bPlaceholder", "a TensorFlow graph", CONVERT),
    "net.data-00000-of-00001": (b"\x01" * 99, "a part of a TensorFlow checkpoint", CONVERT),
    "net.tflite": (b"\x1c\0\0\0TFL3" + bytes(40), "a TensorFlow Lite model", CONVERT),
    "net.msgpack": (b"\x81\xa6params\x80", "a Flax checkpoint", CONVERT),
    "vit.npz": (array(np.savez, a=np.ones(3)), "a NumPy archive (.npz), as of JAX", CONVERT),
    "one.npy": (array(np.save, np.ones(3)), "one NumPy array", CONVERT),
    "net.gguf": (b"GGUF" + bytes(40), "a GGUF file, of quantized weights", CONVERT),
    "data.zip": (zipped("a/b.txt", "a/w.pth"), "a zip archive of 2 other file(s)", "Unpack it"),
    "net.pt2": (zipped("net/archive_format"), "a program of torch.export", "state_dict()"),
    "net.pth.gz": (gzip.compress(b"abc" * 99), "a gzip archive", "Unpack it"),
    "net.tar": (tarred("net.pth", b"abc"), "a tar archive", "Unpack it"),
    "zeros.pth": (bytes(5000), "zeros where its content should begin", "Fetch it again"),
    "gone.pth": (b"Not Found", "a text file", "download it again"),
    "error.bin": (b'{"error": "gone"}', "a JSON file", "the file of weights itself"),
    "shards.json": (INDEX, "the index of a checkpoint in several files", "beside it"),
    "image.pth": (b"\x89PNG\r\n" + bytes(99), "an image", LINK),
    "new.safetensors": (saved(tensors(7)), "that PyTorch pickled, not safetensors", "Rename it"),
    "old.safetensors": (
        saved(tensors(7), _use_new_zipfile_serialization=False),
        "a pickle, not safetensors",
        "Rename it",
    ),
}


@pytest.mark.parametrize("name", KINDS)
def test_the_kind_and_the_next_step_are_said(no_hub: Hub, tmp_path: Path, name: str) -> None:
    content, kind, step = KINDS[name]
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ModelError) as caught:
        load_backbone(ZooEntry(name="x", arch="lcnet_050", weights=name, base=tmp_path), hub=no_hub)
    assert f"{name} cannot be read as a checkpoint: it is " in caught.value.message
    assert kind in caught.value.message
    assert step in str(caught.value.hint)


@pytest.mark.filterwarnings("ignore:.torch.jit:DeprecationWarning")
@pytest.mark.filterwarnings("ignore:.torch.jit:FutureWarning")
def test_torchscript_is_a_program(no_hub: Hub, tmp_path: Path) -> None:
    torch.jit.trace(nn.Linear(2, 2), torch.ones(1, 2)).save(str(tmp_path / "s.pt"))  # type: ignore[no-untyped-call]
    entry = ZooEntry(name="x", arch="lcnet_050", weights="s.pt", base=tmp_path)
    with pytest.raises(ModelError, match=r"is a TorchScript program\. .*torch.jit.load") as caught:
        load_backbone(entry, hub=no_hub)
    assert "weights_only" not in str(caught.value)


def test_safetensors_under_another_name_are_read(no_hub: Hub, tmp_path: Path) -> None:
    (tmp_path / "net.pth").write_bytes(weights_bytes(7))
    entry = ZooEntry(name="x", arch="lcnet_050", weights="net.pth", base=tmp_path)
    state = load_backbone(entry, hub=no_hub).model.state_dict()
    assert torch.equal(state["bn1.weight"], tensors(7)["bn1.weight"])


@pytest.mark.parametrize("mark", [b"\x1f\x8b", b"BZh"])
def test_a_header_may_be_as_long_as_a_mark_reads(tmp_path: Path, mark: bytes) -> None:
    length = int.from_bytes(mark, "little")
    content = save({"a": torch.ones(2)})
    (size,) = struct.unpack("<Q", content[:8])
    padded = content[8 : 8 + size] + b" " * (length - size) + content[8 + size :]
    (tmp_path / "a.safetensors").write_bytes(struct.pack("<Q", length) + padded)
    assert is_safetensors(tmp_path / "a.safetensors")
    assert read_state(tmp_path / "a.safetensors")["a"].tolist() == [1, 1]
