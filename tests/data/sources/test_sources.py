"""The demo, Hugging Face datasets and real data."""

import os
import sys
from pathlib import Path

import numpy as np
import pytest

from acrank.data import Preprocessing, draw_sample, open_target
from acrank.errors import DataError, MissingExtraError
from tests.data.builders import fill_folder

ROOT = Path(__file__).resolve().parents[3]
SHARED = Path(os.environ.get("ACRANK_SHARED", ROOT.parent / "shared"))


def test_demo() -> None:
    target = open_target("demo")
    assert target.name == "demo"
    assert target.classes == tuple("0123456789")
    assert len(target.items) == 1797
    assert target.items[5].key == "digits:5"
    sample = draw_sample(target, 256, 32, 0)
    assert sample.warnings == ()
    assert len(sample.batches) == 8
    assert {image.shape for image in sample._images} == {(8, 8)}
    stack = np.stack(sample._images)
    assert (stack.min(), stack.max()) == (0, 255)


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    pytest.importorskip("datasets")
    import datasets

    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")
    monkeypatch.setattr(datasets.config, "HF_DATASETS_OFFLINE", True)
    folder = tmp_path / "dataset"
    fill_folder(folder / "train", {"cat": 4, "dog": 4})
    fill_folder(folder / "test", {"cat": 2, "dog": 2})
    return folder


def test_hfds(hub: Path) -> None:
    target = open_target(f"hfds/{hub}")
    assert target.name == f"hfds/{hub}"
    assert target.classes == ("cat", "dog")
    assert [item.key for item in target.items] == [f"hfds:{row}" for row in range(8)]
    assert sorted(item.label for item in target.items) == [0] * 4 + [1] * 4
    files = {path.read_bytes() for path in (hub / "train" / "dog").iterdir()}
    assert {item.read() for item in target.items if item.label == 1} == files
    assert len(draw_sample(target, 8, 4, 0)) == 8


def test_hfds_split(hub: Path) -> None:
    assert len(open_target(f"hfds/{hub}:test").items) == 4
    assert len(open_target(f"hfds/{hub}:train[:75%]").items) == 6


def test_hfds_damaged_image_is_named(hub: Path) -> None:
    (hub / "train" / "cat" / "0.png").write_bytes(b"x")
    with pytest.raises(DataError, match=r"1 of 8 images.*\n  hfds:\d: not an image"):
        open_target(f"hfds/{hub}")


@pytest.mark.parametrize("split", [":nosuch", ":test[", ":test[:2]"])
def test_hfds_bad_split(hub: Path, split: str) -> None:
    with pytest.raises(DataError, match=r"cannot be loaded|only one class"):
        open_target(f"hfds/{hub}{split}")


def test_hfds_split_after_a_slash(hub: Path) -> None:
    with pytest.raises(DataError) as caught:
        open_target("hfds/some/name/test")
    assert caught.value.hint == "A split follows a colon: hfds/some/name:test."


def test_hfds_of_a_file_or_of_what_was_saved(hub: Path, tmp_path: Path) -> None:
    import datasets

    data = datasets.load_dataset(str(hub), split="train")
    data.to_parquet(str(tmp_path / "files" / "d.parquet"))
    data.save_to_disk(str(tmp_path / "saved"))
    with pytest.raises(DataError) as caught:
        open_target(f"hfds/{tmp_path / 'files' / 'd.parquet'}")
    assert caught.value.hint == f"Give the folder of the files: hfds/{tmp_path / 'files'}."
    assert len(open_target(f"hfds/{tmp_path / 'files'}").items) == 8
    with pytest.raises(DataError) as caught:
        open_target(f"hfds/{tmp_path / 'saved'}")
    assert "Dataset.to_parquet" in str(caught.value.hint)


def test_hfds_that_would_read_test_images_too(hub: Path) -> None:
    (hub / "train").rename(hub / "Trn")
    (hub / "test").rename(hub / "Holdout")
    with pytest.raises(DataError, match="and would read both"):
        open_target(f"hfds/{hub}")


def test_hfds_without_images(hub: Path, tmp_path: Path) -> None:
    other = tmp_path / "table"
    other.mkdir()
    (other / "train.csv").write_text("text,label\nhello,1\n")
    with pytest.raises(DataError, match=r"no columns of type Image.*text \(Value\)"):
        open_target(f"hfds/{other}")


@pytest.mark.parametrize("spec", ["hfds/", "hfds/:train"])
def test_hfds_without_a_name(spec: str) -> None:
    with pytest.raises(DataError, match="no dataset is named"):
        open_target(spec)


def test_hfds_without_the_package(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "datasets", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'acrank\[datasets\]'"):
        open_target("hfds/some/name")
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    ("name", "classes", "items"),
    [("brain_tumor_mri", 4, 800), ("magnetic_tile", 6, 296)],
)
def test_real_data(name: str, classes: int, items: int) -> None:
    folder = SHARED / "data" / name
    if not folder.is_dir():
        pytest.skip(f"no real data: {folder} is absent; set ACRANK_SHARED to its folder")
    target = open_target(str(folder))
    assert (len(target.classes), len(target.items)) == (classes, items)
    sample = draw_sample(target, 64, 16, 0)
    assert [len(batch) for batch in sample.batches] == [16] * 4
    given = Preprocessing((3, 64, 64), "bilinear", 0.9, "center", (0.5,) * 3, (0.5,) * 3)
    images, labels = sample.batch(3, given, device="cpu")
    assert images.shape == (16, 3, 64, 64)
    assert 0.1 < float(images.std()) < 1
    assert len(set(labels.tolist())) >= 2
