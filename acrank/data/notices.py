"""Tell the user in sentences how a sample differs from what was asked for."""

from collections.abc import Sequence

from acrank.data.stratify import Plan


def class_sample_notices(
    counts: Sequence[int], samples: int, batch_size: int, plan: Plan, classes: int
) -> list[str]:
    """Say whether images, batches or classes fell short, why, and how to mend it."""
    notices = []
    if plan.total < samples:
        notices.append(_fewer_images(counts, samples, batch_size, plan))
    if plan.batches == 1:
        notices.append(_one_batch(counts, batch_size, plan))
    if classes < len(counts):
        notices.append(
            f"The sample holds {classes} of the {len(counts)} classes, because it has only "
            f"{plan.total} images: ask for at least {len(counts)}."
        )
    return notices


def _fewer_images(counts: Sequence[int], samples: int, batch_size: int, plan: Plan) -> str:
    available = sum(counts)
    if available < samples:
        reason = f"the data have only {available}"
        if plan.total < available:
            reason += f", and batches of {batch_size} are filled whole"
    elif _lacks_second_class(counts, batch_size, samples):
        others = available - max(counts)
        reason = f"every batch needs two classes, and only {others} lie outside the largest class"
    else:
        reason = f"batches of {batch_size} are filled whole"
    return f"{samples} images were requested and {plan.total} are used: {reason}."


def _lacks_second_class(counts: Sequence[int], batch_size: int, samples: int) -> bool:
    return min(samples, sum(counts)) // batch_size > sum(counts) - max(counts)


def _one_batch(counts: Sequence[int], batch_size: int, plan: Plan) -> str:
    if sum(counts) - max(counts) == 1:
        mend = "add images of the other classes: there is only one outside the largest class"
    else:
        mend = (
            f"ask for at least {2 * batch_size} images (the data have {sum(counts)}), "
            f"or for a batch size of at most {max(2, plan.total // 2)}"
        )
    return (
        f"The sample is one batch of {plan.total} images, so no interval can be given for "
        f"AC-Corr: {mend}."
    )


def pair_sample_notices(
    available: int, samples: int, batch_size: int, plan: Plan, things: str = "images"
) -> list[str]:
    """Say whether images or batches fell short, why, and how to mend it."""
    notices = []
    if plan.total < samples:
        reasons = [f"the data have only {available}"] if available < samples else []
        if plan.total < min(samples, available):
            reasons.append(f"batches of {batch_size} are filled whole")
        notices.append(
            f"{samples} {things} were requested and {plan.total} are used: "
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
