from pathlib import Path

import pytest

from acrank.data.volumes.layout import find_volumes, is_volumes
from acrank.errors import DataError


def touch(root: Path, *names: str) -> Path:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()
    return root


@pytest.mark.parametrize(
    ("images", "labels"), [("imagesTr", "labelsTr"), ("images", "labels"), ("images", "masks")]
)
@pytest.mark.parametrize("part", ["", "train/"])
def test_layouts(tmp_path: Path, images: str, labels: str, part: str) -> None:
    names = ("c10.nii.gz", "c2.nii.gz", "._c2.nii.gz")
    touch(tmp_path, *(f"{part}{folder}/{name}" for folder in (images, labels) for name in names))
    assert is_volumes(str(tmp_path))
    layout = find_volumes(tmp_path)
    assert [name for name, _, _ in layout.cases()] == ["c2", "c10"]
    assert layout.total == 4
    assert not list(layout.faults())


def test_channels_are_put_together(tmp_path: Path) -> None:
    touch(tmp_path, "imagesTr/a_0001.nii.gz", "imagesTr/a_0000.nii.gz", "labelsTr/a.nii.gz")
    touch(tmp_path, "imagesTr/b_0000.nii", "imagesTr/b_0001.nii.gz", "labelsTr/b.nii.gz")
    (_, a, _), (_, b, _) = find_volumes(tmp_path).cases()
    assert [path.name for path in a] == ["a_0000.nii.gz", "a_0001.nii.gz"]
    assert [path.name for path in b] == ["b_0000.nii", "b_0001.nii.gz"]


def test_a_number_that_the_labels_have_too_is_no_channel(tmp_path: Path) -> None:
    touch(
        tmp_path, *(f"{part}/BRATS_000{i}.nii.gz" for part in ("images", "labels") for i in (1, 2))
    )
    cases = find_volumes(tmp_path).cases()
    assert [(name, len(images)) for name, images, _ in cases] == [
        ("BRATS_0001", 1),
        ("BRATS_0002", 1),
    ]


def test_files_at_fault(tmp_path: Path) -> None:
    touch(tmp_path, "images/a.nii.gz", "images/a.nii", "images/lone.nii.gz", "labels/a.nii.gz")
    touch(tmp_path, "labels/b.nii.gz", "labels/c.nii.gz", "labels/c.nii", "images/c_0002.nii.gz")
    touch(tmp_path, "images/c_0000.nii.gz", "images/a_0000.nii.gz")
    found = {
        f"{Path(fault.where).name}: {fault.reason}" for fault in find_volumes(tmp_path).faults()
    }
    assert found == {
        "lone.nii.gz: no labels of this name",
        "b.nii.gz: no image of this name",
        "a.nii.gz: the same name as a.nii",
        "c.nii.gz: the same name as c.nii",
        "c_0002.nii.gz: no c_0001 beside it",
        "a_0000.nii.gz: the same channel of a as a.nii",
    }


def test_other_folders_are_no_volumes(tmp_path: Path) -> None:
    touch(tmp_path, "images/a.png", "masks/a.png")
    assert not is_volumes(str(tmp_path))
    assert not is_volumes(str(tmp_path / "none"))
    assert not is_volumes("a\0b")


@pytest.mark.parametrize(
    ("files", "message"),
    [
        (("other/a.nii",), "no folder of images beside a folder of labels"),
        (("images/a.nii", "labels/a.txt"), "labels: no volumes"),
        (("images/a.nii", "labels/b.nii"), "none of its 1 images has labels of the same name"),
    ],
)
def test_what_is_missing(tmp_path: Path, files: tuple[str, ...], message: str) -> None:
    touch(tmp_path, *files)
    with pytest.raises(DataError, match=message) as caught:
        find_volumes(tmp_path)
    assert caught.value.hint


def test_folders_of_nnunet_with_images_are_no_volumes(tmp_path: Path) -> None:
    (tmp_path / "imagesTr").mkdir()
    assert is_volumes(str(tmp_path))
    touch(tmp_path, "imagesTr/c_0000.png", "labelsTr/c.png")
    assert not is_volumes(str(tmp_path))
