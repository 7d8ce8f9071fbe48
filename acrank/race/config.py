"""The configuration of a choice, and the configurations of its parts that follow from it."""

from __future__ import annotations

from typing import Any, Self

from pydantic import model_validator

from acrank.config import RunConfig, make_config
from acrank.errors import ConfigError
from acrank.fields import refuse_address
from acrank.finetuning.catalogue import METHODS
from acrank.finetuning.config import FinetuneConfig, make_finetune_config
from acrank.metrics.registry import CONSENSUS
from acrank.race.options import TOLERANCES, ChooseOptions
from acrank.tasks.registry import Task
from acrank.utils.described import decided, described, given
from acrank.utils.settings import Settings, validated

# The parts of a choice and what each is described by.
PARTS: dict[str, type[Settings]] = {"finetune": FinetuneConfig, "score": RunConfig}


class ChooseConfig(ChooseOptions):
    """Everything that a choice depends on, and how it is carried out."""

    @model_validator(mode="after")
    def _go_together(self) -> Self:
        refuse_address(self.engine, self.ray_address)
        for part in PARTS:
            own = decided(ChooseConfig, part, PARTS[part])
            for name in own.keys() & getattr(self, part).keys():
                raise ValueError(f"{part}.{name} is the choice's own: set {own[name]} instead")
        for lr in self.lrs or (None,):
            self.finetuning(model="x", method=self.methods[0], lr=lr)
        self.scoring(None)
        return self

    def for_task(self, task: Task) -> Self:
        """Return the configuration for the task of the data.

        Args:
            task: task of the data.

        Raises:
            ConfigError: a setting that the task has not.
        """
        measures = [measure.key for measure in task.predicted]
        known = self.model_copy(update={"task": task.name, **self.usual_for(task)})
        if known.measure not in measures:
            raise ConfigError(
                f"--measure {known.measure} is not a measure of {task.name} to choose by.",
                hint=f"Choose one of {', '.join(measures)}.",
            )
        if not task.whole_images and "methods" in self.model_fields_set:
            for method in known.methods:
                known.finetuning(model="x", method=method, lr=None).for_task(task)
        return known

    @property
    def points(self) -> float:
        """The points within which arms count as equally good."""
        return TOLERANCES[self.prefer] if self.tolerance is None else self.tolerance

    def rates(self, method: str) -> tuple[float, ...]:
        """The learning rates of a regime, the usual one first."""
        if self.lrs:
            return self.lrs
        usual = self.finetuning(model="x", method=method, lr=None).highest_lr
        return (usual, float(f"{usual / 3:.1g}")) if method == "full" else (usual,)

    def finetuning(
        self, *, model: str, method: str, lr: float | None, **settings: Any
    ) -> FinetuneConfig:
        """Return the configuration of one fine-tuning.

        Args:
            model: name of the backbone.
            method: the regime.
            lr: highest learning rate of the backbone; None for the method's own.
            **settings: further settings, which win over all others.
        """
        own = {name: getattr(self, field) for name, field in _own("finetune").items()}
        this = {"model": model, "method": method, "lr": lr, "options": self._options(method)}
        listed = self.zoo or (None if self.models else "default")
        own |= {"zoo": listed, "export": ()}  # of the winner alone, when all else is done
        merged = {**self._of_task, **self.finetune, **own, **this, **settings}
        return make_finetune_config({n: v for n, v in merged.items() if v is not None})

    def scoring(self, budget: float | None) -> RunConfig:
        """Return the configuration of the look.

        Args:
            budget: seconds for it; None for as long as it takes.
        """
        own = {name: getattr(self, field) for name, field in _own("score").items()}
        if self.samples is not None:  # no more images than are to be used
            own["samples"] = min(own["samples"], self.samples)
        metrics = (self.rank_by,) if self.rank_by != CONSENSUS else ()
        # an order is enough: intervals of masks and volumes take longer than all else of a look
        look = {"bootstrap": 0, **self.score, **own, "metrics": metrics, "budget": budget}
        merged = {**self._of_task, **look}
        return make_config({name: value for name, value in merged.items() if value is not None})

    def _options(self, method: str) -> dict[str, Any]:
        norms = self.score.get("norms", "batch")
        takes = norms != "batch" and "norms" in METHODS[method].options
        return {"norms": "affine"} if takes else {}

    @property
    def _of_task(self) -> dict[str, Any]:
        """The settings for some tasks alone that the user has set; both parts take them."""
        about = described(type(self))
        return given(self, [name for name, setting in about.items() if setting.of_some_data])


def _own(part: str) -> dict[str, str]:
    return decided(ChooseConfig, part, PARTS[part])


def make_choose_config(settings: dict[str, Any]) -> ChooseConfig:
    """Build the configuration of a choice.

    Raises:
        ConfigError: a field is unknown or its value out of range.
    """
    return validated(ChooseConfig, settings)
