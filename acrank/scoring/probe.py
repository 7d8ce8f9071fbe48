"""Probe one network: train its norm affines briefly on the target, and keep before and after."""

from __future__ import annotations

from torch import nn

from acrank.data.base import Batches
from acrank.metrics.affine import Probe
from acrank.scoring.norms import no_norm_error, norm_layers
from acrank.scoring.precision import slow_gradients_in_fp32
from acrank.scoring.single_step import single_steps
from acrank.scoring.training import trainings
from acrank.scoring.types import ProbeSettings


def probe_model(
    model: nn.Module, batches: Batches, count: int, classes: int, settings: ProbeSettings
) -> Probe:
    """Train the target affine of every norm layer of one kind, from the pretrained one.

    With one step, each of the first ``settings.repeats`` batches, or parts of them, starts from
    the pretrained network converted to AC-Norm, under a fresh head, and takes one plain SGD step.
    Only the norm affines enter the score, so only they get a gradient: the numbers are those of a
    step of all parameters. With several steps the whole network is trained, as the authors'
    README does.

    The kind is BatchNorm, or what ``settings.norms`` allows besides. BatchNorm layers normalise
    by batch statistics; dropout and stochastic depth are off, for
    they would add noise to the score. The network is changed: use it once.

    Args:
        model: maps images (N, C, H, W) to features (N, D).
        batches: gives batch number i.
        count: number of batches.
        classes: number of classes of the target.
        settings: how to probe.

    Raises:
        NoNormError: no affine norm layer of such a kind.
        ModelError: features that are not (N, D), or a loss or an affine parameter that is not
            finite.
    """
    if not norm_layers(model, settings.norms):
        raise no_norm_error(model, settings.norms)
    trials = single_steps if settings.steps == 1 else trainings
    with slow_gradients_in_fp32(model, settings.autocast):
        return trials(model, batches, count, classes, settings)
