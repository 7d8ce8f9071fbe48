"""Judge the choice on images that had no part in it, and say how far the judgement goes."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np

from acrank.experiments.parts.base import Dataset, PartSettings
from acrank.experiments.parts.folds import folds_of
from acrank.finetuning.result import Finetuned
from acrank.race.belief import Prior, believe, plus_four
from acrank.race.config import ChooseConfig
from acrank.race.journal import Journal
from acrank.race.laps import Job, Ran, ran_from
from acrank.race.result import Arm, Judged
from acrank.tasks.registry import Task
from acrank.utils.files import folder_name


def judged_by_test(
    final: Ran, done: Finetuned, images: int, raced: int, things: str = "images"
) -> Judged:
    """Judge the fine-tuned network by its outcomes on test images.

    Args:
        final: result of the full fine-tuning.
        done: the full fine-tuning.
        images: number of test images.
        raced: number of arms that it was chosen from.
        things: what the data are of, in the plural.
    """
    measures = done.record.get("test", {})
    value = measures.get(final.measure)
    low, high = plus_four(_known(final.test))
    told = [
        f"the test {things} had no part in the choice; the interval is for other {things} of the "
        "same kind, and for this network alone"
    ]
    bias = None
    if value is not None and final.value is not None:
        bias = final.value - value
        told.append(
            f"on its validation {things}, which chose it among {_counted(raced, 'arm')} and its "
            f"best epoch, it reached {final.value:.3f}, {abs(100 * bias):.1f} points "
            f"{'more' if bias >= 0 else 'less'} than on the test {things}"
        )
        inner_low, inner_high = plus_four(_known(final.each))
        if inner_low > high or inner_high < low:
            told.append(
                f"that is more than the draw of {things} explains: the test {things} may be of "
                f"another kind than those of --data, or the choice may have fitted its few "
                f"validation {things}"
            )
    return Judged("test", value, _or_none(low), _or_none(high), images, bias, tuple(told), measures)


def judged_by_validation(
    final: Ran, done: Finetuned, images: int, raced: int, why: str, things: str = "images"
) -> Judged:
    """Give the result on the validation images where nothing else is there.

    Args:
        final: result of the full fine-tuning.
        done: the full fine-tuning.
        images: number of validation images.
        raced: number of arms that it was chosen from.
        why: why there is no better judgement.
        things: what the data are of, in the plural.
    """
    low, high = plus_four(_known(final.each))
    told = (
        f"{why}, so that this is the result on the {images} validation {things} that chose it "
        f"among {_counted(raced, 'arm')} and its best epoch: it is too high by choosing, by how "
        "much is not known",
    )
    return Judged(
        "validation",
        final.value,
        _or_none(low),
        _or_none(high),
        images,
        None,
        told,
        done.record["val"],
    )


def judge_by_folds(
    config: ChooseConfig,
    task: Task,
    finalists: Sequence[Arm],
    count: int,
    journal: Journal,
    folder: Path,
    run: Callable[[Sequence[Job]], Sequence[Ran]],
    say: Callable[[str], None],
    final: Ran,
) -> Judged:
    """Repeat full fine-tunings in each fold, and judge the one chosen there on the images left out.

    Args:
        config: configuration of the choice.
        task: task of the data.
        finalists: the arms to choose from in each fold.
        count: number of folds.
        journal: keeps results.
        folder: folder for the files of the folds.
        run: runs jobs.
        say: takes sentences on the folds.
        final: result of the full fine-tuning.

    Raises:
        DataError: a class has too few images for the folds.
    """
    settings = PartSettings.of(config)
    folder = folder / f"{count}folds"  # another budget may have had time for another number

    def told(line: str) -> None:
        say(f"{task.things} to judge by: {line}")

    folds = folds_of(config.data, config.task, settings, count, config.seed, folder / "data", told)
    jobs = {
        (number, arm): _job(config, arm, fold, f"{number}of{count}", folder, journal)
        for number, fold in enumerate(folds, 1)
        for arm in finalists
    }
    missing = [job for job in jobs.values() if journal.find(job.key) is None]
    for ran in run(missing):
        journal.keep(ran.key, asdict(ran))
    measure = config.measure
    results = {place: ran_from(journal.find(job.key)) for place, job in jobs.items()}
    outcomes: list[float] = []
    inner, outer, taken = [], [], []
    for number in range(1, len(folds) + 1):
        # where the measure is not defined, the loss stands for it, which is no part of its mean
        found = {arm: ran for arm in finalists if (ran := results[number, arm]).measure == measure}
        arm = _best(found, config.seed)
        if arm is None:
            continue
        test = _known(found[arm].test)
        outcomes += test
        taken.append(arm.name)
        inner.append(found[arm].value or 0.0)
        outer.append(float(np.mean(test)))
    if not outcomes:
        reasons = filter(None, (ran.reason for ran in results.values()))
        reason = next(reasons, f"{measure} is not defined on their images")
        return Judged("folds", None, None, None, 0, None, (f"no fold gave a result: {reason}",))
    low, high = plus_four(outcomes)
    bias = float(np.mean(inner) - np.mean(outer))
    return Judged(
        "folds",
        float(np.mean(outcomes)),
        _or_none(low),
        _or_none(high),
        len(outcomes),
        bias,
        (
            *_told(count, taken, bias, len(finalists), task.things),
            *_saved(final, task.things),
        ),
    )


def _told(
    count: int, taken: Sequence[str], bias: float, finalists: int, things: str
) -> tuple[str, ...]:
    done = len(taken)
    chose = "; ".join(f"{name} ({times})" for name, times in Counter(taken).most_common())
    if finalists > 1:
        first = (
            f"for each of {done} folds, the best {finalists} arms were fine-tuned fully without "
            f"the {things} of the fold, one was chosen by the rest, and judged on it"
        )
    else:
        first = (
            f"for each of {done} folds, the chosen arm was fine-tuned fully without the {things} "
            "of the fold, and judged on it; that it was chosen among others by the same "
            f"{things} makes results a little too high"
        )
    return (
        f"{first}; the network that is saved was fine-tuned on more {things}, and was itself not "
        "judged",
        *([f"chosen by the folds: {chose}"] if finalists > 1 else []),
        f"results on the {things} that chose the best epoch were {abs(100 * bias):.1f} points "
        f"{'higher' if bias >= 0 else 'lower'} than on those left out",
        f"the ranking and the race saw all {things}, which makes results a little too high",
        *([f"{_counted(count - done, 'fold')} gave no result"] if done < count else []),
    )


def _saved(final: Ran, things: str) -> tuple[str, ...]:
    """Say what the network that is saved reached on the images that chose it."""
    if final.value is None:
        return ()
    count = len(_known(final.each))
    return (
        f"the network that is saved reached {final.value:.3f} on the {count} validation {things} "
        "that chose it, which is too high; the cross-validation may be too low, as its networks "
        "were trained on fewer of them",
    )


def _job(
    config: ChooseConfig, arm: Arm, fold: Dataset, number: str, folder: Path, journal: Journal
) -> Job:
    settings = {"data": str(fold.train), "test": str(fold.test)}
    tuning = config.finetuning(model=arm.model, method=arm.method, lr=arm.lr, **settings)
    tuning = tuning.model_copy(update={"samples": None})  # the folds are of the drawn images
    place = folder / f"fold{number}" / folder_name(arm.model) / f"{arm.method}-lr{arm.lr:g}"
    key = f"fold-{number}-{arm.model}-{arm.method}-{arm.lr:g}"
    return Job(key, f"fold {number}: {arm.name}", tuning, place, clock=journal.clock)


def _best(found: dict[Arm, Ran], seed: int) -> Arm | None:
    """Choose in a fold as the race does: by validation results, shrunk by their noise."""
    arms = [arm for arm, ran in found.items() if ran.value is not None and _known(ran.test)]
    if not arms:
        return None
    each = {arm.name: [math.nan if v is None else v for v in found[arm].each] for arm in arms}
    priors: dict[str, Prior] = {}
    return arms[believe(each, [arm.model for arm in arms], priors, seed=seed).leader]


def _counted(count: int, word: str) -> str:
    return f"{count} {word}{'' if count == 1 else 's'}"


def _known(values: Sequence[float | None]) -> list[float]:
    return [value for value in values if value is not None]


def _or_none(value: float) -> float | None:
    return value if math.isfinite(value) else None
