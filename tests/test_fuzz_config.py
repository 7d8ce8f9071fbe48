"""Whatever a configuration file says, reading it gives a configuration or a ConfigError."""

from contextlib import suppress
from pathlib import Path
from typing import Any

import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from acrank.config import RunConfig, make_config
from acrank.errors import ConfigError

FUZZ = settings(
    deadline=None, max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
scalars = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=8)
    | st.dates()
    | st.sampled_from(["demo", "epoch", "auto", "1/2", "10m", "ac_corr", "consensus", "all"])
)
values = scalars | st.lists(scalars, max_size=3) | st.dictionaries(scalars, scalars, max_size=2)
fields = st.dictionaries(st.sampled_from([*RunConfig.model_fields, "nonsense"]), values, max_size=8)


def check(path: Path, text: bytes) -> None:
    path.write_bytes(text)
    with suppress(ConfigError):
        assert isinstance(make_config({"data": "demo"}, path), RunConfig)


@FUZZ
@given(text=st.text() | st.binary() | st.text("-:[]{}&*!|>%@`\"'#,? \n\tab1"))
def test_any_text(tmp_path: Path, text: str | bytes) -> None:
    content = text if isinstance(text, bytes) else text.encode("utf-8", "surrogatepass")
    check(tmp_path / "run.yaml", content)


@FUZZ
@given(content=fields)
def test_any_fields(tmp_path: Path, content: dict[str, Any]) -> None:
    check(tmp_path / "run.yaml", yaml.safe_dump(content).encode())
