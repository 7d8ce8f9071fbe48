"""Checkpoints as people have them, where the folder of shared cases is at hand."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from acrank.errors import ModelError
from acrank.zoo import Hub, load_backbone, read_zoo

WEIGHTS = [
    "int8_weights",
    "local_dir_nonstrict",
    "no_running_stats",
    "timm_conversions_not_applied",
]
REFUSED = {
    "int8": "holds int8 for 15 of the network's floating-point tensors",
    "params": "no running statistics for 15 norm layers",
}
FLAGS = {
    "strict": {"renamed-weights"},
    "nothing-loaded": {"renamed-weights"},
    "nothing-loaded-by-config": {"renamed-weights"},
    "first-shard-only": set(),
    "full": set(),
    "ema": {"checkpoint-part"},
    "vit-96": {"converted-weights"},
    "gray": {"converted-weights"},
    "rgb-gray": {"converted-weights"},
}


@pytest.mark.parametrize("case", WEIGHTS)
def test_a_case_of_weights(shared: Path, tmp_path: Path, no_hub: Hub, case: str) -> None:
    source = shared / "cases" / "models" / case
    if not source.is_dir():
        pytest.skip(f"no case at {source}")
    folder = tmp_path / case
    folder.mkdir()
    shutil.copy(source / "make.py", folder)
    subprocess.run([sys.executable, "-W", "ignore", "make.py"], cwd=folder, check=True, timeout=120)
    names = [fields["name"] for fields in json.loads((folder / "zoo.yaml").read_text())["models"]]
    for entry in read_zoo(str(folder / "zoo.yaml")).entries:
        if entry.name in REFUSED:
            with pytest.raises(ModelError, match=REFUSED[entry.name]):
                load_backbone(entry, hub=no_hub)
        else:
            assert set(load_backbone(entry, hub=no_hub).flags) == FLAGS[entry.name]
    assert set(names) <= REFUSED.keys() | FLAGS.keys()
