"""``acrank score`` as a user calls it: real images, real networks, the real command line."""

import csv
import io
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import timm
import yaml
from PIL import Image
from safetensors.torch import save_file

from acrank.cli import main
from tests.norm.test_convert import randomise
from tests.processes import python_path

Acrank = Callable[..., subprocess.CompletedProcess[str]]
ROOT = Path(__file__).parents[2]
FAST = ("--samples", "16", "--batch-size", "8")
DEMO = ("score", "--data", "demo", "--zoo", "demo", *FAST)


@pytest.fixture
def acrank(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> Acrank:
    """Call the command line in a folder of its own, with an empty hub cache and no network.

    In this process: importing torch and timm anew takes longer than most of the calls.
    """
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", "http://127.0.0.1:9")

    def call(*arguments: str) -> subprocess.CompletedProcess[str]:
        monkeypatch.setattr(sys, "argv", ["acrank", *arguments])
        with pytest.raises(SystemExit) as ended:
            main()
        captured = capfd.readouterr()
        code = int(ended.value.code or 0)
        return subprocess.CompletedProcess(arguments, code, captured.out, captured.err)

    return call


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two classes of twelve small images."""
    folder = tmp_path_factory.mktemp("images")
    generator = np.random.default_rng(0)
    for label, level in (("dark", 60), ("bright", 180)):
        (folder / label).mkdir()
        for i in range(12):
            pixels = generator.integers(level - 50, level + 50, (40, 40, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(folder / label / f"{i}.png")
    return folder


def write_zoo(folder: Path, *entries: object) -> str:
    path = folder / "zoo.yaml"
    path.write_text(yaml.safe_dump({"version": 1, "models": list(entries)}))
    return str(path)


def save_network(folder: Path, name: str = "resnet18", **kwargs: Any) -> dict[str, Any]:
    """A zoo entry for a network with random, untied affines."""
    model = randomise(timm.create_model(name, **kwargs))
    save_file(model.state_dict(), folder / f"{name}.safetensors")
    return {
        "name": name,
        "arch": name,
        "kwargs": kwargs,
        "weights": f"{name}.safetensors",
        "input_size": 32,
    }


SMALL: dict[str, Any] = {"channels": [8, 8, 8, 8], "layers": [1, 1, 1, 1]}


def test_the_demo_ranks_the_trained_and_not_the_untrained(acrank: Acrank) -> None:
    arguments = ["score", "--data", "demo", "--zoo", "demo", "--format", "csv"]
    done = acrank(*arguments)
    assert done.returncode == 0, done.stderr
    rows = {row["model"]: row for row in csv.DictReader(io.StringIO(done.stdout))}
    assert 7 <= len(rows) <= 10
    assert [row["rank"] for row in rows.values()] == [str(i + 1) for i in range(len(rows))]
    assert "demo-sign-digits" in list(rows)[:2]  # the target is handwritten digits
    assert "demo-random-labels" in list(rows)[-2:]
    scores = [float(row["score"]) for row in rows.values()]
    assert scores == sorted(scores, reverse=True)
    assert sum(float(row["p_best"]) for row in rows.values()) == pytest.approx(1)
    for row in rows.values():
        assert float(row["score_low"]) <= float(row["score"]) <= float(row["score_high"])
    untrained = rows.pop("demo-untrained")
    assert (untrained["status"], untrained["ac_corr"]) == ("ok", "")
    assert "tied-affines" in untrained["flags"]
    assert all(0 < float(row["ac_corr_channel"]) <= 1 for row in rows.values())


def test_by_ac_corr_the_untrained_has_no_rank(acrank: Acrank) -> None:
    done = acrank(*DEMO, "--rank-by", "ac_corr", "--format", "csv")
    rows = list(csv.DictReader(io.StringIO(done.stdout)))
    assert (rows[-1]["model"], rows[-1]["status"]) == ("demo-untrained", "unranked")
    assert [row["rank"] for row in rows] == [*map(str, range(1, len(rows))), ""]
    scores = [float(row["score"]) for row in rows[:-1]]
    assert scores == sorted(scores, reverse=True)


def test_a_fresh_process_runs_the_demo(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-W", "error", "-m", "acrank", *DEMO, "--model", "demo-c*"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": python_path()},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("rank  model")
    first, second, *_ = done.stderr.splitlines()
    assert first.startswith("note: 10 classes (0 1, 1 2, ")
    assert first.endswith("), 16 of 1797 images")
    assert second.startswith("[1/2] demo-cifar10: ok")


def test_the_same_seed_gives_the_same_ranking(acrank: Acrank) -> None:
    def scores(*extra: str) -> list[tuple[str, str]]:
        some = ("--model", "demo-c*", "--fresh")
        done = acrank(*DEMO, "--format", "csv", *some, *extra)
        return [(row["model"], row["score"]) for row in csv.DictReader(io.StringIO(done.stdout))]

    first = scores()
    assert scores() == first
    assert scores("--seed", "1") != first


def test_files_hold_what_stdout_shows(acrank: Acrank, tmp_path: Path) -> None:
    done = acrank(*DEMO, "--csv", "out.csv", "--json", "out.json", "--top", "2")
    assert done.returncode == 0, done.stderr
    assert "more rows not shown" in done.stdout
    assert "\x1b" not in done.stdout + done.stderr
    document = json.loads((tmp_path / "out.json").read_text())
    rows = list(csv.DictReader((tmp_path / "out.csv").read_text().splitlines()))
    assert [row["model"] for row in rows] == [model["model"] for model in document["models"]]
    assert document["config"]["samples"] == 16
    assert document["dataset"]["classes"] == [str(digit) for digit in range(10)]
    assert len(document["dataset"]["fingerprint"]) == 64
    assert {"acrank", "torch", "timm", "python"} <= set(document["versions"])
    assert rows[0]["model"] in done.stdout


def test_one_failing_model_never_stops_a_run(acrank: Acrank, images: Path, tmp_path: Path) -> None:
    good = save_network(tmp_path, **SMALL)
    (tmp_path / "cut.safetensors").write_bytes(b"\x08\x00")
    zoo = write_zoo(
        tmp_path,
        {**good, "name": "missing", "weights": "nowhere.safetensors"},
        {**good, "name": "cut", "weights": "cut.safetensors"},
        {**good, "name": "changed", "sha256": "0" * 64},
        {**good, "name": "other-shape", "kwargs": {**SMALL, "channels": [8, 8, 8, 16]}},
        {"name": "vit", **transformer(tmp_path)},
        {"name": "code", "factory": "nets:make", "input_size": 32},
        "resnet50.a1_in1k",
        good,
    )
    done = acrank("score", "--data", str(images), "--zoo", zoo, *FAST, "--format", "csv")
    assert done.returncode == 3, done.stderr
    rows = {row["model"]: row for row in csv.DictReader(io.StringIO(done.stdout))}
    assert rows["resnet18"]["rank"]
    reasons = {name: row["reason"] for name, row in rows.items() if row["status"] == "failed"}
    expected = {
        "missing": "nowhere.safetensors",
        "cut": "cannot be read",
        "changed": "SHA-256",
        "other-shape": "does not fit",
        "code": "--trust-code",
        "resnet50.a1_in1k": "not in the local cache",
    }
    assert set(reasons) == set(expected)
    assert (rows["vit"]["status"], rows["vit"]["ac_corr"]) == ("ok", "")
    for name, words in expected.items():
        assert words in reasons[name], reasons[name]
    assert "does not answer" in done.stderr  # the preflight, once for the run
    assert done.stderr.count("does not answer") == 1
    assert "Traceback" not in done.stderr


def transformer(folder: Path) -> dict[str, object]:
    kwargs: dict[str, Any] = {
        "img_size": 32,
        "patch_size": 8,
        "embed_dim": 16,
        "depth": 1,
        "num_heads": 2,
    }
    model = timm.create_model("vit_tiny_patch16_224", **kwargs)
    save_file(model.state_dict(), folder / "vit.safetensors")
    return {
        "arch": "vit_tiny_patch16_224",
        "kwargs": kwargs,
        "weights": "vit.safetensors",
        "input_size": 32,
    }


def test_nothing_scored_is_exit_4_and_the_rows_are_kept(
    acrank: Acrank, images: Path, tmp_path: Path
) -> None:
    zoo = write_zoo(tmp_path, {"name": "x", "arch": "resnet18", "weights": "nowhere.bin"})
    done = acrank("score", "--data", str(images), "--zoo", zoo, *FAST, "--csv", "out.csv")
    assert done.returncode == 4
    assert "failed: There is no weights file" in done.stdout
    assert "x,failed" in (tmp_path / "out.csv").read_text()


def test_a_factory_runs_with_trust_code(acrank: Acrank, images: Path, tmp_path: Path) -> None:
    (tmp_path / "nets.py").write_text(
        "from torch import nn\n"
        "def make(width):\n"
        "    bn = nn.BatchNorm2d(width)\n"
        "    nn.init.normal_(bn.bias)\n"
        "    print('noise')\n"
        "    return nn.Sequential(nn.Conv2d(3, width, 3), bn, nn.ReLU())\n"
    )
    zoo = write_zoo(
        tmp_path,
        {"name": "mine", "factory": "nets:make", "kwargs": {"width": 6}, "input_size": 16},
    )
    done = acrank("score", "--data", str(images), "--zoo", zoo, "--trust-code", *FAST)
    assert done.returncode == 0, done.stderr
    assert "mine" in done.stdout
    assert "noise" not in done.stdout  # what a network prints is not the result


def test_one_channel_networks_take_grey_images(
    acrank: Acrank, images: Path, tmp_path: Path
) -> None:
    entry = save_network(tmp_path, **SMALL, in_chans=1)
    del entry["kwargs"]["in_chans"]
    zoo = write_zoo(tmp_path, {**entry, "in_chans": 1, "input_size": [1, 32, 32]})
    done = acrank("score", "--data", str(images), "--zoo", zoo, *FAST, "--format", "csv")
    assert done.returncode == 0, done.stderr + done.stdout
    assert next(csv.DictReader(io.StringIO(done.stdout)))["input_size"] == "1x32x32"


def test_a_result_that_cannot_be_written_is_still_printed(
    acrank: Acrank, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "gone").mkdir()
    from acrank.utils import files

    write = files.write_whole

    def vanish(path: Path, text: str) -> None:
        shutil.rmtree(tmp_path / "gone", ignore_errors=True)
        write(path, text)

    monkeypatch.setattr(files, "write_whole", vanish)
    done = acrank(*DEMO, "--model", "demo-c*", "--csv", "gone/out.csv", "--json", "out.json")
    assert done.returncode == 2
    assert "demo-cifar10" in done.stdout
    assert "could not be written" in done.stderr
    assert json.loads((tmp_path / "out.json").read_text())["models"]


def test_several_steps_and_a_ridge_head(acrank: Acrank) -> None:
    one = ("--model", "demo-cifar10", "--rank-by", "ac_corr")  # whose intervals are of the steps
    common = ("score", "--data", "demo", "--zoo", "demo", *one, *FAST)
    for extra in (("--steps", "epoch", "--repeats", "2"), ("--steps", "3"), ("--head", "ridge")):
        done = acrank(*common, *extra)
        assert done.returncode == 0, done.stderr
        assert "…" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "'data' is missing"),
        (("--data", "nowhere"), "no such file or folder"),
        (("--data", "demo", "--zoo", "nowhere.yaml"), "nowhere.yaml"),
        (("--data", "demo", "--zoo", "demo", "--model", "demo-cifar"), "demo-cifar10"),
        (("--data", "demo", "--model", "resnet5O"), "resnet50"),
        (("--data", "demo", "--zoo", "demo", "--samples", "1"), "samples"),
        (("--data", "demo", "--zoo", "demo", "--lr", "-1"), "lr"),
        (("--data", "demo", "--zoo", "demo", "--device", "cuda"), "not available"),
        (("--data", "demo", "--zoo", "demo", "--csv", "no/such/out.csv"), "does not exist"),
        (("--data", "demo", "--nope"), "No such option"),
        (("--data", "demo", "--config", "nope.yaml"), "nope.yaml"),
    ],
)
def test_wrong_usage_is_exit_2(
    acrank: Acrank,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    arguments: tuple[str, ...],
    message: str,
) -> None:
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    done = acrank("score", *arguments)
    assert done.returncode == 2
    assert message in done.stderr
    assert done.stdout == ""
    assert "Traceback" not in done.stderr
    assert not list(tmp_path.glob("*.csv"))


def damage(folder: Path, how: str) -> None:
    """Make one thing wrong in a folder of class folders."""
    if how == "truncated":
        path = folder / "dark" / "0.png"
        path.write_bytes(path.read_bytes()[:-200])
        (folder / "bright" / "1.png").write_bytes(b"")
    elif how == "empty class":
        (folder / "void").mkdir()
    elif how == "one class":
        shutil.rmtree(folder / "bright")
    elif how == "no images":
        for path in folder.rglob("*.png"):
            path.rename(path.with_suffix(".dat"))


@pytest.mark.parametrize(
    ("how", "messages"),
    [
        ("truncated", ["0.png", "1.png"]),
        ("empty class", ["void"]),
        ("one class", ["one class"]),
        ("no images", ["image"]),
    ],
)
def test_bad_data_is_exit_2_before_any_model_loads(
    acrank: Acrank, images: Path, tmp_path: Path, how: str, messages: list[str]
) -> None:
    folder = tmp_path / "copy"
    shutil.copytree(images, folder)
    damage(folder, how)
    done = acrank("score", "--data", str(folder), "--zoo", "demo", *FAST, "--json", "out.json")
    assert done.returncode == 2
    for message in messages:
        assert message in done.stderr
    assert "demo-cifar10" not in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "out.json").exists()


def test_strict_turns_flags_into_exit_3(acrank: Acrank) -> None:
    model = ("--model", "demo-untrained", "--model", "demo-cifar10")
    assert acrank(*DEMO, *model).returncode == 0
    assert acrank(*DEMO, *model, "--strict").returncode == 3
    by_step = ("--rank-by", "ac_corr")
    assert acrank(*DEMO, "--model", "demo-untrained", *by_step).returncode == 4


@pytest.mark.skipif(sys.platform == "win32", reason="signals are POSIX here")
def test_settings_of_pixels_are_said_to_be_unused_for_classes(acrank: Acrank) -> None:
    some = ("--model", "demo-mixed", "--format", "csv")
    done = acrank(*DEMO, *some, "--decoder", "fpn", "--pixels", "8")
    assert done.returncode == 0
    assert "note: --decoder, --pixels: for images with masks alone, and not used" in done.stderr
    assert "not used" not in acrank(*DEMO, *some).stderr


def test_images_of_another_size_than_the_network_s_own(acrank: Acrank) -> None:
    some = (*DEMO, "--model", "demo-mixed", "--format", "csv")

    def row(*options: str) -> dict[str, str]:
        done = acrank(*some, *options)
        assert done.returncode == 0, done.stderr
        assert ("images at 40 pixels for every network" in done.stderr) is bool(options)
        return next(csv.DictReader(io.StringIO(done.stdout)))

    own, smaller = row(), row("--image-size", "40")
    assert (own["input_size"], smaller["input_size"]) == ("3x64x64", "3x40x40")
    assert own["log_me"] != smaller["log_me"]
    assert row()["log_me"] == own["log_me"]  # each size has a kept result of its own


def test_a_network_that_cannot_take_the_size_is_a_failed_row(
    acrank: Acrank, tmp_path: Path, images: Path
) -> None:
    (tmp_path / "nets.py").write_text(
        "from torch import nn\n"
        "def make():\n"
        "    first = nn.Sequential(nn.Conv2d(3, 4, 3, 2, 1), nn.BatchNorm2d(4), nn.ReLU())\n"
        "    return nn.Sequential(first, nn.Flatten(), nn.Linear(4 * 16 * 16, 5))\n"
    )
    zoo = write_zoo(tmp_path, {"name": "rigid", "factory": "nets:make", "input_size": 32})
    call = ("score", "--data", str(images), "--zoo", zoo, "--trust-code", *FAST)
    assert acrank(*call).returncode == 0
    done = acrank(*call, "--image-size", "48", "--format", "csv")
    assert done.returncode == 4
    (found,) = csv.DictReader(io.StringIO(done.stdout))
    assert found["status"] == "failed"
    assert "The network does not take images of 48 pixels" in found["reason"]


def test_interrupting_keeps_what_is_done(tmp_path: Path, images: Path) -> None:
    entry = save_network(tmp_path, **SMALL)
    (tmp_path / "slow.py").write_text(
        "import time\ndef make():\n    print('loading', flush=True)\n    time.sleep(120)\n"
    )
    slow = {"name": "slow", "factory": "slow:make", "input_size": 32}
    zoo = write_zoo(tmp_path, entry, slow, {**entry, "name": "never"})
    arguments = ["score", "--data", str(images), "--zoo", zoo, "--trust-code", *FAST]
    process = subprocess.Popen(
        [sys.executable, "-m", "acrank", *arguments, "--csv", "out.csv"],
        cwd=tmp_path,
        env={**os.environ, "HF_HUB_OFFLINE": "1", "PYTHONPATH": python_path()},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    said = ""
    while "loading" not in said or "resnet18: ok" not in said:  # the next is loaded meanwhile
        said += process.stderr.readline()
        assert process.poll() is None
    time.sleep(0.2)
    process.send_signal(signal.SIGINT)
    stdout, stderr = process.communicate(timeout=60)
    assert process.returncode == 130, stderr
    assert "The run was interrupted" in stdout
    rows = list(csv.DictReader((tmp_path / "out.csv").read_text().splitlines()))
    assert [row["model"] for row in rows] == ["resnet18"]
    assert "Traceback" not in stderr


@pytest.mark.parametrize("name", ["brain_tumor_mri", "sign_digits", "magnetic_tile"])
def test_real_images(acrank: Acrank, shared: Path, name: str) -> None:
    folder = shared / "data" / name
    done = acrank("score", "--data", str(folder), "--zoo", "demo", "--model", "demo-c*", *FAST)
    assert done.returncode == 0, done.stderr
    assert "demo-cifar10" in done.stdout
