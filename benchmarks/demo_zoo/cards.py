"""What is written beside the weights: zoo.yaml, the results and a card for each network."""

import copy
import csv
import hashlib
from pathlib import Path
from typing import Any

import yaml
from recipes import ARCH, KWARGS, LABELLED, SIZE, SPECS, Spec

COLUMNS = (
    *("name", "source", "images", "classes", "epochs", "seed"),
    *("train_accuracy", "val_accuracy", "ratio_std", "seconds"),
)


def entry(spec: Spec, out: Path) -> dict[str, Any]:
    """Describe one stored network as zoo.yaml does."""
    weights = f"{spec.name}.safetensors"
    return {
        "name": spec.name,
        "arch": ARCH,
        "kwargs": copy.deepcopy(KWARGS),  # one object would become a YAML anchor
        "weights": weights,
        "sha256": hashlib.sha256((out / weights).read_bytes()).hexdigest(),
        "input_size": [3, SIZE, SIZE],
        "mean": [0.5, 0.5, 0.5],
        "std": [0.5, 0.5, 0.5],
        "license": "Apache-2.0",
        "tags": ["demo", *spec.tags.split()],
        "note": spec.note,
    }


def write_zoo(out: Path) -> None:
    """Describe every network that has been stored so far, in the order of SPECS."""
    models = [entry(s, out) for s in SPECS if (out / f"{s.name}.safetensors").exists()]
    text = yaml.safe_dump(
        {"version": 1, "models": models}, sort_keys=False, default_flow_style=None, width=100
    )
    head = "# Written by benchmarks/demo_zoo/train.py. A card beside each file says what it is.\n"
    (out / "zoo.yaml").write_text(head + text)


def write_row(row: dict[str, str], path: Path) -> None:
    """Put one network's row into the results, in the order of SPECS."""
    rows = {}
    if path.exists():
        with path.open(newline="") as file:
            rows = {old["name"]: old for old in csv.DictReader(file)}
    rows[row["name"]] = row
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows[s.name] for s in SPECS if s.name in rows)


CARD = """# {name}

{note}. A `{arch}` with one block a stage, 0.13 M parameters, for 64 x 64 pictures.
**A demonstration of acrank, not for use**: it is far too small and too briefly trained for any
other purpose, and no diagnosis of any kind may rest on it.

## Source

{sources}

The images are not included. The weights are under Apache-2.0; that says nothing about the images.

## Recipe

{recipe}

Kernels and head are stored in float16, BatchNorm in float32. Mean and standard deviation 0.5.

## Result

{result}
Spread (standard deviation) of beta / |gamma| over all channels: {ratio_std}.
"""
RECIPE = """From scratch, {epochs} epochs over {images} pictures ({classes} classes),
each squashed to 64 x 64.
AdamW, batches of 64, cosine schedule with warm-up, seed {seed}. Learning rate 0.003 with weight
decay 0.05 for kernels; 0.02 without decay for BatchNorm affines and the head's bias, so that the
affines clearly move in so few steps. {extra}"""
EXTRA = {
    "classes": "Random crop, flip and brightness; label smoothing 0.05.",
    "rotation": "Labels: four quarter turns, no human label. Random crop, flip and brightness;\n"
    "label smoothing 0.05.",
    "random": "Labels: those of the source, shuffled over the pictures, so they say nothing.\n"
    "No augmentation, no label smoothing: the pictures are to be learned by heart.",
}


def sources(spec: Spec, data: Path) -> str:
    """Name each source with the licence its manifest states, or says is not stated."""
    if spec.source == "none":
        return "None: the weights are random."
    with (data / "MANIFEST.csv").open(newline="") as file:
        rows = {row["dataset"]: row for row in csv.DictReader(file)}
    names = LABELLED if spec.source == "mixed" else (spec.source,)
    line = "- **{upstream}** ({source_repo}). Licence of the images: {licence}. Notes: {caveats}."
    return "\n".join(line.format(**rows[name]) for name in names)


def write_card(spec: Spec, row: dict[str, str], data: Path, out: Path) -> None:
    """Say beside the weights where they come from and how good they are."""
    recipe = "None: the weights are as timm draws them (seed 0), gamma 1 and beta 0 everywhere."
    result = "Nothing was learned: a control, which a sound ranking leaves out or puts last."
    if spec.epochs:
        recipe = RECIPE.format(**row, extra=EXTRA[spec.task])
        train, val = float(row["train_accuracy"]), float(row["val_accuracy"])
        result = (
            f"Accuracy {train:.1%} on the pictures it was trained on, {val:.1%} on held-out ones."
        )
        result += f" {spec.remark}" if spec.remark else ""
    text = CARD.format(
        **row,
        note=spec.note[0].upper() + spec.note[1:],
        arch=ARCH,
        recipe=recipe,
        result=result,
        sources=sources(spec, data),
    )
    (out / f"{spec.name}.md").write_text(text)
