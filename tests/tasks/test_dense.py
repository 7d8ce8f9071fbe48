"""The task of one class a pixel: decoders, the loss, and the probe on it."""

import copy
import itertools

import numpy as np
import pytest
import timm
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from acrank.data import Preprocessing
from acrank.data.segmentation import IGNORE_INDEX
from acrank.data.segmentation.pixels import OF_BOUNDARIES, boundaries
from acrank.errors import MissingExtraError, ModelError
from acrank.metrics.affine import AffineTrials, ac_corr
from acrank.norm import AffineCoNorm, convert_batchnorm
from acrank.scoring.extract import extract
from acrank.scoring.probe import probe_model
from acrank.scoring.types import ProbeSettings
from acrank.tasks.decoders import DECODERS, draw_weights, make_decoder, require_decoders
from acrank.tasks.dense import DenseReadout, soft_dice_loss
from tests.norm.dense import dense_correlation
from tests.norm.test_convert import randomise
from tests.shared_networks import CifarResNet

SIDE = 64
GEOMETRY = Preprocessing((3, SIDE, SIDE), "bicubic", 1.0, "squash", (0.5,) * 3, (0.5,) * 3)
GENERATOR = torch.Generator().manual_seed(0)
IMAGES = torch.randn(4, 3, SIDE, SIDE, generator=GENERATOR, dtype=torch.float64)
MASKS = (IMAGES[:, 0] > 0).long() + (IMAGES[:, 1] > 1).long()


def encoder(task: DenseReadout) -> nn.Module:
    model = randomise(timm.create_model("resnet10t", num_classes=0)).double().eval()
    task.prepare(model, GEOMETRY)
    return model


def segmentation(decoder: str = "unet") -> DenseReadout:
    return DenseReadout(decoder, (SIDE, SIDE), pixels=5)


@pytest.mark.parametrize("decoder", DECODERS)
def test_decoders_give_logits_and_pass_gradients_to_every_scale(decoder: str) -> None:
    task = segmentation(decoder)
    given = task.features(encoder(task), IMAGES, None)
    assert [m.shape[2] for m in given] == [32, 16, 8, 4, 2]
    maps = tuple(m.detach().requires_grad_() for m in given)
    head = task.head(maps, 3, seed=0, trial=0)
    logits = head(maps)
    assert logits.shape[:2] == (4, 3)
    assert SIDE // logits.shape[2] == (1 if decoder == "unet" else 4)
    task.loss(logits, MASKS).backward()  # type: ignore[no-untyped-call]
    # FPN has no use for the finest scale, DeepLabV3+ for all but two
    reached = [m.grad is not None and bool(m.grad.any()) for m in maps]
    expected = {"unet": [1, 1, 1, 1, 1], "fpn": [0, 1, 1, 1, 1], "deeplabv3plus": [0, 1, 0, 0, 1]}
    assert reached == expected[decoder]


def test_heads_are_of_the_seed_and_the_trial() -> None:
    task = segmentation()
    maps = task.features(encoder(task), IMAGES, None)

    def drawn(seed: int, trial: int) -> Tensor:
        head = task.head(maps, 3, seed, trial)
        return torch.cat([p.detach().flatten() for p in head.parameters()])

    state = torch.get_rng_state()
    assert torch.equal(drawn(0, 1), drawn(0, 1))
    assert not torch.equal(drawn(0, 1), drawn(0, 2))
    assert not torch.equal(drawn(0, 1), drawn(1, 1))
    assert torch.equal(torch.get_rng_state(), state)  # left to networks made in another thread


def test_weights_are_drawn_for_every_layer_or_refused() -> None:
    with torch.device("meta"):
        layers = nn.Sequential(nn.Conv2d(3, 64, 3), nn.BatchNorm2d(64), nn.GroupNorm(2, 64))
    drawn = layers.to_empty(device="cpu")
    for parameter in drawn.parameters():
        nn.init.constant_(parameter, torch.nan)
    draw_weights(drawn, 0)
    weights = next(drawn.parameters()).detach()
    assert float(weights.std()) == pytest.approx((2 / 27) ** 0.5, rel=0.05)
    assert [float(p.detach().sum()) for p in drawn[1:].parameters()] == [64, 0] * 2
    with pytest.raises(NotImplementedError, match="Linear"):
        draw_weights(nn.Linear(2, 2), 0)


def test_an_encoder_of_three_scales_has_a_u_net_only() -> None:
    torch.manual_seed(0)
    model = CifarResNet(1).eval()
    task = segmentation()
    task.prepare(model, GEOMETRY)
    maps = task.features(model, IMAGES.float(), None)
    assert task.head(maps, 2, 0, 0)(maps).shape == (4, 2, SIDE, SIDE)
    with pytest.raises(ModelError, match=r"fpn needs maps of the 4 .* Use --decoder unet"):
        segmentation("fpn").head(maps, 2, 0, 0)


def test_a_scale_that_is_missing_is_left_empty() -> None:
    maps = [torch.randn(2, 4, 16, 16), torch.randn(2, 8, 8, 8)]
    decoder = make_decoder("unet", [4, 8], [4, 8], 3)
    assert decoder(maps).shape == (2, 3, 64, 64)


def test_without_the_library_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    require_decoders()
    monkeypatch.setattr("acrank.tasks.decoders.find_spec", lambda name: None)
    with pytest.raises(MissingExtraError, match=r"acrank\[segmentation\]"):
        require_decoders()


def test_dice_is_that_of_its_definition() -> None:
    logits = torch.randn(2, 4, 5, 6, generator=GENERATOR, dtype=torch.float64)
    labels = torch.randint(0, 3, (2, 5, 6), generator=GENERATOR)  # the last class is absent
    labels[0, 0] = IGNORE_INDEX
    probabilities = torch.softmax(logits, 1).numpy()
    known = labels.numpy() >= 0
    overlaps = []
    for label in range(3):
        guess, truth = probabilities[:, label][known], (labels.numpy() == label)[known]
        overlaps.append(2 * (guess * truth).sum() / (guess.sum() + truth.sum()))
    assert float(soft_dice_loss(logits, labels)) == pytest.approx(1 - np.mean(overlaps), abs=1e-6)
    perfect = 50 * F.one_hot(labels.clamp(min=0), 4).movedim(-1, 1).double()
    assert float(soft_dice_loss(perfect, labels)) == pytest.approx(0, abs=1e-6)


def test_what_is_ignored_changes_nothing() -> None:
    task = segmentation()
    logits = torch.randn(1, 2, 8, 8, generator=GENERATOR)
    labels = torch.randint(0, 2, (1, 8, 8), generator=GENERATOR)
    labels[:, :4] = IGNORE_INDEX
    changed = logits.clone()
    changed[:, :, :4] += 5
    torch.testing.assert_close(task.loss(logits, labels), task.loss(changed, labels))


def loop_score(model: nn.Module, task: DenseReadout, trial: int, lr: float) -> float:
    """A plain loop: converted encoder, all of it and the decoder trained, the dense formula."""
    model = copy.deepcopy(model)
    convert_batchnorm(model)
    task.prepare(model, GEOMETRY)
    model.eval()
    for module in model.modules():
        if isinstance(module, nn.modules.batchnorm._BatchNorm):
            module.train()
    part = slice(2 * trial, 2 * trial + 2)
    maps = model(IMAGES[part])
    head = task.head(maps, 3, 0, trial)
    parameters = list(itertools.chain(model.parameters(), head.parameters()))
    optimizer = torch.optim.SGD([p for p in parameters if p.requires_grad], lr=lr)
    task.loss(head(maps), MASKS[part]).backward()  # type: ignore[no-untyped-call]
    optimizer.step()
    sums = [
        float(dense_correlation(m.weight, m.bias, m.weight_target, m.bias_target).sum().detach())
        for m in model.modules()
        if isinstance(m, AffineCoNorm)
    ]
    return sum(sums) / len(sums)


def test_one_step_equals_a_plain_loop_over_all_parameters() -> None:
    task = segmentation()
    plain = randomise(timm.create_model("resnet10t", num_classes=0)).double().eval()
    expected = [loop_score(plain, task, trial, 0.1) for trial in range(2)]
    task.prepare(plain, GEOMETRY)
    settings = ProbeSettings(lr=0.1, readout=task)
    probe = probe_model(
        plain, lambda i: (IMAGES[2 * i : 2 * i + 2], MASKS[2 * i : 2 * i + 2]), 2, 3, settings
    )
    scores = ac_corr(AffineTrials(probe, "keep"))["ac_corr"]
    assert scores == pytest.approx(expected, rel=1e-5)
    assert abs(scores[0] - scores[1]) > 1e-6


def test_several_steps_train_encoder_and_decoder() -> None:
    task = segmentation()
    model = encoder(task)
    settings = ProbeSettings(lr=0.1, steps=6, repeats=1, readout=task)
    first = ProbeSettings(lr=1e-9, steps=1, repeats=1, readout=task)
    before = probe_model(encoder(task), lambda i: (IMAGES, MASKS), 1, 3, first)
    after = probe_model(model, lambda i: (IMAGES, MASKS), 1, 3, settings)
    assert float(after.losses[0]) < float(before.losses[0])


def test_observations_are_pixels_of_the_coarsest_scales() -> None:
    task = segmentation()
    found = extract(
        encoder(task), None, lambda i: (IMAGES[2 * i :][:2], MASKS[2 * i :][:2]), 2, None, task
    )
    assert found.widths == (128, 256, 512)
    assert found.features.shape == (4 * 3 * 5, 896)
    assert found.images.tolist() == sorted(found.images.tolist())
    assert np.bincount(found.labels).tolist() == [20, 20, 20]
    assert found.boundaries is None
    turned = found.in_order(np.array([3, 2, 1, 0]))
    assert (turned.features[:15] == found.features[-15:]).all()
    assert turned.images.tolist() == found.images.tolist()


def test_pixels_on_boundaries_stand_beside_the_others() -> None:
    task = segmentation()
    given = (
        encoder(task),
        None,
        lambda i: (IMAGES[2 * i :][:2], MASKS[2 * i :][:2]),
        2,
        None,
        task,
    )
    plain = extract(*given)
    found = extract(*given, edges="of labels")
    assert found.boundaries is not None
    on, added = found.boundaries
    assert np.array_equal(found.features[~added], plain.features)
    assert np.array_equal(found.labels[~added], plain.labels)
    assert np.array_equal(found.images[~added], plain.images)
    assert on[added].all()
    counts = np.bincount(found.images[on], minlength=4)
    edges = (boundaries(MASKS) >= 0).flatten(1).sum(dim=1).numpy()
    assert counts.tolist() == np.minimum(edges, OF_BOUNDARIES).tolist()
    turned = found.in_order(np.array([3, 2, 1, 0]))
    assert turned.boundaries is not None
    assert turned.images.tolist() == sorted(turned.images)
    first = found.images == 3
    assert np.array_equal(turned.features[turned.images == 0], found.features[first])
    assert np.array_equal(turned.boundaries.on[turned.images == 0], on[first])


def test_no_pixel_is_there_twice() -> None:
    task = DenseReadout("unet", (64, 64), pixels=64 * 64)
    features = task.features(encoder(task), IMAGES[:1], None)
    seen, _ = task.observe(features, MASKS[:1], None, 0, edges=boundaries(MASKS[:1]))
    assert seen.added is not None
    assert seen.boundary is not None
    assert not seen.added.any()  # all pixels are drawn, and some of them are marked
    edges = int((boundaries(MASKS[:1]) >= 0).sum())
    assert int(seen.boundary.sum()) == min(edges, OF_BOUNDARIES)
