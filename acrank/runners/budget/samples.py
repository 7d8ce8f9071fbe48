"""Score and compare models on samples of any size, with the settings of their round."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from acrank.config import RunConfig
from acrank.data import AnyTarget, Drawing
from acrank.metrics.registry import AC_CORR, CONSENSUS, METRICS, with_parts
from acrank.ranking import rank_results
from acrank.ranking.consensus import voters
from acrank.results import ModelResult, RankedModel
from acrank.runners.callbacks import Callback
from acrank.runners.dispatch import score_all
from acrank.runners.model import RunContext
from acrank.zoo import ZooEntry

# Images of each class that scores of features need to mean something.
A_CLASS = 2


class RoundConfig(RunConfig):
    """Settings of a round before the last: only what orders the table is computed."""

    @property
    def metrics_wanted(self) -> tuple[str, ...]:
        """The score to rank by, or those that vote; all forms of AC-Corr if it is computed."""
        probed = any(METRICS[name].of_norms for name in self.metrics_named)
        return tuple(dict.fromkeys((*(AC_CORR if probed else ()), *self.metrics_named)))


def round_config(config: RunConfig, images: int) -> RoundConfig:
    """Make the settings of a round before the last.

    Args:
        config: of the run.
        images: of the round's sample.
    """
    votes: tuple[str, ...] = ()
    if config.rank_by == CONSENSUS:
        votes = tuple(voters(config.metrics_named)) or config.metrics_named
    settings = {**config.model_dump(), "samples": images, "metrics": votes}
    return RoundConfig.model_validate(settings)


class Samples:
    """Scores models on samples of any size.

    Args:
        entries: the candidates.
        context: what they have in common, with the full sample.
        target: that the sample is of.
        store: folder of the kept results; None for that in the cache folder.

    Attributes:
        sizes: of the samples, ascending.
    """

    def __init__(
        self,
        entries: Sequence[ZooEntry],
        context: RunContext,
        target: AnyTarget,
        store: Path | None,
    ) -> None:
        self.entries = {entry.name: entry for entry in entries}
        self.target = target
        self.store = store
        full = len(context.sample)
        wanted = with_parts(round_config(context.config, full).metrics_wanted)
        of_images = any(
            METRICS[name].sees_images and not METRICS[name].of_norms
            for name in wanted
            if METRICS[name].cost != "free"
        )
        least = A_CLASS * len(context.sample.classes) if of_images else 0
        self.sizes = round_sizes(full, len(context.sample.batches), least)
        self._contexts = {full: context}

    def context(self, images: int) -> RunContext:
        """Return what models have in common in a round."""
        whole = self._contexts[self.sizes[-1]]
        if images not in self._contexts:
            config = round_config(whole.config, images)
            sample = self.target.smaller(whole.sample, Drawing.of(config.model_dump()))
            self._contexts[images] = replace(whole, config=config, sample=sample, features=None)
        return self._contexts[images]

    def score(
        self, models: Sequence[str], images: int, callback: Callback, admit: Callable[[str], bool]
    ) -> tuple[list[ModelResult], bool]:
        """Score models; see :class:`acrank.runners.budget.rounds.Score`."""
        chosen = [self.entries[model] for model in models]

        def entry_goes_on(entry: ZooEntry) -> bool:
            return admit(entry.name)

        return score_all(chosen, self.context(images), callback, self.store, entry_goes_on)

    def compare(self, results: Sequence[ModelResult]) -> tuple[RankedModel, ...]:
        """Rank the results of a round before the last."""
        config = round_config(self._contexts[self.sizes[-1]].config, self.sizes[0])
        return rank_results(
            results,
            config.rank_by,
            config.seed,
            metrics=config.metrics_wanted,
            mixed=config.norms == "mixed",
        ).rows


def round_sizes(images: int, batches: int, least: int = 0) -> tuple[int, ...]:
    """Choose the sizes of the rounds' samples, in whole batches, each about half of the next.

    The size of a batch stays, because BatchNorm normalises by the batch.

    Args:
        images: in the whole sample.
        batches: in the whole sample, all of one size.
        least: images that every sample must have; it has two batches anyway.
    """
    size = images // batches
    counts = [batches]
    while counts[0] // 2 >= max(2, -(-least // size)):
        counts.insert(0, counts[0] // 2)
    return tuple(count * size for count in counts)
