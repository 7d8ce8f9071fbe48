"""Source files that belong together."""

import os
from pathlib import Path

from acrank.utils.source_code import import_closure


def names(start: Path) -> set[str]:
    return {path.name for path in import_closure([start], start.parent)}


def test_a_file_that_changes_is_read_again(tmp_path: Path) -> None:
    start, one = tmp_path / "start.py", tmp_path / "one.py"
    start.write_text("import one\n")
    one.write_text("import two\n")
    for name in ("two", "six"):
        (tmp_path / f"{name}.py").write_text("")
    assert names(start) == {"start.py", "one.py", "two.py"}
    assert names(start) == {"start.py", "one.py", "two.py"}
    one.write_text("import six\n")
    os.utime(one, ns=(1, 1))
    assert names(start) == {"start.py", "one.py", "six.py"}
