"""MedMNIST files: what is read of them, what is refused, and what they cannot do."""

import io
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

import acrank.data.sources.medmnist as module
from acrank.data import draw_sample, open_target
from acrank.data.images import PixelSource
from acrank.data.sources.base import HeldOut
from acrank.data.sources.medmnist import MedMnist
from acrank.errors import DataError

SIZES = {"train": 12, "val": 4, "test": 6}


def arrays(*shape: int, classes: int = 3, labels: int = 1) -> dict[str, npt.NDArray[Any]]:
    """Arrays as MedMNIST has them."""
    generator = np.random.default_rng(0)
    found: dict[str, npt.NDArray[Any]] = {}
    for part, size in SIZES.items():
        found[f"{part}_images"] = generator.integers(0, 256, (size, *shape), dtype=np.uint8)
        found[f"{part}_labels"] = np.arange(size * labels, dtype=np.uint8).reshape(size, labels)
        found[f"{part}_labels"] %= classes
    return found


def saved(folder: Path, given: Mapping[str, npt.NDArray[Any]]) -> str:
    np.savez_compressed(folder / "pathmnist.npz", allow_pickle=True, **given)
    return str(folder / "pathmnist.npz")


def refused(spec: str) -> DataError:
    with pytest.raises(DataError) as caught:
        open_target(spec)
    return caught.value


@pytest.mark.parametrize("shape", [(28, 28), (28, 28, 3), (28, 28, 1), (64, 48)])
@pytest.mark.parametrize("in_memory", [True, False])
def test_the_training_part_is_read(
    tmp_path: Path, shape: tuple[int, ...], in_memory: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not in_memory:
        monkeypatch.setattr(module, "IN_MEMORY", 100)
    given = arrays(*shape)
    spec = saved(tmp_path, given)
    target = open_target(spec)
    assert target.classes == ("0", "1", "2")
    assert [item.label for item in target.items] == given["train_labels"].ravel().tolist()
    assert target.warnings == (
        f"train_images of {spec} (12) are read; left alone are val 4 and test 6.",
    )
    sample = draw_sample(target, 12, 6, 0)
    expected = given["train_images"].reshape(12, *shape[:2], -1)
    for key, image in zip(sample.keys, sample.images, strict=True):
        row = int(key.removeprefix("train:"))
        assert np.array_equal(image.reshape(*shape[:2], -1), expected[row])


def test_another_part(tmp_path: Path) -> None:
    spec = saved(tmp_path, arrays(28, 28))
    assert len(open_target(f"{spec}:test").items) == 6
    assert len(open_target(f"{spec}:VAL").items) == 4
    assert "no such file or folder" in refused(f"{spec}:tset").message


def test_the_parts_that_are_held_out(tmp_path: Path) -> None:
    given = arrays(28, 28)
    spec = saved(tmp_path, given)
    source = MedMnist()
    assert source.held_out(spec) == HeldOut(f"{spec}:val", f"{spec}:test", of_one_file=True)
    assert source.held_out(f"{spec}:test") == HeldOut()
    assert source.title(f"{spec}:test") == "pathmnist"
    without = {name: array for name, array in given.items() if not name.startswith("val")}
    assert source.held_out(saved(tmp_path, without)).validation is None
    empty = {**given, "val_images": given["val_images"][:0]}
    assert source.held_out(saved(tmp_path, empty)).validation is None


@pytest.mark.parametrize(
    ("change", "message", "hint"),
    [
        (arrays(28, 28, labels=14), "has 14 columns: it holds several labels per image", "argmax"),
        (arrays(3, 28, 28), "images of 3 channels, which come first", "channels last"),
        (arrays(28, 28, 4), "images of 4 channels", "one channel, or three"),
        (arrays(28, 28, 28), "are volumes of 28 x 28 x 28 voxels", "write slices to files"),
        ({"train_images": np.zeros((12, 28, 28))}, "are float64 (12, 28, 28), not", "uint8"),
        ({"train_images": np.zeros((12, 28), np.uint8)}, "not images", "uint8"),
        ({"train_images": np.zeros((0, 28, 28), np.uint8)}, "not images", "uint8"),
        ({"train_labels": np.zeros((12, 1))}, "not one class per image", "whole numbers"),
        ({"train_labels": np.zeros((9, 1), int)}, "12 images, and 9 labels", "again"),
        ({"train_labels": np.zeros((12, 1), int)}, "only one class", "two classes"),
        ({"train_labels": np.array([[1]] * 11 + [[None]])}, "holds Python objects", "run code"),
    ],
)
def test_what_is_refused(
    tmp_path: Path, change: dict[str, npt.NDArray[Any]], message: str, hint: str
) -> None:
    error = refused(saved(tmp_path, {**arrays(28, 28), **change}))
    assert message in error.message
    assert hint in f"{error.message} {error.hint}"


def test_other_arrays_are_named(tmp_path: Path) -> None:
    error = refused(saved(tmp_path, {"x": np.zeros((3, 4)), "y": np.zeros(3, int)}))
    assert "Arrays found: x float64 (3, 4), y int64 (3,)." in error.message
    assert "train_images, uint8 (N, height, width)" in str(error.hint)


def header(shape: tuple[int, ...], kind: str = "|u1") -> bytes:
    stream = io.BytesIO()
    described = {"descr": kind, "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_1_0(stream, described)
    return stream.getvalue()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (header((10**9, 224, 224)), "claims uint8 (1000000000, 224, 224)"),
        (header((12, 28, 28)) + bytes(100), "9,408 bytes, and the file has 100"),
        (b"\x93NUMPY\x02\x00\xff\xff\xff\xff" + bytes(100), "is not a NumPy array"),
        (b"\x93NUMPY\x01\x00\x10\x00" + b"__import__('os')", "is not a NumPy array"),
        (b"", "is not a NumPy array"),
    ],
)
def test_what_headers_claim(tmp_path: Path, content: bytes, message: str) -> None:
    spec = tmp_path / "x.npz"
    with zipfile.ZipFile(spec, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("train_images.npy", content)
        archive.writestr("train_labels.npy", header((12, 1)) + bytes(12))
    assert message in refused(str(spec)).message


def test_no_file_of_arrays(tmp_path: Path) -> None:
    (tmp_path / "x.npz").write_bytes(b"x")
    assert "cannot be read as a file of NumPy arrays" in refused(str(tmp_path / "x.npz")).message
    data = Path(saved(tmp_path, arrays(28, 28))).read_bytes()
    (tmp_path / "x.npz").write_bytes(data[: len(data) // 2])
    assert "cannot be read" in refused(str(tmp_path / "x.npz")).message
    damaged = bytearray(data)
    for place in range(2000, len(data) - 2000, 97):
        damaged[place] ^= 255
    (tmp_path / "x.npz").write_bytes(damaged)
    assert "x.npz: " in refused(str(tmp_path / "x.npz")).message


def test_a_file_with_a_password(tmp_path: Path) -> None:
    data = bytearray(Path(saved(tmp_path, arrays(28, 28))).read_bytes())
    place = -1
    while (place := data.find(b"PK\x01\x02", place + 1)) >= 0:
        data[place + 8] |= 1
    (tmp_path / "x.npz").write_bytes(data)
    assert "is encrypted" in refused(str(tmp_path / "x.npz")).message


@pytest.mark.parametrize("in_memory", [True, False])
def test_columns_first(tmp_path: Path, in_memory: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    if not in_memory:
        monkeypatch.setattr(module, "IN_MEMORY", 100)
    given = arrays(9, 7)
    images = given["train_images"]
    spec = saved(tmp_path, {**given, "train_images": np.asfortranarray(images)})
    source = open_target(spec).items[5].source
    assert isinstance(source, PixelSource)
    assert np.array_equal(source.pixels[source.index], images[source.index])


def test_a_part_that_is_not_there(tmp_path: Path) -> None:
    given = {name: array for name, array in arrays(8, 8).items() if name.startswith("test")}
    spec = saved(tmp_path, given)
    assert refused(spec).hint == f"Give {spec}:test."
    assert f"After the colon goes train, val or test: {spec}:test." in str(
        refused(f"{spec}:tset").hint
    )


def test_one_that_the_disk_cannot_hold(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "IN_MEMORY", 100)
    monkeypatch.setattr("shutil.disk_usage", lambda _: Free(50))
    assert "has 50 left" in refused(saved(tmp_path, arrays(28, 28))).message


class Free:
    """The room that is left on a disk."""

    def __init__(self, free: int) -> None:
        self.free = free
