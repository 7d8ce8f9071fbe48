"""Train in epochs of steps, and judge each epoch on the validation images."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import torch
from timm.utils.model_ema import ModelEmaV3
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

from acrank.finetuning.config import FinetuneConfig
from acrank.finetuning.network import Network
from acrank.finetuning.objective import Judgement, NotFiniteError
from acrank.finetuning.optimise import make_optimizer, make_schedule
from acrank.finetuning.setup import Best, Setup

LogRow = dict[str, float | int | str]


class Training:
    """A fine-tuning between two epochs, which can be saved and continued elsewhere.

    Attributes:
        setup: network, method and data of the training.
        config: configuration of the fine-tuning.
        log: a row for each epoch.
        best: the epoch whose weights are kept.
        stopped: reason why it ended before its last epoch; else empty.
        steps: steps of the optimisers so far.
        judgement: the network after the last epoch on the validation images; None before there
            is one, after one that diverged, and where the training was loaded.
    """

    def __init__(self, setup: Setup, config: FinetuneConfig) -> None:
        self.setup = setup
        self.config = config
        self.log: list[LogRow] = []
        self.best = Best()
        self.stopped = ""
        self.steps = 0
        self.judgement: Judgement | None = None
        self._trained = [p for p in setup.network.parameters() if p.requires_grad]
        self._ema = (
            None
            if config.ema is None
            else ModelEmaV3(setup.network, decay=config.ema, use_warmup=True)
        )
        self._optimizer: Optimizer | None = None
        self._schedule: LRScheduler | None = None

    @property
    def epoch(self) -> int:
        """The number of epochs that are done."""
        return len(self.log)

    @property
    def done(self) -> bool:
        """True if there is nothing left to train."""
        return bool(self.stopped) or self.epoch >= self.config.epochs

    @property
    def diverged(self) -> bool:
        """True if the last epoch gave numbers that are not finite, in training or validation."""
        return bool(self.log) and "val_loss" not in self.log[-1]

    @property
    def params(self) -> tuple[int, int]:
        """The numbers of parameters that are trained, and of all that the network has."""
        parts = (self._trained, self.setup.network.parameters())
        trained, every = (sum(p.numel() for p in part) for part in parts)
        return trained, every

    @property
    def judged(self) -> nn.Module:
        """The network whose weights are judged and kept: the averaged one if there is one."""
        return self.setup.network if self._ema is None else self._ema.module

    def run_epoch(self) -> LogRow:
        """Train for an epoch, judge the network, and return the row of the log.

        A loss or outputs on validation images that are not finite stop the training.
        """
        self.judgement = None
        phase = "head" if self.epoch < self.config.head_epochs else "all"
        if self._optimizer is None or self.epoch == self.config.head_epochs:
            self._begin(phase, self.epoch)
        elif phase == "all" and self.epoch == self.config.cycle_of(self.epoch)[0]:
            self._restart()
        loss = self._train(phase)
        row: LogRow = {"epoch": self.epoch + 1, "phase": phase, "train_loss": loss}
        if not math.isfinite(loss):
            when = f"in epoch {self.epoch + 1}" if self.steps else "before the first step"
            self.stopped = f"the loss was {loss} {when}"
        else:
            row |= self._validated()
        self.log.append(row)
        return row

    def _validated(self) -> LogRow:
        """Return the measures on the validation images; an empty row if the network diverged."""
        try:
            judgement = self.setup.judge(self.judged)
        except NotFiniteError:
            self.stopped = (
                f"the outputs on validation images were not finite in epoch {self.epoch + 1}"
            )
            return {}
        self.judgement, found = judgement, judgement.measures()
        row: LogRow = {f"val_{name}": value for name, value in found.items()}
        self._note_best(found)
        return {**row, "lr": self._rate()}

    def _begin(self, phase: str, epoch: int) -> None:
        """Make the optimiser and schedule of a phase, as they are in an epoch of it."""
        head = set(map(id, self.setup.network.head.parameters()))
        for parameter in self._trained:
            parameter.requires_grad_(phase == "all" or id(parameter) in head)
        extra = self.setup.method.extra_modules().values() if phase == "all" else ()
        decays = self.setup.method.decays_weights
        self._optimizer = make_optimizer(self.setup.network, extra, self.config, decays=decays)
        # the head warms up at its highest rate
        self._schedule = None if phase == "head" else self._scheduled(self._optimizer, epoch)

    def _restart(self) -> None:
        """Begin a cycle of the learning rate; the optimiser keeps its momentum."""
        assert self._optimizer is not None  # made when the phase began
        for group in self._optimizer.param_groups:
            group["lr"] = group["initial_lr"]
        self._schedule = self._scheduled(self._optimizer, self.epoch)

    def _scheduled(self, optimizer: Optimizer, epoch: int) -> LRScheduler | None:
        """Make the schedule of the cycle that an epoch is in."""
        first, end = self.config.cycle_of(epoch)
        steps = math.ceil(len(self.setup.training.sizes) / self.config.accumulate)
        return make_schedule(optimizer, self.config, (end - first) * steps)

    def _train(self, phase: str) -> float:
        """Pass over the training images; return the mean loss, or the first that is not finite."""
        losses = []
        network, sizes = self.setup.network, self.setup.training.sizes
        for index, (images, labels) in enumerate(self.setup.training.epoch(self.epoch)):
            self._set_mode(phase)
            loss = self._loss(network, images, labels)
            if not torch.isfinite(loss):
                return float(loss.item())
            first = index - index % self.config.accumulate
            group = sizes[first : first + self.config.accumulate]
            (loss * len(labels) / sum(group)).backward()  # type: ignore[no-untyped-call]
            losses.append(loss.item())
            if index + 1 == first + len(group):
                self._step()
        return sum(losses) / len(losses)

    def _set_mode(self, phase: str) -> None:
        network = self.setup.network
        if phase == "head":
            network.train()
            network.backbone.eval()
        else:
            self.setup.method.train_mode(network)

    def _loss(self, network: Network, images: Tensor, labels: Tensor) -> Tensor:
        with self.setup.autocast():
            features, logits = network.outputs(images)
            loss = self.setup.objective.loss(logits.float(), labels)
            if not torch.isfinite(loss):  # of which no penalty could be computed
                return loss
            penalty = self.setup.method.penalty(network, images, features, labels)
        return loss if penalty is None else loss + penalty

    def _step(self) -> None:
        assert self._optimizer is not None  # made when the phase began
        self._optimizer.step()
        self._optimizer.zero_grad(set_to_none=True)
        if self._schedule is not None:
            self._schedule.step()
        self.steps += 1
        if self._ema is not None:  # the decay rises with the steps, or it would keep the first
            self._ema.update(self.setup.network, step=self.steps)

    def _rate(self) -> float:
        assert self._optimizer is not None
        return float(self._optimizer.param_groups[0]["lr"])

    def _note_best(self, found: Mapping[str, float]) -> None:
        name = self.setup.monitor.key
        value = found[name] if self.setup.monitor.higher_is_better else -found[name]
        value = -math.inf if math.isnan(value) else value
        if not self.best.epoch or (value, -found["loss"]) > (self.best.value, -self.best.loss):
            state = {k: v.detach().cpu().clone() for k, v in self.judged.state_dict().items()}
            rises = not self.best.epoch or value > self.best.value
            risen = self.epoch + 1 if rises else self.best.risen
            self.best = Best(self.epoch + 1, value, found["loss"], state, risen)
        patience = self.config.patience
        if patience is not None and self.epoch + 1 - self.best.risen >= patience:
            self.stopped = f"no better {name} in {patience} epochs"

    def state(self) -> dict[str, Any]:
        """Return everything that is needed to continue, as data that PyTorch loads safely."""
        schedule = self._schedule
        return {
            "log": self.log,
            "stopped": self.stopped,
            "steps": self.steps,
            "best": vars(self.best),
            "network": self.setup.network.state_dict(),
            "extra": {n: m.state_dict() for n, m in self.setup.method.extra_modules().items()},
            "ema": None if self._ema is None else self._ema.state_dict(),
            "optimizer": None if self._optimizer is None else self._optimizer.state_dict(),
            "schedule": None if schedule is None else schedule.state_dict(),
        }

    def load(self, state: Mapping[str, Any]) -> None:
        """Continue from the :meth:`state` of the same training."""
        self.log, self.stopped, self.steps = list(state["log"]), state["stopped"], state["steps"]
        self.best = Best(**state["best"])
        if self.log:
            self._begin(str(self.log[-1]["phase"]), self.epoch - 1)
        self.setup.network.load_state_dict(state["network"])
        for name, module in self.setup.method.extra_modules().items():
            module.load_state_dict(state["extra"][name])
        for part, kept in (
            (self._ema, state["ema"]),
            (self._optimizer, state["optimizer"]),
            (self._schedule, state["schedule"]),
        ):
            if part is not None and kept is not None:
                part.load_state_dict(kept)
