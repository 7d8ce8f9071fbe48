"""What a probe costs, against a bare PyTorch forward and full backward on the same tensors.

For each network, in one process and in turns: (a) forward in training mode, cross-entropy, backward
to every parameter, as PyTorch does by default; (b) acrank's probe and AC-Corr, without loading and
decoding. With ``--whole`` instead a whole ``acrank score`` over ten networks with random weights,
against the sum of such runs of each alone. Time is the median over rounds, memory the peak of the
process above what it held before.

    python benchmarks/probe_cost.py --csv benchmarks/probe_cost.csv
    python benchmarks/probe_cost.py --whole --data FOLDER --csv benchmarks/score_overhead.csv
"""

from __future__ import annotations

import argparse
import copy
import csv
import gc
import math
import platform
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import process
import timm
import torch
import yaml
from safetensors.torch import save_file
from timm.data.config import resolve_model_data_config
from torch import Tensor, nn
from torch.nn import functional as F

from acrank.config import RunConfig
from acrank.data import Preprocessing, draw_sample, open_target
from acrank.metrics.affine import AffineTrials, ac_corr
from acrank.scoring.probe import probe_model
from acrank.scoring.score import score_backbone
from acrank.scoring.types import ProbeSettings
from acrank.zoo import Backbone, ZooEntry
from acrank.zoo.description import entry_info

MODELS = ("resnet18", "resnet50", "mobilenetv3_large_100", "efficientnet_b0", "densenet121")
ZOO = (
    *MODELS,
    *("resnet34", "regnety_016", "mobilenetv2_100", "ghostnet_100", "seresnet50"),
)
CLASSES = 4


def main() -> None:
    """Parse the arguments and run one of the two measurements."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--csv", type=Path, required=True)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--batch-size", type=int, default=32)
    parser.add_argument("--batches", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--precision", nargs="+", default=["fp32", "bf16"])
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--whole", action="store_true")
    parser.add_argument("--data", default="demo")
    parser.add_argument("--samples", type=int, default=256)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    rows = whole_run(arguments) if arguments.whole else list(probe_costs(arguments))
    for row in rows:
        row.update(device=arguments.device, threads=arguments.threads, machine=machine())
    with arguments.csv.open("w", newline="") as stream:
        writer = csv.DictWriter(stream, rows[0], lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def probe_costs(arguments: argparse.Namespace) -> Iterable[dict[str, Any]]:
    """One row a network and precision, and the geometric mean of the ratios."""
    device = torch.device(arguments.device)
    images = torch.randn(arguments.batches, arguments.batch_size, 3, 224, 224, device=device)
    labels = torch.arange(arguments.batch_size, device=device) % CLASSES
    for precision in arguments.precision:
        dtype = torch.bfloat16 if precision == "bf16" else None
        ratios = []
        for name in MODELS:
            row = compare(name, images, labels, dtype, arguments.rounds)
            ratios.append(row["time_ratio"])
            print(precision, row, flush=True)
            yield {"model": name, "precision": precision, **row}
        mean = math.exp(statistics.mean(map(math.log, ratios)))
        print(precision, f"geometric mean of the time ratios: {mean:.3f}", flush=True)


def compare(
    name: str, images: Tensor, labels: Tensor, dtype: torch.dtype | None, rounds: int
) -> dict[str, float]:
    """Measure (a) and (b) of one network in turns."""
    bare = timm.create_model(name, num_classes=CLASSES).to(images.device)
    backbone = timm.create_model(name, num_classes=0).to(images.device)
    times: dict[str, list[float]] = {"a": [], "b": []}
    memory: dict[str, float] = {}
    for turn in range(rounds + 2):
        works = {
            "a": partial(bare_pass, copy.deepcopy(bare), images, labels),
            "b": partial(probe, channels_last(copy.deepcopy(backbone)), images, labels, dtype),
        }
        for key in list(works):
            # Two more rounds: the first warms up, the last is for memory alone.
            if turn <= rounds:
                times[key].append(measure_time(works.pop(key), images.device))
            else:
                memory[key] = measure_peak(works.pop(key), images.device)
    time_of = {key: statistics.median(values[1:]) for key, values in times.items()}
    return {
        "bare_s": round(time_of["a"], 4),
        "probe_s": round(time_of["b"], 4),
        "time_ratio": round(time_of["b"] / time_of["a"], 4),
        "bare_peak_mib": round(memory["a"], 1),
        "probe_peak_mib": round(memory["b"], 1),
        "memory_ratio": round(memory["b"] / memory["a"], 4),
    }


def bare_pass(model: nn.Module, images: Tensor, labels: Tensor) -> None:
    """Forward and backward to every parameter, in the default layout and precision."""
    model.train()
    for batch in images:
        model.zero_grad(set_to_none=True)
        F.cross_entropy(model(batch), labels).backward()  # type: ignore[no-untyped-call]


def probe(model: nn.Module, images: Tensor, labels: Tensor, dtype: torch.dtype | None) -> None:
    """What acrank does with a loaded model and decoded images."""

    def batch(index: int) -> tuple[Tensor, Tensor]:
        return images[index].contiguous(memory_format=torch.channels_last), labels

    settings = ProbeSettings(autocast=dtype)
    ac_corr(AffineTrials(probe_model(model, batch, len(images), CLASSES, settings)))


def measure_time(work: Callable[[], None], device: torch.device) -> float:
    """Seconds of some work."""
    gc.collect()
    begun = time.perf_counter()
    work()
    if device.type == "cuda":
        torch.cuda.synchronize()
    return time.perf_counter() - begun


def measure_peak(work: Callable[[], None], device: torch.device) -> float:
    """The peak of memory during some work, above its start, in MiB."""
    gc.collect()
    start = reset_peak(device)
    work()
    return (read_peak(device) - start) / 2**20


def channels_last(model: nn.Module) -> nn.Module:
    """The layout that acrank gives every network when it loads it."""
    return model.to(memory_format=torch.channels_last)


def reset_peak(device: torch.device) -> int:
    """Forget the peak so far; returns the bytes held now."""
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats()
        return torch.cuda.memory_allocated()
    return process.reset_peak()


def read_peak(device: torch.device) -> int:
    """The peak since the last reset, in bytes."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated()
    return process.status("VmHWM")


def whole_run(arguments: argparse.Namespace) -> list[dict[str, Any]]:
    """A whole ``acrank score`` over ten networks, and its parts alone on the same images.

    ``first_s`` is when the first network began to be loaded, counted from the start of the command.
    """
    rows: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory() as folder:
        zoo = save_zoo(Path(folder))
        command = [sys.executable, "-m", "acrank", "score", "--data", arguments.data, "--fresh"]
        command += ["--zoo", str(zoo), "--precision", "fp32", "--threads", str(arguments.threads)]
        command += ["--samples", str(arguments.samples)]
        for _ in range(arguments.rounds):
            parts = {name: run_alone(name, arguments.data, arguments.samples) for name in ZOO}
            whole, first = timed_command(command)
            total = sum(parts.values())
            print(f"whole {whole:.1f} s, parts {total:.1f} s, {whole / total:.3f}", flush=True)
            row = {"whole_s": round(whole, 2), "parts_s": round(total, 2)}
            row |= {"first_s": round(first, 2), "ratio": round(whole / total, 4)}
            rows.append({**row, **{f"{name}_s": round(took, 2) for name, took in parts.items()}})
    return rows


def timed_command(command: Sequence[str]) -> tuple[float, float]:
    """Seconds of a run, and those before its first network, as its progress tells."""
    begun = time.perf_counter()
    first = math.nan
    running = subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    )
    assert running.stderr is not None
    for line in running.stderr:
        told = re.match(r"\[1/\d+\] .* \(([\d.]+) s\)", line)
        if told:
            first = time.perf_counter() - begun - float(told[1])
    if running.wait():
        raise RuntimeError(f"{' '.join(command)} ended with {running.returncode}")
    return time.perf_counter() - begun, first


def save_zoo(folder: Path, names: Sequence[str] = ZOO) -> Path:
    """Some timm architectures with random weights (and affines that are not tied) as a zoo file."""
    entries = []
    for name in names:
        file = folder / f"{name}.safetensors"
        save_file(with_random_affines(timm.create_model(name)).state_dict(), file)
        entries.append({"name": name, "arch": name, "weights": file.name})
    zoo = folder / "zoo.yaml"
    zoo.write_text(yaml.safe_dump({"version": 1, "models": entries}))
    return zoo


def run_alone(name: str, data: str, samples: int) -> float:
    """Seconds of a default run of one network, without loading, decoding and resizing."""
    config = RunConfig(data=data, samples=samples)
    sample = draw_sample(open_target(data), config.samples, config.batch_size, config.seed)
    model = with_random_affines(timm.create_model(name, num_classes=0)).eval()
    entry = ZooEntry(name=name, arch=name, weights="none")
    described = resolve_model_data_config(model)  # type: ignore[no-untyped-call]
    info = entry_info(entry, model, revision=None, cached=True)
    backbone = Backbone(entry, model, described, info)
    sample.pixels(Preprocessing.from_config(described))
    begun = time.perf_counter()
    score_backbone(backbone, sample, config, torch.device("cpu"))
    return time.perf_counter() - begun


def with_random_affines(model: nn.Module) -> nn.Module:
    """Untrained affines are tied and would not be scored."""
    generator = torch.Generator().manual_seed(0)
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            with torch.no_grad():
                module.weight.uniform_(0.5, 1.5, generator=generator)
                module.bias.normal_(0, 0.3, generator=generator)
    return model


def machine() -> str:
    """The processor, and the versions that matter."""
    name = process.processor()
    if torch.cuda.is_available():
        name += f", {torch.cuda.get_device_name()}"
    return f"{name}; Python {platform.python_version()}; torch {torch.__version__}"


if __name__ == "__main__":
    main()
