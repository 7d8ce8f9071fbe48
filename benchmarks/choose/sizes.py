"""Fine-tune at several image sizes: what the size of images is worth, and what it costs.

    python benchmarks/choose/sizes.py STUDY --csv benchmarks/choose/raw/sizes.csv

STUDY is laid out by ``lay_out.py``, which shrinks images to 128 pixels; here the same images are
taken from the shared data as they are. Plain fine-tuning by the recipe of the study. Seconds are of
the processor, of one thread, without the judgement of test images; what is in the file is not
repeated.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from pathlib import Path

from lay_out import DATASETS, Dataset
from oracle import Row, append, number, read
from recipe import settings

from acrank.finetuning.config import make_finetune_config
from acrank.finetuning.loop import LogRow
from acrank.finetuning.run import finetune

HERE = Path(__file__).resolve().parent
SIZES = (64, 96, 128, 192)
MODELS = ("tf_efficientnet_lite0", "mobilenetv1_025_imagenet")
# Learning rates by dataset; on the tiles the usual one destroys what the networks know.
LRS = {"brain_tumor_mri": (0.01, 0.003), "magnetic_tile": (0.003,)}
KEYS = ("dataset", "seed", "model", "lr", "size")
COLUMNS = (*KEYS, "val", "test", "seconds")


def main() -> None:
    """Run what is not in the file."""
    shared = Path(os.environ.get("ACRANK_SHARED", HERE.parents[2] / "shared"))
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("study", type=Path)
    parser.add_argument("--csv", type=Path, required=True)
    parser.add_argument("--shared", type=Path, default=shared)
    parser.add_argument("--seeds", nargs="*", type=int, default=(0,))
    given = parser.parse_args()
    for seed in given.seeds:
        for dataset in (d for d in DATASETS if d.name in LRS):
            with tempfile.TemporaryDirectory() as folder:
                link(dataset, seed, given.study, given.shared, Path(folder))
                for size in SIZES:
                    for model in MODELS:
                        for lr in LRS[dataset.name]:
                            named = (dataset.name, str(seed), model, f"{lr:g}", str(size))
                            key = dict(zip(KEYS, named, strict=True))
                            if key not in [{k: r[k] for k in KEYS} for r in read(given.csv)]:
                                row = {**key, **tune(dataset, key, given.study, Path(folder))}
                                append(given.csv, row, COLUMNS)
                                print(row, flush=True)


def link(dataset: Dataset, seed: int, study: Path, shared: Path, folder: Path) -> None:
    """Link the images of a dataset and a seed in their own size."""
    source, small = shared / "data" / (dataset.source or dataset.name), study / dataset.name
    parts = {"train": (small / str(seed) / "train", "train")}
    parts["test"] = (small / "test", dataset.test_folder)
    for part, (drawn, origin) in parts.items():
        for file in drawn.rglob("*.png"):
            target = folder / part / file.parent.name / f"{file.stem}.jpg"
            target.parent.mkdir(parents=True, exist_ok=True)
            target.symlink_to(
                (source / origin / file.parent.name / target.name).resolve(strict=True)
            )


def tune(dataset: Dataset, key: Row, study: Path, folder: Path) -> Row:
    """One fine-tuning: what it reached, and the seconds of the processor that it took."""
    clock: list[float] = []
    recipe = settings(dataset, int(key["seed"]), study)
    chosen = {"model": key["model"], "method": "full", "lr": float(key["lr"])}
    where = {"data": str(folder / "train"), "test": str(folder / "test")}
    config = make_finetune_config({**recipe, **chosen, **where, "image_size": int(key["size"])})
    started = time.process_time()

    def note(row: LogRow, epochs: int) -> None:
        clock.append(time.process_time() - started)

    with tempfile.TemporaryDirectory() as output:
        record = finetune(config, Path(output), weights=False, say=note).record
    measures = {part: number(record[part]["balanced_accuracy"]) for part in ("val", "test")}
    return {**measures, "seconds": f"{clock[-1]:.2f}"}


if __name__ == "__main__":
    main()
