"""What of a Ray cluster a model is given: CPUs, a GPU, memory."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import inf, prod

from acrank.errors import AcrankError, ConfigError
from acrank.runners.model import RunContext
from acrank.zoo import Hub, ZooEntry
from acrank.zoo.listing import local_size
from acrank.zoo.sources.registry import source_of

MIB = 2**20
# What a network is expected to take of its node's memory. Measured on the CPU in fp32, with all
# metrics: 0.9 GB before any network; then 114 MB an image of 224 x 224 for a ResNet-50, 44 MB for a
# ResNet-18. Weights: as they are read, as loaded, their gradients, a copy for a step.
BASE, AN_IMAGE, COPIES = 1024 * MIB, 100 * MIB, 4
UNKNOWN_WEIGHTS, USUAL_SIDE = 100 * MIB, 224
# Of the memory that the roomiest node offers; an estimate must not keep a model from running.
SHARE = 0.8

Node = Mapping[str, float]


def alive() -> list[Node]:
    """What each node of the cluster has to give."""
    import ray

    return [node["Resources"] for node in ray.nodes() if node["Alive"]]


@dataclass(frozen=True)
class Shares:
    """What the models of a run are given.

    Attributes:
        context: what they have in common.
        cpus: a model; its threads.
        gpus: a model.
        most: bytes of memory, at most.
    """

    context: RunContext
    cpus: int
    gpus: int
    most: float

    @classmethod
    def choose(cls, context: RunContext, cpus: int, nodes: Sequence[Node]) -> Shares:
        """Find what can be had.

        Args:
            context: of the run.
            cpus: that a model should have.
            nodes: of the cluster.

        Raises:
            ConfigError: no node can run a model.
        """
        gpus = int(context.device.type == "cuda")
        able = [node for node in nodes if node.get("GPU", 0) >= gpus and node.get("CPU", 0) >= 1]
        if not able:
            what = "GPU and a CPU" if gpus else "CPU"
            raise ConfigError(
                f"No node of the Ray cluster has a {what} to offer.",
                hint="Choose --device cpu." if gpus else "Start a node: ray start --address=...",
            )
        cpus = min(cpus, max(int(node["CPU"]) for node in able))
        memory = max(node.get("memory", inf) for node in able if node["CPU"] >= cpus)
        return cls(context, cpus, gpus, SHARE * memory)

    def memory(self, entry: ZooEntry) -> int:
        """Bytes that a model is given."""
        return int(min(expected_memory(entry, self.context), self.most))

    def places(self, nodes: Sequence[Node]) -> int:
        """How many models the nodes can run at a time."""
        cpus = (int(node.get("CPU", 0)) // self.cpus for node in nodes)
        gpus = (int(node.get("GPU", 0)) for node in nodes)
        both = (min(pair) for pair in zip(cpus, gpus, strict=True)) if self.gpus else cpus
        return sum(both)

    def fit(self, entry: ZooEntry, nodes: Sequence[Node]) -> bool:
        """Whether some node could run a model if it had nothing else to do."""
        return any(
            node.get("CPU", 0) >= self.cpus
            and node.get("GPU", 0) >= self.gpus
            and node.get("memory", inf) >= self.memory(entry)
            for node in nodes
        )


def expected_memory(entry: ZooEntry, context: RunContext) -> int:
    """Bytes that a model will take of its node's memory, by rule of thumb.

    Args:
        entry: the model.
        context: of the run.
    """
    expected = BASE + COPIES * _weights_size(entry, context)
    if context.device.type == "cuda":  # activations are elsewhere
        return expected
    pixels = prod(_input_size(entry)[1:])
    return expected + context.config.batch_size * AN_IMAGE * pixels // USUAL_SIDE**2


def _weights_size(entry: ZooEntry, context: RunContext) -> int:
    try:
        return local_size(entry, Hub(offline=True)) or UNKNOWN_WEIGHTS
    except (OSError, AcrankError):  # scoring it will say what is wrong
        return UNKNOWN_WEIGHTS


def _input_size(entry: ZooEntry) -> tuple[int, ...]:
    known = entry.input_size or source_of(entry).preprocessing(entry, None).get("input_size")
    return tuple(known or (3, USUAL_SIDE, USUAL_SIDE))
