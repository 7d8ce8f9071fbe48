"""Train the demo zoo: one small BatchNorm network, pretrained on ten different sources.

The networks share an architecture and differ in what they have seen, so a ranking of them can
only come from the pretraining. Run it from anywhere: ``python benchmarks/demo_zoo/train.py``.
"""

import argparse
import math
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import timm
import torch
import torch.nn.functional as F
from cards import COLUMNS, write_card, write_row, write_zoo
from PIL import Image
from recipes import ARCH, KWARGS, LABELLED, SIZE, SPECS, Spec
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

HERE = Path(__file__).resolve().parent
REPO = HERE.parents[1]
BATCH = 64


@dataclass(frozen=True)
class Split:
    """Decoded images (N x 3 x 64 x 64, uint8) and their labels."""

    images: Tensor
    labels: Tensor

    @property
    def classes(self) -> int:
        """How many classes the labels name."""
        return int(self.labels.max()) + 1


def decode(path: Path) -> Tensor:
    """Read one picture whole: squashing keeps defects and tumours near the border in view."""
    with Image.open(path) as image:
        small = image.convert("RGB").resize((SIZE, SIZE), Image.Resampling.BICUBIC, reducing_gap=3)
    return torch.from_numpy(np.array(small)).permute(2, 0, 1)


def read_split(folder: Path) -> Split:
    """Read a folder of class folders, in sorted order."""
    classes = sorted(p for p in folder.iterdir() if p.is_dir())
    files = [(f, i) for i, c in enumerate(classes) for f in sorted(c.iterdir())]
    return Split(torch.stack([decode(f) for f, _ in files]), torch.tensor([i for _, i in files]))


def join(splits: list[Split]) -> Split:
    """Put datasets together, each with classes of its own."""
    offsets = np.cumsum([0] + [s.classes for s in splits[:-1]]).tolist()
    labels = [s.labels + o for s, o in zip(splits, offsets, strict=True)]
    return Split(torch.cat([s.images for s in splits]), torch.cat(labels))


def with_task(split: Split, spec: Spec) -> Split:
    """Replace the labels where the task is not the source's own."""
    if spec.task == "rotation":
        turned = torch.cat([split.images.rot90(k, (2, 3)) for k in range(4)])
        return Split(turned, torch.arange(4).repeat_interleave(len(split.images)))
    if spec.task == "random":
        return Split(split.images, split.labels[torch.randperm(len(split.labels))])
    return split


def load_source(data: Path, spec: Spec, split: str) -> Split:
    """Return the train or val split that a network of the zoo learns from."""
    names = LABELLED if spec.source == "mixed" else (spec.source,)
    return with_task(join([read_split(data / name / split) for name in names]), spec)


def build(classes: int) -> nn.Module:
    """Build the zoo's one architecture, exactly as zoo.yaml describes it."""
    model: nn.Module = timm.create_model(ARCH, num_classes=classes, **KWARGS)
    return model.to(memory_format=torch.channels_last)


def normalise(images: Tensor) -> Tensor:
    """Map bytes to mean 0.5, standard deviation 0.5."""
    return (images.float() / 127.5 - 1.0).contiguous(memory_format=torch.channels_last)


def augment(images: Tensor) -> Tensor:
    """Crop (60 to 100 % of each side), flip and brighten (x0.6 to x1.6) each picture at random."""
    n = len(images)
    scale = torch.empty(n, 2).uniform_(0.6, 1.0)
    shift = torch.empty(n, 2).uniform_(-1.0, 1.0) * (1.0 - scale)
    flip = torch.where(torch.rand(n) < 0.5, -1.0, 1.0)
    theta = torch.zeros(n, 2, 3)
    theta[:, 0, 0] = scale[:, 0] * flip
    theta[:, 1, 1] = scale[:, 1]
    theta[:, :, 2] = shift
    grid = F.affine_grid(theta, list(images.shape), align_corners=False)
    cropped = F.grid_sample(images, grid, align_corners=False)
    return (cropped + 1.0) * torch.empty(n, 1, 1, 1).uniform_(0.6, 1.6) - 1.0


def batches(data: Split, spec: Spec) -> Iterator[tuple[Tensor, Tensor]]:
    """Yield one epoch of shuffled batches, none so short that its statistics are noise."""
    order = torch.randperm(len(data.labels))
    for part in order.tensor_split(max(1, len(order) // BATCH)):
        images = normalise(data.images[part])
        # Labels learned by heart belong to exact pictures, so those are left as they are.
        yield (images if spec.task == "random" else augment(images)), data.labels[part]


def optimiser(model: nn.Module) -> torch.optim.Optimizer:
    """AdamW in which BatchNorm affines (and the head's bias) move faster and are not decayed.

    So few steps as these hardly take them from 1 and 0 otherwise, and they are what is compared.
    """
    vectors = [p for p in model.parameters() if p.ndim <= 1]
    kernels = [p for p in model.parameters() if p.ndim > 1]
    groups = [
        {"params": kernels, "lr": 3e-3, "weight_decay": 0.05},
        {"params": vectors, "lr": 2e-2, "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(groups)


def fit(model: nn.Module, data: Split, spec: Spec) -> None:
    """Train with a one-cycle cosine schedule and cross-entropy (label smoothing 0.05)."""
    steps = spec.epochs * max(1, len(data.labels) // BATCH)
    optim = optimiser(model)
    rate = torch.optim.lr_scheduler.LambdaLR(optim, lambda i: schedule(i, steps))
    smoothing = 0.0 if spec.task == "random" else 0.05
    model.train()
    for _ in range(spec.epochs):
        for images, labels in batches(data, spec):
            loss = F.cross_entropy(model(images), labels, label_smoothing=smoothing)
            optim.zero_grad()
            torch.autograd.backward(loss)
            optim.step()
            rate.step()


def schedule(step: int, steps: int) -> float:
    """Warm up over the first tenth, then fall to zero along a cosine."""
    warm = max(1, steps // 10)
    if step < warm:
        return (step + 1) / warm
    return 0.5 + 0.5 * math.cos(math.pi * (step - warm) / max(1, steps - warm))


@torch.inference_mode()
def accuracy(model: nn.Module, data: Split) -> float:
    """Return the share of pictures that the network, as stored, puts in the right class."""
    model.eval()
    parts = zip(torch.split(data.images, 256), torch.split(data.labels, 256), strict=True)
    right = sum(int((model(normalise(x)).argmax(1) == y).sum()) for x, y in parts)
    return right / len(data.labels)


def ratio_std(model: nn.Module) -> float:
    """Return the spread of beta / (|gamma| + eps) over all channels; 0 where none has moved."""
    norms = [m for m in model.modules() if isinstance(m, nn.BatchNorm2d)]
    ratios = [m.bias / (m.weight.abs() + 1e-5) for m in norms]
    return float(torch.cat(ratios).detach().std())


def save(model: nn.Module, path: Path) -> None:
    """Write kernels and head in half precision, BatchNorm in full: its affines are the subject."""
    norms = {n for n, m in model.named_modules() if isinstance(m, nn.BatchNorm2d)}
    state = {
        key: (value if key.rpartition(".")[0] in norms else value.half()).contiguous()
        for key, value in model.state_dict().items()
    }
    save_file(state, path, metadata={"format": "pt"})


def make(spec: Spec, data: Path, out: Path) -> dict[str, str]:
    """Train, store and measure one network; return its row of results.csv."""
    torch.manual_seed(spec.seed)
    start = time.perf_counter()
    train = None if spec.source == "none" else load_source(data, spec, "train")
    model = build(train.classes if train else 10)
    if train:
        fit(model, train, spec)
    save(model, out / f"{spec.name}.safetensors")
    seconds = time.perf_counter() - start
    # What is reported is what is stored, so the rounding to half precision counts.
    model.load_state_dict(load_file(out / f"{spec.name}.safetensors"))
    val = load_source(data, spec, "val") if train else None
    values = (
        spec.name,
        spec.source if spec.task == "classes" else f"{spec.source} ({spec.task})",
        str(len(train.labels) if train else 0),
        str(train.classes if train else 10),
        str(spec.epochs),
        str(spec.seed),
        f"{accuracy(model, train):.4f}" if train else "",
        f"{accuracy(model, val):.4f}" if val else "",
        f"{ratio_std(model):.4f}",
        f"{seconds:.0f}",
    )
    return dict(zip(COLUMNS, values, strict=True))


def main() -> None:
    """Train the networks asked for, and write weights, cards, zoo.yaml and results."""
    shared = Path(os.environ.get("ACRANK_SHARED", REPO.parent / "shared"))
    parser = argparse.ArgumentParser(description="Train the demo zoo.")
    parser.add_argument("--data", type=Path, default=shared / "data", help="the datasets")
    parser.add_argument("--out", type=Path, default=REPO / "acrank" / "zoo" / "demo")
    parser.add_argument("--results", type=Path, default=HERE / "results.csv")
    parser.add_argument("--only", choices=[s.name for s in SPECS], help="train this one alone")
    args = parser.parse_args()
    # Sums depend on how they are split over threads, so their number is part of the recipe; and
    # batches this small lose more by waiting for a second thread than they gain from it.
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    args.out.mkdir(parents=True, exist_ok=True)
    for spec in (s for s in SPECS if args.only in (None, s.name)):
        row = make(spec, args.data, args.out)
        write_row(row, args.results)
        write_card(spec, row, args.data, args.out)
        write_zoo(args.out)
        print(row, flush=True)


if __name__ == "__main__":
    main()
