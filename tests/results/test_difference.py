"""In what two runs differ, by what their settings decide."""

from typing import Any

import pytest

from acrank.config import RunConfig
from acrank.results.difference import differences
from acrank.utils.described import described


def record(**settings: Any) -> dict[str, Any]:
    return {
        "config": {**RunConfig(data="demo").model_dump(mode="json"), **settings},
        "dataset": {"fingerprint": "f", "classes": ["a", "b"], "batches": 2},
        "device": {"type": "cpu", "precision": "fp32"},
    }


@pytest.mark.parametrize("name", RunConfig.model_fields)
def test_runs_differ_in_settings_that_results_depend_on(name: str) -> None:
    found = [one.what for one in differences(record(), record(**{name: "other"}))]
    assert found == (
        [f"the setting {name}"] if described(RunConfig)[name].effect.held_equal else []
    )


def test_a_setting_that_was_added_later_had_its_default() -> None:
    old = record()
    for name in ("temperature", "layers", "window"):
        del old["config"][name]
    assert list(differences(old, record())) == []
    (found,) = differences(old, record(temperature=0.5))
    assert (found.what, found.first, found.second) == ("the setting temperature", 1.0, 0.5)
