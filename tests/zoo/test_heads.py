"""The source's classifier, taken off and kept."""

import pytest
import timm
import torch
from torch import nn

from acrank.scoring.extract import extract
from acrank.zoo.heads.known import remove_head, source_head
from tests.norm.test_convert import randomise


@pytest.mark.parametrize(
    "name",
    [
        *("resnet18", "mobilenetv3_small_050", "efficientnet_b0", "densenet121", "regnety_002"),
        *("ghostnet_050", "repvgg_a0", "dla34", "rexnet_100", "hrnet_w18_small", "vgg11_bn"),
    ],
)
def test_head_and_features_make_the_whole_network(name: str) -> None:
    model = randomise(timm.create_model(name, num_classes=7)).eval()
    images = torch.randn(2, 3, 64, 64)
    with torch.no_grad():
        logits = model(images)
        head = source_head(model, None)
        remove_head(model, None)
        assert head is not None
        torch.testing.assert_close(head(model(images)), logits, rtol=1e-4, atol=1e-4)


class Plain(nn.Module):
    def __init__(self, head: nn.Module) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.Conv2d(3, 4, 1), nn.AdaptiveAvgPool2d(1), nn.Flatten())
        self.fc = head

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        result: torch.Tensor = self.fc(self.body(images))
        return result


@pytest.mark.parametrize("classifier", [None, "fc"])
def test_a_network_that_is_not_timms(classifier: str | None) -> None:
    stack = nn.Sequential(nn.Linear(4, 6), nn.ReLU(), nn.Linear(6, 5))
    model = Plain(stack)
    assert source_head(model, classifier) is stack
    model = Plain(nn.Identity())
    assert source_head(model, classifier) is None


def test_no_head_or_two_heads_is_none() -> None:
    assert source_head(timm.create_model("resnet18", num_classes=0), None) is None
    distilled = timm.create_model("deit_tiny_distilled_patch16_224")
    assert source_head(distilled, None) is None


def test_features_and_probabilities_are_those_of_eval_mode() -> None:
    model = randomise(timm.create_model("resnet18", num_classes=5))
    images, labels = torch.randn(3, 4, 3, 32, 32), torch.arange(12).view(3, 4) % 2
    with torch.no_grad():
        expected = torch.softmax(model.eval()(images.flatten(0, 1)), dim=1)
    head = source_head(model, None)
    remove_head(model, None)
    state = {name: value.clone() for name, value in model.state_dict().items()}
    found = extract(model.train(), head, lambda i: (images[i], labels[i]), 3)
    assert found.source_probs is not None
    torch.testing.assert_close(torch.from_numpy(found.source_probs), expected)
    assert found.features.shape == (12, 512)
    assert found.labels.tolist() == labels.flatten().tolist()
    assert all(torch.equal(value, state[name]) for name, value in model.state_dict().items())
    rows = torch.randperm(12).numpy()
    moved = found.in_order(rows)
    assert (moved.features[rows] == found.features).all()
    assert (moved.labels[rows] == found.labels).all()


@pytest.mark.parametrize("head", [nn.Linear(9, 5), nn.Linear(512, 1)])
def test_a_head_that_does_not_fit_gives_no_probabilities(head: nn.Module) -> None:
    model = timm.create_model("resnet18", num_classes=0)
    found = extract(model, head, lambda i: (torch.randn(2, 3, 32, 32), torch.tensor([0, 1])), 1)
    assert found.source_probs is None
