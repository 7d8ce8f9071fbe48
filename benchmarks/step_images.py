"""Compare AC-Corr of fewer and smaller AC-Norm steps with one step on each batch of 32 images.

For each dataset and network: AC-Corr, the half-width of its interval and its zero-drift value, from
some number of steps on batches of some size, of the same 256 images.

    python benchmarks/step_images.py --csv benchmarks/step_images.csv demo FOLDER ...
    python benchmarks/step_images.py --tell benchmarks/step_images.csv
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from scipy.stats import t, weightedtau

from acrank.data import Preprocessing, draw_sample, open_target
from acrank.errors import AcrankError
from acrank.metrics.affine import AffineTrials, ac_corr
from acrank.scoring.probe import probe_model
from acrank.scoring.types import ProbeSettings
from acrank.zoo import Hub, load_backbone, read_zoo

IMAGES = 256
# Images of a step, and number of steps; the first is what the others are compared with.
KINDS = ((32, 8), (32, 3), (16, 6), (16, 3), (8, 12), (8, 8), (8, 3))


def main() -> None:
    """Measure every dataset, or tell what was measured."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", nargs="*")
    parser.add_argument("--zoo", default="demo")
    parser.add_argument("--csv", type=Path)
    parser.add_argument("--tell", type=Path)
    arguments = parser.parse_args()
    if arguments.tell:
        tell(pd.read_csv(arguments.tell))
        return
    rows = [row for data in arguments.data for row in measured(data, arguments.zoo)]
    pd.DataFrame(rows).to_csv(arguments.csv, index=False, float_format="%.6f")


def measured(data: str, zoo: str) -> Iterator[dict[str, Any]]:
    """Yield a row for each network and kind of steps."""
    target = open_target(data)
    samples = {size: draw_sample(target, IMAGES, size, 0) for size, _ in KINDS}
    for entry in read_zoo(zoo).entries:
        for size, count in KINDS:
            sample = samples[size]
            backbone = load_backbone(entry, hub=Hub(offline=True))
            preprocessing = Preprocessing.from_config(backbone.data_config)

            def batch(index: int) -> tuple[torch.Tensor, torch.Tensor]:
                return sample.batch(index, preprocessing, device="cpu")  # noqa: B023

            settings = ProbeSettings(repeats=count)
            try:
                number, classes = len(sample.batches), len(sample.classes)
                probe = probe_model(backbone.model, batch, number, classes, settings)
            except AcrankError as error:
                print(f"{entry.name}: {error}")
                break
            values = np.array(ac_corr(AffineTrials(probe))["ac_corr"])
            spread = float(values.std(ddof=1)) / math.sqrt(len(values))
            half = float(t.ppf(0.975, len(values) - 1)) * spread
            zero = ac_corr(AffineTrials(probe))["ac_corr_zero"][0]
            row = {"data": Path(data).parent.name or data, "model": entry.name}
            yield (
                row
                | {"images": size, "steps": count, "ac_corr": values.mean()}
                | {
                    "half_width": half,
                    "zero_drift": zero,
                }
            )


def tell(rows: pd.DataFrame) -> None:
    """Print, for each kind, how far values move, and how often within which interval."""
    rows = rows.dropna().set_index(["data", "model"])
    kinds = rows.groupby(["images", "steps"])
    usual = kinds.get_group(KINDS[0])
    print("images steps  mean shift  largest  in own interval  tau (least of datasets)  half-width")
    for size, count in KINDS:
        own = kinds.get_group((size, count)).loc[usual.index]
        shift = own["ac_corr"] - usual["ac_corr"]
        inside = (shift.abs() <= own["half_width"]).mean()
        taus = [
            weightedtau(own.loc[data, "ac_corr"], usual.loc[data, "ac_corr"]).statistic
            for data in usual.index.unique("data")
        ]
        print(
            f"{size:6} {count:5}  {shift.mean():10.4f}  {shift.abs().max():7.4f}  {inside:15.2f}"
            f"  {min(taus):23.2f}  {own['half_width'].median():10.4f}"
        )
    spread = usual["ac_corr"].groupby("data").std().mean()
    print(f"Standard deviation between networks: {spread:.3f}")


if __name__ == "__main__":
    main()
