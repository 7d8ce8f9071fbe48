"""Another package brings a metric, a callback and a method; the command line uses them."""

import json
import logging
import os
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from torch import nn

from acrank import metrics
from acrank.cache import code
from acrank.errors import ConfigError
from acrank.finetuning.catalogue import METHODS
from acrank.finetuning.config import make_finetune_config
from acrank.finetuning.methods import make_method
from acrank.finetuning.methods.base import Start
from acrank.finetuning.network import Network
from acrank.metrics.compute import Computed
from acrank.metrics.features import feature_scores
from acrank.metrics.metric import Metric
from acrank.metrics.registry import METRICS, RESERVED, known_metric, resolve_metrics
from acrank.results.types import HEAD, TAIL
from acrank.runners.callbacks import CALLBACKS, Callback, Callbacks, all_callbacks
from tests.packages import install
from tests.processes import python_path
from tests.registered import register

SOURCE = Path(__file__).with_name("installed")
MODELS = ("demo-cifar10", "demo-mixed")
RUN = (
    *("score", "--data", "demo", "--zoo", "demo", *(f"--model={name}" for name in MODELS)),
    *("--rank-by", "nearest-mean", "--bootstrap", "5", "--samples", "32", "--batch-size", "16"),
    *("--callback", "diary", "--jobs", "2", "--csv", "out.csv", "--json", "out.json"),
)


@pytest.fixture
def _anew() -> Iterator[None]:
    """Registries that look for packages in this test, and again after it."""
    caches = (code.metric_version, code.source_files)
    registries = (METRICS, CALLBACKS, METHODS)
    for registry in registries:
        registry.forget()
    yield
    for registry in registries:
        registry.forget()
    for cached in caches:
        cached.cache_clear()
    for name in [name for name in sys.modules if name.startswith("acrank_example")]:
        del sys.modules[name]


@pytest.fixture
def package(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, _anew: None) -> Path:
    """The package of this folder, installed as its pyproject.toml has it."""
    project = tomllib.loads((SOURCE / "pyproject.toml").read_text())["project"]
    given = (project["name"], project["entry-points"])
    folder = install(monkeypatch, tmp_path / "site", *given, version=project["version"])
    (folder / "acrank_example.py").unlink()
    shutil.copytree(SOURCE / "acrank_example", folder / "acrank_example")
    return folder


def test_the_command_line_uses_what_is_installed(package: Path, tmp_path: Path) -> None:
    environment = {
        **os.environ,
        "PYTHONPATH": python_path(package),
        "ACRANK_CACHE": str(tmp_path / "cache"),
        "DIARY": "diary.txt",
    }
    given = [sys.executable, "-m", "acrank", *RUN]
    done = subprocess.run(given, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    rows = pd.read_csv(tmp_path / "out.csv")
    assert list(rows["rank"]) == [1, 2]
    assert rows["nearest_mean"].between(0, 1).all()
    assert rows["nearest_mean"].is_monotonic_decreasing
    assert (rows["score"] == rows["nearest_mean"]).all()
    assert rows["score_low"].notna().all()
    assert "nearest_mean ↑" in done.stdout
    config = json.loads((tmp_path / "out.json").read_text())["config"]
    assert (config["rank_by"], config["callbacks"]) == ("nearest_mean", ["diary"])
    events = [json.loads(line) for line in (tmp_path / "diary.txt").read_text().splitlines()]
    assert len({event.pop("process") for event in events}) == 1  # whoever scored the models
    assert events[0] == {"start": 2}
    told = {event["done"]: event["score"] for event in events[1:3]}
    assert told == dict(zip(rows["model"], rows["nearest_mean"], strict=True))
    assert events[3:] == [{"best": rows["model"][0], "rank_by": "nearest_mean"}]


@pytest.mark.usefixtures("package")
def test_a_metric_of_a_package_is_one_of_all() -> None:
    assert "nearest_mean" in resolve_metrics(("all",))
    assert known_metric("nearest-mean") == "nearest_mean"
    assert METRICS.origin("nearest_mean") == "acrank-example 0.3"
    features, labels = np.eye(4)[[0, 0, 1, 1]], np.array([0, 0, 1, 1])
    assert metrics.nearest_mean(features, labels) == 1.0
    found = feature_scores(features, labels, None, ["nearest_mean"])
    assert found.scores["nearest_mean"].value == 1.0


@pytest.mark.usefixtures("package")
def test_a_method_of_a_package_fine_tunes() -> None:
    config = make_finetune_config({"data": "demo", "model": "demo-cifar10", "method": "bias-only"})
    assert METHODS.origin(config.method) == "acrank-example 0.3"
    assert METHODS[config.method].lr == 0.03
    network = Network(nn.Sequential(nn.Conv2d(3, 4, 3), nn.Flatten()), nn.Linear(4, 2))
    start = Start(network, lambda: (), 2, None, nullcontext)
    make_method(config.method, {}).prepare(start)
    trained = [name for name, one in network.named_parameters() if one.requires_grad]
    assert [name.rpartition(".")[2] for name in trained] == ["bias", "weight", "bias"]


def test_its_own_source_decides_on_its_key(package: Path) -> None:
    def versions() -> list[str]:
        for cached in (code.metric_version, code.source_files):
            cached.cache_clear()
        return [code.metric_version(name) for name in ("nearest_mean", "knn")]

    first = versions()
    for name in ("distances", "scores"):  # the latter imports the former
        path = package / "acrank_example" / f"{name}.py"
        path.write_text(path.read_text() + "\n# changed\n")
        changed = versions()
        assert [a != b for a, b in zip(first, changed, strict=True)] == [True, False]
        first = changed
    (package / "acrank_example" / "diary.py").write_text("")
    assert versions() == first


DECLARED = """
from acrank.metrics import Metric
words = dict(higher_is_better=True, bounds="", summary="", distrust="", reference="")
A = Metric(function=max, **words)
"""


@pytest.mark.usefixtures("_anew")
@pytest.mark.parametrize(
    ("point", "extra", "reason"),
    [
        ("log_me", "", "there is already one of that name, of acrank itself"),
        ("score", "", "no metric can have that name"),
        ("Mine", "", "no metric can have that name"),
        ("mine", "A = max", "it is of type builtin_function_or_method, not acrank.metrics.Metric"),
        (
            "mine",
            "A = Metric(**words)",
            "a relative metric needs parts, and any other metric needs a function",
        ),
        ("mine", "A = Metric(name='yours', function=max, **words)", "it has the name 'yours'"),
        (
            "mine",
            "A = Metric(kind='relative', parts={'none': 1}, **words)",
            "its part 'none' is not a metric",
        ),
    ],
)
def test_a_metric_that_cannot_be_taken_costs_a_line(
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    point: str,
    extra: str,
    reason: str,
) -> None:
    points = {"acrank.metrics": {point: "acrank_example_bad:A"}}
    install(monkeypatch, tmp_path, "acrank-example-bad", points, DECLARED + extra)
    assert METRICS["log_me"].reference
    assert METRICS.origin(point) == ""
    (line,) = [record.getMessage() for record in caplog.records]
    assert line.startswith(f"The metric '{point}' of acrank-example-bad 1.0 is left out: ")
    assert reason in line


def test_no_metric_is_named_as_a_column() -> None:
    assert {*HEAD, *TAIL} <= RESERVED
    assert not RESERVED & METRICS.keys()


def scored(monkeypatch: pytest.MonkeyPatch, function: object) -> Computed:
    words = dict.fromkeys(("bounds", "summary", "distrust", "reference"), "")
    metric = Metric(name="mine", higher_is_better=True, function=function, **words)  # type: ignore[arg-type]
    register(monkeypatch, METRICS, mine=metric)
    return feature_scores(np.eye(4), np.array([0, 0, 1, 1]), None, ["mine", "knn"], replicates=2)


@pytest.mark.parametrize(
    ("function", "reason"),
    [
        (lambda features, labels: "x", "its function gave str, no number"),
        (lambda features, labels: features, "its function gave ndarray, no number"),
        (lambda features, labels: np.inf, "the result is inf"),
        (lambda features: 1.0, "TypeError: "),
        (lambda features, labels: features.fill(0), "ValueError: assignment destination is read"),
    ],
)
def test_a_metric_that_goes_wrong_costs_itself_alone(
    monkeypatch: pytest.MonkeyPatch, function: object, reason: str
) -> None:
    found = scored(monkeypatch, function)
    assert found.undefined["mine"].startswith(reason)
    assert list(found.scores) == ["knn"]


class Loud(Callback):
    def __init__(self) -> None:
        self.heard: list[str] = []

    def message(self, text: str) -> None:
        self.heard.append(text)


class Raising(Callback):
    def begin(self, model: str) -> None:
        raise ValueError(f"no {model}\nand more")


def test_a_callback_that_raises_costs_a_line(caplog: pytest.LogCaptureFixture) -> None:
    loud = Loud()
    both = Callbacks([Raising(), loud])
    for model in ("a", "b"):
        both.begin(model)
    assert loud.heard == [
        "The callback Raising is not called any more: begin failed with ValueError: no a."
    ]
    assert not caplog.records
    alone = Callbacks([Raising()])
    for model in ("a", "b"):
        alone.begin(model)
    (record,) = caplog.records
    assert (record.levelno, record.getMessage()) == (logging.WARNING, loud.heard[0])


def test_an_interrupt_passes() -> None:
    class Stopping(Callback):
        def begin(self, model: str) -> None:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        Callbacks([Stopping()]).begin("a")


def test_an_object_with_some_of_the_methods_will_do() -> None:
    class Old:
        heard = 0

        def start(self, total: int) -> None:
            self.heard = total

    old = Old()
    both = Callbacks([old])  # type: ignore[list-item]
    both.start(3)
    both.message("x")
    assert old.heard == 3
    assert both.active


@pytest.mark.usefixtures("package")
def test_callbacks_are_found_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ConfigError, match=r"no callback 'dairy'. Did you mean diary\? Installed: "):
        all_callbacks("dairy")
    monkeypatch.delenv("DIARY", raising=False)
    with pytest.raises(ConfigError, match=r"acrank-example 0\.3 cannot start: KeyError: 'DIARY'"):
        all_callbacks("diary")
    monkeypatch.setenv("DIARY", "x")
    loud = Loud()
    assert [type(one).__name__ for one in all_callbacks(None, loud, "diary", "diary").active] == [
        "Loud",
        "Diary",
    ]
