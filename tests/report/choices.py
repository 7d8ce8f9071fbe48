"""Choices to draw and to write, made up: eight models, fourteen arms, three rungs."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from acrank.finetuning.loop import LogRow
from acrank.finetuning.result import Finetuned
from acrank.metrics.estimate import Estimate
from acrank.race.result import Arm, Choice, Judged, Lap, Rung, Standing
from acrank.ranking import rank_results
from acrank.results import ModelResult, Ranking
from tests.report.rankings import record

# Of the look: parameters in millions and licence.
MODELS: dict[str, tuple[float, str | None]] = {
    "tf_efficientnet_lite0.in1k": (4.7, "apache-2.0"),
    "convnext_tiny.fb_in22k_ft_in1k": (28.6, "mit"),
    "resnet18.a1_in1k": (11.7, "apache-2.0"),
    "mobilenetv3_small_100.lamb_in1k": (2.5, "apache-2.0"),
    "vit_small_patch16_224.augreg_in21k_ft_in1k": (22.1, None),
    "regnety_032.ra_in1k": (19.4, "cc-by-nc-4.0"),
    "densenet121.ra_in1k": (8.0, "apache-2.0"),
    "resnet50.a1_in1k": (25.6, "apache-2.0"),
}
LITE, TINY, R18, SMALL, VIT, REGNET, DENSE, R50 = MODELS
# They do not race.
OTHERS = tuple(f"other_{number}" for number in range(1, 7))
RUNGS = (Rung(1, 2, 96, resumed=False), Rung(2, 5, 96, resumed=True), Rung(3, 8, None, False))
# An arm, its status and reason, and its measure by rung.
ARMS: tuple[tuple[Arm, str, str, tuple[float | None, ...]], ...] = (
    (Arm(LITE, "full", 0.01), "chosen", "the fastest of 3 that are alike", (0.81, 0.88, 0.925)),
    (Arm(TINY, "full", 0.003), "raced", "", (0.84, 0.9, 0.93)),
    (Arm(R18, "full", 0.01), "raced", "", (0.8, 0.87, 0.91)),
    (Arm(LITE, "bn-only", 0.03), "raced", "", (0.78, 0.85, 0.88)),
    (Arm(TINY, "head", 0.1), "out", "behind in rung 2", (0.79, 0.83)),
    (Arm(DENSE, "full", 0.01), "out", "behind in rung 2", (0.78, 0.82)),
    (Arm(R18, "bn-only", 0.03), "out", "behind in rung 2", (0.76, 0.8)),
    (Arm(REGNET, "full", 0.01), "out", "behind in rung 1", (0.72,)),
    (Arm(LITE, "head", 0.1), "out", "behind in rung 1", (0.7,)),
    (Arm(R18, "head", 0.1), "out", "behind in rung 1", (0.66,)),
    (Arm(SMALL, "full", 0.01), "out", "behind in rung 1", (0.61,)),
    (Arm(SMALL, "ac-norm", 0.01), "failed", "it diverged in epoch 2 at lr 0.01", (None,)),
    (Arm(VIT, "full", 0.001), "skipped", "no time for it: it would take 12 min", ()),
    (Arm(R50, "full", 0.01), "failed", "its weights cannot be read: truncated file", (None,)),
)


def _lap(rung: Rung, value: float | None) -> Lap:
    if value is None:
        return Lap(rung.number, None, seconds=4.0)
    epochs = 3 if rung.resumed else rung.epochs
    curve = tuple(round(value - 0.03 * (epochs - epoch), 4) for epoch in range(1, epochs + 1))
    size = (rung.image_size or 224,) * 2
    around = (value - 0.005, value - 0.04, value + 0.03)
    return Lap(rung.number, value, *around, 20.0 * rung.number, curve, size)


def _standing(index: int) -> Standing:
    arm, status, reason, values = ARMS[index]
    params, licence = MODELS[arm.model]
    laps = tuple(_lap(rung, value) for rung, value in zip(RUNGS, values, strict=False))
    raced = bool(values) and values[-1] is not None
    expected = round((values[-1] or 0.0) - 0.005, 4) if raced else None
    behind = round(100 * (0.92 - expected), 2) if expected is not None else None
    places = (2, 1, *range(3, 12))
    return Standing(
        arm,
        status,  # type: ignore[arg-type]
        reason,
        places[index] if raced else None,
        laps,
        expected,
        (0.36, 0.41, 0.17, 0.03)[index] if index < 4 else 0.03 / 7 if raced else None,
        behind,
        None if behind is None else round(behind - 2.2, 2),
        None if behind is None else round(behind + 2.4, 2),
        alike=index in (0, 1, 2),
        seconds=sum(lap.seconds for lap in laps),
        full_seconds=12.0 * params**0.5 * (1 if arm.method == "full" else 0.6),
        params=int(params * 1e6),
        license=licence,
        entered="largest" if arm.model == TINY else f"rank {list(MODELS).index(arm.model) + 1}",
    )


def look() -> Ranking:
    """Rank the models of the race, six others, and one that failed."""
    results = [
        ModelResult(
            name,
            "ok",
            scores={"log_me": Estimate(1.0 - 0.05 * place), "ac_corr": Estimate(0.5)},
            params=int(MODELS.get(name, (9.0, ""))[0] * 1e6),
            license=MODELS.get(name, (9.0, "mit"))[1],
            revision="abc",
            input_size=(3, 224, 224),
            seconds=2.0,
        )
        for place, name in enumerate([*MODELS, *OTHERS])
    ]
    failed = ModelResult.failed("gone", "no such file")
    metrics = ("ac_corr", "log_me")
    return rank_results([*results, failed], "log_me", 0, metrics=metrics, record=record())


def finetuned(folder: Path, task: str = "classification") -> Finetuned:
    """Make the result of a fine-tuning; classes and counts are written where there is a folder."""
    measures = {"accuracy": 0.93, "balanced_accuracy": 0.925, "macro_f1": 0.92, "auroc": 0.98}
    if folder.is_dir():
        text = "true,glioma,healthy\nglioma,57,3\nhealthy,5,55\n"
        (folder / "confusion.csv").write_text(text, encoding="utf-8")
    log: list[LogRow] = [
        {
            "epoch": epoch,
            "train_loss": 1 / epoch,
            "val_loss": 0.3 + 1 / epoch,
            "val_balanced_accuracy": 0.92 - 0.2 / epoch,
            "val_auroc": 0.98 - 0.1 / epoch,
        }
        for epoch in range(1, 21)
    ]
    about: dict[str, Any] = {
        "identity": "0" * 64,
        "config": {"task": task, "method": "full", "model": LITE},
        "model": {"name": LITE, "source": "timm", "revision": "abc", "license": "apache-2.0"},
        "images": {
            "classes": ["glioma", "healthy"],
            "training": 400,
            "validation": 80,
            "test": 120,
        },
        "lr": 0.01,
        "best_epoch": 18,
        "chosen_by": "balanced_accuracy",
        "stopped": None,
        "diverged": False,
        "notes": [],
        "val": {**measures, "loss": 0.3},
        "test": {**measures, "loss": 0.31},
        "versions": {"torch": "2.5"},
        "log": log,
    }
    return Finetuned(folder, about, tuple(log))


def judged(**changed: Any) -> Judged:
    """Say what the network reaches on the test images."""
    told = ("on 120 test images, which had no part in the choice", "it was 1.2 points better there")
    measures = {"accuracy": 0.93, "balanced_accuracy": 0.925, "macro_f1": 0.92, "auroc": None}
    return replace(Judged("test", 0.93, 0.88, 0.96, 120, 0.012, told, measures), **changed)


def choose_record(**changed: Any) -> dict[str, Any]:
    """Make the record of a choice."""
    about = record()
    about["config"] = {"data": "scans/brain", "budget": 7200.0, **changed}
    return about


def make_choice(folder: Path = Path("chosen"), **changed: Any) -> Choice:
    """Make a choice in which everything is that there can be, unless it is changed."""
    alike = (ARMS[1][0].name, ARMS[2][0].name)
    whole = Choice(
        folder=folder,
        ranking=look(),
        standings=tuple(map(_standing, range(len(ARMS)))),
        rungs=RUNGS,
        measure="accuracy",
        measure_words="accuracy",
        judged=judged(),
        finetuned=finetuned(folder),
        early="",
        alike=alike,
        times={"look": 362.0, "race": 1804.0, "final": 900.5, "judge": 61.0},
        plan=(
            "15 candidates ranked in about 6 min, 8 raced, 1 fine-tuned",
            "the race has 3 rungs: 14 arms, then 7, then 4.",
        ),
        notes=("The budget of 2 h was kept: 52 min were used.",),
        record=choose_record(),
        latency={"thing": "image", "shape": [3, 224, 224], "median_ms": 24.3, "memory_bytes": None},
        exported=({"format": "onnx", "file": "model.onnx", "compared": {"absolute": 2.1e-6}},),
    )
    return replace(whole, **changed)


def edge_cases() -> dict[str, Choice]:
    """Choices in which something that mostly is there is not, or is odd."""
    whole = make_choice()
    chosen = Standing(whole.chosen.arm, "chosen", "there was no time for a race")
    long = Arm("a-name-without-any-gap-that-would-let-it-be-broken-" * 4, "full", 0.01)
    several = tuple(
        replace(whole.standings[9], arm=Arm(LITE, "head", 0.001 * number), place=20 + number)
        for number in range(1, 60)
    )
    return {
        "whole": whole,
        "one arm": make_choice(standings=whole.standings[:1], alike=()),
        "no race": make_choice(standings=(chosen,), rungs=(), alike=()),
        "by folds": make_choice(judged=judged(how="folds", images=480, bias=None, told=())),
        "by validation": make_choice(judged=judged(how="validation", images=80, bias=None)),
        "not judged": make_choice(judged=judged(value=None, low=None, high=None, measures={})),
        "early": make_choice(early="no arm left can be told apart from the best", notes=()),
        "bare": make_choice(latency={}, exported=(), plan=(), notes=(), times={}),
        "many arms": make_choice(standings=(*whole.standings, *several)),
        "long name": make_choice(
            standings=(whole.chosen, replace(whole.standings[1], arm=long), *whole.standings[2:])
        ),
    }
