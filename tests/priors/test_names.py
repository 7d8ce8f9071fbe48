"""Names of one checkpoint lead to one name; another pretraining never does."""

import pytest
import torchvision
from timm.models import get_pretrained_cfg, list_pretrained
from torchvision.models import get_model_weights, list_models

from acrank.priors.facts import facts_of_architecture, facts_of_name
from acrank.priors.names import aliases, canonical

# The file of Google's Inception, which torchvision saved anew in 2021, as it did all others.
SAVED_ANEW = "inception_v3_google-1a9a5a14.pth"


@pytest.mark.parametrize(
    ("written", "name"),
    [
        ("resnet50.tv_in1k", "resnet50.tv_in1k"),
        ("hf-hub:timm/resnet50.tv_in1k", "resnet50.tv_in1k"),
        ("hf_hub:timm/resnet50.tv_in1k@0123abc", "resnet50.tv_in1k"),
        ("torchvision:resnet50@IMAGENET1K_V1", "resnet50.tv_in1k"),
        ("torchvision:resnet50@IMAGENET1K_V2", "resnet50.tv2_in1k"),
        ("torchvision:resnet50", "resnet50.tv2_in1k"),  # torchvision's own default
        ("torchvision:vgg16@IMAGENET1K_V1", "vgg16.tv_in1k"),
        ("tv_resnet50", "resnet50.tv_in1k"),  # as timm called it
        ("gluon_resnet50_v1b", "resnet50.gluon_in1k"),
        ("hf-hub:naver-ai/rdnet_tiny.nv_in1k", "rdnet_tiny.nv_in1k"),
        ("hf_hub:MahmoodLab/UNI@0123abc", "hf-hub:MahmoodLab/UNI"),
    ],
)
def test_names_of_the_same_weights(written: str, name: str) -> None:
    assert canonical(written) == name
    assert canonical(name) == name


@pytest.mark.parametrize(
    "written",
    [
        "torchvision:mobilenet_v2@IMAGENET1K_V1",  # timm trained its own
        "torchvision:mnasnet1_0@IMAGENET1K_V1",
        "torchvision:convnext_tiny@IMAGENET1K_V1",
        "torchvision:efficientnet_v2_s@IMAGENET1K_V1",
        "torchvision:vgg16@IMAGENET1K_FEATURES",
        "torchvision:no_such_network",
        "hf-hub:somebody/resnet50.tv_in1k",
        "hf-hub:somebody/resnet50-finetuned-x",
        "hf-hub:somebody/resnet50",
        "hf-hub:timm/resnet50",  # no tag, so no weights of timm
        "resnet50-finetuned-x",
        "resnet50.tv_in1k-finetuned",
        "./resnet50.tv_in1k.safetensors",
        "local-dir:resnet50.tv_in1k",
        "no_such_network",
    ],
)
def test_names_of_other_weights_stay_their_own(written: str) -> None:
    assert canonical(written) == written


def test_an_architecture_stands_for_the_default_weights_of_timm() -> None:
    cfg = get_pretrained_cfg("lcnet_050")
    assert cfg is not None
    assert canonical("lcnet_050") == f"lcnet_050.{cfg.tag}"


def test_what_torchvision_and_timm_share_is_the_same_file_or_the_only_one() -> None:
    """Where timm names a file it is torchvision's; else torchvision has one set of weights."""
    known = set(list_pretrained())
    urls = {
        f"torchvision:{model}@{weights.name}": weights.url
        for model in list_models(module=torchvision.models)
        for weights in get_model_weights(model)  # type: ignore[attr-defined, unused-ignore]
    }
    assert len(set(aliases().values())) == len(aliases())
    for theirs, ours in aliases().items():
        assert ours in known
        cfg = get_pretrained_cfg(ours)
        assert cfg is not None
        if theirs.startswith("hf-hub:"):
            assert theirs == f"hf-hub:{cfg.hf_hub_id}"
            continue
        model = theirs.partition("@")[0]
        trained = [name for name in urls if name.startswith(f"{model}@IMAGENET1K_V")]
        same = cfg.url == urls[theirs] or SAVED_ANEW in str(cfg.url)
        assert same if cfg.url else trained == [theirs]


def test_what_tags_say() -> None:
    vit = facts_of_name("vit_base_patch16_224.augreg2_in21k_ft_in1k")
    assert (vit.family, vit.labels, vit.images_m, vit.texts) == ("vit", "classes", 14.2, False)
    assert vit.modern
    assert vit.transformer
    dino = facts_of_name("vit_base_patch16_224.dino")
    assert (dino.labels, dino.images_m) == ("none", 1.28)
    clip = facts_of_name("vit_base_patch16_clip_224.laion2b_ft_in12k_in1k")
    assert (clip.labels, clip.texts, clip.images_m) == ("classes", True, 2000.0)
    assert facts_of_name("resnet50_clip.cc12m").labels == "text"
    plain = facts_of_name("torchvision:resnet50@IMAGENET1K_V1")
    assert (plain.family, plain.modern, plain.transformer) == ("resnet", False, False)
    assert facts_of_name("torchvision:resnet50@IMAGENET1K_V2").modern


def test_families() -> None:
    found = {
        name: facts_of_architecture(name).family
        for name in ("wide_resnet50_2", "seresnext50_32x4d", "tf_efficientnet_b0", "repvgg_a2")
    }
    assert list(found.values()) == ["resnet", "resnet", "efficientnet", "repvgg"]
