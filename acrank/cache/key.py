"""The key of a result: all that it depends on."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Key:
    """Of one model's result.

    Attributes:
        fields: everything that it depends on but for the metrics.
        metrics: the metrics it must have, each with the version of its code.
    """

    fields: dict[str, Any]
    metrics: dict[str, str]

    @property
    def digest(self) -> str:
        """SHA-256 of the fields, in hexadecimal."""
        return _sha256(self.fields)

    @property
    def metrics_digest(self) -> str:
        """SHA-256 of the metrics, in hexadecimal."""
        return _sha256(self.metrics)


def _sha256(content: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
