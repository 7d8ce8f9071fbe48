import pickle
from pathlib import Path

import timm
import torch
from timm.layers.norm_act import BatchNormAct2d

from acrank.zoo import ZooEntry, describe
from acrank.zoo.description import affine_norms


def test_a_timm_model_is_described_without_its_weights() -> None:
    info = describe(ZooEntry(name="resnet18.a1_in1k", tags=("x",)))
    network = timm.create_model("resnet18")
    norms = [m for m in network.modules() if isinstance(m, torch.nn.BatchNorm2d)]
    assert info.params == sum(p.numel() for p in network.parameters()) == 11_689_512
    assert info.norm_layers == len(norms) == 20
    assert info.norm_channels == sum(norm.num_features for norm in norms)
    assert (info.input_size, info.license, info.tags) == ((3, 224, 224), "apache-2.0", ("x",))
    assert (info.source, info.revision, info.cached) == ("resnet18.a1_in1k", None, False)


def test_the_entry_s_own_words_go_first() -> None:
    entry = ZooEntry(name="resnet18", license="mine", input_size=(3, 64, 64))
    info = describe(entry)
    assert (info.license, info.input_size, info.source) == ("mine", (3, 64, 64), "resnet18")


def test_a_hub_repository_that_is_not_cached() -> None:
    guessed = describe(ZooEntry(name="hf-hub:me/resnet18.mine@v1"))
    assert (guessed.params, guessed.norm_layers) == (11_689_512, 20)
    assert (guessed.license, guessed.revision, guessed.cached) == (None, None, False)
    unknown = describe(ZooEntry(name="x", source="hf-hub:me/something", license="mit"))
    assert (unknown.params, unknown.norm_layers, unknown.input_size) == (0, 0, (0, 0, 0))
    assert unknown.license == "mit"


def test_only_affine_batch_norms_count() -> None:
    network = torch.nn.Sequential(
        torch.nn.BatchNorm2d(3),
        torch.nn.BatchNorm1d(5, affine=False),
        torch.nn.GroupNorm(1, 4),
        BatchNormAct2d(7),
    )
    assert [norm.num_features for norm in affine_norms(network)] == [3, 7]


def test_entries_and_descriptions_travel_between_processes() -> None:
    entry = ZooEntry(name="resnet18", base=Path("/some/where"))
    assert pickle.loads(pickle.dumps(entry)) == entry
    info = describe(entry)
    assert pickle.loads(pickle.dumps(info)) == info
