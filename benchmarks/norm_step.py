"""What AC-Norm adds to a training step, against plain BatchNorm on the same images.

For each network, in one process and in turns whose order rotates, a whole step of training
(forward, cross-entropy, backward, SGD with momentum) with

- ``plain``: the network's own BatchNorm;
- ``ac_norm``: acrank's layer, one normalisation by the mixed affine;
- ``authors``: the same, with running statistics as released;
- ``two_calls``: the definition written out, a C x C matrix and two normalisations added.

Random weights, with affines that are not tied. A row of the CSV is one turn. Ratios are to
``plain`` in the same round.

    python benchmarks/norm_step.py --threads 2 --csv benchmarks/norm_step.csv
    python benchmarks/norm_step.py --models resnet18 --batch-size 32 --size 224 --csv FILE
"""

from __future__ import annotations

import argparse
import copy
import csv
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import timm
import torch
from probe_cost import machine, measure_time, with_random_affines
from torch import Tensor, nn
from torch.nn import functional as F
from torch.optim import SGD

from acrank.norm import convert_batchnorm

MODELS = ("resnet18", "mobilenetv1_100")
CLASSES = 4
WARM_UP = 2
EPS = 1e-5
Work = Callable[[], None]


def main() -> None:
    """Measure every network and write a row a turn."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--csv", type=Path, required=True)
    parser.add_argument("--threads", type=int, required=True, help="of the CPU, as it should be")
    parser.add_argument("--models", nargs="+", default=MODELS)
    parser.add_argument("--batch-size", type=int, default=16)
    parser.add_argument("--size", type=int, default=128, help="of the images, in pixels")
    parser.add_argument("--rounds", type=int, default=15, help=f"after {WARM_UP} to warm up")
    parser.add_argument("--steps", type=int, default=2, help="of training, in a turn")
    parser.add_argument("--channels-last", action="store_true", help="as acrank finetune trains")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    rows = [row for name in arguments.models for row in measure(name, arguments)]
    with arguments.csv.open("w", newline="") as stream:
        writer = csv.DictWriter(stream, rows[0], lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def measure(name: str, arguments: argparse.Namespace) -> list[dict[str, Any]]:
    """The rows of one network; prints what they come to."""
    layout = torch.channels_last if arguments.channels_last else torch.contiguous_format
    batch, size = arguments.batch_size, arguments.size
    images = torch.randn(batch, 3, size, size).contiguous(memory_format=layout)
    labels = torch.arange(batch) % CLASSES
    works = {
        variant: steps(model.to(memory_format=layout), images, labels, arguments.steps)
        for variant, model in variants(name)
    }
    about = {"model": name, "batch_size": batch, "size": size}
    about |= {"channels_last": arguments.channels_last, "threads": arguments.threads}
    rows = []
    for turn in turns(works, arguments.rounds):
        turn["seconds"] = round(turn["seconds"] / arguments.steps, 6)
        rows.append({**about, **turn, "machine": machine()})
    summarise(about, rows)
    return rows


def variants(name: str) -> Iterator[tuple[str, nn.Module]]:
    """The network with each kind of normalisation, all of the same weights."""
    torch.manual_seed(0)
    plain = with_random_affines(timm.create_model(name, num_classes=CLASSES))
    yield "plain", copy.deepcopy(plain)
    for variant, authors in (("ac_norm", False), ("authors", True)):
        model = copy.deepcopy(plain)
        assert not convert_batchnorm(model, authors=authors).skipped
        yield variant, model
    yield "two_calls", with_two_calls(plain)


def steps(model: nn.Module, images: Tensor, labels: Tensor, count: int) -> Work:
    """Some steps of training, which go on where the last ones ended."""
    model.train()
    optimizer = SGD([p for p in model.parameters() if p.requires_grad], lr=1e-3, momentum=0.9)

    def work() -> None:
        for _ in range(count):
            optimizer.zero_grad(set_to_none=True)
            F.cross_entropy(model(images), labels).backward()  # type: ignore[no-untyped-call]
            optimizer.step()

    return work


def turns(works: Mapping[str, Work], rounds: int) -> Iterator[dict[str, Any]]:
    """Time every variant once a round, each round beginning with the next one."""
    names = list(works)
    for number in range(-WARM_UP, rounds):
        first = number % len(names)
        for name in names[first:] + names[:first]:
            seconds = measure_time(works[name], torch.device("cpu"))
            if number >= 0:
                yield {"round": number, "variant": name, "seconds": seconds}


def summarise(about: Mapping[str, Any], rows: list[dict[str, Any]]) -> None:
    """Print medians and quartiles of the seconds a step, and of the ratios to plain BatchNorm."""
    print(", ".join(f"{key} {value}" for key, value in about.items()), flush=True)
    times: dict[str, list[float]] = {}
    for row in sorted(rows, key=lambda row: int(row["round"])):
        times.setdefault(row["variant"], []).append(row["seconds"])
    plain = np.array(times["plain"])
    for variant in sorted(times):
        seconds = np.array(times[variant])
        print(f"  {variant:9}  {_quartiles(seconds)} s  ratio {_quartiles(seconds / plain)}")


def _quartiles(values: Any) -> str:
    low, median, high = np.quantile(values, [0.25, 0.5, 0.75])
    return f"{median:.4f} [{low:.4f}, {high:.4f}]"


class TwoCalls(nn.Module):
    """AC-Norm as it is defined, ``BN(x; g, b) + BN(x; C g, C b)`` with C detached.

    Args:
        bn: whose affine is source and start, and whose running statistics are moved.
    """

    def __init__(self, bn: nn.BatchNorm2d) -> None:
        super().__init__()
        self.bn = bn
        self.after = nn.Sequential(  # timm's layers that activate too
            *(getattr(bn, name) for name in ("drop", "act") if hasattr(bn, name))
        )
        self.source_weight = bn.weight.detach().clone()
        self.source_bias = bn.bias.detach().clone()

    def forward(self, images: Tensor) -> Tensor:
        """Normalise a batch twice."""
        weight, bias = self.bn.weight, self.bn.bias
        source = self.source_bias / (self.source_weight.abs() + EPS)
        target = bias / (weight.abs() + EPS)
        nearness = torch.softmax(-(target.view(-1, 1) - source.view(1, -1)).abs(), dim=1)
        own = nearness.diagonal().view(-1, 1)
        mixing = torch.where(nearness >= own, nearness, 0.0).detach()
        mixed = self._normalise(images, mixing @ weight, mixing @ bias)
        outputs: Tensor = self.after(mixed + self._normalise(images, weight, bias))
        return outputs

    def _normalise(self, images: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        bn = self.bn
        statistics = bn.running_mean, bn.running_var
        return F.batch_norm(images, *statistics, weight, bias, True, bn.momentum or 0.0, bn.eps)


def with_two_calls(model: nn.Module) -> nn.Module:
    """Put :class:`TwoCalls` in the place of every BatchNorm layer."""
    for parent in list(model.modules()):
        for name, child in list(parent.named_children()):
            if isinstance(child, nn.BatchNorm2d):
                setattr(parent, name, TwoCalls(child))
    return model


if __name__ == "__main__":
    main()
