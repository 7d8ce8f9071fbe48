"""The networks of the demo zoo: their architecture, and what each of them learns from."""

from dataclasses import dataclass
from typing import Any

SIZE = 64
ARCH = "resnet18"
KWARGS: dict[str, Any] = {
    "layers": [1, 1, 1, 1],
    "channels": [16, 32, 48, 64],
    "stem_type": "deep",
    "stem_width": 8,
    # A zero-initialised gamma would give the untrained network a structure it has not learned.
    "zero_init_last": False,
}
LABELLED = ("cifar10", "sign_digits", "brain_tumor_mri", "magnetic_tile", "bccd_crops")


@dataclass(frozen=True)
class Spec:
    """One network of the zoo: what it learns from, and for how long."""

    name: str
    source: str
    epochs: int
    tags: str
    note: str
    task: str = "classes"
    seed: int = 0
    remark: str = ""


SPECS = (
    Spec("demo-cifar10", "cifar10", 30, "natural supervised", "10 kinds of object"),
    Spec("demo-cifar10-short", "cifar10", 2, "natural supervised short", "two epochs only", seed=1),
    Spec("demo-sign-digits", "sign_digits", 40, "natural supervised", "hand signs 0 to 9"),
    Spec(
        "demo-brain-mri",
        "brain_tumor_mri",
        50,
        "medical supervised",
        "brain tumours in MRI",
        remark="The held-out slices are visibly brighter than these; the largest class has 37 %.",
    ),
    Spec("demo-magnetic-tile", "magnetic_tile", 120, "industrial supervised", "surface defects"),
    Spec("demo-blood-cells", "bccd_crops", 40, "medical supervised", "cells under a microscope"),
    Spec("demo-mixed", "mixed", 14, "mixed supervised", "the five labelled sources in one"),
    Spec(
        "demo-rotation",
        "cifar10",
        8,
        "natural self-supervised",
        "which of four ways a picture is turned",
        task="rotation",
    ),
    Spec(
        "demo-random-labels",
        "cifar10",
        40,
        "control random-labels",
        "labels shuffled at random, learned by heart",
        task="random",
        remark="Held-out labels are random too, so chance (10 %) is all there is to reach.",
    ),
    Spec("demo-untrained", "none", 0, "control untrained", "random weights, gamma 1, beta 0"),
)
