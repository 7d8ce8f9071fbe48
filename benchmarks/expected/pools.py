"""Compile accuracies after fine-tuning, with the scores that stand beside them, into one table.

    python benchmarks/expected/pools.py ../shared/reference

Writes benchmarks/expected/raw/cells.csv: a line for each candidate on each dataset of each pool.
Published tables are read as ``benchmarks/priors/tables.py`` reads them; the rest are the studies
of this folder.
"""

from __future__ import annotations

import argparse
import csv
import math
import sys
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd

HERE = Path(__file__).resolve().parent
BENCHMARKS = HERE.parent
sys.path.insert(0, str(BENCHMARKS / "priors"))

from tables import USED  # noqa: E402

RAW = HERE / "raw" / "cells.csv"
SCORES = ("log_me", "knn", "linear_probe", "h_score", "ac_corr")
COLUMNS = (
    *("pool", "table", "kind", "dataset", "classes", "model", "name", "params_m", "imagenet_top1"),
    *("truth", "deviation", "seeds", *SCORES),
)
# Number of classes of each dataset; all labels of a network's sample weigh the same in LogME.
CLASSES = {
    **{"aircraft": 100, "caltech101": 101, "cars": 196, "cifar10": 10, "cifar100": 100},
    **{"dtd": 47, "flowers": 102, "food": 101, "pets": 37, "sun397": 397, "voc2007": 20},
    **{"bloodmnist": 8, "breastmnist": 2, "chestmnist": 14, "dermamnist": 7, "octmnist": 4},
    **{"organamnist": 11, "organcmnist": 11, "organsmnist": 11, "pathmnist": 9},
    **{"pneumoniamnist": 2, "retinamnist": 5, "tissuemnist": 8, "svhn": 10},
    **{"brain_tumor_mri": 4, "bccd_crops": 3, "sign_digits": 10, "magnetic_tile": 6},
    **{"nuclei": 2, "vessels": 2, "hippocampus": 3},
}
# One name for a dataset that studies call differently, or draw from the same collection anew.
SAME = {
    **{"seg_nuclei_dsb18": "nuclei", "nifti_hippocampus": "hippocampus"},
    **{"vessel_tiles": "vessels", "brain_scans": "brain_tumor_mri"},
}
KNOWN = ("sfda-supervised", "tllib", "tvt", "medmnistplus", "medmnist-models")
TOP1 = {"tf_efficientnet_lite0": 74.846, "mobilenetv1_025_imagenet": 49.8}
# Architectures that acrank is told of in the zoo files of the studies.
ARCHITECTURES = {"tf_efficientnet_lite0": "tf_efficientnet_lite0"}
Row = dict[str, Any]


def rows(folder: Path) -> Iterator[Row]:
    """Every line of the table."""
    yield from _published(folder)
    yield from _sources(folder)
    yield from _transfer()
    yield from _segmentation()
    yield from _choose()


def _published(folder: Path) -> Iterator[Row]:
    """Known networks: the tables of the prior, with what scores are printed beside them."""
    scores = {
        "tllib": _tllib(folder),
        "medmnistplus": _medmnistplus(folder),
        "medmnist-models": {
            (dataset, _used("medmnist-models").model(model)): found
            for (dataset, model), found in _juodelyte(folder, "model").items()
        },
    }
    for used in USED:
        if used.name not in KNOWN:
            continue
        for dataset, values in used.read(folder).items():
            for name, value in values.items():
                found = scores.get(used.name, {}).get((dataset, name), {})
                yield {
                    **{"pool": used.name, "table": used.name, "kind": "known networks"},
                    **{"dataset": dataset, "model": name, "name": name},
                    **{"truth": value / 100, **found},
                }


def _used(name: str) -> Any:
    return next(used for used in USED if used.name == name)


def _tllib(folder: Path) -> dict[tuple[str, str], Row]:
    from tables import _SPELLED

    used, found = _used("tllib"), {}
    for row in _lines(pd.read_csv(folder / used.file)):
        dataset = _SPELLED.get(str(row.dataset), str(row.dataset).lower())
        # the source's H-scores on DTD lie beyond the metric's bound
        h_score = row.hscore if row.hscore <= CLASSES[dataset] - 1 else None
        found[dataset, used.model(row.model)] = {"log_me": row.logme, "h_score": h_score}
    return found


def _medmnistplus(folder: Path) -> dict[tuple[str, str], Row]:
    used = _used("medmnistplus")
    frame = pd.read_csv(folder / used.file)
    found: dict[tuple[str, str], Row] = defaultdict(dict)
    for column, protocol in (("knn", "knn11"), ("linear_probe", "linear-probe")):
        kept = frame[(frame.protocol == protocol) & (frame.resolution == 224)]
        # accuracy is the same for all on ChestMNIST: 14 rare labels
        kept = kept[(kept.measure == "acc") & (kept.dataset != "chestmnist")]
        for row in _lines(kept):
            found[str(row.dataset), used.model(str(row.model))][column] = row.accuracy / 100
    return found


def _juodelyte(folder: Path, what: str) -> dict[tuple[str, str], Row]:
    """Scores by dataset and written name; their `lp` is 5 neighbours after a linear projection."""
    found: dict[tuple[str, str], Row] = defaultdict(dict)
    for column, file in (("log_me", "logme"), ("knn", "lp")):
        wide = pd.read_csv(folder / "tables" / f"medmnist_{file}_{what}.csv").set_index("source")
        for source, row in wide.iterrows():
            for dataset, value in row.items():
                found[str(dataset), str(source)][column] = value
    return found


def _sources(folder: Path) -> Iterator[Row]:
    """One ResNet-18 from fifteen sources, on MedMNIST."""
    scores = _juodelyte(folder, "dataset")
    wide = pd.read_csv(folder / "tables" / "medmnist_auc_dataset.csv").set_index("source")
    for source, row in wide.iterrows():
        for dataset, value in row.items():
            if str(source) == str(dataset) or not value:
                continue  # pretrained on the very dataset
            yield {
                **{"pool": "medmnist-sources", "table": "medmnist-sources"},
                **{
                    "kind": "one architecture",
                    "dataset": dataset,
                    "model": f"resnet18 of {source}",
                },
                **{"params_m": 11.69, "truth": value},
                **scores.get((str(dataset), str(source)), {}),
            }


def _transfer() -> Iterator[Row]:
    """Small networks: those of one architecture, and with them those of others."""
    raw = BENCHMARKS / "transfer" / "raw"
    cells = pd.read_csv(raw / "cells.csv")
    # one learning rate for a candidate and dataset: the best by validation, mean over seeds
    by = cells.groupby(["dataset", "model", "lr"]).agg(
        val=("val_accuracy", "mean"),
        truth=("test_accuracy", "mean"),
        deviation=("test_accuracy", "std"),
        seeds=("seed", "nunique"),
    )
    best = by.reset_index().sort_values("val").groupby(["dataset", "model"]).last().reset_index()
    scores = pd.read_csv(raw / "SCORES.csv").set_index(["dataset", "model"])
    for row in _lines(best):
        line = {
            **{"table": "own-classes", "dataset": row.dataset, "model": row.model},
            **_numbers(row),
            **_scores(scores.loc[(row.dataset, row.model)]),
        }
        yield {**line, "pool": "own-classes", "kind": "mixed"}
        if str(row.model).startswith(("demo-", "study-")):
            yield {**line, "pool": "own-classes-same", "kind": "one architecture"}


def _lines(frame: pd.DataFrame) -> Iterator[Any]:
    """The lines of a table, with attributes of any type."""
    yield from frame.itertuples()


def _numbers(row: Any) -> Row:
    top1 = TOP1.get(str(row.model))
    numbers = {"truth": row.truth, "deviation": row.deviation, "seeds": int(row.seeds)}
    return {**numbers, "imagenet_top1": top1}


def _scores(row: Any) -> Row:
    found = {name: row.get(name) for name in SCORES}
    return {**found, "params_m": row["params"] / 1e6}


def _segmentation() -> Iterator[Row]:
    raw = BENCHMARKS / "segmentation" / "raw"
    for dataset in ("nuclei", "vessels", "hippocampus"):
        cells = pd.read_csv(raw / dataset / "cells.csv")
        scores = pd.read_csv(raw / dataset / "SCORES.csv").set_index("model")
        kind = "volumes" if dataset == "hippocampus" else "masks"
        by = cells.groupby("model").agg(
            truth=("test_dice", "mean"), deviation=("test_dice", "std"), seeds=("seed", "nunique")
        )
        for row in _lines(by.reset_index()):
            yield {
                **{"pool": f"own-{kind}", "table": f"own-{kind}", "kind": kind},
                **{"dataset": dataset, "model": row.model},
                **_numbers(row),
                **_scores(scores.loc[row.model]),
            }


def _choose() -> Iterator[Row]:
    """The candidates of the study of ``choose``, each seed with training images of its own."""
    raw = BENCHMARKS / "choose" / "raw"
    cells = pd.read_csv(raw / "oracle.csv")
    cells, look = (_renamed(frame) for frame in (cells, pd.read_csv(raw / "look.csv")))
    plain = cells[(cells.method == "full") & (cells.lr == 0.01)]
    by = plain.groupby(["dataset", "model"]).agg(
        truth=("test", "mean"), deviation=("test", "std"), seeds=("seed", "nunique")
    )
    for row in _lines(by.reset_index()):
        masks = dict.fromkeys(("nuclei", "vessels"), "masks")
        kind = {**masks, "hippocampus": "volumes"}.get(str(row.dataset), "mixed")
        seen = look[(look.dataset == row.dataset) & (look.model == row.model)]
        yield {
            **{"pool": f"choose-{kind}", "table": f"choose-{kind}", "kind": kind},
            **{"dataset": row.dataset, "model": row.model},
            **_numbers(row),
            **{"log_me": seen.score.mean(), "params_m": seen.params_m.iloc[0]},
        }


def _renamed(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.assign(dataset=frame.dataset.replace(SAME))


def main() -> None:
    """Write the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, help="the folder of reference material")
    found = list(rows(parser.parse_args().folder))
    RAW.parent.mkdir(exist_ok=True)
    with RAW.open("w", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        writer.writeheader()
        for row in found:
            line = {"classes": CLASSES[row["dataset"]], **row}
            writer.writerow({key: _cell(line.get(key)) for key in COLUMNS})
    print(f"{len(found)} lines")


def _cell(value: Any) -> Any:
    if isinstance(value, float):
        return "" if math.isnan(value) else f"{value:.6g}"
    return "" if value is None else value


if __name__ == "__main__":
    main()
