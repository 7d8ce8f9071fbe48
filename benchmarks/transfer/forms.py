"""AC-Corr in all its forms on the training images of an experiment.

    acrank benchmark ... --output STUDY
    python benchmarks/transfer/forms.py STUDY --zoo ZOO --csv STUDY/FORMS.csv
    acrank validate STUDY/FORMS.csv STUDY/ACCURACIES.csv

One row a dataset and model, one column a form. Forms that one run gives together: the sum, per
channel, zero-drift, what the step added, the last layer alone; each for every learning rate, for
one step and for an epoch, with a random and with a ridge head, with and without dead channels.
"""

from __future__ import annotations

import argparse
import csv
import math
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import acrank
from acrank.results import LayerCorrelation, ModelResult

RATES = (0.001, 0.01, 0.1, 1.0, 10.0)
RIDGE_RATES = (0.1, 1.0)
EPOCH_RATES = (0.01, 0.1)
# The controls run the step again, and are of interest at these.
CONTROLLED = (0.01, 0.1)
CONTROLS = ("ac_corr_shuffled", "affine_shift", "affine_grad_norm")


def main() -> None:
    """Score every dataset of a study in every form."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("study", type=Path)
    parser.add_argument("--zoo", required=True)
    parser.add_argument("--csv", type=Path, required=True)
    parser.add_argument("--samples", type=int, default=256)
    parser.add_argument("--threads", type=int)
    parser.add_argument("--datasets", nargs="*", help="all where none is given")
    parser.add_argument("--models", nargs="*", help="of the zoo; all where none is given")
    parser.add_argument("--trust-code", action="store_true")
    arguments = parser.parse_args()
    common = {
        "zoo": arguments.zoo,
        "samples": arguments.samples,
        "rank_by": "ac_corr",
        "trust_code": arguments.trust_code,
        **({"threads": arguments.threads} if arguments.threads else {}),
        **({"models": arguments.models} if arguments.models else {}),
    }
    found: dict[tuple[str, str], dict[str, float]] = {}
    folders = sorted((arguments.study / "data").iterdir())
    for folder in folders:
        if arguments.datasets and folder.name not in arguments.datasets:
            continue
        for label, settings in variants():
            started = time.perf_counter()
            ranking = acrank.rank(folder / "train.csv", **{**common, **settings})
            for row in ranking.rows:
                forms = found.setdefault((folder.name, row.result.model), {})
                forms.update(forms_of(row.result, label, settings))
            print(f"{folder.name} {label}: {time.perf_counter() - started:.0f} s", flush=True)
        write(arguments.csv, found)


def variants() -> Iterator[tuple[str, dict[str, Any]]]:
    """Labels and settings of the runs."""
    for rate in RATES:
        yield f"lr{rate:g}", {"lr": rate, "metrics": CONTROLS if rate in CONTROLLED else ()}
    for rate in RIDGE_RATES:
        yield f"ridge_lr{rate:g}", {"lr": rate, "head": "ridge"}
    yield "dead_lr0.01", {"lr": 0.01, "dead_channels": "keep"}
    for rate in EPOCH_RATES:
        yield f"epoch_lr{rate:g}", {"lr": rate, "steps": "epoch"}


def forms_of(result: ModelResult, label: str, settings: dict[str, Any]) -> dict[str, float]:
    """The forms that one run of one model gives; those that are undefined are missing."""
    told = [layer for layer in result.layers if layer.telling]
    if result.status != "ok" or not told:
        return {}
    forms = {
        f"sum_{label}": mean([layer.kept_sum for layer in told]),
        f"channel_{label}": mean([layer.kept_mean for layer in told]),
        f"excess_{label}": mean([layer.kept_sum - layer.zero_drift for layer in told]),
        f"excess_share_{label}": mean([layer.kept_sum / layer.zero_drift - 1 for layer in told]),
        f"last_{label}": told[-1].kept_sum,
    }
    if label == "lr0.01":
        forms["zero"] = mean([layer.zero_drift for layer in told])
        forms["zero_channel"] = mean([zero_channel(layer) for layer in told])
        forms["last_zero"] = told[-1].zero_drift
    for name in settings.get("metrics", ()):
        if name in result.scores:
            forms[f"{name}_{label}"] = result.value(name)
    return {name: value for name, value in forms.items() if math.isfinite(value)}


def zero_channel(layer: LayerCorrelation) -> float:
    """The zero-drift value of a channel of a layer."""
    return layer.zero_drift * layer.kept_mean / layer.kept_sum


def mean(values: Sequence[float]) -> float:
    """Over the layers."""
    return sum(values) / len(values)


def write(path: Path, found: dict[tuple[str, str], dict[str, float]]) -> None:
    """One row a dataset and model."""
    names = list(dict.fromkeys(name for forms in found.values() for name in forms))
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, ["dataset", "model", *names], lineterminator="\n")
        writer.writeheader()
        for (dataset, model), forms in found.items():
            writer.writerow({"dataset": dataset, "model": model, **forms})


if __name__ == "__main__":
    main()
