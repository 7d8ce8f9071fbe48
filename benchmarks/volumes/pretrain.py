"""Pretrain small 3-D networks on real volumes, and write a zoo of them.

They learn from ``val/`` of ``nifti_hippocampus`` (20 volumes), so that ``train/`` (40 others) is
free to be a target: ``python benchmarks/volumes/pretrain.py OUT --data DATA/val``.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Sequence
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import yaml
from monai.losses import DiceCELoss
from monai.networks import nets
from monai.transforms import (
    Compose,
    EnsureChannelFirstd,
    LoadImaged,
    NormalizeIntensityd,
    Orientationd,
    RandSpatialCropSamplesd,
    SpatialPadd,
)
from safetensors.torch import save_model
from torch import Tensor, nn
from torch.nn import functional as F

from acrank.zoo.checkpoints.reading import file_sha256

DATA = Path(__file__).resolve().parents[3] / "shared" / "data" / "nifti_hippocampus" / "val"
PATCH, BATCH, CROPS, CLASSES = 32, 4, 8, 3
# A share of the patch is hidden in cubes of this side, or skip connections would copy the image.
CUBE, HIDDEN = 8, 0.4
NORM = {"spatial_dims": 3, "in_channels": 1, "norm": "batch"}
UNET = {**NORM, "channels": [8, 16, 32, 64], "strides": [2, 2, 2], "num_res_units": 1}
BASIC = {**NORM, "features": [4, 4, 8, 16, 32, 4]}
SEGRES = {**NORM, "init_filters": 4, "blocks_down": [1, 1, 2], "blocks_up": [1, 1]}
DYN = {
    **{"spatial_dims": 3, "in_channels": 1, "norm_name": "batch", "filters": [4, 8, 16, 32]},
    **{"kernel_size": [3, 3, 3, 3], "strides": [1, 2, 2, 2], "upsample_kernel_size": [2, 2, 2]},
}

Volumes = tuple[Tensor, Tensor]
Loss = Callable[[nn.Module, Tensor, Tensor], Tensor]


@dataclass(frozen=True)
class Spec:
    """One network of the zoo and what it learns."""

    network: str
    task: str
    kwargs: dict[str, Any]

    @property
    def name(self) -> str:
        """Of the entry and of its file."""
        return f"{self.network.lower()}-{self.task}"

    @property
    def channels(self) -> int:
        """Of the network's output."""
        return CLASSES if self.task == UNTRAINED else TASKS[self.task][1]


def read_patches(folder: Path) -> Volumes:
    """Patches of every volume (N, 1, 32, 32, 32) in deviations from its mean, and their labels."""
    both = ("image", "label")
    prepare = Compose(
        [
            LoadImaged(both),
            EnsureChannelFirstd(both),
            Orientationd(both, "RAS", labels=None),
            NormalizeIntensityd("image"),
            SpatialPadd(both, [PATCH] * 3),
            RandSpatialCropSamplesd(both, [PATCH] * 3, CROPS, random_size=False),
        ]
    )
    prepare.set_random_state(0)
    files = sorted((folder / "images").glob("*.nii.gz"))
    if not files:
        raise SystemExit(f"There are no images/*.nii.gz in {folder}.")
    given = [{"image": file, "label": folder / "labels" / file.name} for file in files]
    crops = [crop for pair in given for crop in prepare(pair)]
    images, labels = (torch.stack([crop[key].as_tensor() for crop in crops]) for key in both)
    return images.float(), labels.long()


def supervised(model: nn.Module, images: Tensor, labels: Tensor) -> Tensor:
    """Dice and cross-entropy of the labels."""
    loss: Tensor = DiceCELoss(to_onehot_y=True, softmax=True)(model(images), labels)
    return loss


def autoencoding(model: nn.Module, images: Tensor, labels: Tensor) -> Tensor:
    """Squared error of the hidden cubes, as the network fills them in."""
    coarse = torch.rand(len(images), 1, *[PATCH // CUBE] * 3) < HIDDEN
    hidden = F.interpolate(coarse.float(), scale_factor=CUBE)
    wrong: Tensor = (model(images * (1 - hidden)) - images).square() * hidden
    return wrong.sum() / hidden.sum()


def rotation(model: nn.Module, images: Tensor, labels: Tensor) -> Tensor:
    """Which quarter turn about the last axis: cross-entropy of the output's mean over voxels."""
    turns = torch.randint(0, 4, (len(images),))
    turned = [torch.rot90(x, int(k), (1, 2)) for x, k in zip(images, turns, strict=True)]
    return F.cross_entropy(model(torch.stack(turned)).mean((2, 3, 4)), turns)


TASKS: dict[str, tuple[Loss, int]] = {
    "supervised": (supervised, CLASSES),
    "autoencoding": (autoencoding, 1),
    "rotation": (rotation, 4),
}
# The control: a score that puts it high knows nothing of what was learned.
UNTRAINED = "untrained"
SPECS = (
    *(Spec("UNet", task, UNET) for task in (*TASKS, UNTRAINED)),
    *(Spec("BasicUNet", task, BASIC) for task in TASKS),
    Spec("SegResNet", "supervised", SEGRES),
    Spec("DynUNet", "rotation", DYN),
)


def pretrain(spec: Spec, data: Volumes, steps: int) -> tuple[nn.Module, float]:
    """A trained network and the mean loss of its last tenth of steps."""
    torch.manual_seed(0)
    model: nn.Module = getattr(nets, spec.network)(out_channels=spec.channels, **spec.kwargs)
    if spec.task == UNTRAINED:
        return model, float("nan")
    loss_of, _ = TASKS[spec.task]
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 3e-3, total_steps=steps + 1)
    losses = []
    for _ in range(steps):
        chosen = torch.randperm(len(data[0]))[:BATCH]
        loss = loss_of(model.train(), data[0][chosen], data[1][chosen])
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        schedule.step()
        losses.append(float(loss.detach()))
    last = losses[-max(1, steps // 10) :]
    return model, sum(last) / len(last)


def entry_of(spec: Spec, weights: Path, steps: int) -> dict[str, Any]:
    """What the zoo file says of a network."""
    return {
        "name": spec.name,
        "factory": f"monai.networks.nets:{spec.network}",
        "kwargs": {**deepcopy(spec.kwargs), "out_channels": spec.channels},
        "weights": weights.name,
        "sha256": file_sha256(weights),
        "in_chans": 1,
        "license": "cc-by-sa-4.0",
        "tags": ["volume", spec.task],
        "note": _note(spec, steps),
    }


def _note(spec: Spec, steps: int) -> str:
    if spec.task == UNTRAINED:
        return "a control: weights as they were drawn"
    return f"{steps} steps of {spec.task} on 20 volumes of the hippocampus (MSD Task04)"


def main(arguments: Sequence[str] | None = None) -> None:
    """Train all networks and write their weights and ``zoo.yaml``."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=Path, help="folder for the weights and zoo.yaml")
    parser.add_argument("--data", type=Path, default=DATA, help="folder of images/ and labels/")
    parser.add_argument("--steps", type=int, default=200, help="of each network")
    given = parser.parse_args(arguments)
    given.out.mkdir(parents=True, exist_ok=True)
    data = read_patches(given.data)
    entries = []
    for spec in SPECS:
        started = time.perf_counter()
        model, loss = pretrain(spec, data, given.steps)
        path = given.out / f"{spec.name}.safetensors"
        save_model(model, str(path))  # DynUNet has its layers under two names
        entries.append(entry_of(spec, path, given.steps))
        millions = sum(p.numel() for p in model.parameters()) / 1e6
        seconds = time.perf_counter() - started
        print(f"{spec.name:24} {millions:.2f} M  loss {loss:.3f}  {seconds:.0f} s", flush=True)
    text = yaml.safe_dump({"version": 1, "models": entries}, sort_keys=False)
    (given.out / "zoo.yaml").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
