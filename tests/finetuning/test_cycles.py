"""Cycles of the learning rate: where they restart, interrupted and not, and what they refuse."""

from typing import Any

import pytest
import torch
from torch import nn
from torch.optim import SGD

from acrank.errors import ConfigError
from acrank.finetuning.config import FinetuneConfig, make_finetune_config
from acrank.finetuning.inputs import find_backbone, open_images
from acrank.finetuning.loop import Training
from acrank.finetuning.run import prepare

CPU = torch.device("cpu")
# Of each epoch: 50 images train, and ten validate.
STEPS = 4


def config(**settings: Any) -> FinetuneConfig:
    given: dict[str, Any] = {
        **{"data": "demo", "zoo": "demo", "model": "demo-mixed", "samples": 60, "batch_size": 16},
        **{"lr": 0.02, "precision": "fp32", "augment": "none", "warmup": 0.0},
        "head_lr_factor": 1.0,
    }
    return make_finetune_config({**given, **settings})


def begun(settings: FinetuneConfig) -> Training:
    return prepare(settings, open_images(settings), find_backbone(settings), CPU)[0]


def rates_of(training: Training) -> list[float]:
    """The rates of the steps, as a share of the highest, filled in as training goes on."""
    found: list[float] = []
    usual = training._step

    def step() -> None:
        found.append(training._rate() / 0.02)
        usual()

    training._step = step  # type: ignore[method-assign]
    return found


def cosine(steps: int) -> list[float]:
    """The rates of some steps that fall to 0, as PyTorch has them."""
    parameter = nn.Parameter(torch.zeros(1))
    optimizer = SGD([parameter], lr=1.0)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
    found = []
    for _ in range(steps):
        found.append(float(optimizer.param_groups[0]["lr"]))
        optimizer.step()
        schedule.step()
    return found


def test_each_cycle_falls_to_zero_and_the_next_begins_at_the_top() -> None:
    training = begun(config(cycles=(1, 2), method="head"))
    rates = rates_of(training)
    while not training.done:
        training.run_epoch()
    assert [row["epoch"] for row in training.log] == [1, 2, 3]
    assert rates == pytest.approx([*cosine(STEPS), *cosine(2 * STEPS)])
    ends = [row["lr"] for row in training.log]
    assert ends == pytest.approx([0.0, 0.01, 0.0], abs=1e-9)


def test_the_head_alone_and_a_warm_up_are_in_the_first_cycle() -> None:
    training = begun(config(cycles=(3, 1), head_epochs=1, warmup=0.5))
    rates = rates_of(training)
    while not training.done:
        training.run_epoch()
    assert [row["phase"] for row in training.log] == ["head", "all", "all", "all"]
    rates = rates[STEPS:]
    assert [rates[0], rates[2 * STEPS]] == pytest.approx([0.01, 0.01])  # where a warm-up begins
    assert rates[STEPS] == pytest.approx(1)
    assert rates[2 * STEPS + 2] == pytest.approx(1)


def test_a_restart_keeps_the_momentum() -> None:
    training = begun(config(cycles=(1, 1), method="head"))
    training.run_epoch()
    optimizer = training._optimizer
    training.run_epoch()
    assert training._optimizer is optimizer


@pytest.mark.parametrize("epoch", [1, 2, 3])
def test_stopped_anywhere_it_goes_on_in_its_cycle(epoch: int) -> None:
    settings = config(cycles=(2, 2), warmup=0.2)
    whole, first, second = (begun(settings) for _ in range(3))
    for _ in range(4):
        whole.run_epoch()
    for _ in range(epoch):
        first.run_epoch()
    second.load(first.state())
    while not second.done:
        second.run_epoch()
    assert second.log == whole.log
    one, other = (t.setup.network.state_dict() for t in (whole, second))
    assert all(torch.equal(one[name], other[name]) for name in one)


def test_the_epochs_are_those_of_all_cycles() -> None:
    assert config(cycles=[2, 4, 8]).epochs == 14
    assert config(cycles=[2, 4, 8], epochs=14).cycle_of(6) == (6, 14)
    dumped = config(cycles=[2, 4], augment="light").model_dump(mode="json")
    again = make_finetune_config(dumped)
    assert (again.epochs, again.cycles) == (6, (2, 4))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"cycles": [2, 3], "epochs": 4}, "the cycles have 5 epochs together, and epochs is 4"),
        ({"cycles": [2, 0]}, "greater than or equal to 1"),
        ({"cycles": [2], "schedule": "onecycle"}, "restart the cosine schedule"),
        ({"cycles": [1, 5], "head_epochs": 1}, "head_epochs is 1, and the first cycle must be"),
    ],
)
def test_cycles_that_do_not_fit_are_refused(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        config(**settings)
