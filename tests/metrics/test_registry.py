"""The registry: names, functions, and the page made from it."""

import importlib.util
import re
import subprocess
import sys
from pathlib import Path

import pytest

from acrank import metrics
from acrank.config import RunConfig
from acrank.errors import ConfigError
from acrank.metrics.metric import Metric
from acrank.metrics.registry import AC_CORR, METRICS, resolve_metrics, with_parts

ROOT = Path(__file__).parents[2]


def test_every_metric_says_what_it_is() -> None:
    for metric in METRICS.values():
        assert len(metric.summary) <= 100, metric.name
        assert not metric.summary.endswith("."), metric.name
        assert metric.distrust.endswith("."), metric.name
        assert metric.reference, metric.name
        assert bool(metric.function) == (metric.kind != "relative"), metric.name
        assert bool(metric.parts) == (metric.kind == "relative"), metric.name
        assert set(metric.parts) <= set(METRICS), metric.name
        assert not metric.form_of or metric.form_of in METRICS, metric.name


@pytest.mark.parametrize(
    "metric", [m for m in METRICS.values() if m.function], ids=lambda m: m.name
)
def test_functions_are_where_it_says(metric: Metric) -> None:
    function = metric.load()
    assert "better" in (function.__doc__ or "") or metric.role in ("control", "baseline")
    if metric.kind == "features":
        assert function is getattr(metrics, metric.name)
        assert re.search(r"\b(19|20)\d\d\b|:func:", function.__doc__ or "")  # the paper's year


def test_names_become_metrics() -> None:
    assert resolve_metrics(()) == ()
    assert resolve_metrics(("log_me, h_score", "log_me")) == ("log_me", "h_score")
    everything = resolve_metrics(("all",))
    assert set(everything) == {name for name, metric in METRICS.items() if metric.in_all()}
    assert not {"ac_corr_shuffled", "bn_probe", "chance"} & set(everything)
    assert resolve_metrics(("all", "chance"))[-1] == "chance"
    assert resolve_metrics(("cc-fv,h_score", "ac-corr")) == ("cc_fv", "h_score", "ac_corr")
    with pytest.raises(ConfigError, match=r"'h-scor'\. Did you mean h_score\?"):
        resolve_metrics(("h-scor",))


def test_relative_metrics_are_computed_by_their_parts() -> None:
    wanted = with_parts(("log_me", "ncti"))
    assert wanted == ("log_me", *METRICS["ncti"].parts)


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({"rank_by": "ac_corr"}, AC_CORR),
        ({}, (*AC_CORR, "log_me")),
        ({"metrics": "h_score"}, (*AC_CORR, "h_score", "log_me")),
        ({"metrics": "log_me"}, (*AC_CORR, "log_me")),
        ({"metrics": "h-score,cc-fv"}, (*AC_CORR, "h_score", "cc_fv", "log_me")),
        ({"rank_by": "h-score"}, (*AC_CORR, "h_score")),
        ({"rank_by": "h_score"}, (*AC_CORR, "h_score")),
        ({"rank_by": "consensus"}, (*AC_CORR, "log_me")),
        ({"rank_by": "consensus", "metrics": ["h_score"]}, (*AC_CORR, "h_score")),
    ],
)
def test_a_run_computes_what_it_ranks_by(
    settings: dict[str, object], expected: tuple[str, ...]
) -> None:
    config = RunConfig.model_validate({"data": "demo", **settings})
    assert config.metrics_wanted == expected


def test_settings_keep_names_as_they_are_listed() -> None:
    config = RunConfig(data="demo", metrics=("cc-fv,leep", "all"), rank_by="log-me")
    assert (config.metrics, config.rank_by) == (("cc_fv", "leep", "all"), "log_me")


def test_the_page_is_in_step() -> None:
    path = ROOT / "docs" / "update_metrics.py"
    spec = importlib.util.spec_from_file_location("update_metrics", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    page = (ROOT / "docs" / "metrics.md").read_text(encoding="utf-8")
    assert module.render(page) == page, "run python docs/update_metrics.py"


def test_the_registry_loads_no_library_that_takes_long() -> None:
    slow = "{'torch', 'scipy', 'pandas', 'numpy'}"
    code = f"import acrank.metrics, sys; print({slow} & set(sys.modules))"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "set()"
