"""Read what a network's name says of it: its family, its pretraining and its recipe.

timm names are ``ARCHITECTURE.TAG``, and tags name the recipe and the data in the order of training:
``vit_base_patch16_224.augreg2_in21k_ft_in1k`` was trained on ImageNet-21k with augmentation and
regularisation, and then fine-tuned on ImageNet-1k.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Literal

Labels = Literal["classes", "none", "text", "other"]

# Images of pretraining sets, in millions, by the words of tags that name them.
IMAGES = {
    "in1k": 1.28,
    "dino": 1.28,  # these two are of ImageNet-1k where no other set is named
    "mae": 1.28,
    "inat21": 2.7,
    "sa1b": 11.0,
    "cc12m": 12.0,
    "in12k": 12.1,
    "in21k": 14.2,
    "in22k": 14.2,
    "m30m": 30.0,
    "m38m": 38.0,
    "bamboo": 69.0,
    "yfcc100m": 99.0,
    "lvd142m": 142.0,
    "jft": 300.0,
    "openai": 400.0,
    "laion400m": 400.0,
    "400m": 400.0,
    "ig1b": 940.0,
    "seer": 1000.0,
    "lvd1689m": 1689.0,
    "laion2b": 2000.0,
    "merged2b": 2000.0,
    "dfn2b": 2000.0,
    "2pt5b": 2500.0,
    "swag": 3600.0,
    "dfn5b": 5000.0,
}
# Words of tags and architectures that say how a network was pretrained.
_TEXT = {"clip", "openai", "laion2b", "laion400m", "metaclip", "datacompxl", "dfn2b", "dfn5b"}
_TEXT |= {"cc12m", "merged2b", "webli", "siglip", "laiona", "yfcc15m"}
_ALONE = {"dino", "dinov2", "dinov3", "mae", "mim", "fcmae", "moco", "seer", "lvd142m", "lvd1689m"}
_OTHER = {"sa1b"}
# First words of tags of the recipes of before about 2020: plain augmentation, 90 to 120 epochs.
_PLAIN = {"tv", "gluon", "mx", "in1k", "orig", "pycls", "ms", "rvgg", "tf"}
# Networks that torchvision trained by today's recipe from the first.
_MODERN_AT_FIRST = ("convnext", "efficientnet_v2", "swin", "vit", "maxvit")
# Families: the first that the beginning of a name matches.
_FAMILIES = {
    "alexnet": "alexnet",
    "vgg": "vgg",
    "inception": "inception|googlenet|xception",
    "densenet": "densenet",
    "convnext": "convnext",
    "mobilenet": "mobilenet|mnasnet|semnasnet|shufflenet|lcnet|ghostnet|mixnet|tinynet|fbnet",
    "efficientnet": "(tf_)?efficientnet",
    "regnet": "regnet",
    "vit": "vit_|deit|beit|eva|samvit|flexivit|cait|naflexvit",
    "swin": "swin",
    "resnet": r"(wide_|legacy_|se|eca|gc|sk|cs)*(resnet|resnext)|resnest",
}
_TRANSFORMERS = re.compile(
    "vit_|deit|beit|eva|samvit|flexivit|cait|naflexvit|swin|xcit|crossvit|pit_|tnt|twins|volo|coat"
    "|mvit|hiera|nest_|davit|convit|visformer|gcvit|tiny_vit|maxvit|maxxvit|levit|pvt"
)


@dataclass(frozen=True)
class Facts:
    """Facts about a network that need no weights; None where it is not.

    Attributes:
        family: a family of architectures, such as ``resnet``.
        params_m: million parameters, with the head.
        imagenet_top1: ImageNet-1k accuracy in per cent.
        imagenet_r: accuracy on ImageNet-R (drawings, toys, ...) in per cent.
        images_m: million images of the largest set that it was pretrained on.
        labels: what it was pretrained with at last: classes, no labels, texts, or other labels.
        texts: whether it was pretrained with texts at some stage.
        modern: whether its recipe has the augmentation and length of today's.
        transformer: whether it attends, rather than convolves only.
    """

    family: str | None = None
    params_m: float | None = None
    imagenet_top1: float | None = None
    imagenet_r: float | None = None
    images_m: float | None = None
    labels: Labels | None = None
    texts: bool | None = None
    modern: bool | None = None
    transformer: bool | None = None

    @property
    def tells(self) -> bool:
        """Tell if the facts are enough to expect something: a family or an accuracy."""
        return self.family is not None or self.imagenet_top1 is not None


def facts_of_name(name: str) -> Facts:
    """Read what a canonical name says.

    Args:
        name: ``ARCHITECTURE.TAG`` of timm, or ``torchvision:NAME@WEIGHTS``; without a tag or
            weights nothing is known of the pretraining.
    """
    if name.startswith("torchvision:"):
        return _of_torchvision(*name.removeprefix("torchvision:").partition("@")[::2])
    architecture, _, tag = name.partition(".")
    facts = facts_of_architecture(architecture)
    if not tag:
        return facts
    words = set(tag.split("_")) | set(architecture.split("_"))
    sizes = [IMAGES[word] for word in words if word in IMAGES]
    return replace(
        facts,
        images_m=max(sizes) if sizes else None,
        labels=_labels(words),
        texts=bool(words & _TEXT),
        modern=tag.split("_")[0] not in _PLAIN,
    )


def _of_torchvision(architecture: str, weights: str) -> Facts:
    facts = facts_of_architecture(architecture)
    if not weights.startswith("IMAGENET1K_V"):  # SWAG, or none named
        return facts
    modern = weights.endswith("V2") or architecture.startswith(_MODERN_AT_FIRST)
    return replace(facts, images_m=IMAGES["in1k"], labels="classes", texts=False, modern=modern)


def facts_of_architecture(architecture: str) -> Facts:
    """Read what the name of an architecture says: its family.

    An architecture of no family that is known is a family of its own: its letters.
    """
    letters = re.match("[a-z]+", architecture)
    own = letters[0] if letters else architecture
    matched = (name for name, form in _FAMILIES.items() if re.match(form, architecture))
    family = next(matched, own)
    return Facts(family=family, transformer=bool(_TRANSFORMERS.match(architecture)))


def _labels(words: set[str]) -> Labels:
    if "ft" in words:  # fine-tuned on classes in the end
        return "classes"
    if words & _TEXT:
        return "text"
    if words & _ALONE:
        return "none"
    return "other" if words & _OTHER else "classes"
