"""An experiment on small images: its cells, tables, resumption and failures."""

import csv
import math
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
import yaml
from PIL import Image
from scipy.stats import weightedtau

from acrank.data import open_target
from acrank.errors import AcrankError, ConfigError, NotScoredError
from acrank.experiments.benchmark.config import BenchmarkConfig, make_benchmark_config
from acrank.experiments.benchmark.datasets import prepare_datasets
from acrank.experiments.benchmark.jobs import Job, Outcome, tune
from acrank.experiments.benchmark.run import Experiment, experiment
from acrank.experiments.benchmark.tables import Tables, best_rate
from acrank.experiments.parts.base import Dataset
from acrank.report.builders.experiment import ExperimentReport
from acrank.report.renderers.html import to_html
from acrank.report.renderers.markdown import to_markdown
from acrank.results import ModelResult, Ranking
from acrank.runners.callbacks import CALLBACKS, Callback
from acrank.tasks.registry import task_named
from tests.data.sources.test_medmnist import arrays, saved
from tests.processes import python_path, started_at_once
from tests.registered import register

LIVING = ("demo-cifar10", "demo-mixed", "demo-untrained")
FAST: dict[str, Any] = {
    **{"zoo": "demo", "models": ("demo-mixed",), "epochs": 1, "seeds": 2},
    **{"batch_size": 8, "metrics": ("log_me", "params"), "threads": 1},
}


@pytest.fixture(scope="module", autouse=True)
def _workers_start_at_once() -> Iterator[None]:
    """Fork workers off a process that has the imports; the command line's tests spawn theirs."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("acrank.runners.worker_pool.SPAWN", started_at_once())
        yield


def draw_images(folder: Path, count: int, seed: int) -> None:
    """Two classes: horizontal and vertical stripes, with noise."""
    generator = np.random.default_rng(seed)
    for label in ("across", "down"):
        (folder / label).mkdir(parents=True)
        for number in range(count):
            stripes = np.tile((np.arange(16) // 2 % 2 * 120).astype(float), (16, 1))
            stripes = stripes if label == "down" else stripes.T
            pixels = (stripes + generator.normal(90, 40, (16, 16))).clip(0, 255)
            Image.fromarray(pixels.astype(np.uint8)).save(folder / label / f"{number}.png")


@pytest.fixture(scope="module")
def stripes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("data") / "stripes"
    draw_images(folder / "train", 16, 0)
    draw_images(folder / "test", 8, 1)
    return folder


def config(stripes: Path, **settings: Any) -> BenchmarkConfig:
    return make_benchmark_config({**FAST, "data": (str(stripes),), **settings})


def rows(path: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(path.read_text().splitlines()))


@pytest.fixture(scope="module")
def zoo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three networks of the demo zoo, and one that kills its process."""
    folder = tmp_path_factory.mktemp("zoo")
    demo = Path(__file__).parents[3] / "acrank" / "zoo" / "demo"
    document = yaml.safe_load((demo / "zoo.yaml").read_text())
    entries = [e for e in document["models"] if e["name"] in LIVING]
    for entry in entries:
        entry["weights"] = str(demo / entry["weights"])
    entries.append({"name": "dies", "factory": "deadly:build"})
    (folder / "zoo.yaml").write_text(yaml.safe_dump({"version": 1, "models": entries}))
    (folder / "deadly.py").write_text("import os\n\ndef build():\n    os.kill(os.getpid(), 9)\n")
    return folder / "zoo.yaml"


@pytest.fixture(scope="module")
def study(
    stripes: Path, zoo: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Path, Callable[..., tuple[Experiment, list[str]]]]]:
    """The folder of an experiment, and what runs it (again)."""
    folder = tmp_path_factory.mktemp("study")
    given = config(stripes, zoo=str(zoo), models=(), lrs=(0.01, 0.02), jobs=1, trust_code=True)

    def run(**changes: Any) -> tuple[Experiment, list[str]]:
        said: list[str] = []
        changed = given.model_copy(update=changes)
        return experiment(changed, folder, say=said.append), said

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", python_path(zoo.parent))
        patch.setenv("ACRANK_CACHE", str(folder / "cache"))
        patch.syspath_prepend(str(zoo.parent))
        yield folder, run


def test_every_model_is_tuned_scored_and_compared(
    study: tuple[Path, Callable[..., tuple[Experiment, list[str]]]],
) -> None:
    folder, run = study
    done, said = run()
    cells = rows(folder / "cells.csv")
    # two rates with the first seed, the better one with the other; the one that dies has no better
    assert len(cells) == len(said) == 3 * 3 + 2
    for model in LIVING:
        mine = [cell for cell in cells if cell["model"] == model]
        first = [cell for cell in mine if cell["seed"] == "0"]
        best = max(first, key=lambda c: (float(c["val_accuracy"]), -float(c["val_loss"])))
        used = [cell for cell in mine if cell["lr"] == best["lr"]]
        assert len(used) == 2
        expected = np.mean([float(cell["test_accuracy"]) for cell in used])
        assert done.accuracies["stripes", model] == pytest.approx(expected)
    table = {row["model"]: float(row["accuracy"]) for row in rows(folder / "ACCURACIES.csv")}
    assert table == {model: value for (_, model), value in done.accuracies.items()}
    assert done.validation is not None
    # undefined where every two accuracies are tied, and that depends on the kernels
    (compared,) = (row for row in done.validation.comparisons if row.metric == "log_me")
    assert (compared.dataset, compared.models) == ("stripes", len(LIVING))
    defined = not math.isnan(compared.statistics["weighted_tau"].value)
    assert done.validation.summary("log_me").datasets == int(defined)
    assert not list(folder.rglob("model.safetensors"))

    # what dies costs its own cells
    assert [("SIGKILL" in found.reason, found.job.model) for found in done.failed] == [
        (True, "dies")
    ] * 2
    scores = {row["model"]: row["log_me"] for row in rows(folder / "SCORES.csv")}
    assert {model for model, score in scores.items() if score} == set(LIVING)
    assert "| demo-mixed |" in to_markdown(ExperimentReport(done).page())
    html = to_html(ExperimentReport(done).page())
    assert "SIGKILL" in html
    assert "log_me against accuracy; " in html

    # again: nothing is run twice
    repeated, again = run(models=LIVING)
    assert sum(line.endswith("(kept)") for line in again) == len(again) == 3 * 3
    assert repeated.accuracies == done.accuracies
    spent = {(c["model"], c["lr"], c["seed"]): c["seconds"] for c in cells if c["model"] in LIVING}
    assert {
        (c["model"], c["lr"], c["seed"]): c["seconds"] for c in rows(folder / "cells.csv")
    } == spent
    again_scores = {row["model"]: row["log_me"] for row in rows(folder / "SCORES.csv")}
    assert again_scores == {model: scores[model] for model in again_scores}


def test_training_and_test_images_are_apart(stripes: Path, tmp_path: Path) -> None:
    (beside,) = prepare_datasets(config(stripes, samples=10), tmp_path / "a")
    assert beside.images == (10, 16)
    (split,) = prepare_datasets(config(stripes / "train", test_share=0.25), tmp_path / "b")
    assert split.images == (24, 8)
    train, test = ({row["path"] for row in rows(file)} for file in (split.train, split.test))
    assert not train & test
    labels = [row["label"] for row in rows(split.test)]
    assert labels.count("across") == labels.count("down") == 4


def test_what_is_read_is_said(stripes: Path, tmp_path: Path) -> None:
    said: list[str] = []
    prepare_datasets(config(stripes, samples=10), tmp_path / "a", said.append)
    held_out = stripes / "test"
    assert said == [
        f"stripes: 2 classes (across 5, down 5), 10 to train on, and to test on 16 of {held_out}",
        f"stripes: {stripes / 'train'} is read as the training part, without test/ beside it.",
    ]


def test_parts_of_other_names_train_and_test(stripes: Path, tmp_path: Path) -> None:
    data = tmp_path / "stripes" / "inner"
    data.mkdir(parents=True)
    (data / "Training").symlink_to(stripes / "train")
    (data / "Testing").symlink_to(stripes / "test")
    said: list[str] = []
    given = config(stripes, data=(str(tmp_path / "stripes"),))
    (found,) = prepare_datasets(given, tmp_path / "a", said.append)
    assert found.images == (32, 16)
    assert said[0].endswith(f"32 to train on, and to test on 16 of {data / 'Testing'}")


def test_images_kept_back_are_said(stripes: Path, tmp_path: Path) -> None:
    said: list[str] = []
    prepare_datasets(config(stripes / "train", test_share=0.25), tmp_path / "b", said.append)
    (line,) = said
    assert line.endswith("24 to train on, and to test on 8 kept back of the same data")


def test_names_must_differ(stripes: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="Two datasets are called 'stripes'"):
        prepare_datasets(config(stripes, data=(str(stripes), str(stripes))), tmp_path)


def test_images_in_no_files_of_their_own_are_written(stripes: Path, tmp_path: Path) -> None:
    spec = saved(tmp_path, arrays(28, 28))
    (found,) = prepare_datasets(config(stripes, data=(spec,)), tmp_path / "out")
    assert (found.name, found.images) == ("pathmnist", (12, 6))
    for part, file in (("train", found.train), ("test", found.test)):
        own, written = open_target(f"{spec}:{part}"), open_target(str(file))
        assert own.classes == written.classes
        images = {(item.read(), item.label) for item in own.items}
        assert {(item.read(), item.label) for item in written.items} == images


def test_nothing_tuned_is_an_error(stripes: Path, tmp_path: Path) -> None:
    given = config(stripes, models=("demo-mixed",), seeds=1, lrs=(1e30,), finetune={"warmup": 0.0})
    with pytest.raises(NotScoredError, match="No model could be fine-tuned"):
        experiment(given, tmp_path)


def outcome(config: BenchmarkConfig, lr: float, value: float | None, loss: float) -> Outcome:
    settings = config.finetuning(data="x", model="m", seed=0, lr=lr)
    job = Job("d", "m", lr, 0, settings, Path("x"))
    return Outcome(job, {"accuracy": value, "loss": loss}, {})


def test_a_fine_tuning_of_older_data_is_replaced(stripes: Path, tmp_path: Path) -> None:
    def job(samples: int) -> Job:
        train, test = str(stripes / "train"), str(stripes / "test")
        one = config(stripes).finetuning(data=train, test=test, model="demo-mixed", lr=0.01, seed=0)
        tuning = one.model_copy(update={"samples": samples})
        return Job("stripes", "demo-mixed", 0.01, 0, tuning, tmp_path)

    assert [tune(job(16)).kept, tune(job(16)).kept] == [False, True]
    other = tune(job(24))
    assert (other.kept, other.reason) == (False, "")


def test_the_best_rate_is_of_the_validation_images(stripes: Path) -> None:
    given = config(stripes)
    tried = [
        outcome(given, 0.1, 0.5, 1.0),
        outcome(given, 0.2, 0.6, 3.0),
        outcome(given, 0.3, 0.6, 2.0),
    ]
    found = best_rate(tried, "d", "m", given)
    assert found is not None
    assert found.job.lr == 0.3
    assert best_rate([], "d", "m", given) is None


def tuned(config: BenchmarkConfig, model: str, seed: int, accuracy: float) -> Outcome:
    settings = config.finetuning(data="x", model=model, seed=seed, lr=None)
    found: dict[str, float | None] = {"accuracy": accuracy, "loss": 1.0}
    return Outcome(Job("d", model, None, seed, settings, Path("x")), found, found)


def test_the_ceiling_is_how_well_seeds_agree(stripes: Path, tmp_path: Path) -> None:
    given, datasets = config(stripes), [Dataset("d", tmp_path, tmp_path, (1, 1))]
    pairs = {"a": (0.9, 0.8), "b": (0.7, 0.85), "c": (0.5, 0.6)}
    outcomes = [
        tuned(given, model, seed, value)
        for model, values in pairs.items()
        for seed, value in enumerate(values)
    ]
    tables = Tables(given, datasets, list(pairs), outcomes)
    one, other = ([values[seed] for values in pairs.values()] for seed in (0, 1))
    expected = (weightedtau(one, other).statistic + weightedtau(other, one).statistic) / 2
    assert tables.ceilings["d"] == pytest.approx(expected)
    assert tables.accuracies["d", "a"] == pytest.approx(0.85)


def test_one_seed_has_no_ceiling_and_one_model_no_order(stripes: Path, tmp_path: Path) -> None:
    given, datasets = config(stripes, seeds=1), [Dataset("d", tmp_path, tmp_path, (1, 1))]
    outcomes = [tuned(given, "a", 0, 0.5)]
    tables = Tables(given, datasets, ["a"], outcomes)
    assert math.isnan(tables.ceilings["d"])
    done = Experiment(
        datasets=tuple(datasets),
        outcomes=tuple(outcomes),
        accuracies=tables.accuracies,
        ceilings=tables.ceilings,
        validation=None,
        folder=tmp_path,
        config=given,
        task=task_named(given.task if given.task != "auto" else "classification"),
        by_seed=tables.by_seed,
        rankings={},
    )
    assert "no order with which to compare" in to_markdown(ExperimentReport(done).page())


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"method": "magic"}, "magic"),
        ({"finetune": {"lr": 0.1}}, "finetune.lr is the experiment's own: set lrs instead"),
        ({"finetune": {"patience": True}}, "patience"),
        ({"score": {"jobs": 3}}, "score.jobs is the experiment's own: set jobs instead"),
        ({"score": {"engine": "ray"}}, "score.engine is the experiment's own: set engine instead"),
        ({"ray_address": "head:6379"}, "ray_address is for engine ray"),
        ({"score": {"sample": 3}}, "Unknown setting 'sample'.*Did you mean 'samples'"),
        ({"finetune": {"epoch": 3}}, "Unknown setting 'epoch'.*Known settings:.*head_epochs"),
        ({"metrics": ("luck",)}, "luck"),
        ({"data": ()}, "data"),
    ],
)
def test_settings_are_checked(stripes: Path, settings: dict[str, Any], message: str) -> None:
    with pytest.raises(AcrankError, match=message):
        config(stripes, **settings)


def test_groups_are_whole_in_both_parts(stripes: Path, tmp_path: Path) -> None:
    files = sorted((stripes / "train").rglob("*.png"))
    table = tmp_path / "scans.csv"
    lines = [f"{f},{f.parent.name},p{n % 6}" for n, f in enumerate(files)]
    table.write_text("\n".join(["path,label,patient", *lines]) + "\n")
    given = config(table, group_column="patient")
    said: list[str] = []
    (found,) = prepare_datasets(given, tmp_path / "out", said.append)
    assert "scans: 6 groups by patient; no group is split" in said
    training, test = ({row["patient"] for row in rows(f)} for f in (found.train, found.test))
    assert len(training) + len(test) == len(training | test) == 6
    assert given.finetuning(data="x", model="y", seed=0, lr=None).group_column == "patient"
    with pytest.raises(ConfigError, match="--group-column patient is a column of a table"):
        prepare_datasets(config(stripes, group_column="patient"), tmp_path / "out")


def test_scoring_takes_the_workers_of_the_experiment(stripes: Path) -> None:
    usual = config(stripes).scoring("x")
    assert (usual.engine, usual.jobs) == ("local", 1)  # a crash must not end the experiment
    assert config(stripes, jobs=3).scoring("x").jobs == 3
    on_ray = config(stripes, engine="ray", ray_address="head:6379").scoring("x")
    assert (on_ray.engine, on_ray.ray_address, on_ray.jobs) == ("ray", "head:6379", None)


class Diary(Callback):
    """Notes all that it is told of an experiment."""

    kept: ClassVar[list["Diary"]] = []

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.kept.append(self)

    def message(self, text: str) -> None:
        self.lines.append(text)

    def done(self, result: ModelResult) -> None:
        self.lines.append(f"scored {result.model}")

    def ranked(self, ranking: Ranking) -> None:
        self.lines.append("ranked")


@pytest.mark.usefixtures("in_this_process")
def test_one_callback_follows_the_whole_experiment(
    stripes: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    register(monkeypatch, CALLBACKS, diary=Diary)
    said: list[str] = []
    given = config(stripes, seeds=1, callbacks="diary", data=(str(stripes), str(stripes / "test")))
    experiment(given, tmp_path / "study", say=said.append)
    (diary,) = Diary.kept
    tuned = [line for line in diary.lines if line.startswith("[")]
    assert len(tuned) == 2
    assert tuned == [line for line in said if line.startswith("[")]
    assert diary.lines.count("scored demo-mixed") == diary.lines.count("ranked") == 2


def test_a_callback_that_is_not_there_is_refused_before_any_fine_tuning(
    stripes: Path, tmp_path: Path
) -> None:
    with pytest.raises(ConfigError, match="There is no callback 'dairy'"):
        experiment(config(stripes, callbacks="dairy"), tmp_path / "study")
    assert not (tmp_path / "study").exists()
