"""One loaded backbone to its result: probe, scores, flags."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from acrank.config import RunConfig
from acrank.data import Preprocessing, Sample
from acrank.metrics.affine import affine_scores
from acrank.norm import LayerCorrelation
from acrank.probe import ProbeSettings, probe_model
from acrank.results import ModelResult, Status
from acrank.zoo import Backbone

# A share of dead channels that a reader should know of.
DEAD_SHARE = 0.1


def score_backbone(
    backbone: Backbone,
    sample: Sample,
    config: RunConfig,
    device: torch.device,
    dtype: torch.dtype | None = None,
) -> ModelResult:
    """Probe one loaded backbone and compute its scores.

    Args:
        backbone: is changed by the probe; load it again for another.
        sample: of the target.
        config: of the run.
        device: where to run.
        dtype: of autocast; None for full precision.

    Raises:
        ModelError: the model cannot be scored.
    """
    preprocessing = Preprocessing.from_config(backbone.data_config)
    model = backbone.model.to(device)
    # Convolutions are faster in this layout, on CPUs and GPUs alike.
    model.to(memory_format=torch.channels_last)
    count = len(sample.batches)
    probe = probe_model(
        model,
        lambda index: sample.batch(index, preprocessing, device=device),
        count,
        len(sample.classes),
        ProbeSettings(
            steps=count if config.steps == "epoch" else config.steps,
            repeats=config.repeats,
            lr=config.lr,
            head=config.head,
            temperature=config.temperature,
            seed=config.seed,
            autocast=dtype,
        ),
    )
    scores, layers = affine_scores(probe, config.dead_channels)
    info = backbone.info
    status, reason = _status(layers)
    return ModelResult(
        model=backbone.entry.name,
        status=status,
        reason=reason,
        scores=scores if status == "ok" else {},
        flags=_flags(layers),
        layers=tuple(layers),
        params=info.params,
        norm_layers=info.norm_layers,
        norm_channels=info.norm_channels,
        input_size=info.input_size,
        license=info.license,
        revision=info.revision,
    )


def _status(layers: Sequence[LayerCorrelation]) -> tuple[Status, str]:
    silent = [layer for layer in layers if not layer.telling]
    if len(silent) * 2 <= len(layers):
        return "ok", ""
    if sum(layer.tied for layer in silent) * 2 >= len(silent):
        cause = "have tied affines (never or barely trained)"
    else:
        cause = "moved farther than their channels lie apart (a smaller --lr may help)"
    return "unranked", f"{len(silent)} of {len(layers)} BatchNorm layers {cause}."


def _flags(layers: Sequence[LayerCorrelation]) -> dict[str, str]:
    flags = {}
    tied = sum(layer.tied for layer in layers)
    if tied:
        flags["tied-affines"] = f"{tied} of {len(layers)} layers"
    swamped = sum(layer.swamped for layer in layers)
    if swamped:
        flags["drift-exceeds-spread"] = f"{swamped} of {len(layers)} layers"
    dead = sum(layer.dead for layer in layers)
    channels = sum(layer.channels for layer in layers)
    if dead > DEAD_SHARE * channels:
        flags["dead-channels"] = f"{dead} of {channels} channels ({dead / channels:.0%})"
    return flags
