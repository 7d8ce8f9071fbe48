"""Networks of volumes: scales, a decoder in three dimensions, and who is refused."""

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from acrank.data import Preprocessing
from acrank.errors import ConfigError, MissingExtraError, ModelError
from acrank.metrics.affine import AffineTrials, ac_corr
from acrank.scoring.extract import extract
from acrank.scoring.probe import probe_model
from acrank.scoring.types import ProbeSettings
from acrank.tasks.decoders import make_decoder, require_decoders
from acrank.tasks.dense import DenseReadout
from acrank.tasks.dimensions import dimensions_of
from acrank.tasks.pooled import PooledReadout
from tests.norm.test_convert import randomise

GENERATOR = torch.Generator().manual_seed(0)
SIDES = (32, 16, 16)
IMAGES = torch.randn(4, 1, *SIDES, generator=GENERATOR)
MASKS = torch.randint(0, 2, (4, *SIDES), generator=GENERATOR)
GEOMETRY = Preprocessing((1, 96, 96, 96), "bicubic", 1.0, "center", (0.0,), (1.0,))


def block(given: int, width: int) -> nn.Sequential:
    return nn.Sequential(nn.Conv3d(given, width, 3, 2, 1), nn.BatchNorm3d(width), nn.ReLU())


class Encoder(nn.Module):
    """Strides 2, 4 and 8, then pooled."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(block(1, 4), block(4, 6), block(6, 8))
        self.fc = nn.Linear(8, 2)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.fc(self.layers(x).mean((2, 3, 4)))
        return out


def prepared(task: DenseReadout) -> nn.Module:
    torch.manual_seed(0)
    model = randomise(Encoder()).eval()
    task.prepare(model, GEOMETRY)
    return model


def batches(index: int) -> tuple[Tensor, Tensor]:
    return IMAGES[2 * index :][:2], MASKS[2 * index :][:2]


def test_one_step_scores_the_encoder_alone() -> None:
    task = DenseReadout("unet", SIDES, 5)
    settings = ProbeSettings(lr=0.1, readout=task)
    probe = probe_model(prepared(task), batches, 2, 2, settings)
    assert [source.weight.numel() for source in probe.sources] == [4, 6, 8]
    first, second = ac_corr(AffineTrials(probe, "keep"))["ac_corr"]
    assert np.isfinite([first, second]).all()
    assert first != second


def test_observations_are_voxels_at_every_scale() -> None:
    task = DenseReadout("unet", SIDES, 5)
    found = extract(prepared(task), None, batches, 2, None, task)
    assert found.widths == (4, 6, 8)
    assert found.features.shape == (4 * 2 * 5, 18)
    assert np.bincount(found.labels).tolist() == [20, 20]


def test_the_decoder_gives_logits_of_every_voxel() -> None:
    maps = [torch.randn(2, 4, 8, 4, 4), torch.randn(2, 8, 4, 2, 2)]
    decoder = make_decoder("unet", [4, 8], [4, 8], 3, dimensions=3)
    assert decoder(maps).shape == (2, 3, 32, 16, 16)


def test_networks_of_images_and_of_volumes_are_told_apart() -> None:
    flat, linear = nn.Sequential(nn.Conv2d(3, 4, 3)), nn.Linear(3, 4)
    assert [dimensions_of(model) for model in (flat, Encoder(), linear)] == [2, 3, 0]
    with pytest.raises(ModelError, match=r"it is a network for images \(2-D\); the data are vol"):
        DenseReadout("unet", SIDES, 5).prepare(flat, GEOMETRY)
    for task in (DenseReadout("unet", (64, 64), 5), PooledReadout()):
        with pytest.raises(ModelError, match=r"it is a network for volumes \(3-D\)"):
            task.prepare(Encoder(), GEOMETRY)


def test_other_decoders_are_for_images(monkeypatch: pytest.MonkeyPatch) -> None:
    require_decoders("unet", 3)
    with pytest.raises(ConfigError, match="--decoder fpn is for images") as caught:
        require_decoders("fpn", 3)
    assert caught.value.hint == "Volumes have: unet."
    monkeypatch.setattr("acrank.tasks.decoders.find_spec", lambda name: None)
    with pytest.raises(MissingExtraError, match=r"acrank\[medical\]"):
        require_decoders("unet", 3)
