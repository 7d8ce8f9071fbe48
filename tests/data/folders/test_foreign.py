"""Data of another kind: the refusal says what they are and what to do with them."""

from pathlib import Path

import pytest

from acrank.data import open_target
from acrank.errors import DataError
from tests.data.builders import encoded, fill_folder, noise

BOX = "0 0.5 0.5 0.1 0.1\n"
COCO = '{"info": {}, "images": [], "annotations": [], "categories": []}'


def refused(spec: Path | str) -> DataError:
    with pytest.raises(DataError) as caught:
        open_target(str(spec))
    assert caught.value.hint
    return caught.value


def scatter(folder: Path, content: str, *names: str) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(content)


@pytest.mark.parametrize(
    ("names", "what", "step"),
    [
        (["a/1.nii.gz", "b/2.nii"], "NIfTI volumes", "labelsTr/CASE.nii.gz"),
        (["p1/p1_flair.nii.gz", "p1/p1_t1.nii.gz", "p1/p1_seg.nii.gz"], "BraTS", "CASE_0000"),
        (["p1/p1-t1c.nii.gz", "p1/p1-t2f.nii.gz", "p1/p1-seg.nii.gz"], "BraTS", "CASE_0000"),
        (["a.zip", "b.tar.gz"], "archives", "Unpack"),
        (["a/x.zip", "b/y.zip"], "archives", "Unpack"),
        (["train.npz", "readme.md"], "files of arrays", "PNG"),
        (["a/x.tfrecord"], "files of arrays", "PNG"),
        (["data/train-0.parquet"], "tables with images", "hfds/FOLDER"),
        (["a/x.heic", "b/y.heic"], "format that is not read", "PNG or JPEG"),
    ],
)
def test_folders(tmp_path: Path, names: list[str], what: str, step: str) -> None:
    scatter(tmp_path, "x", *names)
    error = refused(tmp_path)
    assert "no images found" in error.message
    assert what in error.message
    assert step in str(error.hint)


def test_suffixes_that_were_seen_are_counted(tmp_path: Path) -> None:
    scatter(tmp_path, "x", "a/1.abc", "a/2.abc", "b/bare")
    assert "Its files are: .abc 2, no suffix 1." in refused(tmp_path).message


@pytest.mark.parametrize("classes", [["a", "b"], ["b"]])
def test_images_without_a_suffix(tmp_path: Path, classes: list[str]) -> None:
    fill_folder(tmp_path, {"a": 2, "b": 2})
    paths = [path for name in classes for path in (tmp_path / name).glob("*.png")]
    for path in paths:
        path.rename(path.with_suffix(""))
    error = refused(tmp_path)
    assert f"no suffix {len(paths)}" in error.message
    assert "Give the files the suffix of their format" in str(error.hint)
    table = tmp_path / "t.csv"
    table.write_text("path,label\n" + "".join(f"b/{n},{n}\n" for n in range(2)))
    assert len(open_target(str(table)).items) == 2


def test_a_class_of_other_files_alone(tmp_path: Path) -> None:
    fill_folder(tmp_path, {"a": 2, "b": 0})
    scatter(tmp_path, "x", "b/1.npy", "b/2.npy")
    error = refused(tmp_path)
    assert f"1 class folder(s) without images:\n  {tmp_path / 'b'} (.npy 2)." in error.message
    assert "Write each image to a file" in str(error.hint)


def test_files_that_are_named_like_dicom_alone(tmp_path: Path) -> None:
    scatter(tmp_path, "x", "a/1.dcm", "b/2.dcm")
    error = refused(tmp_path)
    assert "2 of 2 images cannot be used" in error.message
    assert f"{tmp_path / 'b' / '2.dcm'}: not a DICOM file." in error.message


@pytest.mark.parametrize(
    ("images", "texts"),
    [
        (["images"], ["labels/0.txt"]),
        (["images/train", "images/val"], ["labels/train/0.txt"]),
        (["train/images", "valid/images"], ["train/labels/0.txt", "valid/labels/0.txt"]),
    ],
)
def test_boxes_in_text_files(tmp_path: Path, images: list[str], texts: list[str]) -> None:
    fill_folder(tmp_path, dict.fromkeys(images, 2))
    scatter(tmp_path, BOX, *texts)
    error = refused(tmp_path)
    assert "It holds images with boxes in text files (YOLO)." in error.message
    assert "not for detection" in str(error.hint)


def test_annotations_in_json(tmp_path: Path) -> None:
    fill_folder(tmp_path, {"train2017": 2, "val2017": 2})
    scatter(tmp_path, COCO, "annotations/instances_train2017.json")
    error = refused(tmp_path)
    assert "parts of a split" in error.message
    assert "(COCO, instances_train2017.json)" in error.message
    assert "not for detection" in str(error.hint)


def test_boxes_in_xml(tmp_path: Path) -> None:
    fill_folder(tmp_path, {"JPEGImages": 2})
    scatter(tmp_path, "<annotation><object/></annotation>", "Annotations/0.xml")
    assert "Pascal VOC" in refused(tmp_path).message


@pytest.mark.parametrize(
    ("name", "what", "step"),
    [
        ("d.zip", "archives", "Unpack"),
        ("d.tar.gz", "archives", "Unpack"),
        ("d.npy", "files of arrays", "MedMNIST file"),
        ("d.h5", "files of arrays", "PNG"),
        ("d.parquet", "tables with images", "hfds/FOLDER"),
        ("d.tsv", "tables in another format", "CSV"),
        ("d.xlsx", "tables in another format", "CSV"),
        ("d.json", "JSON files", "CSV"),
        ("d.yaml", "YAML files", "folder of the images"),
        ("d.nii.gz", "NIfTI volumes", "labelsTr"),
        ("d.png", "single images", "folder of class folders"),
        ("d.dcm", "single images", "folder of class folders"),
    ],
)
def test_files(tmp_path: Path, name: str, what: str, step: str) -> None:
    scatter(tmp_path, "x", name)
    error = refused(tmp_path / name)
    assert f"{name}: no data source reads it: " in error.message
    assert what in error.message
    assert step in str(error.hint)


def test_images_named_like_dicom_files(tmp_path: Path) -> None:
    for name in "ab":
        (tmp_path / name).mkdir()
        (tmp_path / name / "1.dcm").write_bytes(encoded(noise(1)))
    error = refused(tmp_path)
    assert "named like DICOM files but are not DICOM" in error.message
    assert "suffix" in str(error.hint)


def test_coco_file(tmp_path: Path) -> None:
    scatter(tmp_path, COCO, "d.json")
    assert "annotations of objects (COCO)" in refused(tmp_path / "d.json").message


def test_file_of_no_known_kind(tmp_path: Path) -> None:
    scatter(tmp_path, "x", "d.abc")
    error = refused(tmp_path / "d.abc")
    assert error.message.endswith("d.abc: no data source reads it.")
    assert "hfds/NAME" in str(error.hint)


@pytest.mark.parametrize(
    ("spec", "hint"),
    [
        ("https://huggingface.co/datasets/uoft-cs/cifar10", "hfds/uoft-cs/cifar10"),
        ("hf://datasets/uoft-cs/cifar10", "hfds/uoft-cs/cifar10"),
        ("hfds:mnist", "hfds/mnist"),
        ("uoft-cs/cifar10", "If uoft-cs/cifar10 is a dataset of the hub, write hfds/uoft-cs/"),
    ],
)
def test_datasets_of_the_hub_written_otherwise(spec: str, hint: str) -> None:
    error = refused(spec)
    assert "no such file or folder" in error.message
    assert hint in str(error.hint)


def test_a_folder_that_is_not_there_is_no_name_of_the_hub() -> None:
    assert "hfds/./" not in str(refused("./not-there").hint)


def test_a_sound_folder_is_not_searched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import acrank.data.sources.class_folders as module

    monkeypatch.setattr(module, "kind_of_folder", None)
    fill_folder(tmp_path, {"a": 1, "b": 1})
    (tmp_path / "a" / "x.png").write_bytes(encoded(noise(3)))
    assert len(open_target(str(tmp_path)).items) == 3
