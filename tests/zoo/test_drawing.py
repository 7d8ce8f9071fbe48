"""Parameters that are drawn: by the seed, and said."""

import random
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from acrank.config import RunConfig
from acrank.runners.rank import rank_zoo
from acrank.utils.fresh import is_fresh
from acrank.zoo import Backbone, Hub, ZooEntry, load_backbone

NETS = """
import random
from pathlib import Path

import numpy as np
import torch
from torch import nn

HERE = Path(__file__).parent

class Net(nn.Module):
    def __init__(self, width=4):
        super().__init__()
        with (HERE / "calls").open("a") as file:
            file.write("x")
        self.body = nn.Sequential(nn.Conv2d(3, width, 3), nn.BatchNorm2d(width), nn.ReLU())
        self.pool = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten())
        self.fc = nn.Linear(width, 5)

    def forward(self, x):
        return self.fc(self.pool(self.body(x)))

def drawn(width=4): return Net(width)

def loaded():
    net = Net()
    net.load_state_dict(torch.load(HERE / "net.pt"))
    return net

def new_head():
    net = loaded()
    net.fc = nn.Linear(4, 7)
    return net

def own_seed():
    with torch.random.fork_rng():
        torch.manual_seed(3)
        return Net()

def constant():
    with torch.device("meta"):
        net = Net()
    net = net.to_empty(device="cpu")
    with torch.no_grad():
        for value in [*net.parameters(), *net.buffers()]:
            value.fill_(0.5)
    return net

def once():
    if (HERE / "calls").read_text():
        raise ValueError("registered already")
    return Net()

def by_numpy():
    net = constant()
    net.body[0].weight.data[:] = torch.from_numpy(np.random.rand(4, 3, 3, 3))
    return net

def by_python():
    net = constant()
    net.body[0].weight.data[:] = random.random()
    return net

def drawn_buffer():
    net = constant()
    net.body[1].running_mean.normal_()
    return net
"""

Load = Callable[..., Backbone]


@pytest.fixture
def load(tmp_path: Path, no_hub: Hub) -> Load:
    (tmp_path / "nets_that_draw.py").write_text(NETS)

    def load(function: str, seed: int = 0, **fields: object) -> Backbone:
        (tmp_path / "calls").write_text("")
        described = {"name": "x", "factory": f"nets_that_draw:{function}", **fields}
        entry = ZooEntry.model_validate({**described, "base": tmp_path})
        return load_backbone(entry, trust_code=True, hub=no_hub, seed=seed)

    torch.save(load("drawn").model.state_dict() | head_of(load("drawn")), tmp_path / "net.pt")
    return load


def head_of(backbone: Backbone) -> dict[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(1)
    shapes = {"fc.weight": (5, 4), "fc.bias": (5,)}
    return {name: torch.rand(shape, generator=generator) for name, shape in shapes.items()}


def numbers(backbone: Backbone) -> list[float]:
    values = backbone.model.state_dict().values()
    return [float(each) for value in values for each in value.flatten()]


@pytest.mark.parametrize("function", ["drawn", "by_numpy", "by_python", "drawn_buffer"])
def test_the_seed_draws(load: Load, function: str) -> None:
    first = numbers(load(function, 5))
    torch.rand(3)
    assert numbers(load(function, 5)) == first
    assert numbers(load(function, 6)) != first


def test_the_generators_of_the_process_are_left_alone(load: Load) -> None:
    def states() -> tuple[object, ...]:
        numpy = np.random.get_state()  # noqa: NPY002
        return torch.get_rng_state().tolist(), random.getstate(), str(numpy)

    before = states()
    load("drawn", 5)
    assert states() == before


def test_what_is_drawn_is_flagged_but_for_the_head(load: Load) -> None:
    said = "of the parameters, drawn by the seed"
    found = load("drawn")
    assert found.flags == {"random-weights": f"93.3 % {said}"}  # BatchNorm draws nothing
    assert found.head is None
    assert is_fresh(found.model.get_submodule("body.0"))
    assert load("drawn_buffer").flags == {"random-weights": f"6.67 % {said}"}


@pytest.mark.parametrize("function", ["loaded", "own_seed", "constant"])
def test_a_factory_s_own_weights_are_none(load: Load, function: str) -> None:
    found = load(function)
    assert found.flags == {}
    assert found.head is not None
    assert numbers(found) == numbers(load(function, 1))


def test_a_factory_that_can_be_called_once_is_said(load: Load) -> None:
    (text,) = load("once").flags.values()
    assert text == "unknown how many: its factory fails when it is called again"


def test_a_new_head_alone_is_no_source_head(load: Load) -> None:
    found = load("new_head")
    assert found.flags == {}
    assert found.head is None


def test_what_draws_nothing_is_made_once(load: Load, tmp_path: Path) -> None:
    for function, times in (("constant", 1), ("drawn", 2), ("loaded", 2)):
        load(function)
        assert (tmp_path / "calls").read_text() == "x" * times


def test_layers_that_no_checkpoint_fills_are_drawn_by_the_seed(load: Load, tmp_path: Path) -> None:
    state = torch.load(tmp_path / "net.pt")
    torch.save({"body.0.weight": state["body.0.weight"]}, tmp_path / "part.pt")
    given = {"weights": "part.pt", "partial": True}
    one, same, other = (load("drawn", seed, **given) for seed in (0, 0, 1))
    biases = [each.model.state_dict()["body.0.bias"] for each in (one, same, other)]
    assert torch.equal(biases[0], biases[1])
    assert not torch.equal(biases[0], biases[2])
    assert "random-weights" not in one.flags
    assert "partly-loaded" in one.flags


def test_runs_agree_whoever_loads(load: Load, tmp_path: Path) -> None:
    names = "".join(
        f"  - {{name: n{width}, factory: 'nets_that_draw:drawn', kwargs: {{width: {width}}}, "
        "input_size: 16}\n"
        for width in (4, 5)
    )
    (tmp_path / "zoo.yaml").write_text("version: 1\nmodels:\n" + names)
    common = {"data": "demo", "zoo": str(tmp_path / "zoo.yaml"), "trust_code": True}
    common |= {"samples": 32, "batch_size": 16, "metrics": ["log_me"], "fresh": True}

    def scores(**more: object) -> list[float]:
        rows = rank_zoo(RunConfig.model_validate(common | more)).rows
        results = sorted((row.result for row in rows), key=lambda result: result.model)
        assert all("random-weights" in result.flags for result in results)
        return [result.scores["log_me"].value for result in results]

    first = scores()
    assert scores() == first
    assert scores(jobs=2) == first
