"""What scoring a candidate costs where pixels have labels, against bare passes of a segmenter.

For each candidate, in one process and in turns, on the same decoded batches: (a) forward and
backward to every parameter of the backbone and a fresh decoder, once over the batches, as training
does; (b) what ``acrank score`` does with a loaded backbone: its passes and metrics. Seconds of the
processor, on one thread, the median over rounds. ``benchmarks`` has to be on the PYTHONPATH.

    python benchmarks/segmentation/mask_cost.py --data DATA --zoo ZOO --csv FILE
"""

from __future__ import annotations

import argparse
import csv
import gc
import math
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import process
import torch

from acrank.config import RunConfig, make_config
from acrank.data import AnySample, Preprocessing
from acrank.data.volumes import VolumeSample
from acrank.runners.callbacks import Callback
from acrank.runners.rank import choose_entries, prepare_run
from acrank.scoring.score import score_backbone
from acrank.tasks.registry import TASKS
from acrank.zoo import Backbone, Hub, ZooEntry, load_backbone

CPU = torch.device("cpu")
# What is computed unless something else is asked for, and all that is defined for pixels.
METRICS = {"usual": ("log_me", "ac_corr"), "all": ("all",)}


def main() -> None:
    """Measure every candidate and add the rows to the file."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", required=True)
    parser.add_argument("--zoo", required=True)
    parser.add_argument("--model", action="append", default=[])
    parser.add_argument("--csv", type=Path, required=True)
    parser.add_argument("--samples", type=int, default=16)
    parser.add_argument("--image-size", type=int)
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    settings = {
        "data": arguments.data,
        "zoo": arguments.zoo,
        "models": tuple(arguments.model),
        "samples": arguments.samples,
        "trust_code": True,
        "image_size": arguments.image_size,
    }
    config = make_config({k: v for k, v in settings.items() if v is not None})
    rows = measure(config, arguments.rounds)
    new = not arguments.csv.exists()
    with arguments.csv.open("a", newline="") as stream:
        writer = csv.DictWriter(stream, rows[0], lineterminator="\n")
        if new:
            writer.writeheader()
        writer.writerows(rows)


def measure(config: RunConfig, rounds: int) -> list[dict[str, Any]]:
    """A row a candidate."""
    entries = choose_entries(config)
    work = prepare_run(config, entries, Callback()).context
    machine = f"{process.processor()}; torch {torch.__version__}"
    rows: list[dict[str, Any]] = []
    for entry in entries:
        row = compare(entry, work.sample, work.config, rounds)
        print(entry.name, row, flush=True)
        named = {"data": Path(config.data).name, "model": entry.name}
        rows.append({**named, **row, "images": len(work.sample), "machine": machine})
    for name in METRICS:
        mean = math.exp(statistics.mean(math.log(row[f"ratio_{name}"]) for row in rows))
        print(f"{name}: geometric mean of the ratios {mean:.2f}", flush=True)
    return rows


def compare(entry: ZooEntry, sample: AnySample, config: RunConfig, rounds: int) -> dict[str, float]:
    """Measure one candidate in turns; the first round warms up."""
    times: dict[str, list[float]] = {name: [] for name in ("bare", *METRICS)}
    for _ in range(rounds + 1):
        times["bare"].append(seconds_of(bare_passes, load(entry), sample, config))
        for name, metrics in METRICS.items():
            asked = config.model_copy(update={"metrics": metrics, "rank_by": "log_me"})
            times[name].append(seconds_of(score, load(entry), sample, asked))
    median = {name: statistics.median(values[1:]) for name, values in times.items()}
    return {
        **{f"{name}_s": round(value, 3) for name, value in median.items()},
        **{f"ratio_{name}": round(median[name] / median["bare"], 3) for name in METRICS},
    }


def load(entry: ZooEntry) -> Backbone:
    """A fresh backbone: scoring changes it."""
    return load_backbone(entry, trust_code=True, hub=Hub(offline=True))


def bare_passes(backbone: Backbone, sample: AnySample, config: RunConfig) -> None:
    """Forward and backward to every parameter, once over the batches."""
    preprocessing = Preprocessing.from_config(backbone.data_config)
    task = TASKS[sample.task].readout(config, sample)
    task.prepare(backbone.model, preprocessing)
    if not isinstance(sample, VolumeSample):
        backbone.model.to(memory_format=torch.channels_last)
    head = None
    for index in range(len(sample.batches)):
        images, labels = sample.batch(index, preprocessing, device=CPU)
        features = task.features(backbone.model.train(), images, None)
        head = head or task.head(features, len(sample.classes), 0, 0)
        task.loss(head(features), labels).backward()  # type: ignore[no-untyped-call]


def score(backbone: Backbone, sample: AnySample, config: RunConfig) -> None:
    """What acrank does with a loaded backbone."""
    score_backbone(backbone, sample, config, CPU)


def seconds_of(
    work: Callable[[Backbone, AnySample, RunConfig], None],
    backbone: Backbone,
    sample: AnySample,
    config: RunConfig,
) -> float:
    """Seconds of the processor."""
    gc.collect()
    begun = time.process_time()
    work(backbone, sample, config)
    return time.process_time() - begun


if __name__ == "__main__":
    main()
