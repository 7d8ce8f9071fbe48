"""The main job: a target dataset and a zoo to a ranking."""

from __future__ import annotations

import platform
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from typing import Any, Protocol

import torch

from acrank import __version__
from acrank.config import RunConfig
from acrank.data import Preprocessing, Sample, draw_sample, open_target
from acrank.engines import run_in_process
from acrank.errors import ConfigError
from acrank.metrics.affine import affine_scores
from acrank.norm import LayerCorrelation
from acrank.probe import ProbeSettings, probe_model
from acrank.ranking import rank_results
from acrank.results import ModelResult, Ranking, Status
from acrank.zoo import Backbone, Hub, ZooEntry, load_backbone, read_zoo, select_entries

# A share of dead channels that a reader should know of.
DEAD_SHARE = 0.1


class Listener(Protocol):
    """Follows a run; every method may do nothing."""

    def message(self, text: str) -> None:
        """A sentence for the user."""

    def start(self, total: int) -> None:
        """The models are about to run."""

    def begin(self, model: str) -> None:
        """A model starts."""

    def done(self, result: ModelResult) -> None:
        """A model has ended."""


class Silent:
    """A listener that keeps quiet."""

    def message(self, text: str) -> None:
        """Do nothing."""

    def start(self, total: int) -> None:
        """Do nothing."""

    def begin(self, model: str) -> None:
        """Do nothing."""

    def done(self, result: ModelResult) -> None:
        """Do nothing."""


def choose_entries(config: RunConfig) -> tuple[ZooEntry, ...]:
    """The candidates of a run: of the zoo, or of timm where only model names are given.

    Raises:
        ZooError: the zoo cannot be read, or a name matches nothing.
    """
    if config.zoo is None and config.models:
        return select_entries(None, config.models)
    zoo = read_zoo(config.zoo or "default")
    return select_entries(zoo, config.models) if config.models else zoo.entries


def run(config: RunConfig, listener: Listener | None = None) -> Ranking:
    """Score every candidate on the target and rank them.

    Args:
        config: of the run.
        listener: is told of the progress.

    Returns:
        The ranking; that of the finished models if the user interrupts.

    Raises:
        AcrankError: the configuration, the zoo or the data cannot be used. A model that
            fails does not raise: its row has the reason.
    """
    listener = listener or Silent()
    started = time.perf_counter()
    entries = choose_entries(config)
    device = choose_device(config.device)
    dtype = choose_autocast(config.precision, device)
    if config.threads is not None:
        torch.set_num_threads(config.threads)
    target = open_target(config.data, offline=config.offline)
    sample = draw_sample(target, config.samples, config.batch_size, config.seed)
    hub = Hub(offline=config.offline)
    notes = [*sample.warnings, *filter(None, [hub.preflight(entries)])]
    for note in notes:
        listener.message(note)
    results, interrupted = _score_all(entries, sample, config, hub, device, dtype, listener)
    record = _record(config, sample, len(target.items), device, dtype)
    record["seconds"] = round(time.perf_counter() - started, 3)
    return rank_results(
        results,
        config.rank_by,
        config.seed,
        warnings=notes,
        record=record,
        interrupted=interrupted,
    )


def _score_all(
    entries: Sequence[ZooEntry],
    sample: Sample,
    config: RunConfig,
    hub: Hub,
    device: torch.device,
    dtype: torch.dtype | None,
    listener: Listener,
) -> tuple[list[ModelResult], bool]:
    def score(entry: ZooEntry) -> ModelResult:
        listener.begin(entry.name)
        backbone = load_backbone(entry, trust_code=config.trust_code, hub=hub)
        return score_backbone(backbone, sample, config, device, dtype)

    results: list[ModelResult] = []
    listener.start(len(entries))
    try:
        for result in run_in_process(entries, score):
            results.append(result)
            listener.done(result)
    except KeyboardInterrupt:
        return results, True
    return results, False


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
            count if config.steps == "epoch" else config.steps,
            config.repeats,
            config.lr,
            config.head,
            config.temperature,
            config.seed,
            dtype,
        ),
    )
    scores, layers = affine_scores(probe, config.dead_channels)
    info = backbone.info
    status, reason = _status(layers)
    return ModelResult(
        backbone.entry.name,
        status,
        reason,
        scores if status == "ok" else {},
        _flags(layers),
        tuple(layers),
        info.params,
        info.norm_layers,
        info.norm_channels,
        info.input_size,
        info.license,
        info.revision,
    )


def choose_device(name: str) -> torch.device:
    """The device of a run.

    Raises:
        ConfigError: the device asked for is not there.
    """
    available = {
        "cuda": torch.cuda.is_available(),
        "mps": torch.backends.mps.is_available(),
        "cpu": True,
    }
    if name == "auto":
        name = next(device for device, there in available.items() if there)
    if not available[name]:
        there = ", ".join(device for device, there in available.items() if there)
        raise ConfigError(f"Device '{name}' is not available here.", hint=f"Available: {there}.")
    return torch.device(name)


def choose_autocast(precision: str, device: torch.device) -> torch.dtype | None:
    """bf16 where it is asked for, or where ``auto`` finds hardware for it; else None (fp32)."""
    wanted = precision == "bf16" or (precision == "auto" and _has_bf16(device))
    return torch.bfloat16 if wanted else None


def _has_bf16(device: torch.device) -> bool:
    """Whether bf16 arithmetic is native; emulated, it is slower than fp32."""
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    if device.type != "cpu":
        return False
    probes = ("_is_amx_tile_supported", "_is_avx512_bf16_supported")
    return any(getattr(torch.cpu, probe, lambda: False)() for probe in probes)


def _status(layers: Sequence[LayerCorrelation]) -> tuple[Status, str]:
    if all(layer.tied for layer in layers):
        return "unranked", (
            "every BatchNorm layer has tied affines (never trained): AC-Corr is undefined."
        )
    return "ok", ""


def _flags(layers: Sequence[LayerCorrelation]) -> dict[str, str]:
    flags = {}
    tied = sum(layer.tied for layer in layers)
    if tied:
        flags["tied-affines"] = f"{tied} of {len(layers)} layers"
    dead = sum(layer.dead for layer in layers)
    channels = sum(layer.channels for layer in layers)
    if dead > DEAD_SHARE * channels:
        flags["dead-channels"] = f"{dead} of {channels} channels ({dead / channels:.0%})"
    return flags


def _record(
    config: RunConfig,
    sample: Sample,
    available: int,
    device: torch.device,
    dtype: torch.dtype | None,
) -> dict[str, Any]:
    packages = ("torch", "timm", "huggingface_hub", "numpy", "pillow")
    return {
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "config": config.model_dump(mode="json"),
        "seed": config.seed,
        "versions": {
            "acrank": __version__,
            "python": platform.python_version(),
            **{name: version(name) for name in packages},
        },
        "device": {
            "type": device.type,
            "precision": "fp32" if dtype is None else "bf16",
            "threads": torch.get_num_threads(),
        },
        "dataset": {
            "name": config.data,
            "classes": list(sample.classes),
            "images": available,
            "sampled": len(sample.labels),
            "batches": len(sample.batches),
            "fingerprint": sample.fingerprint,
        },
    }
