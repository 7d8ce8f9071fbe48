"""Describe the result of a race: its arms, its rungs, and the network that was chosen.

Values are of one measure, higher better, in its own unit (accuracies and Dice are in [0, 1]); a
*point* is a hundredth of it.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from acrank.finetuning.result import Finetuned
    from acrank.results import Ranking

# Names of the files in the folder of a choice, beside those of its network.
JSON, PAGE = "choice.json", "choice.html"
# chosen: fine-tuned fully, and the best; raced: fine-tuned fully; out: fell behind in a rung;
# skipped: no time for it; failed: it could not be fine-tuned, or diverged.
Status = Literal["chosen", "raced", "out", "skipped", "failed"]


@dataclass(frozen=True)
class Arm:
    """A candidate of the race: a backbone with a regime and a learning rate.

    Attributes:
        model: name of the backbone.
        method: method of fine-tuning, the regime.
        lr: highest learning rate of the backbone.
    """

    model: str
    method: str
    lr: float

    @property
    def name(self) -> str:
        """The name in messages and tables."""
        return f"{self.model}, {self.method}, lr {self.lr:g}"


@dataclass(frozen=True)
class Rung:
    """A part of the race that all arms left run under the same conditions.

    Attributes:
        number: number of the rung, from 1.
        epochs: epochs that an arm has been trained for at its end, in its current training.
        image_size: height and width of the images; None for each network's own size.
        resumed: True if arms go on from the rung before; False if they begin anew.
        full: True for the full fine-tunings, which come last.
    """

    number: int
    epochs: int
    image_size: int | None
    resumed: bool
    full: bool = False

    @property
    def words(self) -> str:
        """The conditions in words."""
        size = "own image size" if self.image_size is None else f"{self.image_size} pixels"
        full = "the full " if self.full else ""
        return f"{full}{self.epochs} epoch{'' if self.epochs == 1 else 's'}, {size}"


@dataclass(frozen=True)
class Lap:
    """The result of an arm in a rung.

    Attributes:
        rung: number of the rung.
        value: measure on the validation images at its end; None if it failed.
        expected: value that is expected of it, shrunk towards the others by how noisy the
            validation images are; None if it failed or nothing can be said.
        low: lower end of the 95 % interval of ``expected``.
        high: upper end.
        seconds: time that the rung took.
        curve: measure on the validation images after each epoch of its training so far.
        image_size: height and width, or sides of a patch, that the network was trained at.
    """

    rung: int
    value: float | None
    expected: float | None = None
    low: float | None = None
    high: float | None = None
    seconds: float = 0.0
    curve: tuple[float | None, ...] = ()
    image_size: tuple[int, ...] = ()


@dataclass(frozen=True)
class Standing:
    """The place of an arm at the end.

    Attributes:
        arm: the arm.
        status: what became of it.
        reason: why it is out, skipped or failed; why it was chosen; else empty.
        place: place in the race, from 1; None without a result.
        laps: its results by rung.
        expected: value expected of it, relative to the winner's in the last rung that both
            raced; None without a result.
        p_best: probability that it is the best of all that raced, given the validation images;
            None without a result.
        behind: points that it is expected to lose against the chosen arm; below 0 if it is
            expected to be better; None without a result.
        behind_low: lower end of the 95 % interval of ``behind``.
        behind_high: upper end.
        alike: True if it cannot be told apart from the chosen arm.
        seconds: time that it took in the race.
        full_seconds: estimated time of a full fine-tuning.
        params: parameters of the backbone; None if unknown.
        license: licence of the weights; None if unknown.
        entered: why it is in the race, such as ``rank 1`` or ``best ImageNet top-1``.
    """

    arm: Arm
    status: Status
    reason: str = ""
    place: int | None = None
    laps: tuple[Lap, ...] = ()
    expected: float | None = None
    p_best: float | None = None
    behind: float | None = None
    behind_low: float | None = None
    behind_high: float | None = None
    alike: bool = False
    seconds: float = 0.0
    full_seconds: float | None = None
    params: int | None = None
    license: str | None = None
    entered: str = ""


@dataclass(frozen=True)
class Judged:
    """The measure to be expected of the chosen network on new images of the same kind.

    Attributes:
        how: ``test`` for test images; ``folds`` for cross-validation of full fine-tunings;
            ``validation`` for the images that chose it, which is too high by choosing.
        value: the measure; None if the network could not be judged.
        low: lower end of the 95 % interval.
        high: upper end.
        images: number of images that it is of.
        bias: how much higher the chosen arm was on the images that chose it, in the unit of the
            measure; None where it is not known.
        told: sentences on what it is of, and how far it is to be believed.
        measures: all measures on these images.
    """

    how: Literal["test", "folds", "validation"]
    value: float | None
    low: float | None
    high: float | None
    images: int
    bias: float | None
    told: tuple[str, ...]
    measures: dict[str, float | None] = field(default_factory=dict)


@dataclass(frozen=True)
class Choice:
    """A finished choice.

    Attributes:
        folder: folder with the fine-tuned network and the files of the choice.
        ranking: ranking of the look.
        standings: the arms, the chosen one first, then by place, then those without a result.
        rungs: rungs that were run.
        measure: measure that the race is about: its key.
        measure_words: name of the measure in sentences.
        judged: what can be expected of the chosen network.
        finetuned: the full fine-tuning of the chosen arm.
        early: why one full fine-tuning was enough; else empty.
        alike: names of the arms that cannot be told apart from the chosen one.
        times: seconds by part: ``look``, ``race``, ``final``, ``judge``.
        plan: sentences on what fitted into the time.
        notes: sentences for the user.
        record: configuration, versions, dataset and device.
        latency: latency and memory of the chosen network on this machine; empty if not measured.
        exported: the exports of the network, each as a record.
    """

    folder: Path
    ranking: Ranking
    standings: tuple[Standing, ...]
    rungs: tuple[Rung, ...]
    measure: str
    measure_words: str
    judged: Judged
    finetuned: Finetuned
    early: str
    alike: tuple[str, ...]
    times: dict[str, float]
    plan: tuple[str, ...]
    notes: tuple[str, ...]
    record: dict[str, Any]
    latency: dict[str, Any] = field(default_factory=dict)
    exported: tuple[dict[str, Any], ...] = ()

    @property
    def chosen(self) -> Standing:
        """The standing of the chosen arm."""
        return self.standings[0]

    @property
    def runner_up(self) -> Standing | None:
        """The arm that would have been next; None if there is no other with a result."""
        others = [
            one for one in self.standings[1:] if one.place is not None and one.status != "failed"
        ]
        return others[0] if others else None

    @property
    def failed(self) -> tuple[Standing, ...]:
        """The arms that failed."""
        return tuple(one for one in self.standings if one.status == "failed")


def standing_record(standing: Standing) -> dict[str, Any]:
    """Return a standing as JSON can hold it."""
    record = asdict(standing)
    return {"name": standing.arm.name, **record.pop("arm"), **record}
