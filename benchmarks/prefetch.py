"""Downloads beside probes: a zoo on a slow stand-in for the hub, against the sum of both.

python benchmarks/prefetch.py --csv benchmarks/prefetch.csv
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import sys
import tempfile
from pathlib import Path

import timm
import torch
import yaml
from probe_cost import machine, with_random_affines
from safetensors.torch import save
from watch import watch

sys.path.insert(0, str(Path(__file__).parents[1]))
from tests.zoo.standin import StandIn

MODELS = 8
DELAY = 4.0
SIZE = 96
COLUMNS = (
    *("engine", "downloads_s", "cached_s", "sum_s", "wall_s", "hidden_share"),
    *("models", "threads", "machine"),
)


def main() -> None:
    """Time the run with a warm cache and with an empty one, in process and with a worker."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--csv", type=Path, required=True)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    arguments = parser.parse_args()
    hub = StandIn()
    hub.start()
    models = [_publish(hub, number) for number in range(MODELS)]
    with tempfile.TemporaryDirectory() as folder, arguments.csv.open("w", newline="") as file:
        zoo = Path(folder) / "zoo.yaml"
        zoo.write_text(yaml.safe_dump({"version": 1, "models": models}))
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(COLUMNS)
        for engine, options in {"in process": (), "--jobs 1": ("--jobs", "1")}.items():
            command = [sys.executable, "-m", "acrank", "score", "--data", "demo", "--fresh"]
            command += ["--zoo", str(zoo), "--threads", str(arguments.threads)]
            command += ["--samples", "256", "--precision", "fp32", "--format", "csv", *options]
            env = {**os.environ, "HF_ENDPOINT": hub.endpoint, "ACRANK_CACHE": folder}
            hub.delay = DELAY
            cold = watch(command, {**env, "HF_HUB_CACHE": f"{folder}/{engine}"}).seconds
            hub.delay = 0.0
            warm = watch(command, {**env, "HF_HUB_CACHE": f"{folder}/{engine}"}).seconds
            # a repository has two files: weights and description
            downloads = 2 * DELAY * MODELS
            hidden = (downloads + warm - cold) / min(downloads, warm)
            times = [round(value, 1) for value in (downloads, warm, downloads + warm, cold)]
            row = [engine, *times, round(hidden, 2), MODELS, arguments.threads, machine()]
            writer.writerow(row)
            print(*row, flush=True)
    hub.stop()


def _publish(hub: StandIn, number: int) -> str:
    """A small network of its own on the stand-in; returns its zoo entry."""
    torch.manual_seed(number)
    weights = save(with_random_affines(timm.create_model("resnet18", num_classes=10)).state_dict())
    described = {"input_size": [3, SIZE, SIZE], "num_classes": 10, "classifier": "fc"}
    config = {"architecture": "resnet18", "num_classes": 10, "pretrained_cfg": described}
    files = {"model.safetensors": weights, "config.json": json.dumps(config).encode()}
    hub.add(f"org/net-{number}", files)
    return f"hf-hub:org/net-{number}"


if __name__ == "__main__":
    main()
