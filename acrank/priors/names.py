"""Match the names of one checkpoint: timm's, torchvision's and those of hubs.

Two names match only if they stand for the same weights. Of torchvision's, those match whose file
timm downloads too, and the DenseNets, VGGs and Inception, of which torchvision has one set of
weights that timm converted; of a hub's, timm's own copies (``timm/ARCHITECTURE.TAG``) and the
repositories that timm itself downloads from. Anything else, such as a descendant that somebody
fine-tuned or an architecture with weights from elsewhere, never matches.
"""

from __future__ import annotations

from functools import cache

# Weights of torchvision that timm has under a name of its own, by torchvision's enumeration.
_RESNETS = "resnet50 resnet101 resnet152 resnext50_32x4d resnext101_32x8d wide_resnet50_2"
_OF_TIMM = {
    f"{name}@IMAGENET1K_{version}": f"{name}.{tag}_in1k"
    for name in f"{_RESNETS} wide_resnet101_2".split()
    for version, tag in (("V1", "tv"), ("V2", "tv2"))
}
_SINGLE = (
    "resnet18 resnet34 resnext101_64x4d densenet121 densenet161 densenet169 densenet201 "
    "inception_v3 vgg11 vgg13 vgg16 vgg19 vgg11_bn vgg13_bn vgg16_bn vgg19_bn"
)
_OF_TIMM |= {f"{name}@IMAGENET1K_V1": f"{name}.tv_in1k" for name in _SINGLE.split()}
_REGNETS = {
    "y_400mf": "y_004",
    "y_800mf": "y_008_tv",
    "y_1_6gf": "y_016",
    "y_3_2gf": "y_032",
    "y_8gf": "y_080_tv",
    "y_16gf": "y_160",
    "y_32gf": "y_320",
    "x_400mf": "x_004_tv",
    "x_800mf": "x_008",
    "x_1_6gf": "x_016",
    "x_3_2gf": "x_032",
    "x_8gf": "x_080",
    "x_16gf": "x_160",
    "x_32gf": "x_320",
}
_OF_TIMM |= {f"regnet_{one}@IMAGENET1K_V2": f"regnet{t}.tv2_in1k" for one, t in _REGNETS.items()}
# Repositories of others from which timm itself takes the weights of a tag.
_OF_HUB = {
    "apple/mobileclip_b_lt_timm": "vit_base_mci_224.apple_mclip_lt",
    "apple/mobileclip_b_timm": "vit_base_mci_224.apple_mclip",
    "apple/mobileclip_s0_timm": "fastvit_mci0.apple_mclip",
    "apple/mobileclip_s1_timm": "fastvit_mci1.apple_mclip",
    "apple/mobileclip_s2_timm": "fastvit_mci2.apple_mclip",
    "jienengchen/ViTamin-B": "vitamin_base_224.datacomp1b_clip",
    "jienengchen/ViTamin-L-224px": "vitamin_large_224.datacomp1b_clip",
    "jienengchen/ViTamin-S": "vitamin_small_224.datacomp1b_clip",
    "naver-ai/rdnet_base.nv_in1k": "rdnet_base.nv_in1k",
    "naver-ai/rdnet_large.nv_in1k": "rdnet_large.nv_in1k",
    "naver-ai/rdnet_large.nv_in1k_ft_in1k_384": "rdnet_large.nv_in1k_ft_in1k_384",
    "naver-ai/rdnet_small.nv_in1k": "rdnet_small.nv_in1k",
    "naver-ai/rdnet_tiny.nv_in1k": "rdnet_tiny.nv_in1k",
}
TORCHVISION = "torchvision:"
_HUBS = ("hf-hub:", "hf_hub:")


def canonical(reference: str) -> str:
    """The one name of a checkpoint, which all of its names lead to.

    Args:
        reference: a timm name, ``hf-hub:ORG/NAME[@REVISION]`` or ``torchvision:NAME[@WEIGHTS]``;
            anything else is its own name. Names without weights stand for the default ones
            of the timm or torchvision that is installed; names that timm has given up (such as
            ``tv_resnet50``) for those that replaced them.
    """
    if reference.startswith(TORCHVISION):
        return _of_torchvision(reference.removeprefix(TORCHVISION))
    for hub in _HUBS:
        if reference.startswith(hub):
            name = reference.removeprefix(hub).partition("@")[0]
            ours, _, rest = name.partition("/")
            if ours == "timm" and "." in rest:
                return rest
            return _OF_HUB.get(name, f"{_HUBS[0]}{name}")
    return _of_timm(reference) if "." not in reference and ":" not in reference else reference


def aliases() -> dict[str, str]:
    """Names of torchvision's and hubs' weights, and the names that timm has for them."""
    return {
        **{f"{TORCHVISION}{name}": timm for name, timm in _OF_TIMM.items()},
        **{f"{_HUBS[0]}{name}": timm for name, timm in _OF_HUB.items()},
    }


def _of_torchvision(name: str) -> str:
    if "@" not in name:
        name = _default_of_torchvision(name)
    return _OF_TIMM.get(name, f"{TORCHVISION}{name}")


@cache
def _default_of_torchvision(name: str) -> str:
    from torchvision.models import get_model_weights

    try:
        return f"{name}@{get_model_weights(name).DEFAULT.name}"
    except ValueError:  # no such model
        return name


@cache
def _of_timm(name: str) -> str:
    from timm.models import get_deprecated_models, get_pretrained_cfg, is_model_pretrained

    name = get_deprecated_models().get(name) or name
    if "." in name:
        return name
    found = get_pretrained_cfg(name) if is_model_pretrained(name) else None
    return f"{name}.{found.tag}" if found and found.tag else name
