"""Paths as users write them; what the system cannot take as one is refused with a reason."""

from collections.abc import Callable
from pathlib import Path

import pytest

from acrank.cache.features import read_features
from acrank.data import open_any
from acrank.errors import AcrankError, ConfigError
from acrank.experiments.parts.links import refuse_inside
from acrank.experiments.validation.tables import read_sheets
from acrank.utils.alone import alone_in
from acrank.utils.paths import user_path
from acrank.zoo import read_zoo
from acrank.zoo.files.reading import open_zoo

LONG = "a" * 300
SAID = "File name too long"


def test_home_folders_are_filled_in(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    assert user_path("~/x.csv") == tmp_path / "x.csv"
    assert user_path("no/such/file") == Path("no/such/file")  # which the reader will say
    assert user_path("~nosuchuser/x") == Path("~nosuchuser/x")


@pytest.mark.parametrize(("given", "said"), [(LONG, SAID), ("a\0b", "is not a path")])
def test_what_can_be_no_path_is_refused(given: str, said: str) -> None:
    with pytest.raises(ConfigError, match=said) as caught:
        user_path(given)
    assert len(caught.value.message) < 200


READERS: dict[str, Callable[[str], object]] = {
    "data": lambda given: open_any(given, "auto"),
    "masks": lambda given: open_any(given, "segmentation"),
    "zoo": read_zoo,
    "zoo file": open_zoo,
    "features": lambda given: read_features(Path(given)),
    "output": lambda given: alone_in(Path(given)).__enter__(),
    "tables": lambda given: read_sheets(Path(given)),
    "links": lambda given: refuse_inside(given, Path("elsewhere")),
}


@pytest.mark.parametrize("reader", READERS)
def test_wherever_a_path_is_given(reader: str) -> None:
    with pytest.raises(AcrankError, match=SAID):
        READERS[reader](LONG)
