"""The data file is whole, says where its numbers are from, and is what the script makes."""

import gzip
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from acrank.errors import PriorsError
from acrank.priors.domains import GROUPS
from acrank.priors.published import FILE, book, read_book
from tests.priors.pages import raw

SCRIPTS = Path(__file__).parents[2] / "benchmarks" / "priors"
# Kept to check with: never among the tables that anything is learned of.
KEPT = "tmlr te-guide fastai batchnorm-transfer good-features cats-scans hest mahmoodlab/uni"


def test_every_table_has_a_source_and_every_dataset_a_domain() -> None:
    pages = book()
    for table in pages.tables.values():
        assert {"repo", "path", "commit", "licence", "measure"} <= set(table.source)
        assert all(pages.domains[dataset] in GROUPS for dataset in table.values)
        assert not any(word in table.source["repo"].lower() for word in KEPT.split())
    assert set(pages.fits) == {"", *GROUPS.values()}


def test_the_fit_is_a_distribution() -> None:
    for fit in book().fits.values():
        assert np.array_equal(fit.covariance, fit.covariance.T)
        assert np.linalg.eigvalsh(fit.covariance).min() > -1e-3  # the file has five digits
        assert fit.apart > 0


def write(path: Path, contents: Any) -> Path:
    path.write_bytes(gzip.compress(json.dumps(contents).encode()))
    return path


def test_a_whole_file_is_read(tmp_path: Path) -> None:
    assert read_book(write(tmp_path / "book.gz", raw())).families == ("a", "b")


def _without(*keys: str) -> Callable[[dict[str, Any]], object]:
    def change(contents: dict[str, Any]) -> object:
        for key in keys[:-1]:
            contents = contents[key]
        return contents.pop(keys[-1])

    return change


@pytest.mark.parametrize(
    "change",
    [
        _without("fit"),
        _without("sources", "one"),
        _without("domains", "pets"),
        lambda raw: raw.update(version=0),
        lambda raw: raw["domains"].update(pets="astronomy"),
        lambda raw: raw["tables"]["one"]["values"]["pets"].update(a=None),
        lambda raw: raw["tables"]["one"]["values"]["pets"].update(a=float("nan")),
        lambda raw: raw["facts"][0].pop(),
        lambda raw: raw["facts"][0][-1].update(colour="red"),
        lambda raw: raw["fit"]["groups"][""]["covariance"].pop(),
    ],
)
def test_a_damaged_file_is_an_error_at_once(
    tmp_path: Path, change: Callable[[dict[str, Any]], object]
) -> None:
    contents = raw()
    change(contents)
    with pytest.raises(PriorsError, match="cannot be read") as refused:
        read_book(write(tmp_path / "book.gz", contents))
    assert refused.value.exit_code == 2
    assert refused.value.hint == "Reinstall acrank."


@pytest.mark.parametrize("change", [lambda b: b[:-20], lambda b: b"", lambda b: b"not gzip"])
def test_a_cut_file_is_an_error_at_once(tmp_path: Path, change: Callable[[bytes], bytes]) -> None:
    path = tmp_path / "book.gz"
    path.write_bytes(change(FILE.read_bytes()))
    with pytest.raises(PriorsError, match=r"book\.gz"):
        read_book(path)
    with pytest.raises(PriorsError):
        read_book(tmp_path / "missing.gz")


def test_a_turned_bit_is_an_error(tmp_path: Path) -> None:
    whole = bytearray(FILE.read_bytes())
    whole[len(whole) // 2] ^= 1
    path = tmp_path / "book.gz"
    path.write_bytes(bytes(whole))
    with pytest.raises(PriorsError):
        read_book(path)


def test_the_file_is_what_the_script_makes(shared: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(SCRIPTS))
    mine = {"compile", "tables", "domains"}
    before = {name: sys.modules.pop(name) for name in mine & set(sys.modules)}
    try:
        import compile as script

        made = json.loads(json.dumps(script.contents_of(shared / "reference")))
    finally:
        for name in mine:
            sys.modules.pop(name, None)
        sys.modules.update(before)
    kept = json.loads(gzip.decompress(FILE.read_bytes()))
    fits = made.pop("fit"), kept.pop("fit")
    assert made == kept
    assert fits[0]["families"] == fits[1]["families"]
    assert fits[0]["deviations"] == fits[1]["deviations"]
    for group, fit in fits[0]["groups"].items():
        other = fits[1]["groups"][group]
        assert fit["mean"] == pytest.approx(other["mean"], abs=1e-3)
        assert fit["covariance"] == pytest.approx(other["covariance"], abs=1e-3)
        assert set(fit["offsets"]) == set(other["offsets"])
        for name, numbers in fit["offsets"].items():
            assert numbers == pytest.approx(other["offsets"][name], abs=1e-3)
