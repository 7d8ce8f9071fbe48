"""Choose what Ray reserves for each model of a run: CPUs, a GPU, memory."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from acrank.errors import ConfigError
from acrank.runners.model import RunContext

MIB = 2**20
# Memory that a model reserves on its node, so that Ray does not put more models there than fit.
# Measured on the CPU in fp32 with all metrics: 0.9 GB before any network, and then 114 MB an image
# of 224 x 224 for a ResNet-50, 44 MB for a ResNet-18. On a GPU, activations are elsewhere.
BASE, AN_IMAGE = 2048 * MIB, 100 * MIB
# Of the memory that the roomiest node offers: an estimate must not keep a model from running.
SHARE = 0.8

Node = Mapping[str, float]


def alive() -> list[Node]:
    """Return the resources of each node of the cluster."""
    import ray

    return [node["Resources"] for node in ray.nodes() if node["Alive"]]


@dataclass(frozen=True)
class Needs:
    """The resources that Ray reserves for each model of a run.

    Attributes:
        cpus: a model has as many threads.
        gpus: 1 where the device is CUDA, else 0.
        memory: bytes.
    """

    cpus: int
    gpus: int
    memory: int

    @classmethod
    def choose(cls, context: RunContext, cpus: int, nodes: Sequence[Node]) -> Needs:
        """Find what the nodes of a cluster can give.

        Args:
            context: of the run.
            cpus: that a model should have.
            nodes: of the cluster.

        Raises:
            ConfigError: no node can run a model.
        """
        return cls.found(context.device.type == "cuda", context.config.batch_size, cpus, nodes)

    @classmethod
    def found(cls, cuda: bool, batch_size: int, cpus: int, nodes: Sequence[Node]) -> Needs:
        """Find what the nodes of a cluster can give to what is no scoring.

        Args:
            cuda: whether a GPU is needed.
            batch_size: images in memory at a time.
            cpus: that a task should have.
            nodes: of the cluster.

        Raises:
            ConfigError: no node can run a task.
        """
        gpus = int(cuda)
        able = [node for node in nodes if node.get("GPU", 0) >= gpus and node.get("CPU", 0) >= 1]
        if not able:
            what = "GPU and a CPU" if gpus else "CPU"
            raise ConfigError(
                f"No node of the Ray cluster has a {what} to offer.",
                hint="Choose --device cpu." if gpus else "Start a node: ray start --address=...",
            )
        cpus = min(cpus, max(int(node["CPU"]) for node in able))
        most = max(node.get("memory", math.inf) for node in able if node["CPU"] >= cpus)
        wanted = BASE if gpus else BASE + batch_size * AN_IMAGE
        return cls(cpus, gpus, int(min(wanted, SHARE * most)))

    def places(self, nodes: Sequence[Node]) -> int:
        """Return how many models the nodes have CPUs and GPUs for at a time."""
        wanted = {"CPU": self.cpus, "GPU": self.gpus}
        return sum(
            min(int(node.get(kind, 0)) // count for kind, count in wanted.items() if count)
            for node in nodes
        )

    def fit(self, nodes: Sequence[Node]) -> bool:
        """Return whether some node could run a model if it had nothing else to do."""
        return any(
            node.get("CPU", 0) >= self.cpus
            and node.get("GPU", 0) >= self.gpus
            and node.get("memory", math.inf) >= self.memory
            for node in nodes
        )
