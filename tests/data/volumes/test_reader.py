import gzip
import json
from pathlib import Path

import numpy as np
import pytest

from acrank.data import open_any
from acrank.data.segmentation import ClassMap
from acrank.data.volumes import VolumeTarget, open_volumes
from acrank.errors import DataError, MissingExtraError

from .builders import SIZE, box, fill, noise, save


def message(folder: Path) -> str:
    with pytest.raises(DataError) as caught:
        open_volumes(str(folder))
    assert caught.value.hint
    return caught.value.message


def test_values_without_names(tmp_path: Path) -> None:
    target = open_volumes(str(fill(tmp_path, {"a": [1, 2], "b": [2]})))
    assert target.class_map == ClassMap(("0", "1", "2"), (0, 1, 2))
    assert target.warnings == ()
    assert [(case.key, case.size, case.spacing) for case in target.items] == [
        ("a", SIZE, (1.0, 1.0, 1.0)),
        ("b", SIZE, (1.0, 1.0, 1.0)),
    ]
    found = open_any(str(tmp_path), "auto")
    assert isinstance(found, VolumeTarget)
    assert found.task == "volumes"


def test_names_from_either_file(tmp_path: Path) -> None:
    fill(tmp_path / "d", {"a": [7, 9], "b": [7]}, ("imagesTr", "labelsTr"))
    (tmp_path / "classes.yaml").write_text("classes: {rest: 0, organ: 7}\nignore: 9")
    assert open_volumes(str(tmp_path / "d")).class_map == ClassMap(("rest", "organ"), (0, 7), 9)
    described = {"labels": {"0": "background", "7": "liver", "9": "tumour"}}
    (tmp_path / "d" / "dataset.json").write_text(json.dumps(described))
    assert open_volumes(str(tmp_path / "d")).classes == ("background", "liver", "tumour")


def test_colours_are_refused(tmp_path: Path) -> None:
    fill(tmp_path, {"a": [1], "b": [1]})
    (tmp_path / "classes.yaml").write_text("classes: {a: [0, 0, 0], b: [255, 0, 0]}")
    assert "it gives colours" in message(tmp_path)


def test_several_channels_in_either_form(tmp_path: Path) -> None:
    described = json.dumps({"labels": {"a": 0, "b": 1}, "modality": {"0": "T1", "1": "T2"}})
    for name in ("x", "y"):
        save(tmp_path / "one" / "imagesTr" / f"{name}.nii.gz", noise(1, (*SIZE, 2)))
        save(tmp_path / "two" / "imagesTr" / f"{name}_0000.nii.gz", noise(1))
        save(tmp_path / "two" / "imagesTr" / f"{name}_0001.nii.gz", noise(2))
        for part in ("one", "two"):
            save(tmp_path / part / "labelsTr" / f"{name}.nii.gz", box([1]))
            (tmp_path / part / "dataset.json").write_text(described)
    assert open_volumes(str(tmp_path / "one")).channels == 2
    assert open_volumes(str(tmp_path / "two")).channels == 2
    (tmp_path / "one" / "dataset.json").unlink()
    assert "x.nii.gz: 4-D with 2 volumes, where 1 channel(s) are expected" in message(
        tmp_path / "one"
    )


def test_every_kind_of_fault_is_in_one_error(tmp_path: Path) -> None:
    names = (
        "nan",
        "shape",
        "moved",
        "turned",
        "torn",
        "text",
        "odd",
        "part",
        "slice",
        "rgb",
        "zero",
    )
    fill(tmp_path, {key: [1] for key in ("good", *names)})
    images, labels = tmp_path / "images", tmp_path / "labels"
    broken = noise(0)
    broken[1, 2, 3], broken[4, 5, 6] = np.nan, np.inf
    save(images / "nan.nii.gz", broken)
    save(labels / "shape.nii.gz", box([1], (20, 18, 16)))
    moved = np.eye(4)
    moved[0, 3] = 2.5
    save(labels / "moved.nii.gz", box([1]), moved)
    save(images / "turned.nii.gz", noise(0), np.diag([-1, 1, 1, 1]))
    whole = (images / "torn.nii.gz").read_bytes()
    (images / "torn.nii.gz").write_bytes(whole[: len(whole) // 2])
    (images / "text.nii.gz").write_bytes(gzip.compress(b"<html>"))
    save(labels / "odd.nii.gz", box([9]))
    save(labels / "part.nii.gz", box([1]) / np.float32(2))
    save(images / "slice.nii.gz", noise(0, (20, 18, 1)))
    save(labels / "slice.nii.gz", box([1], (20, 18, 1)))
    colour = np.zeros(SIZE, dtype=[("R", "u1"), ("G", "u1"), ("B", "u1")])
    save(images / "rgb.nii.gz", colour)
    (images / "zero.nii.gz").write_bytes(b"")
    save(images / "lone.nii.gz", noise(0))
    (tmp_path / "classes.yaml").write_text("classes: [rest, organ]")
    text = message(tmp_path)
    for line in (
        "nan.nii.gz: 2 voxels are NaN or infinite",
        "shape.nii.gz: 20 x 18 x 17 voxels, but its labels have 20 x 18 x 16",
        "moved.nii.gz: its affine puts voxels 2.5 mm from those of its labels",
        "turned.nii.gz: its affine puts voxels 19 mm from",
        "torn.nii.gz: Compressed file ended",
        "text.nii.gz: ",
        "odd.nii.gz: values outside the classes: 9",
        "part.nii.gz: 1 value(s) that are not labels, such as 0.5",
        "slice.nii.gz: 20 x 18 x 1 voxels: a single slice",
        "rgb.nii.gz: voxels of type",
        "zero.nii.gz: empty file (0 bytes)",
        "lone.nii.gz: no labels of this name",
    ):
        assert line in text
    assert "good" not in text


def test_empty_labels_and_long_voxels_are_told(tmp_path: Path) -> None:
    affine = np.diag([0.5, 0.5, 5, 1])
    empty, long = open_volumes(str(fill(tmp_path, {"a": [1], "b": []}, affine=affine))).warnings
    assert empty == "1 of 2 masks are empty: they hold background alone."
    assert long.startswith("Voxels are anisotropic: 0.5 x 0.5 x 5 mm in the median, 10.0 times")


def test_a_single_case(tmp_path: Path) -> None:
    assert "only one image" in message(fill(tmp_path, {"a": [1]}))


def test_without_the_libraries_the_extra_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("acrank.data.volumes.nifti.find_spec", lambda name: None)
    with pytest.raises(MissingExtraError, match=r"acrank\[medical\]"):
        open_volumes(str(fill(tmp_path, {"a": [1], "b": [1]})))


def test_labels_resized_by_interpolation_are_refused(tmp_path: Path) -> None:
    fill(tmp_path, {"a": [255], "b": [255]})
    labels = box([255])
    labels[4, 2:6, 3:7] = 128
    save(tmp_path / "labels" / "a.nii.gz", labels)
    assert "1 of 2 masks hold grey between 0 and 255 along edges alone" in message(tmp_path)
