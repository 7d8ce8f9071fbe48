"""What ``acrank choose`` leaves is taken up by other commands."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from acrank.cli.finetune import _config


def written(folder: Path, **chosen: Any) -> Path:
    """The file of a choice, as far as a fine-tuning reads it."""
    result: dict[str, Any] = {
        **{"model": "m", "status": "ok", "reason": None, "scores": {}, "trials": {}},
        **{"replicates": {}, "freedom": {}, "undefined": {}, "guards": {}, "flags": {}},
        **{"layers": [], "feature_layers": [], "params": 1, "imagenet_top1": None},
        **{"norm_layers": 1, "norm_channels": 1, "input_size": None, "license": None},
        **{"revision": None, "seconds": 1.0, "loading": 0.0, "norm_kind": None},
        **{"rank": 1, "score": 0.9, "score_low": 0.8, "score_high": 1.0, "p_best": 1.0},
        **{"tie_group": 1, "places": None},
    }
    content: dict[str, Any] = {
        **{"schema_version": 1, "rank_by": "log_me", "warnings": [], "metrics": []},
        **{"interrupted": False, "config": {"zoo": "demo"}, "dataset": {}, "device": {}},
        **{"versions": {}, "models": [result], "chosen": chosen},
    }
    file = folder / "choice.json"
    file.write_text(json.dumps(content))
    return file


def test_a_fine_tuning_takes_regime_and_rate_of_the_chosen_arm(tmp_path: Path) -> None:
    file = written(tmp_path, method="head", lr=0.003)
    config = _config({"data": "demo"}, file, (), None)
    assert (config.model, config.zoo, config.method, config.lr) == ("m", "demo", "head", 0.003)


@pytest.mark.parametrize("method", ["full", "bn-only"])
def test_another_method_has_its_own_rate(tmp_path: Path, method: str) -> None:
    file = written(tmp_path, method="head", lr=0.003)
    config = _config({"data": "demo", "method": method}, file, (), None)
    assert (config.method, config.lr) == (method, None)
