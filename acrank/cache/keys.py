"""Make the key of a result: two results share one only if nothing tells them apart."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch

from acrank.cache.code import library_versions, metric_version, probe_version
from acrank.cache.results import Key
from acrank.config import RunConfig
from acrank.data import AnySample
from acrank.metrics.registry import of_kind, with_parts
from acrank.tasks.registry import TASKS, Task
from acrank.utils.described import described
from acrank.utils.device import precision_name

SCHEMA = 1


class Keys:
    """Makes the keys of one run.

    Args:
        config: of the run.
        sample: of the target.
        device: where networks run.
        dtype: of autocast; None for full precision.
    """

    def __init__(
        self, config: RunConfig, sample: AnySample, device: torch.device, dtype: torch.dtype | None
    ) -> None:
        self.common = {
            "schema": SCHEMA,
            "code": probe_version(),
            "libraries": library_versions(),
            "dataset": sample.fingerprint,
            "device": device.type,
            "precision": precision_name(dtype),
            **({"task": brought} if (brought := TASKS.origin(sample.task)) else {}),
            "settings": {
                **config.model_dump(mode="json", include=keyed(TASKS[sample.task])),
                "norms": config.norms_scored,
            },
        }
        wanted = with_parts(config.metrics_wanted)
        self.metrics = _versions(wanted)
        self.weights_metrics = _versions(metric.name for metric in of_kind("weights", wanted))

    def of(self, identity: dict[str, Any]) -> Key:
        """Return the key of one model's result.

        Args:
            identity: of :mod:`acrank.zoo.identity`.
        """
        return Key({**self.common, "model": identity}, self.metrics)

    def of_weights(self, identity: dict[str, Any], seed: int | None) -> Key:
        """Return the key of what one model's weights alone decide, whatever the target.

        Args:
            identity: of :mod:`acrank.zoo.identity`.
            seed: of the run where it draws weights of the model; else None.
        """
        code = {name: self.common[name] for name in ("schema", "code", "libraries")}
        fields = {**code, "of": "weights", "seed": seed, "model": identity}
        return Key(fields, self.weights_metrics)


def keyed(task: Task) -> set[str]:
    """Return the settings that numbers of one model depend on, besides the metrics asked for.

    Args:
        task: of the run; settings of another change nothing.
    """
    settings = described(RunConfig).items()
    return {name for name, one in settings if one.effect.keyed and one.is_for(task)}


def _versions(metrics: Iterable[str]) -> dict[str, str]:
    return {metric: metric_version(metric) for metric in sorted(metrics)}
