"""Take one zoo entry to its result: look it up in the cache, or load, score and keep it."""

from __future__ import annotations

import gc
import time
import weakref
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import nn

from acrank.cache import Key, Store
from acrank.cache.features import FeatureWriter
from acrank.cache.keys import Keys
from acrank.config import RunConfig
from acrank.data import AnySample
from acrank.metrics.compute import Computed
from acrank.results import NOT_KEPT, NOT_WRITTEN, ModelResult
from acrank.scoring.score import Watch, score_backbone, weights_scores
from acrank.utils.device import reproducible
from acrank.utils.failures import explain_failure, is_out_of_memory
from acrank.zoo import Backbone, Hub, ZooEntry, load_backbone
from acrank.zoo.identity import identify, identify_loaded
from acrank.zoo.sources.registry import source_of

# What kept scores of a network's weights are of, in the list of what is kept.
WEIGHTS_ALONE = "(weights alone)"

# Decides whether a model may start; asked as late as a runner can, maybe more than once.
Admit = Callable[[ZooEntry], bool]


def admit_all(entry: ZooEntry) -> bool:
    """Let every model start: there is no limit."""
    return True


@dataclass(frozen=True)
class RunContext:
    """Everything the models of a run share; it can be sent to another process.

    Attributes:
        config: of the run.
        sample: of the target.
        device: where networks run.
        dtype: of autocast; None for full precision.
        offline: whether the hub is out of reach.
        features: folder for every model's features, or None.
    """

    config: RunConfig
    sample: AnySample
    device: torch.device
    dtype: torch.dtype | None
    offline: bool
    features: Path | None = None


@dataclass
class Candidate:
    """A model that is loaded and ready to be scored, or its result if nothing is left to do.

    Attributes:
        entry: the candidate.
        seconds: spent on it so far.
        backbone: loaded; None with a result.
        key: that its result is to be kept under; None if it cannot be.
        result: that of an earlier run, or of a failure.
        identity: what tells the candidate apart, as far as it has been looked up.
    """

    entry: ZooEntry
    seconds: float = 0.0
    backbone: Backbone | None = None
    key: Key | None = None
    result: ModelResult | None = None
    identity: dict[str, Any] | None = None


@dataclass
class ModelRunner:
    """Takes the models of one run to their results, one at a time.

    Attributes:
        context: what they have in common.
        store: where results are kept.
        watch: is given the affines of every network that is probed.
    """

    context: RunContext
    store: Store
    watch: Watch | None = None
    hub: Hub = field(init=False)
    keys: Keys = field(init=False)
    keep: FeatureWriter | None = field(init=False)

    def __post_init__(self) -> None:
        context = self.context
        self.hub = Hub(offline=context.offline)
        self.keys = Keys(context.config, context.sample, context.device, context.dtype)
        self.keep = None
        if context.features is not None:
            self.keep = FeatureWriter(
                context.features, context.sample, context.config, context.dtype
            )

    def __call__(self, entry: ZooEntry) -> ModelResult:
        """Score an entry; whatever goes wrong is a result with its reason."""
        return self.finish(self.prepare(entry))

    def recall(self, entry: ZooEntry) -> ModelResult | None:
        """Return the kept result of an entry, if it can be found without loading the network."""
        candidate = Candidate(entry)
        try:
            identity = identify(entry, self.hub)
            known = identity is not None and self._find(candidate, identity)
        except Exception:  # scoring it will say what is wrong
            return None
        return self.finish(candidate) if known else None

    def prepare(self, entry: ZooEntry) -> Candidate:
        """Look for a kept result; failing that, fetch and load the network. May run in a thread.

        A network that draws parameters is left to :meth:`finish`: here it would draw them from
        the same generators as the network that is probed meanwhile.

        Args:
            entry: the candidate.
        """
        candidate = Candidate(entry)
        self._timed(candidate, self._look_up)
        if candidate.result is None and not source_of(entry).draws(entry):
            self._timed(candidate, self._fetch)
        return candidate

    def _timed(self, candidate: Candidate, work: Callable[[Candidate], None]) -> None:
        started = time.perf_counter()
        try:
            work(candidate)
        except Exception as error:  # whatever a model does, its row says it
            candidate.result = ModelResult.failed(candidate.entry.name, explain_failure(error))
        candidate.seconds += time.perf_counter() - started

    def finish(self, candidate: Candidate) -> ModelResult:
        """Probe the network of a candidate and keep what was found.

        Args:
            candidate: is used up.
        """
        if candidate.result is None and candidate.backbone is None:
            self._timed(candidate, self._fetch)
        started = time.perf_counter()
        result = candidate.result
        if result is None:
            try:
                result = self._probe(candidate)
            except Exception as error:
                result = ModelResult.failed(candidate.entry.name, explain_failure(error))
            _let_go(candidate)
            spent = candidate.seconds + time.perf_counter() - started
            result = result.with_seconds(spent, loading=candidate.seconds)
            result = self._kept(candidate.key, result)
        elif not result.kept:
            result = result.with_seconds(candidate.seconds)
        return result.judged_by(self.context.config.rank_by, known_zoo=False)

    def _look_up(self, candidate: Candidate) -> None:
        candidate.identity = identify(candidate.entry, self.hub)
        if candidate.identity is not None:
            self._find(candidate, candidate.identity)

    def _fetch(self, candidate: Candidate) -> None:
        entry, identity = candidate.entry, candidate.identity
        backbone = self._load(entry)
        if identity is None:
            # only now is it known what it is; weights fetched by URL are files from here on
            identity = identify(entry, self.hub) or identify_loaded(backbone)
            if self._find(candidate, identity):
                return
        elif not _is_of(backbone, identity):  # changed while it was loaded
            candidate.key = None
        candidate.backbone = backbone

    def _load(self, entry: ZooEntry) -> Backbone:
        config = self.context.config
        return load_backbone(
            entry,
            hub=self.hub,
            seed=config.seed,
            trust_code=config.trust_code,
            allow_partial=config.allow_partial,
        )

    def _find(self, candidate: Candidate, identity: dict[str, Any]) -> bool:
        """Look for a kept result; without one, remember the key for later."""
        key = self.keys.of(identity)
        found = None if self.context.config.fresh else self.store.get(key)
        if found is not None and (self.keep is None or self.keep.has(found, key.digest)):
            candidate.result = found
            return True
        candidate.key = key
        return False

    def _probe(self, candidate: Candidate) -> ModelResult:
        context, backbone = self.context, candidate.backbone
        if backbone is None:
            raise RuntimeError("neither a network nor a result")
        key = candidate.key.digest if candidate.key else ""
        keep = None if self.keep is None else partial(self.keep, key=key)
        of_weights = self._of_weights(candidate, backbone)

        def score(backbone: Backbone) -> ModelResult:
            return score_backbone(
                backbone,
                context.sample,
                context.config,
                context.device,
                context.dtype,
                keep=keep,
                watch=self.watch,
                of_weights=of_weights,
            )

        with reproducible(context.device):
            try:
                return score(backbone)
            except Exception as error:
                if context.device.type == "cpu" or not is_out_of_memory(error):
                    raise
            return self._probe_sparingly(candidate.entry, score)

    def _of_weights(self, candidate: Candidate, backbone: Backbone) -> Computed:
        """Return the scores of a network's weights alone: kept ones, whatever the target was."""
        config, entry = self.context.config, candidate.entry
        if not self.keys.weights_metrics or candidate.key is None:
            return weights_scores(backbone.model, tuple(self.keys.weights_metrics))
        seed = config.seed if source_of(entry).draws(entry) else None
        key = self.keys.of_weights(candidate.key.fields["model"], seed)
        kept = None if config.fresh else self.store.get(key)
        if kept is not None:
            return Computed(dict(kept.scores), dict(kept.undefined), dict(kept.guards))
        found = weights_scores(backbone.model, tuple(key.metrics))
        result = ModelResult(
            entry.name, "ok", scores=found.scores, undefined=found.undefined, guards=found.guards
        )
        self.store.put(key, result, WEIGHTS_ALONE)  # what cannot be kept is computed again
        return found

    def _probe_sparingly(
        self, entry: ZooEntry, score: Callable[[Backbone], ModelResult]
    ) -> ModelResult:
        """Probe again with activations in the host's memory: the same numbers, only slower.

        Halving the batch would change the statistics that BatchNorm normalises by.
        """
        gc.collect()
        if self.context.device.type == "cuda":
            torch.cuda.empty_cache()
        # the first attempt has changed the network
        backbone = self._load(entry)
        with torch.autograd.graph.save_on_cpu():
            result = score(backbone)
        text = "the batch did not fit: activations were kept in host memory"
        return replace(result, flags={**result.flags, "gpu-memory": text})

    def _kept(self, key: Key | None, result: ModelResult) -> ModelResult:
        if key is None or result.status == "failed":  # trouble may pass: it is tried again
            return result
        flags = {name: text for name, text in result.flags.items() if name != NOT_WRITTEN}
        reason = self.store.put(key, replace(result, flags=flags), self.context.config.data)
        return replace(result, flags={**result.flags, NOT_KEPT: reason}) if reason else result


def _is_of(backbone: Backbone, identity: dict[str, Any]) -> bool:
    """Return whether the weights that were loaded are those that were identified."""
    revision = (backbone.info.revision or "").removeprefix("sha256:")
    told = (identity["weights"].get("revision"), identity["weights"].get("sha256"))
    return any(str(value).startswith(revision) for value in told if value)


def _let_go(candidate: Candidate) -> None:
    """Free a network, that of its reference cycles too, before the next one is loaded.

    A collection looks at every object of the process, which takes as long as a small network's
    scores: it is left out where no layer has outlived the last reference to the network.
    """
    network = candidate.backbone.model if candidate.backbone else nn.Module()
    layers = [weakref.ref(layer) for layer in network.modules()]
    del network
    candidate.backbone = None
    if any(layer() is not None for layer in layers):
        gc.collect()
