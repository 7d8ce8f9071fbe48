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
    full: Heat,
    final: Final,
    chosen: Pick,
    out: Mapping[Arm, str],
    models: Sequence[Entrant],
    costs: Costs,
    config: ChooseConfig,
) -> tuple[Standing, ...]:
    """Return what became of every arm: the chosen one first, then by place, then the others.

    Args:
        race: the race.
        full: results of the full fine-tunings.
        final: comparison of all arms with a result.
        chosen: the arm that was chosen.
        out: reason by arm of each that was not fine-tuned fully.
        models: entrants.
        costs: estimates of what arms cost.
        config: configuration of the choice.
    """
    known = {one.model: one for one in models}
    heats = [*race.heats, full]
    ran = [arm for heat in heats for arm in heat.ran]
    raced = list(dict.fromkeys([chosen.arm, *final.arms, *ran]))
    places = {arm: place for place, arm in enumerate(final.arms, 1)}
    reasons = {**race.out, **out}

    def standing(arm: Arm) -> Standing:
        status, reason = _status(heats, chosen, reasons, arm)
        entrant = known.get(arm.model)
        row = entrant.row.result if entrant else None
        numbers = _numbers(final, arm, chosen.arm)
        laps = tuple(lap for heat in heats if (lap := _lap(heat, arm)) is not None)
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
    skipped = {**race.plan.skipped, **{a.name: why for a, why in reasons.items()}}
    models_raced = {one.arm.model for one in found}
    names = {one.arm.name for one in found}
    for arm in arms_of([one.model for one in models], config):
        if arm.name in names:
            continue
        entrant = known[arm.model]
        other = "only the best model was fine-tuned in this way"
        found.append(
            Standing(
                arm,
                "skipped",
                skipped.get(arm.name, other if arm.model in models_raced else "not raced"),
                full_seconds=costs.of(arm, config.epochs, None),
                params=entrant.row.result.params,
                license=entrant.row.result.license,
                entered=entrant.why,
            )
        )
    return tuple(found)


def _status(
    heats: Sequence[Heat], chosen: Pick, out: Mapping[Arm, str], arm: Arm
) -> tuple[Status, str]:
    full = heats[-1]
    if arm == chosen.arm:
        return "chosen", chosen.why
    if arm in full.ran and full.ran[arm].reason:
        return "failed", f"its full fine-tuning failed: {full.ran[arm].reason}"
    reasons = (heat.ran[arm].reason for heat in heats if arm in heat.ran)
    reason = next(filter(None, reasons), "")
    if reason:
        return "failed", reason
    return ("raced", "") if arm in full.ran else ("out", out.get(arm, ""))


def _numbers(final: Final, arm: Arm, chosen: Arm) -> dict[str, Any]:
    if arm not in final.arms or chosen not in final.arms:
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
