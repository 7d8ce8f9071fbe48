"""The switch that makes ``--precision auto`` mean bf16 in the processes of the tests."""

import runpy
import sys
from importlib.util import module_from_spec

import pytest
import torch

from acrank import utils
from tests.processes import BF16, python_path

CPU = torch.device("cpu")


def test_precision_auto_is_bf16_where_the_folder_is_on_the_path(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sys, "meta_path", list(sys.meta_path))
    runpy.run_path(str(BF16 / "sitecustomize.py"))
    finder = sys.meta_path[0]
    spec = finder.find_spec("acrank.utils.device", list(utils.__path__))
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    assert module.choose_autocast("auto", CPU) == torch.bfloat16
    assert module.choose_autocast("fp32", CPU) is None
    assert finder.find_spec("acrank.errors", list(utils.__path__)) is None


def test_the_folder_is_on_the_path_if_the_switch_is_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tests.processes.AUTO", "")
    assert str(BF16) not in python_path()
    monkeypatch.setattr("tests.processes.AUTO", "bf16")
    assert python_path().startswith(str(BF16))
