"""The file of weights is whole and says what it was learned of; a damaged one is refused."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from acrank.errors import ExpectationError
from acrank.expectation.weights import FILE, SLOTS, read_weights, weights
from tests.expectation.made import raw

# Kept to check with: never among the tables that anything is learned of.
KEPT = "tmlr te-guide fastai batchnorm-transfer good-features cats-scans hest mahmoodlab/uni"


def test_the_weights_say_what_they_were_learned_of() -> None:
    found = weights()
    assert set(found.slots) == set(SLOTS)
    assert found.learned_of
    for source in found.learned_of.values():
        assert not any(word in source.lower() for word in KEPT.split())
        assert "(MIT)" in source or "Apache" in source or source.startswith("benchmarks/")


def test_the_file_is_small() -> None:
    assert FILE.stat().st_size < 10_000


def test_a_whole_file_is_read(tmp_path: Path) -> None:
    file = tmp_path / "weights.json"
    file.write_text(json.dumps(raw()))
    assert read_weights(file).stretch == 0.5


@pytest.mark.parametrize(
    "change",
    [
        lambda c: c.pop("stretch"),
        lambda c: c.update(base=float("nan")),
        lambda c: c.update(base=0.0),
        lambda c: c.update(version=99),
        lambda c: c["slots"].pop("masks"),
        lambda c: c["slots"]["knn"].update(slope=-1.0),
        lambda c: c["slots"]["knn"].update(noise="0.5"),
        lambda c: c["points"].pop("others"),
        lambda c: c["points"].update(known=0.0),
        lambda c: c.update(residuals=-1.0),
        lambda c: c.update(learned_of=[]),
    ],
)
def test_a_damaged_file_is_an_error_at_once(
    tmp_path: Path, change: Callable[[dict[str, Any]], object]
) -> None:
    contents = raw()
    change(contents)
    file = tmp_path / "weights.json"
    file.write_text(json.dumps(contents))
    with pytest.raises(ExpectationError, match="cannot be read"):
        read_weights(file)


@pytest.mark.parametrize("text", ["", "{", "[]", "null"])
def test_what_is_no_file_of_weights_is_an_error_at_once(tmp_path: Path, text: str) -> None:
    file = tmp_path / "weights.json"
    file.write_text(text)
    with pytest.raises(ExpectationError, match="cannot be read"):
        read_weights(file)
    with pytest.raises(ExpectationError, match="cannot be read"):
        read_weights(tmp_path / "none.json")
