"""Make the figures of a choice: the race by rung, and costs against expected measures."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from acrank.race.ranked import has_result, interval_of
from acrank.race.result import Choice, Rung, Standing
from acrank.report.builders.choice_words import arm_text, interval_text, task_of, value_text
from acrank.report.builders.ranking_words import number_text
from acrank.report.document import Figure, table_of
from acrank.report.figures import Scatter, Spot
from acrank.report.figures.courses import Course, Courses, Stage

# So many arms of the last rung are named at the ends of their lines.
NAMED = 12
# So many arms of a frontier are named below it.
FRONT = 6
# Costs that differ by less than this factor are not worth a figure.
ALIKE = 1.05
# Longer times than this stand in minutes, and then in hours.
MINUTES, HOURS = 180.0, 3 * 3600.0


def race_plot(choice: Choice) -> Figure | None:
    """Plot the race, a line for each arm with a value; None where no arm has one."""
    starts = _starts(choice.rungs)
    courses = [
        Course(
            _name(choice, one),
            parts,
            chosen=one is choice.chosen,
            alike=one.alike and one is not choice.chosen,
        )
        for one in choice.standings
        if (parts := _parts(one, choice.rungs, starts))
    ]
    if not courses:
        return None
    stages = tuple(
        Stage(start, start + _new_epochs(rung, choice.rungs), _stage(rung))
        for rung, start in zip(choice.rungs, starts.values(), strict=True)
    )
    things = task_of(choice).things
    told = "; ".join(
        rung.words if rung.full else f"rung {rung.number}, {rung.words}" for rung in choice.rungs
    )
    drawing = Courses(
        tuple(courses),
        stages,
        "epochs of fine-tuning, one rung after the other",
        choice.measure_words,
        f"{choice.measure_words} of {len(courses)} arms over the epochs: {told}. Chosen: "
        f"{arm_text(choice.chosen.arm)}.",
    )
    note = (
        f"Lines: {choice.measure_words} on the validation {things}. Bold: what was chosen. Solid: "
        "what cannot be told apart from it. Dashed: all others. A line breaks where a rung begins "
        "anew. The table has the values."
    )
    return Figure("The race, rung by rung", drawing, note=note)


def _stage(rung: Rung) -> str:
    size = "own size" if rung.image_size is None else f"{rung.image_size} px"
    return f"full: {size}" if rung.full else f"rung {rung.number}: {size}"


def _name(choice: Choice, one: Standing) -> str:
    """Name an arm that reached the last rung, where these are few."""
    last = choice.rungs[-1].number if choice.rungs else 0
    ran = [each for each in choice.standings if any(lap.rung == last for lap in each.laps)]
    if one not in ran[:NAMED]:
        return ""
    several = len({each.arm.method for each in ran}) > 1
    return f"{one.arm.model.partition('.')[0]} {one.arm.method}" if several else one.arm.model


def _new_epochs(rung: Rung, rungs: Sequence[Rung]) -> int:
    """Return the epochs that an arm is trained for in a rung."""
    before = [one.epochs for one in rungs if one.number == rung.number - 1]
    return rung.epochs - (before[0] if rung.resumed and before else 0)


def _starts(rungs: Sequence[Rung]) -> dict[int, float]:
    """Return the epochs before each rung, by its number."""
    starts, epochs = {}, 0.0
    for rung in rungs:
        starts[rung.number] = epochs
        epochs += _new_epochs(rung, rungs)
    return starts


def _parts(
    one: Standing, rungs: Sequence[Rung], starts: dict[int, float]
) -> tuple[tuple[tuple[float, float], ...], ...]:
    """Return the points of an arm, in parts that were trained without a new beginning."""
    parts: list[list[tuple[float, float]]] = []
    laps = {lap.rung: lap for lap in one.laps}
    for rung in rungs:
        lap = laps.get(rung.number)
        if lap is None or lap.value is None:
            continue
        start, epochs = starts[rung.number], _new_epochs(rung, rungs)
        curve = lap.curve[-epochs:]  # of a training that goes on the log has earlier rungs too
        points = [
            (start + epoch, value) for epoch, value in enumerate(curve, 1) if value is not None
        ] or [(start + epochs, lap.value)]
        if not (rung.resumed and parts):
            parts.append([])
        parts[-1] += points
    return tuple(map(tuple, parts))


@dataclass(frozen=True)
class Priced:
    """An arm with its cost; on the front, no other arm is better in both cost and measure."""

    one: Standing
    cost: float
    value: float
    front: bool = False


def cost_plots(choice: Choice) -> Iterator[Figure]:
    """Plot what is expected of the arms against time and parameters, where these are known."""
    longest = max((one.full_seconds or 0.0 for one in choice.standings), default=0.0)
    unit, seconds = "seconds", 1.0
    if longest > MINUTES:
        unit, seconds = ("hours", 3600.0) if longest > HOURS else ("minutes", 60.0)
    kinds: tuple[tuple[str, str, Callable[[Standing], float | None]], ...] = (
        (
            "time",
            f"{unit} of a full fine-tuning",
            lambda one: None if one.full_seconds is None else one.full_seconds / seconds,
        ),
        (
            "parameters",
            "parameters, millions",
            lambda one: None if one.params is None else one.params / 1e6,
        ),
    )
    for name, across, cost in kinds:
        arms = frontier(choice.standings, cost)
        dearest, cheapest = (f((one.cost for one in arms), default=0.0) for f in (max, min))
        if len(arms) > 1 and dearest > ALIKE * cheapest:
            yield _cost_plot(choice, arms, name, across)


def frontier(
    standings: Sequence[Standing], cost: Callable[[Standing], float | None]
) -> list[Priced]:
    """Return the arms whose cost and expected measure are known, and mark the front.

    An arm is on the front unless another is no worse in both and better in one.
    """
    arms = [
        Priced(one, price, one.expected)
        for one in standings
        if has_result(one) and (price := cost(one)) is not None and one.expected is not None
    ]
    return [
        Priced(p.one, p.cost, p.value, not any(_beats(other, p) for other in arms)) for p in arms
    ]


def _beats(one: Priced, other: Priced) -> bool:
    ahead = one.value - other.value, other.cost - one.cost
    return min(ahead) >= 0 and max(ahead) > 0


def _cost_plot(choice: Choice, arms: Sequence[Priced], name: str, across: str) -> Figure:
    front = sorted((arm for arm in arms if arm.front), key=lambda arm: arm.cost)
    told = "; ".join(f"{arm.one.place} {arm_text(arm.one.arm)}" for arm in front[:FRONT])
    told += f" and {len(front) - FRONT} more" if len(front) > FRONT else ""
    drawing = Scatter(
        tuple(
            Spot(arm.cost, arm.value, arm.one.place or 0, arm.front, _spread(arm.one))
            for arm in arms
        ),
        f"{across} (fewer is cheaper)",
        f"expected {choice.measure_words}",
        f"{len(arms)} arms; best for their cost: {told}. Chosen: place {choice.chosen.place}.",
        joined=True,
    )
    numbers = table_of(
        f"Expected {choice.measure_words} and {name}",
        ("place", "arm", across, "expected", "95 % interval", "on the front", "chosen"),
        (
            (
                str(arm.one.place or ""),
                arm_text(arm.one.arm),
                number_text(arm.cost),
                value_text(arm.value),
                interval_text(interval_of(arm.one)),
                "yes" if arm.front else "no",
                "yes" if arm.one is choice.chosen else "no",
            )
            for arm in arms
        ),
        words=("on the front", "chosen"),
        header=1,
    )
    note = (
        "Diamonds: best for the cost; no other arm is expected to be both better and cheaper. "
        f"From the left: {told}. Lines: 95 % intervals. Numbers are places, where there is room; "
        f"{choice.chosen.place} was chosen."
    )
    return Figure(f"Expected {choice.measure_words} against {name}", drawing, numbers, note)


def _spread(one: Standing) -> float:
    bounds = interval_of(one)
    return 0.0 if bounds is None else (bounds[1] - bounds[0]) / 2
