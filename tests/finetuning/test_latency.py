"""How fast a fine-tuned network is, measured in a process of its own."""

import json
import sys
from pathlib import Path

import pytest
import torch

from acrank.errors import ModelError
from acrank.finetuning.config import make_finetune_config
from acrank.finetuning.latency import _answer, _batch_size, _Question, measure_latency
from acrank.finetuning.run import finetune
from acrank.utils.memory import memory_of


def test_the_network_of_a_folder_is_timed(digits: Path, tmp_path: Path) -> None:
    given = {"data": str(digits), "zoo": "demo", "model": "demo-mixed", "epochs": 1}
    done = finetune(make_finetune_config({**given, "batch_size": 8}), tmp_path / "out")
    found = measure_latency(done.folder, device="cpu", threads=1, seconds=0.2)
    assert (found.thing, found.shape, found.threads) == ("image", (3, 64, 64), 1)
    assert 0 < found.p10_ms <= found.median_ms <= found.p90_ms
    assert found.runs >= 3
    assert found.per_second > 0
    assert 1 <= found.batch_size <= 16
    assert found.file_bytes == (done.folder / "model.safetensors").stat().st_size
    assert 4 * found.parameters < found.file_bytes
    assert found.device.startswith("cpu, ")
    record = json.loads(json.dumps(found.record()))
    assert record["shape"] == [3, 64, 64]
    assert found.told().startswith("One image of 64 x 64 takes ")


def test_what_is_no_folder_of_a_fine_tuning_is_an_error(tmp_path: Path) -> None:
    asked = _Question("out", tmp_path, "cpu", torch.get_num_threads(), 0.1, trust_code=False)
    found = _answer(asked)
    assert isinstance(found, tuple)
    assert "holds no finished fine-tuning" in found[0]
    with pytest.raises(ModelError, match="holds no finished fine-tuning"):
        measure_latency(tmp_path, device="cpu", threads=1, seconds=0.1)


def test_batches_fit_into_the_time() -> None:
    assert _batch_size(0.001, 2.5) == 16
    assert _batch_size(0.1, 2.5) == 4
    assert _batch_size(10.0, 2.5) == 1


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells it")
def test_the_peak_of_memory_is_that_of_the_work_alone() -> None:
    large = torch.ones(2**26)  # 256 MiB, which are gone when the work begins
    del large
    found, words = memory_of(lambda: torch.ones(2**24).sum(), torch.device("cpu"))
    if found is None:
        pytest.skip(f"the memory of a process is {words}")
    assert 60 * 2**20 < found < 120 * 2**20
