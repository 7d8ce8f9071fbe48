"""Tell by its first bytes what a file is that was given as a checkpoint."""

from __future__ import annotations

import re
import struct
import zipfile
from pathlib import Path
from typing import NamedTuple

from acrank.errors import ModelError
from acrank.utils.first_bytes import LOOKED_AT, Group, kind_of

# The longest header of a safetensors file that its own library reads.
_LONGEST_HEADER = 100_000_000
_UNPACK = "Unpack it, and name the checkpoint that is inside."
_LINK = "The link gave a page in place of the file: download the file itself."
_OTHER_FRAMEWORK = "Convert it to PyTorch first, and save model.state_dict() as safetensors."
_SCRIPT = "Save the weights in it: torch.save(torch.jit.load(FILE).state_dict(), 'weights.pth')."


class Kind(NamedTuple):
    """A kind of file that is no checkpoint, and what to do about it."""

    words: str
    hint: str


# What to do about the kinds that first bytes tell; those left out are looked at more closely.
_STEPS = {
    Group.ARCHIVE: _UNPACK,
    Group.ARRAYS: _OTHER_FRAMEWORK,
    Group.DATABASE: _LINK,
    Group.DICOM: _LINK,
    Group.DOCUMENT: _LINK,
    Group.FOREIGN_IMAGE: _LINK,
    Group.IMAGE: _LINK,
    Group.MODEL: _OTHER_FRAMEWORK,
    Group.PAGE: _LINK,
    Group.POINTER: "Fetch the file itself: git annex get.",
    Group.VOLUME: _LINK,
}
_SUFFIXES = {
    ".pb": Kind("a TensorFlow graph", _OTHER_FRAMEWORK),
    ".meta": Kind("a TensorFlow graph", _OTHER_FRAMEWORK),
    ".msgpack": Kind("a Flax checkpoint", _OTHER_FRAMEWORK),
    ".onnx": Kind("an ONNX model", _OTHER_FRAMEWORK),
}
_ZIP = (b"PK\x03\x04", b"PK\x05\x06")
_POINTER = re.compile(
    rb"version https://git-lfs\.github\.com/spec/.*?\bsize (\d{1,18})\s", re.DOTALL
)
_PRODUCER = re.compile(rb"\x08[\x03-\x14]\x12.[\w.\- ]{3,}", re.DOTALL)


def is_safetensors(path: Path) -> bool:
    """Tell whether a file begins like safetensors: the length of a header, then the header."""
    head = _head(path)
    if len(head) < 10 or head[8:9] != b"{":
        return False
    (length,) = struct.unpack("<Q", head[:8])
    return bool(2 <= length <= _LONGEST_HEADER)


def refuse_other_kinds(path: Path) -> None:
    """Refuse a file that is of a known kind, and no checkpoint.

    Raises:
        ModelError: says what it is, and what to do.
    """
    # the length that safetensors begin with may be the mark of anything
    kind = None if is_safetensors(path) else _kind(path, _head(path))
    if kind is not None:
        raise of_kind(path, kind)


def of_kind(path: Path, kind: Kind) -> ModelError:
    """The error for a file of another kind."""
    message = f"{path.name} cannot be read as a checkpoint: it is {kind.words}."
    return ModelError(message, hint=kind.hint)


def weak_kind(path: Path) -> Kind | None:
    """Guess the kind of a file that no reader took; a first look cannot tell these."""
    head = _head(path)
    if path.suffix == ".json" or re.match(rb"\s*[\[{]\s*[\"\[{\]}]", head):
        if b'"weight_map"' in head or b'"metadata"' in head:
            hint = "Keep its name, ...index.json, and put the files that it names beside it."
            return Kind("the index of a checkpoint in several files, without the weights", hint)
        return Kind("a JSON file", "Name the file of weights itself.")
    # a pickle may be of printable characters too, but then it begins with one of its opcodes
    if head and not re.match(rb"\s*[(cL\x80I]", head) and _is_text(head):
        return Kind("a text file", "Name the file of weights itself, or download it again.")
    return None


def _head(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(LOOKED_AT)


def _kind(path: Path, head: bytes) -> Kind | None:
    pointer = _POINTER.match(head)
    if pointer:
        words = f"a Git LFS pointer of {len(head)} bytes, in place of {int(pointer[1]):,}"
        return Kind(words, "Fetch the file itself: git lfs pull, or download it.")
    if not head.strip(b"\0"):
        return Kind("zeros where its content should begin", "Fetch it again: it is not complete.")
    if head.startswith(_ZIP):
        return _kind_of_zip(path)
    found = kind_of(head)
    if found and found.group in _STEPS:
        return Kind(found.words, _STEPS[found.group])
    return _kind_of_messages(path, head)


def _kind_of_messages(path: Path, head: bytes) -> Kind | None:
    """ONNX and TensorFlow write protocol buffers, which have no mark of their own."""
    if _PRODUCER.match(head):
        return _SUFFIXES[".onnx"]
    if head.startswith(b"\x08\x01\x12"):
        return Kind("a TensorFlow SavedModel", _OTHER_FRAMEWORK)
    if path.suffix == ".safetensors" and re.match(rb"\x80[\x02-\x05]", head):
        return Kind("a pickle, not safetensors", "Rename it to .pth if that is what was meant.")
    if re.search(r"\.(data-\d{5}-of-\d{5}|ckpt\.index)$", path.name):
        return Kind("a part of a TensorFlow checkpoint", _OTHER_FRAMEWORK)
    known = _SUFFIXES.get(path.suffix)
    return known if known and not head.startswith(b"\x80\x02") else None


def _kind_of_zip(path: Path) -> Kind | None:
    """Tell the kind of a zip archive; PyTorch's has a pickle of tensors and nothing that runs."""
    with zipfile.ZipFile(path) as archive:
        names = archive.namelist()
    ends = {name.rpartition("/")[2] for name in names}
    if "constants.pkl" in ends or any("/code/" in name for name in names):
        return Kind("a TorchScript program", _SCRIPT)
    if "data.pkl" in ends:
        if path.suffix == ".safetensors":
            hint = "Rename it to .pth if that is what was meant."
            return Kind("a checkpoint that PyTorch pickled, not safetensors", hint)
        return None
    if any(end.endswith(".npy") for end in ends):
        return Kind("a NumPy archive (.npz), as of JAX", _OTHER_FRAMEWORK)
    if "model.weights.h5" in ends:
        return Kind("a Keras model", _OTHER_FRAMEWORK)
    if "archive_format" in ends:
        return Kind("a program of torch.export", "Save model.state_dict() as safetensors.")
    return Kind(f"a zip archive of {len(names)} other file(s)", _UNPACK)


def _is_text(head: bytes) -> bool:
    try:
        text = head.decode("utf-8", errors="strict" if len(head) < LOOKED_AT else "ignore")
    except UnicodeDecodeError:
        return False
    return all(char.isprintable() or char.isspace() for char in text)
