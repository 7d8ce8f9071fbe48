"""The page of ``acrank benchmark`` as a user asks for it; tests/transfer runs experiments."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from acrank.experiments.benchmark.config import BenchmarkConfig
from acrank.experiments.benchmark.run import Experiment
from tests.cli.test_score import Acrank, acrank
from tests.report.experiments import make_experiment

__all__ = ["acrank"]

CALL = ("benchmark", "--data", "scans", "--seeds", "2", "--output", "out")


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[BenchmarkConfig]:
    """The configurations that an experiment is asked for; none is run."""
    found: list[BenchmarkConfig] = []

    def experiment(config: BenchmarkConfig, output: Path, **more: Any) -> Experiment:
        found.append(config)
        output.mkdir()
        return replace(make_experiment(failing=("model-b",)), folder=output)

    monkeypatch.setattr("acrank.experiments.benchmark.run.experiment", experiment)
    return found


def test_a_page_is_written_beside_the_tables(
    acrank: Acrank, asked: list[BenchmarkConfig], tmp_path: Path
) -> None:
    done = acrank(*CALL, "--html", "page.html")
    assert done.returncode == 3, done.stderr
    assert [(config.data, config.seeds) for config in asked] == [(("scans",), 2)]
    html, report = ((tmp_path / name).read_text() for name in ("page.html", "out/report.md"))
    for words in ("model-a", "out of memory", "Mean weighted tau of every metric"):
        assert words in html
    assert "model-a" in report
    assert "model-a" in done.stdout


def test_without_the_option_there_is_no_page(
    acrank: Acrank, asked: list[BenchmarkConfig], tmp_path: Path
) -> None:
    assert acrank(*CALL).returncode == 3
    assert [path.name for path in tmp_path.rglob("*.*")] == ["report.md"]


def test_a_page_that_cannot_be_made_is_refused_first(
    acrank: Acrank, asked: list[BenchmarkConfig], monkeypatch: pytest.MonkeyPatch
) -> None:
    done = acrank(*CALL, "--html", "missing/page.html")
    assert (done.returncode, done.stdout) == (2, "")
    assert "does not exist" in done.stderr
    monkeypatch.setattr("acrank.report.renderers.html.find_spec", lambda name: None)
    done = acrank(*CALL, "--html", "page.html")
    assert (done.returncode, done.stdout) == (2, "")
    assert "A report as HTML needs an optional package" in done.stderr
    assert "acrank[report]" in done.stderr
    assert asked == []


def test_settings_of_masks_reach_the_experiment(
    acrank: Acrank, asked: list[BenchmarkConfig]
) -> None:
    options = ("--task", "segmentation", "--decoder", "fpn", "--image-size", "64")
    assert acrank(*CALL, *options, "--measure", "iou").returncode == 3
    (config,) = asked
    found = (config.task, config.decoder, config.image_size, config.measure)
    assert found == ("segmentation", "fpn", 64, "iou")
    tuning = config.finetuning(data="x", model="m", seed=0, lr=None)
    assert (tuning.task, tuning.decoder, tuning.image_size) == found[:3]


@pytest.mark.parametrize("size", [None, 97])
def test_one_image_size_is_for_scoring_and_fine_tuning(
    acrank: Acrank, asked: list[BenchmarkConfig], size: int | None
) -> None:
    assert acrank(*CALL, *(("--image-size", str(size)) if size else ())).returncode == 3
    tuning = asked[0].finetuning(data="x", model="m", seed=0, lr=None)
    assert tuning.image_size == asked[0].scoring("x").image_size == size


def test_settings_of_volumes_reach_the_experiment(
    acrank: Acrank, asked: list[BenchmarkConfig]
) -> None:
    options = ("--patch", "32,48,32", "--spacing", "1.5", "--window=-160,240", "--norms", "affine")
    assert acrank(*CALL, *options, "--method", "ac-norm").returncode == 3
    (config,) = asked
    tuning = config.finetuning(data="x", model="m", seed=0, lr=None)
    for found in (config, tuning):
        geometry = (found.patch, found.spacing, found.window)
        assert geometry == ((32, 48, 32), (1.5,) * 3, (-160, 240))
    assert (config.norms, tuning.options) == ("affine", {"norms": "affine"})
