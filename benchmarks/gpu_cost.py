"""Time runs on a GPU, and compare their scores with a CPU's; end at once without a GPU.

Prepared for a machine that is lent for a quarter of an hour: networks of timm with random weights,
256 made images, in two parts.

1. ``agree``: a few networks on the CPU in fp32 and on the GPU in fp32, TF32 and bf16: differences
   of LogME and of AC-Corr.
2. ``cost``: seconds a network of loading and of scoring, in turns: as acrank does it; without
   channels-last; with TF32; with bf16; with images in pinned memory and copied asynchronously.

    python benchmarks/gpu_cost.py --csv benchmarks/gpu_cost.csv
    python benchmarks/gpu_cost.py --csv FILE --images 64 --seconds 240 --networks 12
"""

from __future__ import annotations

import argparse
import copy
import csv
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from functools import partial
from pathlib import Path
from typing import Any
from unittest.mock import patch

import timm
import torch
from forward_worker import PLAIN, made_sample
from probe_cost import ZOO, machine, with_random_affines
from torch import nn

from acrank.config import RunConfig
from acrank.data import Preprocessing
from acrank.data.preprocess import normalise
from acrank.data.sample import Sample
from acrank.results import ModelResult
from acrank.scoring import score as scoring
from acrank.utils.device import reproducible
from acrank.zoo import Backbone, ZooEntry
from acrank.zoo.description import entry_info

NAMES = (
    *ZOO,
    *("resnet101", "resnet152", "resnext50_32x4d", "wide_resnet50_2", "resnet50d", "resnetv2_50"),
    *("densenet169", "densenet201", "efficientnet_b1", "efficientnet_b2", "efficientnet_b3"),
    *("mobilenetv3_small_100", "mnasnet_100", "regnetx_008", "regnetx_032", "regnety_032"),
    *("convnext_tiny", "convnext_small", "vit_small_patch16_224", "vit_base_patch16_224"),
    *("swin_tiny_patch4_window7_224", "deit_small_patch16_224", "inception_v3", "xception41"),
    *("dpn68", "hrnet_w18", "res2net50_26w_4s", "seresnext50_32x4d", "vgg16_bn", "resnest26d"),
)
AGREED = ("resnet18", "mobilenetv3_large_100", "densenet121")
WAYS = ("fp32", "no channels-last", "tf32", "bf16", "pinned")
COLUMNS = ("part", "way", "model", "value", "seconds", "load_s", "images", "machine")


def main() -> None:
    """Measure both parts, a row at a time, until the time is over."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--csv", type=Path, required=True)
    parser.add_argument("--images", type=int, default=256)
    parser.add_argument("--networks", type=int, default=len(NAMES))
    parser.add_argument("--seconds", type=float, default=480.0, help="when to start no more")
    arguments = parser.parse_args()
    if not torch.cuda.is_available():
        print("There is no GPU here: nothing was measured.")
        return
    sample = made_sample(arguments.images, min(32, arguments.images))
    sample.pixels(Preprocessing.from_config(PLAIN))
    ends = time.perf_counter() + arguments.seconds
    with arguments.csv.open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(COLUMNS)
        for row in (*agree(sample), *cost(sample, NAMES[: arguments.networks], ends)):
            writer.writerow([*row, len(sample), machine()])
            file.flush()
            print(*row, flush=True)


def agree(sample: Sample) -> Iterator[tuple[Any, ...]]:
    """Yield the differences of scores between the CPU in fp32 and the GPU."""
    for name in AGREED:
        network = made_network(name)
        truth, took = scored(network, sample, torch.device("cpu"), "fp32")
        yield "agree", "cpu", name, "", round(took, 2), ""
        for way in ("fp32", "tf32", "bf16"):
            found, took = scored(network, sample, torch.device("cuda"), way)
            for metric in ("log_me", "ac_corr"):
                apart = abs(found.value(metric) - truth.value(metric))
                yield "agree", f"{way} {metric}", name, f"{apart:.3g}", round(took, 3), ""


def cost(sample: Sample, names: tuple[str, ...], ends: float) -> Iterator[tuple[Any, ...]]:
    """Yield seconds of loading and of scoring a network in each way."""
    cuda = torch.device("cuda")
    scored(made_network(names[0]), sample, cuda, "fp32")  # warms up
    for name in names:
        if time.perf_counter() > ends:
            return
        begun = time.perf_counter()
        network = made_network(name)
        loading = time.perf_counter() - begun
        for way in WAYS:
            _, took = scored(network, sample, cuda, way)
            yield "cost", way, name, "", round(took, 4), round(loading, 3)


def made_network(name: str) -> nn.Module:
    """A network without a head, with random weights and affines that are not tied."""
    torch.manual_seed(0)
    return with_random_affines(timm.create_model(name, num_classes=0)).eval()


def scored(
    network: nn.Module, sample: Sample, device: torch.device, way: str
) -> tuple[ModelResult, float]:
    """Score a copy of a network in one of the ways; returns the seconds too."""
    own = copy.deepcopy(network)
    entry = ZooEntry(name="made", arch="resnet18", weights="none")
    backbone = Backbone(entry, own, PLAIN, entry_info(entry, own, revision=None, cached=True))
    config = RunConfig(data="made", samples=len(sample))
    dtype = torch.bfloat16 if way == "bf16" else None
    with reproducible(device), _in_way(way):
        _settle(device)
        begun = time.perf_counter()
        result = scoring.score_backbone(backbone, sample, config, device, dtype)
        _settle(device)
        return result, time.perf_counter() - begun


def _settle(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize()


def _in_way(way: str) -> AbstractContextManager[None]:
    """The setting of a way; those of precision alone need none."""
    ways: dict[str, Callable[[], AbstractContextManager[None]]] = {
        "tf32": _tf32,
        "pinned": _pinned,
        "no channels-last": _default_layout,
    }
    return ways.get(way, nullcontext)()


@contextmanager
def _tf32() -> Iterator[None]:
    before = torch.backends.cudnn.allow_tf32, torch.backends.cuda.matmul.allow_tf32
    torch.backends.cudnn.allow_tf32 = torch.backends.cuda.matmul.allow_tf32 = True
    try:
        yield
    finally:
        torch.backends.cudnn.allow_tf32, torch.backends.cuda.matmul.allow_tf32 = before


@contextmanager
def _default_layout() -> Iterator[None]:
    """Undo channels-last where the network is called."""
    with ExitStack() as stack:
        for name in ("extract", "probe_model"):
            place = f"acrank.scoring.score.{name}"
            stack.enter_context(patch(place, partial(_in_default_layout, getattr(scoring, name))))
        yield


def _in_default_layout(call: Callable[..., Any], model: nn.Module, *rest: Any, **named: Any) -> Any:
    model.to(memory_format=torch.contiguous_format)
    return call(model, *rest, **named)


@contextmanager
def _pinned() -> Iterator[None]:
    """Copy images out of pinned memory, without waiting for them."""

    def moved(pixels: torch.Tensor, *rest: Any, device: Any, **named: Any) -> torch.Tensor:
        copied = pixels.pin_memory().to(device, non_blocking=True)
        return normalise(copied, *rest, device=device, **named)

    with patch("acrank.data.sample.normalise", moved):
        yield


if __name__ == "__main__":
    main()
