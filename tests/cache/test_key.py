"""Two results share a key only if nothing tells them apart."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import timm
import torch
from safetensors.torch import save_file

from acrank.cache import Key, code, keys
from acrank.cache.keys import Keys
from acrank.config import RunConfig
from acrank.data import Sample, draw_sample, open_target
from acrank.metrics.registry import METRICS
from acrank.tasks.registry import TASKS
from acrank.zoo import Hub, ZooEntry, load_backbone
from acrank.zoo.identity import WORDS, identify, identify_loaded
from tests.norm.test_convert import randomise

CPU = torch.device("cpu")
OFFLINE = Hub(offline=True)
TINY: dict[str, Any] = {"channels": [8, 8, 8, 8], "layers": [1, 1, 1, 1]}
CONFIG = RunConfig(data="demo", samples=16, batch_size=8)


def sample_of(config: RunConfig) -> Sample:
    return draw_sample(open_target("demo"), config.samples, config.batch_size, config.seed)


SAMPLE = sample_of(CONFIG)


def key_of(
    identity: dict[str, Any] | None = None,
    config: RunConfig = CONFIG,
    sample: Sample = SAMPLE,
    device: torch.device = CPU,
    dtype: torch.dtype | None = None,
) -> Key:
    return Keys(config, sample, device, dtype).of(identity or {"entry": {"name": "a"}})


def with_setting(**settings: Any) -> RunConfig:
    return CONFIG.model_copy(update=settings)


CHANGES: dict[str, Callable[[], Key]] = {
    "steps": lambda: key_of(config=with_setting(steps="epoch")),
    "repeats": lambda: key_of(config=with_setting(repeats=4)),
    "step_images": lambda: key_of(config=with_setting(step_images=4)),
    "lr": lambda: key_of(config=with_setting(lr=0.011)),
    "head": lambda: key_of(config=with_setting(head="ridge")),
    "temperature": lambda: key_of(config=with_setting(temperature=2.0)),
    "norms": lambda: key_of(config=with_setting(norms="affine")),
    "dead_channels": lambda: key_of(config=with_setting(dead_channels="keep")),
    "bootstrap": lambda: key_of(config=with_setting(bootstrap=10)),
    "samples": lambda: key_of(config=with_setting(samples=17)),
    "batch_size": lambda: key_of(config=with_setting(batch_size=4)),
    "seed": lambda: key_of(config=with_setting(seed=1)),
    "device": lambda: key_of(device=torch.device("cuda")),
    "precision": lambda: key_of(dtype=torch.bfloat16),
    "dataset": lambda: key_of(sample=sample_of(with_setting(seed=1))),
    "model": lambda: key_of({"entry": {"name": "b"}}),
}


@pytest.mark.parametrize("field", CHANGES)
def test_a_change_of_any_field_changes_the_key(field: str) -> None:
    changed = CHANGES[field]()
    assert changed.digest != key_of().digest
    assert changed.metrics_digest == key_of().metrics_digest


@pytest.mark.parametrize("function", ["probe_version", "library_versions"])
def test_other_code_has_another_key(function: str, monkeypatch: pytest.MonkeyPatch) -> None:
    before = key_of().digest
    monkeypatch.setattr(keys, function, lambda: "other")
    assert key_of().digest != before


def test_another_schema_has_another_key(monkeypatch: pytest.MonkeyPatch) -> None:
    before = key_of().digest
    monkeypatch.setattr(keys, "SCHEMA", keys.SCHEMA + 1)
    assert key_of().digest != before


def test_every_setting_is_in_the_key_or_known_not_to_matter() -> None:
    """A setting that is added later is in the key unless its field says otherwise."""
    elsewhere = {"data", "zoo", "models", "metrics", "rank_by", "device", "precision"}
    which_models = {"shard", "budget"}
    how = {"threads", "offline", "trust_code", "fresh", "jobs", "timeout_per_model", "engine"}
    free = elsewhere | which_models | how | {"ray_address", "callbacks"}
    assert (
        keys.keyed(TASKS["masks"]) | keys.keyed(TASKS["volumes"])
        == RunConfig.model_fields.keys() - free
    )
    of_images, of_volumes = {"image_size"}, {"patch", "spacing", "patches"}
    of_classes = keys.keyed(TASKS["classification"])
    of_pixels = {"decoder", "pixels", "layers"}
    assert of_images < of_classes
    assert keys.keyed(TASKS["masks"]) == of_classes | of_pixels
    assert keys.keyed(TASKS["volumes"]) == (of_classes - of_images) | of_pixels | of_volumes


def test_how_a_run_is_carried_out_does_not_matter() -> None:
    config = with_setting(threads=1, jobs=3, fresh=True, timeout_per_model=9.0, engine="ray")
    assert key_of(config=config) == key_of()


def test_what_is_ranked_with_what_does_not_matter() -> None:
    assert key_of(config=with_setting(norms="mixed")) == key_of(config=with_setting(norms="affine"))


def test_metrics_have_a_key_of_their_own(monkeypatch: pytest.MonkeyPatch) -> None:
    more = key_of(config=with_setting(metrics=("knn",)))
    assert more.digest == key_of().digest
    assert more.metrics.items() > key_of().metrics.items()
    order = key_of(config=with_setting(metrics=("log_me", "knn")))
    assert order == key_of(config=with_setting(metrics=("knn", "log_me")))
    monkeypatch.setattr(keys, "metric_version", lambda name: f"{name} changed")
    assert key_of().metrics_digest != more.metrics_digest


def test_code_versions_follow_what_is_imported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / "acrank"
    shutil.copytree(code.PACKAGE, package, ignore=shutil.ignore_patterns("__pycache__", "demo"))
    monkeypatch.setattr(code, "PACKAGE", package)

    def versions() -> tuple[str, str, str]:
        for function in (code.probe_version, code.metric_version, code.source_files):
            function.cache_clear()
        return code.probe_version(), code.metric_version("knn"), code.metric_version("log_me")

    def change(module: str) -> tuple[str, str, str]:
        path = package / module
        path.write_text(path.read_text() + "\n# changed\n")
        return versions()

    try:
        first = versions()
        neighbours = change("metrics/neighbours.py")
        assert [a != b for a, b in zip(first, neighbours, strict=True)] == [False, True, False]
        shared = change("metrics/guards.py")
        assert [a != b for a, b in zip(neighbours, shared, strict=True)] == [False, True, True]
        probe = change("scoring/single_step.py")
        assert [a != b for a, b in zip(shared, probe, strict=True)] == [True, False, False]
        decoding = change("data/decode.py")
        assert decoding[0] != probe[0]
        assert change("report/progress.py") == decoding
    finally:
        monkeypatch.undo()
        versions()


# Scores one model in a process of its own, with every metric loaded, and says what was imported.
LOADED = """
import sys
import torch
from acrank.config import RunConfig
from acrank.data import draw_sample, open_target
from acrank.metrics.registry import METRICS
from acrank.runners.model import ModelRunner, RunContext
from acrank.cache import ResultStore
from acrank.zoo import read_zoo, select_entries
from acrank.tasks.kinds.classification import CLASSIFICATION
config = RunConfig(data="demo", samples=16, batch_size=8).for_task(CLASSIFICATION)
sample = draw_sample(open_target("demo"), 16, 8, 0)
work = RunContext(config, sample, torch.device("cpu"), None, True)
(entry,) = select_entries(read_zoo("demo"), ("demo-mixed",))
assert ModelRunner(work, ResultStore())(entry).status == "ok"
for metric in METRICS.values():
    if metric.function:
        metric.load()
ours = [m for n, m in sys.modules.items() if n.partition(".")[0] == "acrank"]
print("\\n".join(m.__file__ for m in ours))
"""


def fingerprinted() -> set[Path]:
    """Every file that a result's key depends on, through the probe or through some metric."""
    of_metrics = (code.metric_modules(name) for name in METRICS)
    files = {file for modules in of_metrics for file in code.source_files(*modules)}
    return files | {f for f in code.source_files(*code.SCORING) if not code._is_metric(f)}


def test_all_that_scoring_a_model_loads_decides_on_its_key(tmp_path: Path) -> None:
    """Asked of Python itself and not of the search for import statements."""
    environment = {**os.environ, "ACRANK_CACHE": str(tmp_path)}
    given = [sys.executable, "-c", LOADED]
    done = subprocess.run(given, capture_output=True, text=True, env=environment, check=True)
    loaded = {Path(line) for line in done.stdout.splitlines()}
    known = fingerprinted()
    # a package's own file that nobody names runs too, and only hands on names
    missed = {path for path in loaded - known if path.name != "__init__.py"}
    # what reads a zoo file: the entry that it gives is a part of the key itself
    reading = {"zoo/selection.py", "zoo/files/reading.py"}
    assert {path.relative_to(code.PACKAGE).as_posix() for path in missed} == reading


def test_every_module_of_the_scoring_rooms_that_is_in_reach_is_fingerprinted() -> None:
    known = {path.relative_to(code.PACKAGE).as_posix() for path in fingerprinted()}
    assert known >= {
        *("data/volumes/observed.py", "tasks/registry.py", "tasks/kinds/masks.py"),
        *("tasks/dense.py", "scoring/score.py", "runners/model.py"),
        "utils/device.py",
        *(f"zoo/{name}.py" for name in ("checkpoints/filling", "weights", "description", "bounds")),
        *(f"zoo/sources/{name}.py" for name in ("bundle", "checkpoint", "factory", "registry")),
    }
    rooms = ("norm", "scoring", "tasks", "metrics")
    whole = {
        path.relative_to(code.PACKAGE).as_posix()
        for room in rooms
        for path in (code.PACKAGE / room).glob("*.py")
    }
    # packages hand on names; what is relative to a zoo is computed as it is ranked
    assert whole - known <= {*(f"{room}/__init__.py" for room in rooms), "metrics/relative.py"}


@pytest.fixture
def entry(tmp_path: Path) -> ZooEntry:
    save_weights(tmp_path / "net.safetensors", seed=0)
    return ZooEntry(
        name="net",
        arch="resnet18",
        kwargs=TINY,
        weights="net.safetensors",
        input_size=(3, 32, 32),
        base=tmp_path,
    )


def save_weights(path: Path, seed: int) -> None:
    torch.manual_seed(seed)
    save_file(randomise(timm.create_model("resnet18", **TINY)).state_dict(), path)


@pytest.mark.parametrize(
    "change",
    [
        {"name": "other"},
        {"mean": (0.1, 0.2, 0.3)},
        {"std": (0.1, 0.2, 0.3)},
        {"input_size": (3, 64, 64)},
        {"in_chans": 3},
        {"kwargs": {**TINY, "act_layer": "silu"}},
        {"classifier": "fc"},
        {"license": "mit"},
        {"imagenet_top1": 70.0},
        {"arch": "resnet34"},
    ],
    ids=lambda change: next(iter(change)),
)
def test_whatever_a_zoo_file_says_tells_models_apart(
    entry: ZooEntry, change: dict[str, Any]
) -> None:
    assert identify(entry.model_copy(update=change), OFFLINE) != identify(entry, OFFLINE)


def test_words_do_not_tell_models_apart(entry: ZooEntry) -> None:
    assert {"tags", "note"} == WORDS
    spoken = entry.model_copy(update={"tags": ("a",), "note": "b"})
    assert identify(spoken, OFFLINE) == identify(entry, OFFLINE)


def test_other_weights_under_the_same_name_are_another_model(
    entry: ZooEntry, tmp_path: Path
) -> None:
    before = identify(entry, OFFLINE)
    save_weights(tmp_path / "net.safetensors", seed=1)
    assert identify(entry, OFFLINE) != before


def test_a_folders_description_tells_models_apart(tmp_path: Path) -> None:
    save_weights(tmp_path / "model.safetensors", seed=0)
    config: dict[str, Any] = {"architecture": "resnet18", "model_args": TINY}
    (tmp_path / "config.json").write_text(json.dumps(config))
    local = ZooEntry(name="net", source=f"local-dir:{tmp_path}")
    before = identify(local, OFFLINE)
    config["pretrained_cfg"] = {"mean": [0.1, 0.2, 0.3]}
    (tmp_path / "config.json").write_text(json.dumps(config))
    assert identify(local, OFFLINE) != before


def test_commits_of_the_hub_tell_models_apart(entry: ZooEntry) -> None:
    class Known(Hub):
        commit = "a" * 40

        def resolve(self, repo_id: str, revision: str = "main") -> str:
            return self.commit

    hub = Known(offline=True)
    remote = ZooEntry(name="net", source="hf-hub:org/net")
    before = identify(remote, hub)
    assert before == identify(remote, hub)
    hub.commit = "b" * 40
    assert identify(remote, hub) != before
    named = identify(ZooEntry(name="resnet18.a1_in1k"), hub)
    assert named is not None
    assert named["preprocessing"]["mean"] == pytest.approx((0.485, 0.456, 0.406))


FACTORY = """
import helper
import timm, torch

def make(seed=0):
    torch.manual_seed(seed)
    return helper.dress(timm.create_model("resnet18", channels=[8] * 4, layers=[1] * 4))
"""


def test_networks_of_a_factory_are_told_apart_by_numbers_and_code(tmp_path: Path) -> None:
    (tmp_path / "own_nets.py").write_text(FACTORY)
    helper = tmp_path / "helper.py"
    helper.write_text("def dress(model): return model\n")
    made = ZooEntry(name="own", factory="own_nets:make", base=tmp_path)
    assert identify(made, OFFLINE) is None

    def identity(**kwargs: Any) -> dict[str, Any]:
        entry = made.model_copy(update={"kwargs": kwargs})
        found = identify_loaded(load_backbone(entry, trust_code=True, hub=OFFLINE))
        return {name: found[name] for name in ("weights", "code", "preprocessing")}

    first = identity()
    assert identity() == first
    assert identity(seed=1)["weights"] != first["weights"]
    helper.write_text("def dress(model): return model  # no change that its numbers show\n")
    assert identity()["code"] != first["code"]
    assert identity()["weights"] == first["weights"]


def test_code_of_a_package_elsewhere_is_told_by_all_its_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / "site" / "elsewhere_nets"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("from .nets import make\n")
    (package / "nets.py").write_text(FACTORY.replace("import helper", "from . import helper"))
    helper = package / "helper.py"
    helper.write_text("def dress(model): return model\n")
    other = package / "unused.py"
    other.write_text("")
    monkeypatch.syspath_prepend(str(package.parent))
    made = ZooEntry(name="own", factory="elsewhere_nets.nets:make", base=tmp_path / "zoo")
    backbone = load_backbone(made, trust_code=True, hub=OFFLINE)
    first = identify_loaded(backbone)["code"]
    other.write_text("changed = True\n")
    assert identify_loaded(backbone)["code"] == first
    helper.write_text("def dress(model): return model  # another\n")
    assert identify_loaded(backbone)["code"] != first


def test_arrays_of_the_sample_survive_a_trip_to_another_process(tmp_path: Path) -> None:
    import joblib

    joblib.dump(SAMPLE, tmp_path / "sample")
    mapped = joblib.load(tmp_path / "sample", mmap_mode="r")
    assert key_of(sample=mapped) == key_of()
    assert mapped.labels.flags.writeable
    for ours, theirs in zip(SAMPLE.batches, mapped.batches, strict=True):
        np.testing.assert_array_equal(ours, theirs)
