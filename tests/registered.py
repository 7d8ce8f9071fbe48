"""Objects put into a registry for the time of a test."""

from typing import TypeVar

import pytest

from acrank.utils.plugins import Registry

T = TypeVar("T")


def register(monkeypatch: pytest.MonkeyPatch, registry: Registry[T], **objects: T) -> None:
    monkeypatch.setattr(registry, "_found", {**registry, **objects})
