"""Classification: one class of each image."""

from __future__ import annotations

from typing import TYPE_CHECKING

from acrank.tasks.registry import HasDecoder, Measure, Task

if TYPE_CHECKING:
    from torch import Tensor

    from acrank.config import RunConfig
    from acrank.data.base import AnySample
    from acrank.tasks.readout import Readout


class Classification(Task):
    """One class of each image, read off pooled features by a linear head."""

    def require(self, config: HasDecoder) -> None:
        """Nothing beyond the package's own dependencies is needed."""

    def readout(self, config: RunConfig, sample: AnySample) -> Readout[Tensor]:
        """See :class:`acrank.tasks.pooled.PooledReadout`."""
        from acrank.tasks.pooled import PooledReadout

        return PooledReadout()


CLASSIFICATION = Classification(
    key="classification",
    name="classification",
    things="images",
    dimensions=2,
    whole_images=True,
    metrics="classification",
    samples=256,
    batch_size=32,
    heads=("random", "ridge"),
    augmentations=("timm", "light", "none"),
    measures=(
        Measure("accuracy", "accuracy", drawn=False),
        Measure("balanced_accuracy", "balanced accuracy"),
        Measure("macro_f1", "macro F1", told=False),
        Measure("auroc", "AUROC"),
        Measure("loss", "loss", False, False, drawn=False, told=False),
    ),
    monitor="balanced_accuracy",
    averaged="",
    tuning="acrank.finetuning.classes:TUNING",
    parts="acrank.experiments.parts.classes:PARTS",
    gallery="acrank.report.galleries:by_class",
    figure="acrank.report.builders.finetuning_figures:confusion",
    target="classes",
)
