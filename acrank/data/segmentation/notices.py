"""The sentences that tell the user how a sample differs from what was asked for."""

from acrank.data.stratify import Plan


def size_notices(
    available: int, samples: int, batch_size: int, plan: Plan, things: str = "images"
) -> list[str]:
    """Say whether images or batches fell short, why, and how to mend it."""
    notices = []
    if plan.total < samples:
        reasons = [f"the data have only {available}"] if available < samples else []
        if plan.total < min(samples, available):
            reasons.append(f"batches of {batch_size} are filled whole")
        notices.append(
            f"{samples} {things} were asked for and {plan.total} are used: "
            f"{', and '.join(reasons)}."
        )
    if plan.batches == 1:
        notices.append(
            f"The sample is one batch of {plan.total} {things}, so no interval can be given for "
            f"AC-Corr: ask for at least {2 * batch_size} {things} (the data have {available}), "
            f"or for a batch size of at most {max(2, plan.total // 2)}."
        )
    return notices


def class_notices(
    present: int, classes: int, single: int, batches: int, size: str = "image_size"
) -> list[str]:
    """Say whether the sample lacks classes, or batches hold a single one."""
    notices = []
    if present < classes:
        notices.append(
            f"The sample holds {present} of the {classes} classes: ask for more images, or for a "
            f"larger {size} if objects of the others are small."
        )
    if single:
        notices.append(
            f"{single} of {batches} batches hold a single class, because too few of the images "
            "drawn hold another: larger batches would mix them."
        )
    return notices
