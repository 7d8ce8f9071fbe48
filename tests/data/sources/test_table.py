from pathlib import Path

import numpy as np
import pytest

from acrank.data import open_target, whole_sample
from acrank.errors import ConfigError, DataError
from tests.data.builders import fill_folder


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return fill_folder(tmp_path, {"img": 4})


def write(folder: Path, text: str | bytes) -> str:
    file = folder / "labels.CSV"
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    return str(file)


def refused(folder: Path, text: str | bytes) -> DataError:
    with pytest.raises(DataError) as caught:
        open_target(write(folder, text))
    assert "labels.CSV" in caught.value.message
    assert caught.value.hint
    return caught.value


def test_paths_and_labels(folder: Path) -> None:
    spec = write(folder, "path,label\nimg/0.png,dog\nimg/1.png,cat\n")
    target = open_target(spec)
    assert target.name == spec
    assert target.classes == ("cat", "dog")
    assert [(item.key, item.label) for item in target.items] == [
        ("img/0.png", 1),
        ("img/1.png", 0),
    ]
    assert target.items[0].read() == (folder / "img" / "0.png").read_bytes()


def test_what_spreadsheets_write_is_read(folder: Path) -> None:
    text = '\ufeffpath, label ,id\r\nimg/0.png,"a, b",1\r\n,,\r\n\r\nimg/1.png,10,2\r\n'
    assert open_target(write(folder, text)).classes == ("10", "a, b")


def test_a_label_cut_at_its_comma_is_refused(folder: Path) -> None:
    error = refused(folder, "path,label\nimg/0.png,red, round\nimg/1.png,blue,\n")
    assert "1 row(s) with more cells than the 2 columns" in error.message
    assert "row 2: img/0.png, red,  round" in error.message
    assert '"red, round"' in str(error.hint)
    text = 'path,label\nimg/0.png,"red, round"\nimg/1.png,blue,,\n'
    assert open_target(write(folder, text)).classes == ("blue", "red, round")


def test_order_of_the_rows_does_not_matter(folder: Path) -> None:
    rows = ["img/0.png,b\n", "img/1.png,a\n", "img/2.png,b\n"]
    one = open_target(write(folder, "path,label\n" + "".join(rows)))
    two = open_target(write(folder, "path,label\n" + "".join(reversed(rows))))
    assert one == two


def test_repeated_row_adds_nothing(folder: Path) -> None:
    spec = write(folder, "path,label\nimg/0.png,a\n./img/x/../0.png,a\nimg/1.png,b\n")
    target = open_target(spec)
    assert [item.key for item in target.items] == ["img/0.png", "img/1.png"]
    assert target.warnings == (f"1 of 3 rows of {spec} repeat another row.",)


def test_absolute_path(folder: Path) -> None:
    path = (folder / "img" / "0.png").as_posix()
    target = open_target(write(folder, f"path,label\n{path},a\nimg/1.png,b\n"))
    assert {item.key for item in target.items} == {path, "img/1.png"}


def test_missing_column_names_those_found(folder: Path) -> None:
    error = refused(folder, "file,class\nimg/0.png,a\n")
    assert "column 'path' is missing. Columns found: 'file', 'class'" in error.message


def test_semicolons(folder: Path) -> None:
    error = refused(folder, "path;label\nimg/0.png;a\n")
    assert "Columns found: 'path;label'" in error.message
    assert "commas" in str(error.hint)


def test_column_named_twice(folder: Path) -> None:
    assert "'label' is twice" in refused(folder, "path,label,label\nx,a,b\n").message


def test_empty_file(folder: Path) -> None:
    assert "the file is empty" in refused(folder, "").message


def test_header_only(folder: Path) -> None:
    assert "no class with images" in refused(folder, "path,label\n").message


def test_rows_without_values_are_numbered(folder: Path) -> None:
    text = "path,label\nimg/0.png,a\nimg/1.png,\n\n ,b\nimg/2.png\n"
    message = refused(folder, text).message
    assert "3 row(s)" in message
    assert "row 3: no label\n" in message
    assert "row 5: no path\n" in message
    assert "row 6: no label." in message
    assert "row 2" not in message


def test_paths_that_do_not_exist_are_listed(folder: Path) -> None:
    rows = "".join(f"img/gone{i}.png,a\n" for i in range(25))
    message = refused(folder, f"path,label\nimg/0.png,a\nimg,b\n{rows}").message
    assert "26 path(s)" in message
    assert "\n  img\n" in message
    assert "gone18.png" in message
    assert "gone19.png" not in message
    assert "... and 6 more." in message


def test_one_image_with_two_labels(folder: Path) -> None:
    message = refused(folder, "path,label\nimg/0.png,b\nimg/./0.png,a\nimg/1.png,a\n").message
    assert "1 path(s) with more than one label" in message
    assert "img/0.png: 'a', 'b'" in message


def test_single_class(folder: Path) -> None:
    message = refused(folder, "path,label\nimg/0.png,a\nimg/1.png,a\n").message
    assert "only one class, 'a'" in message


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("path,label\nimg/0.png,\xe9\n".encode("latin-1"), "byte 21 is not UTF-8"),
        ("path,label\n".encode("utf-16"), "not UTF-8"),
        (b"path,label\n\0,a\n", "NUL"),
        (b'path,label\n"img/0.png,a\n', "unexpected end of data"),
    ],
)
def test_undecodable(folder: Path, content: bytes, reason: str) -> None:
    error = refused(folder, content)
    assert reason in error.message
    assert "UTF-8" in str(error.hint)


def test_damaged_image_is_named(folder: Path) -> None:
    (folder / "img" / "1.png").write_bytes(b"")
    message = refused(folder, "path,label\nimg/0.png,a\nimg/1.png,b\n").message
    assert "1.png: empty file (0 bytes)" in message


def test_a_column_names_groups(folder: Path) -> None:
    rows = "img/0.png,a,p1\nimg/1.png,b, p2 \nimg/2.png,a,\nimg/3.png,b,p1\nimg/3.png,b,p1\n"
    spec = write(folder, f"path,label,patient\n{rows}")
    target = open_target(spec, group_column="patient")
    assert target.groups == ("p1", "p2", None, "p1")
    told = f"1 of 4 images of {spec} have no patient: each is its own group."
    assert told in target.warnings
    plain = open_target(spec)
    assert plain.groups == ()
    assert [item.group for item in plain.items] == [None] * 4
    # what is drawn knows its groups, and only then is it another sample
    one, other = (whole_sample(found, None, 0) for found in (target, plain))
    assert one.groups == ("p1", None, "p2", "p1")
    assert one.subset(np.array([0, 2])).groups == ("p1", "p2")
    assert one.fingerprint != other.fingerprint


@pytest.mark.parametrize(
    ("column", "message"),
    [
        ("patients", "the column 'patients' of --group-column does not exist"),
        ("label", "the column 'label' of --group-column has the labels themselves"),
        ("site", "the column 'site' of --group-column is there twice"),
    ],
)
def test_a_column_that_names_no_groups_is_refused(folder: Path, column: str, message: str) -> None:
    spec = write(folder, "path,label,patient,site,site\nimg/0.png,a,1,2,3\nimg/1.png,b,1,2,3\n")
    with pytest.raises(DataError, match=message) as caught:
        open_target(spec, group_column=column)
    assert "Columns beside path and label: 'patient', 'site', 'site'." in caught.value.message


def test_one_image_of_two_groups(folder: Path) -> None:
    spec = write(folder, "path,label,who\nimg/0.png,a,x\n./img/0.png,a,y\nimg/1.png,b,x\n")
    with pytest.raises(DataError, match=r"1 path\(s\) with more than one group") as caught:
        open_target(spec, group_column="who")
    assert caught.value.hint == "Give each image one group."


def test_groups_are_of_tables(folder: Path) -> None:
    with pytest.raises(ConfigError, match="--group-column who is a column of a table, and demo"):
        open_target("demo", group_column="who")
