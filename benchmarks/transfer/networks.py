"""The architectures of the study's larger networks, for ``factory:`` entries of its zoo."""

from __future__ import annotations

from timm.layers.create_act import get_act_layer
from timm.models.efficientnet import _gen_mobilenet_v1
from torch import Tensor, nn
from torch.nn import functional as F


def mobilenetv1(
    width: float, num_classes: int, act: str, bn_eps: float = 1e-5, same_pad: bool = False
) -> nn.Module:
    """MobileNetV1 of timm at a width that no public timm name takes."""
    padding = {"pad_type": "same"} if same_pad else {}
    model: nn.Module = _gen_mobilenet_v1(  # type: ignore[no-untyped-call]
        "mobilenetv1_100",
        channel_multiplier=width,
        num_classes=num_classes,
        act_layer=get_act_layer(act),
        bn_eps=bn_eps,
        **padding,
    )
    return model


class Block(nn.Module):
    """Two convolutions and a shortcut without parameters: strided, padded with zero channels."""

    def __init__(self, width: int, out: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(width, out, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(out)
        self.conv2 = nn.Conv2d(out, out, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(out)
        self.stride, self.pad = stride, (out - width) // 2

    def forward(self, x: Tensor) -> Tensor:
        """Features (N, out, H / stride, W / stride)."""
        y = self.bn2(self.conv2(F.relu(self.bn1(self.conv1(x)))))
        short = x[:, :, :: self.stride, :: self.stride]
        return F.relu(y + F.pad(short, (0, 0, 0, 0, self.pad, self.pad)))


class CifarResNet(nn.Module):
    """He et al. 2015, section 4.2: three stages of n blocks each."""

    def __init__(self, n: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 16, 3, 1, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(16)
        self.layer1 = stage(n, 16, 16, 1)
        self.layer2 = stage(n, 16, 32, 2)
        self.layer3 = stage(n, 32, 64, 2)
        self.fc = nn.Linear(64, 10)

    def forward(self, x: Tensor) -> Tensor:
        """Logits (N, 10)."""
        x = F.relu(self.bn1(self.conv1(x)))
        logits: Tensor = self.fc(self.layer3(self.layer2(self.layer1(x))).mean((2, 3)))
        return logits


def stage(n: int, width: int, out: int, stride: int) -> nn.Sequential:
    """Blocks of which the first may stride and widen."""
    rest = [Block(out, out, 1) for _ in range(n - 1)]
    return nn.Sequential(Block(width, out, stride), *rest)
