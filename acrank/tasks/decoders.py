"""Fresh decoders on an encoder's feature maps (extra ``segmentation``)."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from importlib.util import find_spec

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from acrank.errors import ConfigError, MissingExtraError, ModelError

# Channels of U-Net's stages, finest last, and of the others, as their library has them.
UNET_CHANNELS = (256, 128, 64, 32, 16)
ASPP_CHANNELS = 256
ASPP_RATES = (12, 24, 36)
# Scales that FPN puts together.
FPN_SCALES = 4


def require_decoders(name: str = "unet", dimensions: int = 2) -> None:
    """Say at once that there is no such decoder, or that its library is missing.

    Args:
        name: see :func:`make_decoder`.
        dimensions: 2 for images, 3 for volumes.

    Raises:
        ConfigError: it is one of images alone.
        MissingExtraError: the library is missing.
    """
    if dimensions == 3:
        if name not in VOLUME_DECODERS:
            raise ConfigError(
                f"--decoder {name} is for images; the data are volumes.",
                hint=f"Volumes have: {', '.join(VOLUME_DECODERS)}.",
            )
        if find_spec("monai") is None:
            raise MissingExtraError("Segmentation of volumes", "medical")
    elif find_spec("segmentation_models_pytorch") is None:
        raise MissingExtraError("Segmentation", "segmentation")


class Decoder(nn.Module):
    """A decoder and a convolution to logits.

    Args:
        decoder: takes the maps as a list, each half as fine as the one before, the image's own
            scale first.
        channels: of what it gives.
        classes: of the target.
        strides: of the maps, finest first.
        coarsest: the stride at which the coarsest map is taken.
        dimensions: 2 for images, 3 for volumes.
    """

    def __init__(
        self,
        decoder: nn.Module,
        channels: int,
        classes: int,
        strides: Sequence[int],
        coarsest: int,
        dimensions: int = 2,
    ) -> None:
        super().__init__()
        self.decoder = decoder
        convolution = nn.Conv3d if dimensions == 3 else nn.Conv2d
        self.classify = convolution(channels, classes, 3, padding=1)
        self.strides = tuple(strides)
        self.coarsest = coarsest

    def forward(self, maps: Sequence[Tensor]) -> Tensor:
        """Logits (N, C, *S) of maps (N, D, *S), finest first."""
        given = dict(zip(self.strides, maps, strict=True))
        last = maps[-1]
        if self.coarsest < self.strides[-1]:
            factor = self.strides[-1] // self.coarsest
            given[self.coarsest] = F.interpolate(last, scale_factor=factor, mode="bilinear")
        sides = [side * self.strides[-1] for side in last.shape[2:]]
        levels = [2**level for level in range(int(math.log2(self.coarsest)) + 1)]
        # a scale that the encoder has not, and the image's own, which no decoder looks at
        count = last.shape[0]  # which stays open in an export; len() would fix it
        nothing = [last.new_zeros(count, 0, *(side // s for side in sides)) for s in levels]
        pyramid = [given.get(s, empty) for s, empty in zip(levels, nothing, strict=True)]
        logits: Tensor = self.classify(self.decoder([nothing[0], *pyramid[1:]]))
        return logits


def make_decoder(
    name: str, widths: Sequence[int], strides: Sequence[int], classes: int, dimensions: int = 2
) -> Decoder:
    """A decoder of segmentation_models_pytorch with the library's usual sizes, without dropout.

    That of volumes is the U-Net of MONAI's FlexibleUNet, with as many channels.

    DeepLabV3+ takes the coarsest map at a stride of 16: where the encoder's has 32, it is
    interpolated, so that the encoder runs as it was pretrained (the library dilates it).

    Args:
        name: ``unet``, ``fpn`` or ``deeplabv3plus``.
        widths: channels of the maps, finest first.
        strides: of the maps.
        classes: of the target.
        dimensions: 2 for images, 3 for volumes, of which there is ``unet`` alone.

    Raises:
        ModelError: the decoder does not fit these maps.
    """
    coarsest = min(strides[-1], 16) if name == "deeplabv3plus" else strides[-1]
    channels = dict(zip(strides, widths, strict=True)) | {coarsest: widths[-1]}
    levels = [2**level for level in range(int(math.log2(coarsest)) + 1)]
    pyramid = [0, *(channels.get(stride, 0) for stride in levels[1:])]
    decoder, given = (VOLUME_DECODERS if dimensions == 3 else _MAKERS)[name](pyramid)
    return Decoder(decoder, given, classes, strides, coarsest, dimensions)


def _unet(channels: Sequence[int]) -> tuple[nn.Module, int]:
    from segmentation_models_pytorch.decoders.unet.decoder import UnetDecoder

    depth = len(channels) - 1
    stages = UNET_CHANNELS[-depth:]
    return UnetDecoder(channels, stages, n_blocks=depth), stages[-1]


def _fpn(channels: Sequence[int]) -> tuple[nn.Module, int]:
    _need(channels, FPN_SCALES, "fpn")
    from segmentation_models_pytorch.decoders.fpn.decoder import FPNDecoder

    decoder = FPNDecoder(channels, encoder_depth=len(channels) - 1, dropout=0.0)
    return decoder, decoder.out_channels


def _deeplab(channels: Sequence[int]) -> tuple[nn.Module, int]:
    _need(channels, 3, "deeplabv3plus")
    from segmentation_models_pytorch.decoders.deeplabv3.decoder import DeepLabV3PlusDecoder

    depth = len(channels) - 1
    settings = {"output_stride": 16, "aspp_separable": True, "aspp_dropout": 0.0}
    made = DeepLabV3PlusDecoder(channels, depth, ASPP_CHANNELS, ASPP_RATES, **settings)
    return made, ASPP_CHANNELS


def _volume_unet(channels: Sequence[int]) -> tuple[nn.Module, int]:
    from monai.networks.nets.flexible_unet import UNetDecoder

    stages = UNET_CHANNELS[-(len(channels) - 1) :]
    decoder = UNetDecoder(
        spatial_dims=3,
        encoder_channels=channels,
        decoder_channels=stages,
        act="relu",
        norm="batch",
        dropout=0.0,
        bias=False,
        upsample="nontrainable",
        pre_conv="default",
        interp_mode="nearest",
        align_corners=None,
        is_pad=False,
    )
    return decoder, stages[-1]


_MAKERS: dict[str, Callable[[Sequence[int]], tuple[nn.Module, int]]] = {
    "unet": _unet,
    "fpn": _fpn,
    "deeplabv3plus": _deeplab,
}
DECODERS = tuple(_MAKERS)
VOLUME_DECODERS = {"unet": _volume_unet}


def _need(channels: Sequence[int], scales: int, name: str) -> None:
    found = sum(width > 0 for width in channels[-scales:])
    if found < scales:
        raise ModelError(
            f"the decoder {name} needs maps of the {scales} coarsest scales, and it has {found}.",
            hint="Use --decoder unet.",
        )


@torch.no_grad()
def draw_weights(module: nn.Module, seed: int) -> None:
    """Draw weights anew, the same on every device: He's normal for convolutions, no shift.

    He, Zhang, Ren and Sun, "Delving deep into rectifiers", ICCV 2015 (arXiv 1502.01852).

    Args:
        module: of convolutions and normalisation layers, on any device.
        seed: of the weights.
    """
    generator = torch.Generator().manual_seed(seed)
    for layer in module.modules():
        if isinstance(layer, nn.Conv2d | nn.Conv3d):
            deviation = math.sqrt(2 / layer.weight[0].numel())
            drawn = torch.empty(layer.weight.shape)
            layer.weight.copy_(drawn.normal_(0.0, deviation, generator=generator))
            if layer.bias is not None:
                layer.bias.zero_()
        elif isinstance(layer, nn.modules.batchnorm._BatchNorm | nn.GroupNorm):
            layer.reset_parameters()
        elif any(True for _ in layer.parameters(recurse=False)):
            raise NotImplementedError(f"no rule to draw the weights of {type(layer).__name__}")
