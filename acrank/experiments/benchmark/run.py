"""Run an experiment: fine-tune every model on every dataset, score them, and compare."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from acrank.config import RunConfig
from acrank.errors import NotScoredError
from acrank.experiments.benchmark.config import BenchmarkConfig
from acrank.experiments.benchmark.datasets import common_task, prepare_datasets
from acrank.experiments.benchmark.jobs import Job, Outcome, tune, untuned
from acrank.experiments.benchmark.tables import Tables, best_rate, scores_csv
from acrank.experiments.parts.base import Dataset, Said
from acrank.experiments.validation import Validation, validate
from acrank.experiments.validation.matching import FEWEST_MODELS
from acrank.finetuning.tuning import tuning_of
from acrank.results import Ranking
from acrank.runners.callbacks import Callback, all_callbacks
from acrank.runners.rank import choose_entries, rank_zoo
from acrank.runners.tasks import Tasks, threads_each
from acrank.tasks.registry import Measure, Task
from acrank.utils.alone import alone_in
from acrank.utils.files import folder_name, write_whole


@dataclass(frozen=True)
class Experiment:
    """A finished experiment.

    Attributes:
        datasets: datasets with their images.
        outcomes: outcomes of every fine-tuning.
        accuracies: mean over the seeds by dataset and model, of the measure that the
            configuration names; those that failed are missing.
        ceilings: mean weighted tau between the accuracies of two seeds, by dataset; NaN for fewer
            than two seeds. No score can be expected to do better.
        validation: scores against accuracies; None for fewer than three models.
        folder: folder with all tables.
        config: configuration, with the defaults of the datasets' task.
        by_seed: the accuracies of single seeds.
        rankings: rankings by dataset.
        task: task of all datasets.
    """

    datasets: tuple[Dataset, ...]
    outcomes: tuple[Outcome, ...]
    accuracies: dict[tuple[str, str], float]
    ceilings: dict[str, float]
    validation: Validation | None
    folder: Path
    config: BenchmarkConfig
    by_seed: dict[tuple[str, str], list[float]]
    rankings: dict[str, Ranking]
    task: Task

    @property
    def failed(self) -> tuple[Outcome, ...]:
        """The fine-tunings without a result."""
        return tuple(outcome for outcome in self.outcomes if outcome.reason)


def experiment(
    config: BenchmarkConfig,
    output: Path,
    *,
    say: Said | None = None,
    callback: Callback | None = None,
) -> Experiment:
    """Fine-tune every model on every dataset, score them, and compare.

    An experiment that was stopped continues when it is called again with the same settings.

    Args:
        config: configuration of the experiment.
        output: folder for all results.
        say: takes a line for each fine-tuning.
        callback: progress callback of the scoring; those that the configuration names also take
            the line of each fine-tuning, as a message.

    Raises:
        NotScoredError: no model could be fine-tuned on any dataset.
        AcrankError: a setting, the zoo or a dataset cannot be used.
    """
    task = common_task(config)
    config = config.for_task(task)
    tuning_of(task).require(config.finetuning(data=config.data[0], model="x", seed=0, lr=None))
    named = all_callbacks(*config.callbacks)  # once: each follows the whole experiment

    def tell(line: str) -> None:
        if say is not None:
            say(line)
        named.message(line)

    with alone_in(output):
        return _experiment(config, task, output, tell, all_callbacks(callback, named))


def _experiment(
    config: BenchmarkConfig, task: Task, output: Path, say: Said, callback: Callback
) -> Experiment:
    datasets = prepare_datasets(config, output, callback.message)
    # what scoring would refuse after all the fine-tunings, it refuses now
    scoring = _scoring(config, datasets[0]).for_task(task)
    names = [entry.name for entry in choose_entries(scoring)]
    tasks = _workers(config, output)
    with tasks.engaged(callback.message):
        outcomes = _tune_all(config, task, datasets, names, tasks, output, say)
        tables = Tables(config, datasets, names, outcomes)
        tables.write(output)
        if not tables.accuracies:
            raise NotScoredError(f"No model could be fine-tuned: {outcomes[0].reason}")
        rankings = {d.name: rank_zoo(_scoring(config, d), callback) for d in datasets}
    write_whole(output / "SCORES.csv", scores_csv(rankings))
    found = _compared(output, tables.accuracies, task.measure(config.measure))
    return Experiment(
        datasets=tuple(datasets),
        outcomes=tuple(outcomes),
        accuracies=tables.accuracies,
        ceilings=tables.ceilings,
        validation=found,
        folder=output,
        config=config,
        task=task,
        by_seed=tables.by_seed,
        rankings=rankings,
    )


def _compared(
    output: Path, accuracies: Mapping[tuple[str, str], float], measure: Measure
) -> Validation | None:
    datasets = [dataset for dataset, _ in accuracies]
    if max(map(datasets.count, datasets)) < FEWEST_MODELS:
        return None
    # a zoo may call its models as it likes: their names stand for no published weights
    found = validate(output / "SCORES.csv", output / "ACCURACIES.csv", by_name=False)
    return replace(found, truth=measure.words)


def _scoring(config: BenchmarkConfig, dataset: Dataset) -> RunConfig:
    known = config.scoring(str(dataset.train))
    return known.model_copy(update={**dataset.settings(config.score), "callbacks": ()})


def _tune_all(
    config: BenchmarkConfig,
    task: Task,
    datasets: Sequence[Dataset],
    names: Sequence[str],
    tasks: Tasks[Job, Outcome],
    output: Path,
    say: Said,
) -> list[Outcome]:
    """Try every learning rate with one seed, then run the other seeds with the best rate."""

    def job(dataset: Dataset, model: str, lr: float | None, seed: int) -> Job:
        settings = config.finetuning(
            data=str(dataset.train), test=str(dataset.test), model=model, seed=seed, lr=lr
        ).model_copy(update=dataset.settings(config.finetune))
        rate = "lr" if lr is None else f"lr{lr:g}"
        folder = output / "cells" / dataset.name / folder_name(model) / f"{rate}-seed{seed}"
        return Job(dataset.name, model, lr, seed, settings, folder, config.keep_weights)

    rates: tuple[float | None, ...] = config.lrs or (None,)
    pairs = list(itertools.product(datasets, names))
    total = len(pairs) * (len(rates) + config.seeds - 1)
    counted = _Counted(say, total, task.measure(config.measure))
    first = [job(d, m, lr, 0) for d, m in pairs for lr in rates]
    outcomes = list(_run(tasks, first, counted))
    chosen = {(d.name, m): best_rate(outcomes, d.name, m, config) for d, m in pairs}
    others = [
        job(d, m, found.job.lr, seed)
        for d, m in pairs
        if (found := chosen[d.name, m]) is not None
        for seed in range(1, config.seeds)
    ]
    return [*outcomes, *_run(tasks, others, counted)]


def _run(tasks: Tasks[Job, Outcome], jobs: Sequence[Job], counted: _Counted) -> Iterator[Outcome]:
    for outcome in tasks.run(jobs, tell=lambda text: counted.say(f"note: {text}")):
        counted(outcome)
        yield outcome


def _workers(config: BenchmarkConfig, output: Path) -> Tasks[Job, Outcome]:
    jobs, here = config.at_a_time, config.engine == "local"
    return Tasks(
        work=tune,
        failed=untuned,
        jobs=jobs,
        threads=threads_each(config.threads, jobs) if here else config.threads,
        engine=config.engine,
        ray_address=config.ray_address,
        timeout=config.timeout,
        device=config.device,
        batch_size=config.batch_size,
        folder=output,
    )


@dataclass
class _Counted:
    say: Said
    total: int
    measure: Measure
    done: int = 0
    told: set[str] = field(default_factory=set)

    def __call__(self, outcome: Outcome) -> None:
        self._tell(outcome)
        self.done += 1
        spent = "kept" if outcome.kept else f"{outcome.seconds:.1f} s"
        found = outcome.reason or self._quality(outcome.test.get(self.measure.key))
        early = f"; ended early: {outcome.stopped}" if outcome.stopped else ""
        self.say(f"[{self.done}/{self.total}] {outcome.job.name}: {found} ({spent}){early}")

    def _tell(self, outcome: Outcome) -> None:
        """Report the notices on the images of a dataset once.

        Only seed 0 counts: other seeds keep other validation images back.
        """
        for text in outcome.notes if outcome.job.seed == 0 else ():
            told = f"note: {outcome.job.dataset}: {text}"
            if told not in self.told:
                self.told.add(told)
                self.say(told)

    def _quality(self, value: float | None) -> str:
        name = self.measure.words
        return f"no test {name}" if value is None else f"test {name} {value:.4f}"
