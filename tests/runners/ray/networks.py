"""A zoo for the tests on a cluster: networks that note what happens to them, in files."""

from pathlib import Path
from typing import Any

import yaml

from acrank.zoo import read_zoo

NETS = """
import os, pathlib, signal, sys, time
import torch
from torch import nn

HERE = pathlib.Path(__file__).parent

def note(file, text):
    with (HERE / file).open("a") as log:
        log.write(f"{text}\\n")

class Net(nn.Sequential):
    def forward(self, x):
        if len(x) > 2:  # two images are what its head is looked for with, when it is loaded
            note("scored", self.number)
        return super().forward(x)

def make(number, seconds=0):
    print("noise")
    ray = sys.modules.get("ray")
    if ray is not None and ray.is_initialized():
        note("nodes", ray.get_runtime_context().get_node_id())
        time.sleep(seconds)
    # its own numbers: another thread may draw from PyTorch's meanwhile
    generator = torch.Generator().manual_seed(number)
    net = Net(nn.Conv2d(3, 6, 3), nn.BatchNorm2d(6), nn.ReLU())
    for parameter in net.parameters():
        nn.init.normal_(parameter, 0.5, 0.3, generator=generator)
    net.number = number
    return net

def killed_once(number):
    if not (HERE / "killed").exists():
        note("killed", number)
        killed()
    return make(number)

def killed():
    os.kill(os.getpid(), signal.SIGKILL)

def hangs():
    time.sleep(600)
"""


def network(number: int, **fields: Any) -> dict[str, Any]:
    """A network that is sound."""
    return bad("make", name=f"net-{number}", kwargs={"number": number, **fields})


def bad(function: str, **fields: Any) -> dict[str, Any]:
    """One that a function of the module makes, or does not."""
    return {"name": function, "factory": f"nets_on_ray:{function}", "input_size": 16, **fields}


def write_zoo(folder: Path, name: str, *entries: dict[str, Any]) -> Path:
    """A zoo file with the networks, after two trained ones."""
    (folder / "nets_on_ray.py").write_text(NETS)
    trained = [entry for entry in read_zoo("demo").entries if entry.name.startswith("demo-c")]
    demo = [
        {
            **entry.model_dump(mode="json", exclude_defaults=True),
            "weights": str(entry.path(str(entry.weights))),
        }
        for entry in trained
    ]
    path = folder / name
    path.write_text(yaml.safe_dump({"version": 1, "models": [*demo, *entries]}))
    return path
