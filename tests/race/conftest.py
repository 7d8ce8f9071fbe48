"""Images and settings that the tests of the race share."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.experiments.benchmark.test_run import draw_images

# A whole choice in seconds: three models, short rungs, images at 32 pixels.
FAST: dict[str, Any] = {
    **{"zoo": "demo", "models": ("demo-mixed", "demo-cifar10", "demo-untrained")},
    **{"epochs": 6, "batch_size": 8, "score_samples": 16, "threads": 1, "precision": "fp32"},
    **{"methods": ("full", "head"), "lrs": (0.01,), "finalists": 2},
}


@pytest.fixture(scope="session")
def stripes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Stripes across and down, 12 of each class to train on and 6 to test."""
    folder = tmp_path_factory.mktemp("race") / "stripes"
    draw_images(folder / "train", 12, 0)
    draw_images(folder / "test", 6, 1)
    return folder
