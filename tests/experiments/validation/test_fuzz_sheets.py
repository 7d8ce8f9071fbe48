"""Whatever a table of scores or accuracies holds, reading it gives numbers or a DataError."""

import json
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from acrank.errors import AcrankError, ExitCode
from acrank.experiments.validation.layout import ColumnNames
from acrank.experiments.validation.tables import (
    read_baselines,
    read_scores,
    read_sheets,
)
from acrank.experiments.validation.truth import read_truth

FUZZ = settings(
    deadline=None, max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
NAMES = ["model", "dataset", "accuracy", "metric", "score", "log_me", "set0", "rank", "params_m"]
NAMES += ["seed", "deviation"]
cells = (
    st.text(max_size=6)
    | st.sampled_from([*NAMES, "1", "-2.5", "nan", "inf", "1e999", "1_0", "\u0661", "9" * 5000, ""])
    | st.integers().map(str)
    | st.floats().map(str)
)
tables = st.lists(st.lists(cells, min_size=1, max_size=4), max_size=5)
headers = st.lists(st.sampled_from(NAMES), max_size=4)
documents = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["models", "metrics", *NAMES]), inner, max_size=4)
    ),
    max_leaves=10,
)


def check(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    names, notes = ColumnNames(), list[str]()

    errors = []
    for what in (
        lambda sheets: read_truth(sheets[0], names, notes),
        lambda sheets: read_scores(sheets, ["set0"], names, notes),
        lambda sheets: read_baselines(sheets, ["set0"], names, notes),
    ):
        try:
            what(read_sheets(path))
        except AcrankError as error:
            errors.append(error)
    assert all(error.exit_code is ExitCode.USAGE for error in errors)
    assert all(str(path) in error.message for error in errors)


@FUZZ
@given(content=st.binary() | st.text().map(lambda text: text.encode("utf-8", "surrogatepass")))
def test_any_bytes(tmp_path: Path, content: bytes) -> None:
    check(tmp_path / "a.csv", content)
    check(tmp_path / "a.json", content)


@FUZZ
@given(header=headers, rows=tables, separator=st.sampled_from(",;\t"))
def test_any_table(
    tmp_path: Path, header: list[str], rows: list[list[str]], separator: str
) -> None:
    text = "\n".join(separator.join(row) for row in [header, *rows])
    check(tmp_path / "a.csv", text.encode("utf-8", "surrogatepass"))


@FUZZ
@given(document=documents)
def test_any_json(tmp_path: Path, document: Any) -> None:
    check(tmp_path / "a.json", json.dumps(document).encode())
    models = {"metrics": ["log_me"], "models": document}
    check(tmp_path / "a.json", json.dumps(models).encode())


def test_deep_json_is_refused(tmp_path: Path) -> None:
    check(tmp_path / "a.json", b"[" * 100_000)
