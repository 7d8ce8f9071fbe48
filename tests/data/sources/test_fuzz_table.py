"""Whatever a CSV of images holds, reading it gives a target or a DataError."""

from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from acrank.data.images import Opening
from acrank.data.sources.table import open_csv
from acrank.data.target import Target
from acrank.errors import DataError

FUZZ = settings(
    deadline=None, max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
cells = st.text(max_size=6) | st.sampled_from(
    ["a.png", "b.png", "./a.png", "../x", "/etc/passwd", "x" * 5000, "", "a\0b", "~", "fifo"]
)
tables = st.lists(st.lists(cells, max_size=4), max_size=6)
HEADER = "path,label\n"


def check(folder: Path, content: bytes) -> None:
    for name in ("a.png", "b.png"):
        (folder / name).write_bytes(b"")
    (folder / "t.csv").write_bytes(content)
    found: Target | DataError
    try:
        found = open_csv(folder / "t.csv", Opening())
    except DataError as error:
        found = error
    assert "t.csv" in (found.message if isinstance(found, DataError) else found.name)
    assert isinstance(found, DataError) or len(found.classes) > 1


@FUZZ
@given(content=st.binary() | st.text().map(lambda text: text.encode("utf-8", "surrogatepass")))
def test_any_bytes(tmp_path: Path, content: bytes) -> None:
    check(tmp_path, content)
    check(tmp_path, HEADER.encode() + content)


@FUZZ
@given(rows=tables)
def test_any_table(tmp_path: Path, rows: list[list[str]]) -> None:
    body = "\n".join(",".join(row) for row in rows)
    check(tmp_path, (HEADER + body).encode("utf-8", "surrogatepass"))
