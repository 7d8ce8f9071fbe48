"""Time single parts of a run when told to: a process of one checkout of acrank (see forward_cost).

Reads lines of JSON ``{"model", "part", "precision"}`` from stdin, and answers with the seconds.
Parts: ``bare`` (a PyTorch forward pass in eval mode, fp32, default layout), ``features`` (features,
LogME with its interval), ``default`` (a default run: AC-Corr too), and ``where``, the seconds of
each stage of a default run.
"""

from __future__ import annotations

import argparse
import copy
import functools
import gc
import json
import sys
import time
from collections import defaultdict
from collections.abc import Callable
from typing import Any

import numpy as np
import timm
import torch
from probe_cost import with_random_affines

from acrank.config import RunConfig
from acrank.data import Preprocessing
from acrank.data.sample import Sample
from acrank.metrics.affine import AffineTrials
from acrank.scoring import extract as extraction
from acrank.scoring import score as scoring
from acrank.scoring import single_step
from acrank.zoo import Backbone, ZooEntry
from acrank.zoo.description import entry_info

SIDE = 224
CLASSES = 4
CPU = torch.device("cpu")
PLAIN = {
    "input_size": (3, SIDE, SIDE),
    "interpolation": "bicubic",
    "crop_pct": 1.0,
    "crop_mode": "center",
    "mean": (0.485, 0.456, 0.406),
    "std": (0.229, 0.224, 0.225),
}


class Runs:
    """The timed passes of one network, on one sample that is decoded and resized already."""

    def __init__(self, name: str, images: int, batch_size: int) -> None:
        torch.manual_seed(0)
        self.network = with_random_affines(timm.create_model(name, num_classes=0)).eval()
        self.config = RunConfig(data="made", samples=images, batch_size=batch_size)
        self.sample = made_sample(images, batch_size)
        self.preprocessing = Preprocessing.from_config(PLAIN)
        self.sample.pixels(self.preprocessing)
        count = len(self.sample.batches)
        self.tensors = [self._batch(index)[0].contiguous() for index in range(count)]

    def _batch(self, index: int) -> tuple[torch.Tensor, torch.Tensor]:
        return self.sample.batch(index, self.preprocessing, device=CPU)

    def bare(self, dtype: torch.dtype | None) -> Callable[[], object]:
        """A user's own loop: in fp32 whatever the precision of the run is."""
        network = copy.deepcopy(self.network)

        def work() -> None:
            with torch.no_grad():
                for images in self.tensors:
                    network(images)

        return work

    def features(self, dtype: torch.dtype | None) -> Callable[[], object]:
        """Features, LogME and its interval."""
        network = copy.deepcopy(self.network).to(memory_format=torch.channels_last)
        count = len(self.sample.batches)

        def work() -> None:
            found = scoring.Scores()
            extracted = extraction.extract(network, None, self._batch, count, dtype)
            scoring.add_feature_scores(found, extracted, ("log_me",), self.config)

        return work

    def default(self, dtype: torch.dtype | None) -> Callable[[], object]:
        """All that a run does with a loaded network."""
        network = copy.deepcopy(self.network)
        entry = ZooEntry(name="made", arch="resnet18", weights="none")
        info = entry_info(entry, network, revision=None, cached=True)
        self.backbone = Backbone(entry, network, PLAIN, info)

        def work() -> None:
            result = scoring.score_backbone(self.backbone, self.sample, self.config, CPU, dtype)
            assert {"log_me", "ac_corr"} <= set(result.scores), result.undefined

        return work

    def where(self, dtype: torch.dtype | None) -> dict[str, float]:
        """Seconds of the stages of a default run; what is in none of them is ``other``."""
        spent: dict[str, float] = defaultdict(float)
        undo = [timed(spent, *place) for place in STAGES]
        work = self.default(dtype)
        given = self.backbone.model.forward
        self.backbone.model.forward = functools.partial(_told_by_mode, spent, given)
        whole = seconds(work)
        for put_back in undo:
            put_back()
        return {**spent, "other": whole - sum(spent.values())}


def _told_by_mode(
    spent: dict[str, float], forward: Callable[..., Any], images: torch.Tensor
) -> Any:
    """Count a forward pass as one of a step where it keeps gradients, else as one of features."""
    begun = time.perf_counter()
    given = forward(images)
    took = time.perf_counter() - begun
    if torch.is_grad_enabled():
        spent["step, forward"] += took
    elif len(images) > 1:  # of one image folding is seen and checked
        spent["features"] += took
    return given


# Stages by where their function is looked up.
STAGES: list[tuple[str, Any, str]] = [
    ("preparing images", Sample, "batch"),
    ("folding", sys.modules.get("acrank.scoring.folding"), "_fold_all"),
    ("LogME, interval", scoring, "add_feature_scores"),
    ("step, backward", torch.autograd, "grad"),
    ("AC-Corr", AffineTrials, "correlations_after"),
    ("AC-Corr", single_step._Start, "__init__"),
    ("AC-Corr", single_step._Start, "step"),
]


def timed(spent: dict[str, float], stage: str, place: Any, name: str) -> Callable[[], None]:
    """Count the seconds of a function from now on; returns what ends that."""
    given = getattr(place, name)

    @functools.wraps(given)
    def call(*args: Any, **kwargs: Any) -> Any:
        begun = time.perf_counter()
        try:
            return given(*args, **kwargs)
        finally:
            spent[stage] += time.perf_counter() - begun

    setattr(place, name, call)
    return lambda: setattr(place, name, given)


def made_sample(images: int, batch_size: int) -> Sample:
    """Noise in four classes, in the order and the batches of a drawn sample."""
    pixels = np.random.default_rng(0).integers(0, 256, (images, SIDE, SIDE, 3), dtype=np.uint8)
    count = max(1, images // batch_size)
    return Sample(
        classes=tuple(map(str, range(CLASSES))),
        keys=tuple(f"{number:04d}" for number in range(images)),
        labels=np.arange(images, dtype=np.int64) * CLASSES // images,
        images=list(pixels),
        batches=tuple(np.arange(start, images, count, dtype=np.int64) for start in range(count)),
    )


def seconds(work: Callable[[], object]) -> float:
    """Seconds of some work."""
    gc.collect()
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun


def main() -> None:
    """Answer until stdin ends."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=int, required=True)
    parser.add_argument("--batch-size", type=int, required=True)
    parser.add_argument("--threads", type=int, required=True)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    runs: dict[str, Runs] = {}
    for line in sys.stdin:
        asked = json.loads(line)
        if asked["model"] not in runs:
            runs = {asked["model"]: Runs(asked["model"], arguments.images, arguments.batch_size)}
        own = runs[asked["model"]]
        dtype = torch.bfloat16 if asked["precision"] == "bf16" else None
        part = asked["part"]
        if part == "where":
            answer: Any = own.where(dtype)
        else:
            answer = seconds(getattr(own, part)(dtype))
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
