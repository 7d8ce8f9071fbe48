"""Put a choice into words: the answer, how sure it is, and what was dropped."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from acrank.race.ranked import has_result
from acrank.race.result import Arm, Choice, Lap, Standing
from acrank.race.standings import BEST_EXPECTED
from acrank.report.builders.ranking_words import chance_text, listed
from acrank.report.builders.run import items_name, part_of
from acrank.tasks.registry import TASKS, Task, task_named

# So many lines on arms that were dropped; of more, reasons are counted.
FEW = 6
# So many lines there are at most then.
MOST = 12
# A network whose measure is below this has learned nothing.
NOTHING = 0.005
CAVEAT = (
    "The probabilities and intervals of the race speak of the draw of its validation images alone, "
    "and for arms that fell out before the end, of shorter fine-tunings."
)


def task_of(choice: Choice) -> Task:
    """Return the task that the network was fine-tuned for."""
    task = task_named(choice.finetuned.record["config"].get("task"))
    things = items_name(part_of(choice, "dataset"))
    alike = (one for one in TASKS.values() if one.name == task.name and one.things == things)
    return next(alike, task)


def sentence(text: str) -> str:
    """Write a message as a sentence; one that begins with a name keeps its first letter."""
    first = text.partition(" ")[0].rstrip(",")
    text = text if not first.isalpha() else text[0].upper() + text[1:]
    return text if text.endswith((".", "!", "?")) else f"{text}."


def notes(choice: Choice) -> list[str]:
    """Write the notes of a choice as sentences."""
    return list(map(sentence, choice.notes))


def value_text(value: float | None) -> str:
    """Write a value of the measure with three decimals; empty without one."""
    return "" if value is None else f"{value:.3f}"


def points_text(points: float | None) -> str:
    """Write points with one decimal; empty without any."""
    return "" if points is None else f"{points + 0.0:.1f}".replace("-0.0", "0.0")


def interval_text(bounds: tuple[float | None, float | None] | None, digits: int = 3) -> str:
    """Write both ends of an interval; empty where one is missing."""
    if bounds is None or None in bounds:
        return ""
    return " … ".join(f"{end:.{digits}f}" for end in bounds)


def arm_text(arm: Arm) -> str:
    """Describe an arm in a sentence."""
    return f"{arm.model} by {arm.method} at lr {arm.lr:g}"


def outcome(choice: Choice) -> list[str]:
    """Say what was chosen and what to expect of it, the most important sentence first."""
    return [
        f"{arm_text(choice.chosen.arm)} was chosen and fine-tuned: {judged_text(choice)}.",
        *_nothing(choice),
        *_sure(choice),
        *_alike(choice),
        *map(sentence, choice.judged.told),
    ]


def judged_text(choice: Choice) -> str:
    """Give the measure of the chosen network, its interval, and the images that it is of."""
    found, things = choice.judged, task_of(choice).things
    if found.value is None:
        return f"its {choice.measure_words} could not be judged"
    bounds = interval_text((found.low, found.high))
    told = f" (95 % interval {bounds})" if bounds else ""
    on = {
        "test": f"on {found.images} test {things}",
        "folds": f"by cross-validation of {found.images} {things}",
        "validation": f"on the {found.images} validation {things} that chose it, which is too high",
    }
    return f"{choice.measure_words} {value_text(found.value)}{told} {on[found.how]}"


def _nothing(choice: Choice) -> Iterator[str]:
    """Say that a network has learned nothing, where its measure is about 0."""
    value = choice.judged.value
    if value is not None and value < NOTHING:
        yield (
            "It has learned next to nothing, so that the choice tells nothing: give more --epochs, "
            f"another --lr, larger or more {task_of(choice).things}, or a longer --budget."
        )


def _sure(choice: Choice) -> Iterator[str]:
    chosen = choice.chosen
    following = next((one for one in choice.standings[1:] if has_result(one)), None)
    raced = sum(map(has_result, choice.standings))
    if following is None:
        yield "No other arm has a result, so there was nothing to compare it with."
        return
    if chosen.p_best is not None:
        chance = chance_text(chosen.p_best)
        yield f"With a probability of {chance} it is the best of the {raced} arms that raced."
    if following.behind is not None:
        lower = following.behind >= 0
        ends = (following.behind_low, following.behind_high)
        low, high = ends if lower else tuple(None if e is None else -e for e in ends[::-1])
        bounds = interval_text((low, high), 1)
        told = f" (95 % interval {bounds} points)" if bounds else ""
        yield (
            f"The next, {arm_text(following.arm)}, is expected to be "
            f"{points_text(abs(following.behind))} points {'worse' if lower else 'better'}{told}."
        )


def _alike(choice: Choice) -> Iterator[str]:
    alike = [one for one in choice.standings[1:] if one.alike and has_result(one)]
    reason = choice.chosen.reason
    others = sum(map(has_result, choice.standings[1:]))
    if len(alike) == others > 3:
        names = f"any of the {others} other arms"
    else:
        names = listed([arm_text(one.arm) for one in alike], 3)
    if alike:
        yield (
            f"It cannot be told apart from {names}, which does not mean that they are equally "
            f"good: the validation {task_of(choice).things} are too few to say."
        )
    if reason and reason != BEST_EXPECTED:
        yield sentence(f"Why it was chosen: {reason}")


def reading_notes(choice: Choice) -> list[str]:
    """Explain the columns of the table of arms."""
    lines = [
        f"expected: {choice.measure_words} after a full fine-tuning, shrunk towards the others by "
        f"the noise of the validation {task_of(choice).things}; of an arm without one, as far as "
        f"its last rung tells. behind: points (hundredths) that "
        "it is expected to lose against the chosen arm. alike: cannot be told apart from it."
    ]
    for rung in choice.rungs:
        begun = "" if rung.number == 1 else ", gone on from" if rung.resumed else ", begun anew"
        before = "the race" if rung.full else f"rung {rung.number - 1}"
        begun += f" {before}" if rung.resumed and rung.number > 1 else ""
        name = "full" if rung.full else f"rung {rung.number}"
        lines.append(f"{name}: {rung.words}{begun}.")
    return lines


def lessons(choice: Choice) -> list[str]:
    """Say which regime and which image size did best, as far as the race can tell."""
    return [*_regimes(choice), *_sizes(choice)]


def _regimes(choice: Choice) -> Iterator[str]:
    """Compare each regime with the best other one, over the models that raced both."""
    best: dict[str, dict[str, float]] = {}
    for one in choice.standings:
        if one.expected is not None and has_result(one):
            of_model = best.setdefault(one.arm.model, {})
            of_model[one.arm.method] = max(one.expected, of_model.get(one.arm.method, one.expected))
    several = {model: found for model, found in best.items() if len(found) > 1}
    if not several:
        methods = {one.arm.method for one in choice.standings if has_result(one)}
        if len(methods) == 1:
            yield f"Regime: every arm with a result was fine-tuned by {methods.pop()}."
        elif methods:
            yield "Regime: no model raced by several, so the race cannot compare them."
        return
    wins = Counter(max(found, key=lambda method: found[method]) for found in several.values())
    method, count = wins.most_common(1)[0]
    gaps = [
        found[method] - max(value for name, value in found.items() if name != method)
        for found in several.values()
        if method in found
    ]
    gap = 100 * sum(gaps) / len(gaps)
    side = "ahead of" if gap >= 0 else "behind"
    of = f"{count} of the {len(several)} models" if len(several) > 1 else "the one model"
    alike = all(one.alike for one in choice.standings if has_result(one))
    noise = ", no more than noise" if alike else ""
    yield (
        f"Regime: {method} did best for {of} that raced in several regimes; on average it was "
        f"{points_text(abs(gap))} points {side} the best other one{noise}."
    )


def _sizes(choice: Choice) -> Iterator[str]:
    """Say what the arms gained where the race went on to another image size."""
    chosen = _size_text(choice.chosen.laps[-1]) if choice.chosen.laps else ""
    for before, after in zip(choice.rungs, choice.rungs[1:], strict=False):
        if before.image_size == after.image_size:
            continue
        gains = [
            gain
            for one in choice.standings
            if (gain := _gain(one, before.number, after.number)) is not None
        ]
        if not gains:
            continue
        mean = 100 * sum(gains) / len(gains)
        change = "gained" if mean >= 0 else "lost"
        yield (
            f"Image size: from rung {before.number} ({before.words}) to rung {after.number} "
            f"({after.words}) {len(gains)} arms {change} {points_text(abs(mean))} points on "
            "average; how much of that is the size, and how much the training, the race does not "
            "tell."
        )
    if chosen:
        yield f"The chosen network was last raced at {chosen}."


def _gain(standing: Standing, before: int, after: int) -> float | None:
    values = {lap.rung: lap.value for lap in standing.laps}
    first, second = values.get(before), values.get(after)
    return None if first is None or second is None else second - first


def _size_text(lap: Lap) -> str:
    if not lap.image_size:
        return ""
    unit = "voxels" if len(lap.image_size) == 3 else "pixels"
    return f"{' x '.join(map(str, lap.image_size))} {unit}"


def dropped(choice: Choice) -> list[str]:
    """Say what became of every arm that did not reach the end, and of models that did not race."""
    ended = [one for one in choice.standings if one.status in ("out", "skipped", "failed")]
    return [*_one_by_one(ended), *_left_out(choice)]


def _one_by_one(ended: Sequence[Standing]) -> Iterator[str]:
    """Give a line to each arm; where there are many, one to each rung and to each reason."""
    if len(ended) <= FEW:
        yield from (f"{one.arm.name}: {_why(one)}." for one in ended)
        return
    groups: dict[str, list[str]] = {}
    for one in ended:
        rung = one.laps[-1].rung if one.laps else 0
        why = f"out after rung {rung}" if one.status == "out" else _why(one)
        groups.setdefault(why, []).append(one.arm.name)
    for why, names in list(groups.items())[:MOST]:
        more = f" and {len(names) - 2} more" if len(names) > 2 else ""
        several = f"{len(names)} arms {why}: {'; '.join(names[:2])}{more}."
        yield several if len(names) > 1 else f"{names[0]}: {why}."
    rest = sum(map(len, list(groups.values())[MOST:]))
    if rest:
        yield f"{rest} more arms were skipped or failed: choice.json has the reasons."


def _why(one: Standing) -> str:
    reason = one.reason.rstrip(".")
    return f"{one.status}: {reason}" if reason else one.status


def _left_out(choice: Choice) -> Iterator[str]:
    """Count the models of the look that did not race, by the reason."""
    raced = {one.arm.model for one in choice.standings}
    rest = [row for row in choice.ranking.rows if row.result.model not in raced]
    ranks = sorted(row.rank for row in rest if row.rank is not None)
    if ranks:
        of = sum(row.rank is not None for row in choice.ranking.rows)
        span = f"{ranks[0]}" if len(ranks) == 1 else f"{ranks[0]} to {ranks[-1]}"
        word = "model" if len(ranks) == 1 else "models"
        yield f"{len(ranks)} {word} did not race: rank {span} of {of} in the look."
    for status in ("dropped", "unranked", "failed"):
        found = [row.result for row in rest if row.rank is None and row.result.status == status]
        reasons: dict[str, list[str]] = {}
        for one in found:
            reasons.setdefault(one.reason, []).append(one.model)
        for reason, names in reasons.items():
            told = f"{status} in the look: {reason.rstrip('.')}"
            yield f"{names[0]}: {told}." if len(names) == 1 else f"{listed(names)}: {told}."


def loading(choice: Choice) -> str:
    """Return the Python that loads the chosen network."""
    folder = str(choice.folder)
    if not task_of(choice).whole_images:
        return f"import acrank\n\nnetwork = {_segmenter(choice)}"
    return f"import timm\n\nnetwork = timm.create_model({f'local-dir:{folder}'!r}, pretrained=True)"


def _segmenter(choice: Choice) -> str:
    """Return the call that loads a network for masks or volumes."""
    trust = ", trust_code=True" if choice.record["config"].get("trust_code") else ""
    return f"acrank.load_segmenter({str(choice.folder)!r}{trust})"


def saved(choice: Choice) -> str:
    """Say where the network is, in a line."""
    unloadable = choice.finetuned.record.get("not_for_timm")
    if not task_of(choice).whole_images:
        return f"Saved in {choice.folder}; {_segmenter(choice)} loads it."
    if unloadable:
        return f"Saved in {choice.folder}: model.safetensors; {unloadable}."
    name = f"local-dir:{choice.folder}"
    return f"Saved in {choice.folder}; timm.create_model({name!r}, pretrained=True) loads it."
