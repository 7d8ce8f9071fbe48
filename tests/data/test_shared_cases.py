"""Folders and tables as people have them, each with its right outcome."""

import os
from pathlib import Path

import pytest

from acrank.data import open_target
from acrank.errors import DataError

ROOT = Path(__file__).resolve().parents[2]
CASES = Path(os.environ.get("ACRANK_SHARED", ROOT.parent / "shared")) / "cases" / "data"

BRAIN = ("glioma_tumor", "meningioma_tumor", "no_tumor", "pituitary_tumor")
READ = [
    (
        "training_testing/data",
        BRAIN,
        64,
        "Training is read as the training part, without Testing/",
    ),
    ("nested_only/data", BRAIN, 32, "brain is read: it has the class folders"),
    ("skipped_files/data", ("normal", "pneumonia"), 52, "12 files of normal/ were skipped: .dcm 8"),
    ("unicode_csv/data/labels.csv", ("glioma_tumor", "no_tumor"), 32, ""),
    ("unicode_labels/data/labels.csv", ("kein Tumor", "Tumor bösartig"), 32, ""),
    ("many_classes_random/data", tuple(f"class_{n:03}" for n in range(64)), 512, ""),
    ("csv_kaggle/data/split.csv", BRAIN, 32, "32 of 48 rows"),
    ("csv_kaggle/data/nan.csv", (*BRAIN[:2], "nan", *BRAIN[2:]), 48, "'nan' (4) looks like a"),
    ("csv_kaggle/data/float.csv", None, 48, "'0' (6) and '0.0' (6)"),
    ("csv_kaggle/data/case.csv", None, 48, "'GLIOMA_TUMOR' (1) and 'glioma_tumor' (11)"),
    ("csv_kaggle/data/multilabel.csv", None, 48, "3 of 6 labels join several by '|'"),
]
REFUSED = [
    ("kaggle_flat/data", "have no class folders. labels.csv lies in it", "path,label"),
    ("folds_layout/data", "fold1/, fold2/ and fold3/ are numbered parts", "data/fold1"),
    ("csv_kaggle/data/continuous.csv", "a regression target", "ranges"),
    ("csv_kaggle/data/aptos.csv", "'id_code', 'diagnosis'", "'diagnosis' to label"),
    ("csv_kaggle/data/hf_metadata.csv", "'file_name', 'label'", "'file_name' to path"),
    ("csv_kaggle/data/onehot.csv", "'MEL', 'NV'", "one-hot"),
    ("csv_kaggle/data/semicolon_bom.csv", "'path;label'", "semicolons"),
    ("csv_kaggle/data/backslash.csv", "48 path(s)", "With forward slashes, all 48 exist."),
    ("csv_kaggle/data/noext.csv", "48 path(s)", "With .png appended, all 48 exist."),
]


def case(name: str) -> str:
    if not (CASES / name).exists():
        pytest.skip(f"no such case: {CASES / name} is absent; set ACRANK_SHARED to its folder")
    return str(CASES / name)


@pytest.mark.parametrize(("name", "classes", "items", "said"), READ)
def test_read(name: str, classes: tuple[str, ...] | None, items: int, said: str) -> None:
    target = open_target(case(name))
    assert classes in (None, target.classes)
    assert len(target.items) == items
    assert any(said in text for text in target.warnings) if said else target.warnings == ()


@pytest.mark.parametrize(("name", "words", "hint"), REFUSED)
def test_refused(name: str, words: str, hint: str) -> None:
    with pytest.raises(DataError) as caught:
        open_target(case(name))
    assert words in caught.value.message
    assert hint in str(caught.value.hint)
