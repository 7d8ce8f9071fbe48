"""Tables as other projects write them: what is read, and which next step a refusal names."""

import unicodedata
from pathlib import Path
from typing import Literal

import pytest

from acrank.data import open_target
from acrank.data.target import Target
from acrank.errors import DataError
from tests.data.builders import fill_folder

Form = Literal["NFC", "NFD"]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return fill_folder(tmp_path, {"img": 6})


def write(folder: Path, *lines: str) -> str:
    (folder / "t.csv").write_text("\n".join(lines), encoding="utf-8")
    return str(folder / "t.csv")


def opened(folder: Path, *lines: str) -> Target:
    return open_target(write(folder, *lines))


def refused(folder: Path, *lines: str) -> DataError:
    with pytest.raises(DataError) as caught:
        opened(folder, *lines)
    return caught.value


@pytest.mark.parametrize(
    ("lines", "hint"),
    [
        (["id_code,diagnosis", "0,1"], "Rename 'id_code' to path and 'diagnosis' to label."),
        (["file_name,label", "img/0.png,a"], "Rename 'file_name' to path."),
        (["Image Index,Finding Labels", "0.png,a"], "Rename 'Image Index' to path and 'Finding"),
        (["Path,Label", "img/0.png,a"], "Rename 'Path' to path and 'Label' to label."),
        (["x,y", "img/0.png,a"], "Rename 'x' to path and 'y' to label."),
        (["path;label", "img/0.png;a"], "semicolons in place of commas"),
        (["path\tlabel", "img/0.png\ta"], "tabs in place of commas"),
        (["img/0.png,a", "img/1.png,b"], "The first row looks like an image already"),
        (["image,A,B", "0,1.0,0.0", "1,0.0,1.0"], "A, B hold one class each (one-hot)"),
        (["image,A,B", "0,1,1", "1,0,1"], "some rows have several or none"),
        (["id,x,y,width,height,Target", "0,,,,,1"], "Rename 'id' to path and 'Target' to label."),
        (["id,x,y,width,height,Target", "0,,,,,1"], "Its boxes are not read"),
        (["filename,xmin,ymin,xmax,ymax,class", "0.png,1,1,2,2,a"], "Its boxes are not read"),
        (["ImageId,EncodedPixels", "0,1 3"], "A column of masks is not a label"),
        (["image,mask", "img/0.png,m/0.png"], "A column of masks is not a label"),
        (
            ["Path,Age,Edema,Mass", "a.png,6,1.0,", "b.png,7,-1.0,1.0"],
            "Edema, Mass hold one class each",
        ),
        (["image_id,Smiling,Male", "0.jpg,1,-1", "1.jpg,1,1"], "some rows have several or none"),
        (["a,b", "1,2"], "Its first row must name the columns path and label"),
    ],
)
def test_columns_that_may_be_meant_are_named(folder: Path, lines: list[str], hint: str) -> None:
    error = refused(folder, *lines)
    assert "Columns found: " in error.message
    assert hint in str(error.hint)


NAMES = ["0", "1", "2"]


@pytest.mark.parametrize(
    ("paths", "hint"),
    [
        (["img/0", "img/1"], "With .png appended, all 2 exist."),
        (["img\\0.png", "img\\1.png"], "With forward slashes, all 2 exist."),
        (["0.png", "1.png"], "With img/ in front, all 2 exist."),
        (["0", "1"], "With img/ in front and .png appended, all 2 exist."),
        (["/img/0.png", "/img/1.png"], "Without the leading slash, all 2 exist."),
        (["/data/me/0.png", "C:\\me\\1.png"], "By the last part of the paths alone, in img/, all"),
        (["img/0.jpg", "img/1.jpg"], "With the suffix .png, all 2 exist."),
        (["IMG/0.PNG", "Img/1.png"], "In upper or lower case as the files are, all 2 exist."),
        (["0.png", "gone.png"], "With img/ in front, 1 of 2 exist."),
        (["gone.png", "x\0y"], "Paths are relative to the CSV's folder"),
    ],
)
def test_the_change_by_which_paths_exist_is_named(
    folder: Path, paths: list[str], hint: str
) -> None:
    if "\0" in "".join(paths):
        paths = [path.replace("\0", "%") for path in paths]
    error = refused(folder, "path,label", *(f"{path},{n}" for n, path in enumerate(paths)))
    assert "2 path(s) that are not files" in error.message
    assert hint in str(error.hint)


def test_names_of_both_parts_of_a_split_are_sought_in_the_training_part(tmp_path: Path) -> None:
    fill_folder(tmp_path, {"test": 4, "train": 4})
    error = refused(tmp_path, "path,label", "0,a", "1,b")
    assert "With train/ in front and .png appended, all 2 exist." in str(error.hint)


def test_images_in_the_parts_of_an_archive_are_sought_in_each(tmp_path: Path) -> None:
    fill_folder(tmp_path, {"part_1": 4, "part_2": 4})
    for number in range(4):
        (tmp_path / "part_2" / f"{number}.png").rename(tmp_path / "part_2" / f"{number + 4}.png")
    for suffix, also in (("", " and .png appended"), (".png", "")):
        rows = [f"{number}{suffix},{number % 2}" for number in range(8)]
        error = refused(tmp_path, "path,label", *rows)
        hint = f"With the folder in front in which each is{also}, all 8 exist."
        assert hint in str(error.hint)


def test_paths_relative_to_where_the_command_runs(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "lists").mkdir()
    error = refused(tmp_path / "lists", "path,label", "img/0.png,a", "img/1.png,b")
    assert f"Relative to {tmp_path}, where the command runs" in str(error.hint)


@pytest.mark.parametrize("forms", [("NFC", "NFD"), ("NFD", "NFC")])
def test_names_in_another_unicode_form_are_found(folder: Path, forms: tuple[Form, Form]) -> None:
    in_table, on_disk = (f"Jäger/Müller_{n}.png" for n in range(2)), "Jäger"
    place = folder / unicodedata.normalize(forms[1], on_disk)
    place.mkdir()
    for number in range(2):
        name = unicodedata.normalize(forms[1], f"Müller_{number}.png")
        (folder / "img" / f"{number}.png").rename(place / name)
    rows = [f"{unicodedata.normalize(forms[0], path)},{n}" for n, path in enumerate(in_table)]
    target = opened(folder, "path,label", *rows)
    assert [item.key for item in target.items] == ["Jäger/Müller_0.png", "Jäger/Müller_1.png"]
    assert all(item.read() for item in target.items)


def test_both_forms_of_one_path_are_one_image(folder: Path) -> None:
    (folder / "img" / "0.png").rename(folder / "img" / "ä.png")
    decomposed = unicodedata.normalize("NFD", "img/ä.png")
    rows = ["img/ä.png,a", f"{decomposed},a", "img/1.png,b"]
    assert len(opened(folder, "path,label", *rows).items) == 2
    rows[1] = f"{decomposed},b"
    assert "1 path(s) with more than one label" in refused(folder, "path,label", *rows).message


def rows(*values: str, labels: str = "ababab") -> list[str]:
    return [f"img/{n}.png,{labels[n]},{value}" for n, value in enumerate(values)]


@pytest.mark.parametrize(
    ("column", "values", "read", "left"),
    [
        ("split", ["train"] * 4 + ["test", "val"], 4, "test 1, val 1"),
        ("Set", ["Training"] * 2 + ["Testing"] * 4, 2, "testing 4"),
        ("usage", ["TRAIN", "train", "train", "", "dev", "dev"], 3, "dev 2, no value 1"),
        ("is_valid", ["False"] * 4 + ["True"] * 2, 4, "true 2"),
        ("is_train", ["1"] * 4 + ["0"] * 2, 4, "0 2"),
        ("test", ["0"] * 5 + ["1"], 5, "1 1"),
    ],
)
def test_training_rows_alone_are_read(
    folder: Path, column: str, values: list[str], read: int, left: str
) -> None:
    target = opened(folder, f"path,label,{column}", *rows(*values))
    assert len(target.items) == read
    (said,) = target.warnings
    assert said.startswith(f"{read} of 6 rows of {folder / 't.csv'} are read, by its column")
    assert said.endswith(f"rows of {left} are left out.")


def test_only_the_rows_that_are_read_need_files(folder: Path) -> None:
    lines = [*rows("train", "train"), "gone.png,,test"]
    assert len(opened(folder, "path,label,split", *lines).items) == 2


@pytest.mark.parametrize(
    ("column", "values"),
    [("split", ["test"] * 6), ("view", ["front", "train"] * 3), ("age", list("123456"))],
)
def test_other_columns_are_left_alone(folder: Path, column: str, values: list[str]) -> None:
    target = opened(folder, f"path,label,{column}", *rows(*values))
    assert len(target.items) == 6
    assert target.warnings == ()


def test_folds_are_all_read_and_said(folder: Path) -> None:
    target = opened(folder, "path,label,fold", *rows(*"001122"))
    assert len(target.items) == 6
    assert target.warnings == (
        f"The column 'fold' of {folder / 't.csv'} (0 2, 1 2, 2 2) is ignored: the rows of all its "
        "values are used.",
    )


def test_parts_without_a_training_part_are_refused(folder: Path) -> None:
    error = refused(folder, "path,label,split", *rows("val", "val", "val", "test", "test", "test"))
    assert "none of them is the training part: val 3, test 3." in error.message
    assert "take the column out" in str(error.hint)


def test_paths_into_several_parts_are_all_read_and_said(tmp_path: Path) -> None:
    fill_folder(tmp_path, {"Train": 2, "Test": 2})
    lines = [f"{part}/{n}.png,{n}" for part in ("Train", "Test") for n in range(2)]
    target = opened(tmp_path, "path,label", *lines[:3])
    assert len(target.items) == 3
    assert target.warnings[0].endswith("and all are read: Train/ 2, Test/ 1.")
    assert opened(tmp_path, "path,label", *lines[:2]).warnings == ()


def test_labels_may_be_words_of_a_split(folder: Path) -> None:
    lines = [f"img/{n}.png,{label}" for n, label in enumerate(["train", "test"] * 3)]
    assert opened(folder, "path,label", *lines).classes == ("test", "train")
