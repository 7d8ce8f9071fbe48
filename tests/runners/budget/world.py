"""Models with made-up costs and scores, and a clock that nothing but them moves."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from acrank.metrics.estimate import Estimate
from acrank.ranking import rank_results
from acrank.results import ModelResult, RankedModel
from acrank.runners.budget.costs import Costs
from acrank.runners.budget.rounds import Halving
from acrank.runners.callbacks import Callback


@dataclass(frozen=True)
class Made:
    """A model: seconds to load it and for each image, its score, and what becomes of it.

    On the full sample it takes ``at_full`` times what that says.
    """

    loading: float
    an_image: float
    value: float
    status: str = "ok"
    at_full: float = 1.0

    def seconds(self, images: int) -> float:
        return self.loading + self.an_image * images

    def result(self, name: str, images: int) -> ModelResult:
        seconds = self.seconds(images)
        if self.status == "failed":
            return ModelResult.failed(name, "broken").with_seconds(seconds)
        scores = {"ac_corr": Estimate(self.value)} if self.status == "ok" else {}
        undefined = {} if scores else {"ac_corr": "tied affines"}
        result = ModelResult(name, "ok", scores=scores, undefined=undefined)
        return result.judged_by("ac_corr").with_seconds(seconds, self.loading)


@dataclass
class World:
    """Scores models without computing anything; stops as if interrupted after some of them."""

    models: Mapping[str, Made]
    budget: float
    sizes: Sequence[int] = (64, 128, 256)
    stop_after: int | None = None
    lag: float = 0.0  # that the engine takes to start
    clock: float = 0.0
    scored: list[tuple[str, int]] = field(default_factory=list)
    told: list[str] = field(default_factory=list)

    def left(self) -> float:
        return self.budget - self.clock

    def score(
        self, models: Sequence[str], images: int, callback: Callback, admit: Callable[[str], bool]
    ) -> tuple[list[ModelResult], bool]:
        callback.start(len(models))
        results: list[ModelResult] = []
        self.clock += self.lag
        for name in filter(admit, models):
            if len(self.scored) == self.stop_after:
                return results, True
            callback.begin(name)
            made = self.models[name]
            result = made.result(name, images)
            factor = made.at_full if images == self.sizes[-1] else 1.0
            results.append(result.with_seconds(result.seconds * factor, result.loading))
            self.clock += results[-1].seconds
            self.scored.append((name, images))
            callback.done(results[-1])
        return results, False

    def compare(self, results: Sequence[ModelResult]) -> Sequence[RankedModel]:
        return rank_results(results, "ac_corr", 0).rows

    def run(self, order: Iterable[str] | None = None, costs: Costs | None = None) -> Halving:
        """Spend the budget."""

        class Told(Callback):
            message = staticmethod(self.told.append)  # type: ignore[assignment]

        costs = costs or Costs()
        halving = Halving(self.sizes, self.score, self.compare, costs, self.left, Told())
        halving.run(list(order or self.models))
        return halving


def alike(
    count: int, an_image: float = 1.0, loading: float = 0.0, at_full: float = 1.0
) -> dict[str, Made]:
    """Models of one price, the best first; ``at_full`` of all but the first."""
    return {
        f"m{i}": Made(loading, an_image, float(count - i), at_full=at_full if i else 1.0)
        for i in range(count)
    }


def names(results: Iterable[ModelResult]) -> list[str]:
    return [result.model for result in results]
