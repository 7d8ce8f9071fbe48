"""Which folder the classes are read from, for folders as people have them."""

from pathlib import Path

import pytest

from acrank.data import open_target
from acrank.data.folders.roots import training_and_held_out
from acrank.data.target import Target
from acrank.errors import DataError
from tests.data.builders import fill_folder


def opened(root: Path, *folders: str) -> Target:
    return open_target(str(fill_folder(root, dict.fromkeys(folders, 2))))


def refused(root: Path, *folders: str) -> DataError:
    with pytest.raises(DataError) as caught:
        opened(root, *folders)
    assert caught.value.hint
    return caught.value


@pytest.mark.parametrize(
    ("train", "test"),
    [
        *[("Training", "Testing"), ("TRAIN", "TEST"), ("train", "val"), ("training", "holdout")],
        *[
            ("seg_train", "seg_pred"),
            ("train2017", "val2017"),
            ("labeled", "unlabeled"),
            ("Train_images", "Test_images"),
        ],
    ],
)
def test_the_training_part_is_read_and_said(tmp_path: Path, train: str, test: str) -> None:
    target = opened(tmp_path, f"{train}/a", f"{train}/b", f"{test}/a", f"{test}/c")
    assert target.classes == ("a", "b")
    assert [item.key for item in target.items] == ["a/0.png", "a/1.png", "b/0.png", "b/1.png"]
    (said,) = target.warnings
    assert said == (f"{tmp_path / train} is read as the training part, without {test}/ beside it.")


def test_other_folders_beside_a_split_are_left_alone(tmp_path: Path) -> None:
    target = opened(tmp_path, "train/a", "train/b", "val/a", "unsorted", "x_ray/a")
    assert target.classes == ("a", "b")
    assert "without unsorted/, val/ and x_ray/ beside it" in target.warnings[0]


def test_a_folder_called_data_in_the_training_part_is_entered(tmp_path: Path) -> None:
    assert opened(tmp_path, "train/data/a", "train/data/b", "test/data/a").classes == ("a", "b")


@pytest.mark.parametrize(
    ("folders", "classes"),
    [
        (["train", "bus", "car"], ("bus", "car", "train")),
        (["test", "control"], ("control", "test")),
        (["valid", "invalid"], ("invalid", "valid")),
    ],
)
def test_a_class_that_is_called_as_a_part_is_a_class_and_said(
    tmp_path: Path, folders: list[str], classes: tuple[str, ...]
) -> None:
    target = opened(tmp_path, *folders)
    assert target.classes == classes
    assert f"{folders[0]}/ is taken as a class" in target.warnings[0]


@pytest.mark.parametrize(
    ("folders", "classes"),
    [
        (["train_station", "bus_station"], ("bus_station", "train_station")),
        (["level1", "level2", "level10"], ("level1", "level2", "level10")),
        (["1", "2", "3"], ("1", "2", "3")),
        (["cat/images", "dog/images"], ("cat", "dog")),
        (["low/case_1", "low/case_2", "high/case_1", "high/case_2"], ("high", "low")),
    ],
)
def test_true_classes_are_never_refused(
    tmp_path: Path, folders: list[str], classes: tuple[str, ...]
) -> None:
    assert opened(tmp_path, *folders).classes == classes


def test_folders_inside_classes_are_said(tmp_path: Path) -> None:
    target = opened(tmp_path, "left/a", "left/b", "right/c", "right/d")
    assert target.classes == ("left", "right")
    assert target.warnings == (
        "The folders in left/ (a and b) count as the class 'left', and so on in 1 more.",
    )


@pytest.mark.parametrize(
    ("folders", "words", "hint"),
    [
        (["train", "test"], "test/ and train/ are parts of a split", "train/NAME.jpg,CLASS"),
        (["train/images", "test/images"], "have no class folders", "path,label"),
        (["train"], "train/ is a part of a split, not a class", "path,label"),
        (["test/a", "test/b"], "called a and b", "test, or list"),
        (["val/a", "test/a"], "test/ and val/ are parts", "--data"),
        (["train_1/a", "train_2/a"], "are parts of a split", "train_1"),
        (["fold1/no", "fold1/yes", "fold2/no"], "numbered parts, not classes", "fold1"),
        (["images_001", "images_002"], "numbered parts, not classes", "images_001/NAME.jpg"),
        (["images_001/images", "images_002/images"], "have no class folders", "path,label"),
        (["patient_1", "patient_2"], "numbered patients or cases", "patient_1/NAME.jpg"),
        (["fold1", "fold2", "test"], "parts of a split", "path,label"),
        (["cats", "dogs", "test", "val"], "test/ and val/ are parts", "path,label"),
        (["cats", "dogs", "train", "test"], "test/ and train/ are parts", "path,label"),
        (["cats", "dogs", "test/cats", "test/dogs"], "test/ is a part", "test"),
        (["train/steam", "train/electric", "bus"], "or a class beside bus/", "train if it is"),
        (["pictures/a", "pictures/b", "test"], "or a class beside test/", "pictures if it is"),
        (["cat_train", "cat_test", "dog_train", "dog_test"], "both a class and a part", "CSV"),
    ],
)
def test_parts_are_refused(tmp_path: Path, folders: list[str], words: str, hint: str) -> None:
    error = refused(tmp_path, *folders)
    assert str(tmp_path) in error.message
    assert words in error.message
    assert hint in str(error.hint)


def test_tables_beside_parts_are_named(tmp_path: Path) -> None:
    (tmp_path / "labels.csv").write_text("id,breed\n")
    error = refused(tmp_path, "train", "test")
    assert error.message.endswith("have no class folders. labels.csv lies in it.")
    assert f"--data {tmp_path / 'labels.csv'}" in str(error.hint)


@pytest.mark.parametrize("folder", [".", "images"])
def test_tables_beside_images_without_classes_are_named(tmp_path: Path, folder: str) -> None:
    (tmp_path / "labels.csv").write_text("path,label\n")
    assert "labels.csv lies in it." in refused(tmp_path, folder).message


def test_images_and_folders_in_the_training_part_of_a_split(tmp_path: Path) -> None:
    assert "train/ are parts" in refused(tmp_path, "train", "train/a", "test").message


@pytest.mark.parametrize(
    ("folders", "words"),
    [
        (["p1/no", "p1/yes", "p2/no", "p2/yes"], "p1/ and p2/ all hold the same folders, no and"),
        (["8863/0", "8863/1", "8864/0", "8865/0", "8865/1"], "0 and 1: it is unclear"),
        (["a/images", "a/masks", "b/images", "b/masks"], "masks may be masks, which are no"),
        (["cat/train", "cat/test", "dog/train", "dog/test"], "some of these are parts of a split"),
    ],
)
def test_the_same_folders_in_each_are_refused(
    tmp_path: Path, folders: list[str], words: str
) -> None:
    error = refused(tmp_path, *folders)
    assert words in error.message
    assert "CSV file with the columns path,label" in str(error.hint)


@pytest.mark.parametrize("outer", ["brain", "a/b", "images", "archive_1"])
def test_the_only_folder_is_entered_and_said(tmp_path: Path, outer: str) -> None:
    (tmp_path / "__MACOSX" / "brain").mkdir(parents=True)
    (tmp_path / "__MACOSX" / "brain" / "0.png").write_bytes(b"resource fork")
    target = opened(tmp_path, f"{outer}/no", f"{outer}/yes")
    assert target.classes == ("no", "yes")
    assert target.warnings == (f"{tmp_path / outer} is read: it has the class folders.",)


def test_images_beside_the_only_folder_are_said(tmp_path: Path) -> None:
    target = opened(tmp_path, ".", "brain/no", "brain/yes")
    assert target.classes == ("no", "yes")
    assert target.warnings[0].startswith("2 image(s) beside the class folders were skipped")


def test_the_only_folder_may_hold_a_split(tmp_path: Path) -> None:
    target = opened(tmp_path, "d/Train/a", "d/Train/b", "d/Test/a")
    assert target.classes == ("a", "b")
    assert len(target.warnings) == 2
    assert "parts of a split" in refused(tmp_path / "other", "d/train", "d/test").message


def test_images_beside_the_folders_in_the_only_folder_make_it_a_class(tmp_path: Path) -> None:
    assert "only one class, 'brain'" in refused(tmp_path, "brain", "brain/a", "brain/b").message


@pytest.mark.parametrize("outer", [".", "only", "only/one"])
def test_parts_to_train_and_to_test_on(tmp_path: Path, outer: str) -> None:
    root = fill_folder(tmp_path / outer, {"Training/a": 1, "Validation/a": 1, "Testing/a": 1})
    training, held_out = training_and_held_out(tmp_path)
    assert training == root / "Training"
    assert held_out == [root / "Testing", root / "Validation"]


def test_no_parts(tmp_path: Path) -> None:
    fill_folder(tmp_path, {"a": 1, "b": 1})
    assert training_and_held_out(tmp_path) == (None, [])


def test_folders_to_give_can_be_pasted_into_a_shell(tmp_path: Path) -> None:
    for part in ("hospital A", "hospital B"):
        fill_folder(tmp_path / part, {"benign": 2, "malignant": 2})
    with pytest.raises(DataError) as caught:
        open_target(str(tmp_path))
    assert f"--data '{tmp_path}/hospital A'." in str(caught.value.hint)
