"""Sum up what became of every arm."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from acrank.race.belief import within
from acrank.race.config import ChooseConfig
from acrank.race.costs import Costs
from acrank.race.field import Entrant, arms_of
from acrank.race.result import Arm, Lap, Standing, Status
from acrank.race.rungs import Race
from acrank.race.standings import Final, Heat, Pick


def standings_of(
    race: Race,
    final: Final | None,
    chosen: Pick,
    finalists: Sequence[Arm],
    failures: Mapping[Arm, str],
    models: Sequence[Entrant],
    costs: Costs,
    config: ChooseConfig,
) -> tuple[Standing, ...]:
    """Return what became of every arm: the chosen one first, then by place, then the others.

    Args:
        race: the race.
        final: comparison of all arms with a result; None without any.
        chosen: the arm that was fine-tuned fully.
        finalists: arms of the last rung.
        failures: reason by arm whose full fine-tuning failed.
        models: entrants.
        costs: estimates of what arms cost.
        config: configuration of the choice.
    """
    known = {one.model: one for one in models}
    ran = [arm for heat in race.heats for arm in heat.ran]
    raced = list(dict.fromkeys([chosen.arm, *(final.arms if final else ()), *ran]))
    places = {arm: place for place, arm in enumerate(final.arms, 1)} if final else {}

    def standing(arm: Arm) -> Standing:
        status, reason = _status(race, chosen, finalists, failures, arm)
        entrant = known.get(arm.model)
        row = entrant.row.result if entrant else None
        numbers = _numbers(final, arm, chosen.arm)
        laps = tuple(lap for heat in race.heats if (lap := _lap(heat, arm)) is not None)
        return Standing(
            arm=arm,
            status=status,
            reason=reason,
            place=places.get(arm),
            laps=laps,
            seconds=sum(lap.seconds for lap in laps),
            full_seconds=costs.of(arm, config.epochs, None),
            params=row.params if row else None,
            license=row.license if row else None,
            entered=entrant.why if entrant else "",
            **numbers,
        )

    found = [standing(arm) for arm in raced]
    skipped = {**race.plan.skipped, **{a.name: why for a, why in race.out.items()}}
    names = {one.arm.name for one in found}
    for arm in arms_of([one.model for one in models], config):
        if arm.name in names:
            continue
        entrant = known[arm.model]
        found.append(
            Standing(
                arm,
                "skipped",
                skipped.get(arm.name, "not raced"),
                full_seconds=costs.of(arm, config.epochs, None),
                params=entrant.row.result.params,
                license=entrant.row.result.license,
                entered=entrant.why,
            )
        )
    return tuple(found)


def _status(
    race: Race,
    chosen: Pick,
    finalists: Sequence[Arm],
    failures: Mapping[Arm, str],
    arm: Arm,
) -> tuple[Status, str]:
    if arm == chosen.arm:
        return "chosen", chosen.why
    if arm in failures:
        return "failed", failures[arm]
    reason = next(
        (heat.ran[arm].reason for heat in race.heats if arm in heat.ran and heat.ran[arm].reason),
        "",
    )
    if reason:
        return "failed", reason
    if arm in finalists:
        return "raced", ""
    return "out", race.out.get(arm, "")


def _numbers(final: Final | None, arm: Arm, chosen: Arm) -> dict[str, Any]:
    if final is None or arm not in final.arms or chosen not in final.arms:
        return {}
    behind, low, high = final.behind(arm, chosen)
    return {
        "expected": within(final.expected(arm)),
        "p_best": final.p_best(arm),
        "behind": 100 * behind,
        "behind_low": 100 * low,
        "behind_high": 100 * high,
        "alike": arm == chosen or low <= 0 <= high,
    }


def _lap(heat: Heat, arm: Arm) -> Lap | None:
    ran = heat.ran.get(arm)
    if ran is None:
        return None
    if ran.value is None or heat.belief is None:
        return Lap(heat.rung.number, None, seconds=ran.seconds, curve=ran.curve)
    low, high = heat.belief.interval(heat.place(arm))
    return Lap(
        heat.rung.number,
        ran.value,
        heat.expected(arm),
        low,
        high,
        ran.seconds,
        ran.curve,
        ran.input_size,
    )
