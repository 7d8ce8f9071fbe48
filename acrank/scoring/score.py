"""Score one loaded backbone on a sample: features, probe, metrics and flags."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from threadpoolctl import threadpool_limits
from torch import nn

from acrank.config import RunConfig
from acrank.data import AnySample, Preprocessing
from acrank.data.base import Batches
from acrank.errors import AcrankError, ModelError, NoNormError
from acrank.metrics.affine import AffineTrials, Probe
from acrank.metrics.compute import Computed, compute
from acrank.metrics.facts import Facts
from acrank.metrics.features import feature_scores
from acrank.metrics.metric import Metric, Need
from acrank.metrics.registry import of_kind, with_parts
from acrank.norm.types import LayerCorrelation, NormKind, is_generalised
from acrank.results import NOT_WRITTEN, ModelResult
from acrank.scoring.extract import AnyEdges, Extracted, extract
from acrank.scoring.flags import layer_flags, why_silent
from acrank.scoring.norms import affine_of, kind_of, norm_layers
from acrank.scoring.probe import probe_model
from acrank.scoring.random_network import FLAG as RANDOM_NETWORK
from acrank.scoring.random_network import RandomWeights, random_weights, with_weights
from acrank.scoring.stepping import Stepping
from acrank.scoring.types import Passes, ProbeSettings
from acrank.scoring.weights import weights_of
from acrank.tasks.readout import Readout
from acrank.tasks.registry import TASKS
from acrank.zoo import Backbone

# Up to so many images the metrics run on one thread.
ONE_THREAD = 1024

# Why there is no AC-Corr where nobody wants one.
NO_STEP = "no AC-Norm step was taken (--repeats 0)."

Keep = Callable[[ModelResult, Extracted], None]
Watch = Callable[[Probe], None]


@dataclass(frozen=True)
class NormCount:
    """The layers that AC-Corr is of: their kind, their number and that of their channels."""

    kind: NormKind | None = None
    layers: int = 0
    channels: int = 0


@dataclass
class Scores(Computed):
    """The scores of a model so far; see :class:`acrank.results.ModelResult`.

    Attributes:
        layers: AC-Corr layer by layer.
        seen: names of the layers whose maps the scores of features saw.
        norms: the layers that AC-Corr is of.
        flags: what a reader must know of how they were computed.
    """

    layers: list[LayerCorrelation] = field(default_factory=list)
    seen: tuple[str, ...] = ()
    norms: NormCount = NormCount()
    flags: dict[str, str] = field(default_factory=dict)

    def result_like(self, result: ModelResult) -> ModelResult:
        """Return a result with these scores, and everything else taken from another result."""
        return replace(result, scores=self.scores, undefined=self.undefined, guards=self.guards)


def score_backbone(
    backbone: Backbone,
    sample: AnySample,
    config: RunConfig,
    device: torch.device,
    dtype: torch.dtype | None = None,
    keep: Keep | None = None,
    watch: Watch | None = None,
    of_weights: Computed | None = None,
) -> ModelResult:
    """Run one loaded backbone on the sample and compute its scores.

    Args:
        backbone: is changed by the probe; load it again for another.
        sample: of the target.
        config: of the run.
        device: where to run.
        dtype: of autocast; None for full precision.
        keep: is given the result and the features, in the order of the sample.
        watch: is given the affines that AC-Corr is computed of.
        of_weights: the scores of its weights alone, where they are known; see
            :func:`weights_scores`.

    Raises:
        ModelError: the model cannot be scored.
    """
    preprocessing = Preprocessing.from_config(backbone.data_config)
    adapted = sample.adapted(preprocessing)
    model = backbone.model
    wanted = with_parts(config.metrics_wanted)
    found = Scores()
    found.add(weights_scores(model, wanted) if of_weights is None else of_weights)
    random = _random_weights(found, model, wanted, config.seed)
    model.to(device)
    task = TASKS[sample.task]
    readout = task.readout(config, sample)
    readout.prepare(model, preprocessing)
    if task.dimensions == 2:
        # Convolutions are faster in this layout, on CPUs and GPUs alike.
        model.to(memory_format=torch.channels_last)

    def batches(index: int) -> tuple[torch.Tensor, torch.Tensor]:
        return sample.batch(index, preprocessing, device=device)

    extracted = None
    if keep or of_kind("features", wanted):
        seen = sample.seen(preprocessing, device, pixels=config.pixels, seed=config.seed)
        edges: AnyEdges | None = None
        if _needed("boundary_voxels", wanted):
            edges = seen.edges or "of labels"
        given = (seen.batches, seen.count, dtype, readout, config.seed)
        extracted = extract(model, backbone.head, *given, edges=edges)
        if random is not None:
            with with_weights(model, random):
                drawn = extract(model, None, *given)
            extracted = replace(extracted, random_features=drawn.features)
        extracted = extracted.in_order(seen.rows)
        found.seen = extracted.layers
        add_feature_scores(found, extracted, wanted, config)
    passes = Passes(
        model,
        batches,
        count=len(sample.batches),
        classes=len(sample.classes),
        seed=config.seed,
        autocast=dtype,
        norms=config.norms_scored,
    )
    found.add(compute("passes", wanted, passes))
    layers = norm_layers(model, config.norms_scored).values()
    channels = sum(affine_of(layer)[0].numel() for layer in layers)
    found.norms = NormCount(kind_of(layers), len(layers), channels)
    _add_affine_scores(found, model, batches, sample, config, wanted, dtype, watch, readout)
    result = _result(backbone, found, maps=not task.whole_images)
    result = with_fact_scores(result, wanted, config.seed)
    result = replace(result, flags={**result.flags, **adapted, **found.flags})
    if keep and extracted:
        try:
            keep(result, extracted)
        except AcrankError as error:  # the scores are good
            result = replace(result, flags={**result.flags, NOT_WRITTEN: error.message})
    return result


def weights_scores(model: nn.Module, wanted: Sequence[str]) -> Computed:
    """Compute those of some metrics that see the weights alone.

    Args:
        model: as it was loaded; the probe changes it.
        wanted: names of metrics; of other kinds they are ignored.
    """
    metrics = of_kind("weights", wanted)
    return compute("weights", wanted, weights_of(model)) if metrics else Computed()


def with_fact_scores(result: ModelResult, wanted: Sequence[str], seed: int) -> ModelResult:
    """Return a result to which those of some metrics that need only facts are added."""
    found = Scores(dict(result.scores), dict(result.undefined), dict(result.guards))
    facts = Facts(result.model, result.params, result.imagenet_top1, seed)
    found.add(compute("facts", wanted, facts))
    return found.result_like(result)


def _needed(need: Need, wanted: Sequence[str]) -> bool:
    """Return whether some metric of features needs something besides."""
    return any(need in metric.needs for metric in of_kind("features", wanted))


def _random_weights(
    found: Scores, model: nn.Module, wanted: Sequence[str], seed: int
) -> RandomWeights | None:
    """Draw the random network that some metrics compare with; None where there is none."""
    if not _needed("random_features", wanted):
        return None
    try:
        random = random_weights(model, seed)
    except ModelError as error:
        found.flags[RANDOM_NETWORK] = error.message
        return None
    found.flags |= random.flags
    return random


def add_feature_scores(
    found: Scores, extracted: Extracted, wanted: Sequence[str], config: RunConfig
) -> None:
    """Compute the scores of features among some metrics."""
    small = len(extracted.labels) <= ONE_THREAD
    # On small matrices a second thread gains nothing, and two pools of threads lose much.
    with threadpool_limits(1 if small else torch.get_num_threads(), user_api="blas"):
        given = feature_scores(
            extracted.features,
            extracted.labels,
            extracted.source_probs,
            wanted,
            images=extracted.images,
            widths=extracted.widths,
            boundaries=extracted.boundaries,
            random_features=extracted.random_features,
            replicates=config.bootstrap,
            seed=config.seed,
        )
    found.add(given)


def _add_affine_scores(
    found: Scores,
    model: nn.Module,
    batches: Batches,
    sample: AnySample,
    config: RunConfig,
    wanted: Sequence[str],
    dtype: torch.dtype | None,
    watch: Watch | None,
    readout: Readout[Any],
) -> None:
    metrics = of_kind("affine", wanted)
    if not metrics:
        return
    if config.repeats == 0:
        found.refuse((metric.name for metric in metrics), NO_STEP)
        return
    count = len(sample.batches)
    settings = _probe_settings(config, metrics, sample, dtype, readout)
    try:
        probe = probe_model(model, batches, count, len(sample.classes), settings)
    except NoNormError as error:
        found.refuse((metric.name for metric in metrics), str(error))
        return
    if watch:
        watch(probe)
    trials = AffineTrials(probe, config.dead_channels)
    found.layers = trials.layers
    silent = why_silent(found.layers, probe.kind)
    if silent:
        found.refuse((metric.name for metric in metrics), silent)
    else:
        found.add(compute("affine", wanted, trials))


def _probe_settings(
    config: RunConfig,
    metrics: Sequence[Metric],
    sample: AnySample,
    dtype: torch.dtype | None,
    readout: Readout[Any],
) -> ProbeSettings:
    return ProbeSettings(
        steps=len(sample.batches) if config.steps == "epoch" else config.steps,
        repeats=config.repeats,
        lr=config.lr,
        head=config.head,
        temperature=config.temperature,
        seed=config.seed,
        autocast=dtype,
        shuffled=config.steps == 1 and any("shuffled_labels" in m.needs for m in metrics),
        readout=readout,
        norms=config.norms_scored,
        parts=Stepping.on(sample, config.repeats, config.step_images).parts,
    )


def _result(backbone: Backbone, found: Scores, *, maps: bool) -> ModelResult:
    info = backbone.info
    kind = found.norms.kind
    own = is_generalised(kind)  # of BatchNorm all are told, as in the zoo's list
    return ModelResult(
        model=backbone.entry.name,
        status="ok",
        scores=found.scores,
        undefined=found.undefined,
        guards=found.guards,
        flags={**(backbone.flags_of_maps if maps else backbone.flags), **layer_flags(found.layers)},
        layers=tuple(found.layers),
        feature_layers=found.seen,
        params=info.params,
        imagenet_top1=backbone.entry.imagenet_top1,
        norm_kind=kind,
        norm_layers=found.norms.layers if own else info.norm_layers,
        norm_channels=found.norms.channels if own else info.norm_channels,
        input_size=info.input_size,
        license=info.license,
        revision=info.revision,
    )
