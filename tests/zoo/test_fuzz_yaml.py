"""Whatever a zoo file says, reading it gives a zoo or a ZooError."""

from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from acrank.errors import ZooError
from acrank.zoo import Zoo, ZooEntry, read_zoo

FUZZ = settings(
    deadline=None, max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
FIELDS = [*ZooEntry.model_fields, "nonsense"]
VALID = """version: 1
models:
  - resnet18
  - {name: b, source: resnet34.a1_in1k, tags: [x, y], license: mit, note: why}
  - name: c
    arch: resnet18
    weights: w.pth
    kwargs: &k {in_chans: 1, more: [1, 2.5, null, true, 2024-01-01]}
    mean: [0.5, 0.5, 0.5]
    input_size: [3, 64, 64]
  - {name: d, factory: "my.nets:make", kwargs: *k, std: 0.5}
"""
SCRAPS = [
    "&k",
    "*k",
    "!!int",
    "!!python/object:a.b",
    "[" * 99,
    "]",
    "{",
    "}",
    ": ",
    "\n",
    "- ",
    "<<",
]

scalars = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=8)
    | st.dates()
    | st.binary(max_size=4)
    | st.sampled_from(["resnet18", "hf-hub:a/b@c", "local-dir:..", "hf-hub:a/b/c", "a:b", "w.pth"])
)
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(scalars, inner, max_size=3),
    max_leaves=8,
)
entries = values | st.dictionaries(st.sampled_from(FIELDS), values, max_size=6)


def check(path: Path, text: bytes) -> None:
    path.write_bytes(text)
    found: Zoo | ZooError
    try:
        found = read_zoo(str(path))
    except ZooError as error:
        found = error
    if isinstance(found, Zoo):
        assert found.entries
    else:
        assert str(path) in found.message
        assert "\n" not in str(found)
        assert len(str(found)) < 2000


@FUZZ
@given(text=st.text() | st.binary() | st.text("-:[]{}&*!|>%@`\"'#,? \n\tab1"))
def test_any_text(tmp_path: Path, text: str | bytes) -> None:
    content = text if isinstance(text, bytes) else text.encode("utf-8", "surrogatepass")
    check(tmp_path / "zoo.yaml", content)


@FUZZ
@given(version=st.just(1) | values, models=st.lists(entries, max_size=4) | values)
def test_any_structure(tmp_path: Path, version: Any, models: Any) -> None:
    text = yaml.safe_dump({"version": version, "models": models}, allow_unicode=True)
    check(tmp_path / "zoo.yaml", text.encode("utf-8", "surrogatepass"))


@FUZZ
@given(data=st.data())
def test_a_damaged_file(tmp_path: Path, data: st.DataObject) -> None:
    text = VALID
    for _ in range(data.draw(st.integers(1, 3))):
        start = data.draw(st.integers(0, len(text)))
        end = data.draw(st.integers(start, min(len(text), start + 12)))
        text = text[:start] + data.draw(st.text(max_size=4) | st.sampled_from(SCRAPS)) + text[end:]
    check(tmp_path / "zoo.yaml", text.encode("utf-8", "surrogatepass"))


def test_the_file_that_is_damaged_is_sound(tmp_path: Path) -> None:
    (tmp_path / "zoo.yaml").write_text(VALID)
    assert len(read_zoo(str(tmp_path / "zoo.yaml")).entries) == 4


@pytest.mark.parametrize("field", sorted(ZooEntry.model_fields))
def test_any_value_of_one_field(tmp_path: Path, field: str) -> None:
    @settings(deadline=None, max_examples=15)
    @given(value=values)
    def run(value: Any) -> None:
        entry = {"name": "x", "arch": "resnet18", "weights": "w.pth", field: value}
        text = yaml.safe_dump({"version": 1, "models": [entry]})
        check(tmp_path / "zoo.yaml", text.encode())

    run()
