"""Compile published accuracies and facts, and the prior that is fitted to them, into one file.

    python benchmarks/priors/compile.py ../shared/reference

Writes acrank/priors/data/priors.json.gz.
"""

from __future__ import annotations

import argparse
import gzip
import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from domains import domain_of
from tables import USED, told

from acrank.priors.fit import refitted
from acrank.priors.published import COLUMNS, FILE, VERSION, Fit, parsed

BASELINES = (
    Path(__file__).parents[2] / "acrank/experiments/validation/published/torchvision_baselines.csv"
)
# Digits of fitted numbers: the last ones depend on the machine.
DIGITS = 5


def contents_of(folder: Path) -> dict[str, Any]:
    """Make the contents of the data file from the folder of reference material."""
    raw = facts_and_accuracies(folder)
    pages, by = refitted(parsed(raw))
    raw["fit"] = {
        "families": list(pages.families),
        "deviations": vars(by),
        "groups": {group: _rounded(fit) for group, fit in pages.fits.items()},
    }
    return raw


def facts_and_accuracies(folder: Path) -> dict[str, Any]:
    """Read what is published; nothing is fitted yet."""
    tables: dict[str, dict[str, Any]] = {
        used.name: {"protocol": used.protocol, "values": used.read(folder)} for used in USED
    }
    domains = {
        dataset: domain_of(name, dataset)
        for name, table in tables.items()
        for dataset in table["values"]
    }
    names = {
        model
        for used in USED
        if used.protocol == "fine-tuning"
        for row in tables[used.name]["values"].values()
        for model in row
    }
    sources = {used.name: _source(used.name, folder) for used in USED}
    sources["timm"] = _manifest(folder)["priors_timm.csv"] | {
        "measure": "ImageNet top-1, ImageNet-R top-1 (per cent), parameters (millions)"
    }
    sources["torchvision"] = {
        "repo": "pytorch/vision",
        "path": "https://docs.pytorch.org/vision/stable/models.html",
        "commit": "IMAGENET1K_V1 weights",
        "licence": "facts",
        "measure": "ImageNet top-1 (per cent), parameters (millions)",
    }
    return {
        "version": VERSION,
        "sources": sources,
        "tables": tables,
        "domains": dict(sorted(domains.items())),
        "facts": _facts(folder, names),
        "fit": {"families": [], "groups": {}},
    }


def _facts(folder: Path, names: set[str]) -> list[list[Any]]:
    """A line for each name: the columns, and an object of what the name does not say."""
    rows = _of_timm(folder) | _of_torchvision()
    for name in sorted(names | set(rows)):
        more = told(name)
        rows.setdefault(name, [None] * len(COLUMNS))
        rows[name] = [name, *rows[name], more]
    return [rows[name] for name in sorted(rows)]


def _of_timm(folder: Path) -> dict[str, list[Any]]:
    frame = pd.read_csv(folder / "history" / "priors_timm.csv", thousands=",")
    frame = frame[~frame.model.str.startswith("test_")]  # networks to test code with
    return {
        str(row.model): [_cell(row.param_m), _cell(row.imagenet_top1), _cell(row.r)]
        for row in frame.itertuples()
    }


def _of_torchvision() -> dict[str, list[Any]]:
    """Facts of weights that timm does not have."""
    from acrank.priors.names import canonical

    rows: dict[str, list[Any]] = {}
    for row in pd.read_csv(BASELINES).itertuples():
        name = canonical(f"torchvision:{row.model}@IMAGENET1K_V1")
        if name.startswith("torchvision:"):
            rows[name] = [_cell(row.params_m), _cell(row.imagenet_top1), None]
    rows["torchvision:alexnet@IMAGENET1K_V1"] = [61.101, 56.522, None]
    return rows


def _cell(value: Any) -> float | None:
    return None if pd.isna(value) else round(float(value), 3)


def _source(name: str, folder: Path) -> dict[str, str]:
    used = next(one for one in USED if one.name == name)
    found = dict(used.source) or _manifest(folder)[Path(used.file).name]
    return {**found, "measure": used.measure}


def _manifest(folder: Path) -> dict[str, dict[str, str]]:
    frame = pd.read_csv(folder / "history" / "MANIFEST.csv").set_index("file")
    wanted = ["repo", "path", "commit", "licence"]
    return {str(name): {key: str(row[key]) for key in wanted} for name, row in frame.iterrows()}


def _rounded(fit: Fit) -> dict[str, Any]:
    lower = fit.covariance[np.tril_indices(len(fit.mean))]
    return {
        "mean": np.round(fit.mean, DIGITS).tolist(),
        "covariance": np.round(lower, DIGITS).tolist(),
        "offsets": {
            name: [round(mean, DIGITS), round(deviation, DIGITS)]
            for name, (mean, deviation) in fit.offsets.items()
        },
        "apart": round(fit.apart, DIGITS),
    }


def main() -> None:
    """Write the data file."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, help="the folder of reference material")
    contents = contents_of(parser.parse_args().folder)
    text = json.dumps(contents, separators=(",", ":"))
    FILE.parent.mkdir(exist_ok=True)
    FILE.write_bytes(gzip.compress(text.encode(), mtime=0))
    print(f"{len(text)} characters, {FILE.stat().st_size} bytes; {contents['fit']['deviations']}")


if __name__ == "__main__":
    main()
