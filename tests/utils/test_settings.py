from typing import Any

import pytest
from pydantic import Field

from acrank.errors import ConfigError
from acrank.fields import Patch, Seconds, Steps, Window
from acrank.utils.settings import Settings, validated


class Some(Settings):
    count: int = 1
    rate: float | None = None
    name: str | None = None
    names: tuple[str, ...] = ()
    steps: Steps = 1
    wait: Seconds = 1.0
    patch: Patch | None = None
    window: Window | None = None
    switch: bool | None = None
    options: dict[str, float | bool] = Field(default_factory=dict)


@pytest.mark.parametrize(
    "field", ["count", "rate", "name", "names", "steps", "wait", "patch", "window"]
)
@pytest.mark.parametrize("value", [True, False, [True, False]])
def test_truths_are_no_numbers(field: str, value: object) -> None:
    with pytest.raises(ConfigError, match=f"Setting '{field}' is"):
        validated(Some, {field: value})


@pytest.mark.parametrize("settings", [{"switch": True}, {"options": {"fold": True}}])
def test_truths_go_where_they_belong(settings: dict[str, Any]) -> None:
    assert validated(Some, settings).model_dump(exclude_unset=True) == settings


def test_what_was_meant_is_named() -> None:
    with pytest.raises(ConfigError, match="Did you mean 'count'\\? Known settings: count, rate"):
        validated(Some, {"Counts": 1})
    with pytest.raises(ConfigError) as found:
        validated(Some, {"zebra": 1})
    assert "Did you mean" not in str(found.value)
