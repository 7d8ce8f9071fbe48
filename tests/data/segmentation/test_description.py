import json
from pathlib import Path
from typing import Any

import pytest

from acrank.data.segmentation import ClassMap
from acrank.data.segmentation.description import Description, read_description
from acrank.errors import DataError


def written(folder: Path, content: Any) -> Path:
    path = folder / "dataset.json"
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return path


@pytest.mark.parametrize(
    "labels",
    [
        {"0": "background", "2": "tumour"},
        {"background": 0, "tumour": 2},
        {"background": "0", "tumour": "2"},
    ],
)
def test_either_way_round(tmp_path: Path, labels: dict[str, Any]) -> None:
    expected = ClassMap(("background", "tumour"), (0, 2))
    found = read_description(written(tmp_path, {"labels": labels, "modality": {"0": "MRI"}}))
    assert found == Description(expected, 1)


def test_what_to_ignore_and_channels(tmp_path: Path) -> None:
    content = {
        "labels": {"background": 0, "edema": 1, "ignore": 3},
        "channel_names": {"0": "T1", "1": "FLAIR"},
    }
    found = read_description(written(tmp_path, content))
    assert found == Description(ClassMap(("background", "edema"), (0, 1), 3), 2)
    assert read_description(written(tmp_path, {"labels": {"a": 0, "b": 1}})).channels is None


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("{", "it is not JSON"),
        ("[1]", "it is not a JSON object"),
        ({"modality": {}}, "it has no 'labels'"),
        ({"labels": {"background": 0}}, "it names 1 class"),
        ({"labels": {"background": 0, "whole": [1, 2]}}, "'whole' is a region of several values"),
        ({"labels": {"background": 0, "b": -1}}, "'b' has the value -1"),
        ({"labels": {"background": 0, "b": True}}, "'b' has the value True"),
        ({"labels": {"background": 0, "b": "9" * 5000}}, "'b' has the value"),
        ({"labels": {"background": 0, "b": 0}}, "have the same value"),
        ({"labels": {"0": "a", "1": "a"}}, "not a unique class name"),
        ({"labels": {"a": 0, "b": 1, "ignore": 1}}, "have the same value"),
    ],
)
def test_what_it_cannot_say(tmp_path: Path, content: Any, reason: str) -> None:
    with pytest.raises(DataError, match="cannot be used") as caught:
        read_description(written(tmp_path, content))
    assert reason in caught.value.message


def test_a_file_that_cannot_be_opened(tmp_path: Path) -> None:
    (tmp_path / "dataset.json").mkdir()
    with pytest.raises(DataError, match="cannot be used"):
        read_description(tmp_path / "dataset.json")
