"""From a target of volumes to its sample: which patches, decoded once, in which batches."""

from collections.abc import Sequence

import numpy as np

from acrank.data.draw import check_numbers
from acrank.data.fingerprint import make_fingerprint
from acrank.data.segmentation.notices import size_notices
from acrank.data.segmentation.order import (
    class_warnings,
    classes_held,
    deal_batches,
    in_drawing_order,
    plan_pairs,
)
from acrank.data.volumes.cutting import Cutter, Patch, cut_all
from acrank.data.volumes.nifti import require_nifti
from acrank.data.volumes.sample import VolumeSample
from acrank.data.volumes.settings import VolumeSettings
from acrank.data.volumes.target import Case, VolumeTarget


def draw_volumes(
    target: VolumeTarget, samples: int, batch_size: int, seed: int, settings: VolumeSettings
) -> VolumeSample:
    """Draw volumes, decode them once, cut a patch out of each and part them into batches.

    The order of drawing, and where patches lie, depend on the seed and the keys only, so a
    smaller sample is the start of a larger one. Where no spacing or patch is set, they are those
    of the whole dataset. A patch holds a class of the foreground, each in turn, where its volume
    does; where a volume is smaller than the patch, what lies around it is 0 and ignored.

    Args:
        target: the dataset.
        samples: how many volumes to draw; rounded down to whole batches.
        batch_size: the size of a batch.
        seed: chooses the volumes and where patches lie.
        settings: of the patches.

    Raises:
        ConfigError: a number below two.
        DataError: a drawn file cannot be decoded, or the sample holds a single class.
    """
    require_nifti()
    check_numbers(samples, batch_size)
    plan = plan_pairs(len(target.items), samples, batch_size)
    drawn = in_drawing_order(target.items, seed)[: plan.total]
    cutter = Cutter.of(target, settings, seed)
    patches = cut_all(target.name, drawn, cutter)
    masks = np.stack([patch.labels for patch in patches])
    held = classes_held(masks)
    batches = deal_batches(held, plan.batches)
    warnings = size_notices(len(target.items), samples, batch_size, plan, "volumes")
    warnings += class_warnings(target.name, target.classes, held, batches, "patch")
    return VolumeSample(
        classes=target.classes,
        keys=tuple(case.key for case in drawn),
        images=np.stack([patch.image for patch in patches]),
        masks=masks,
        spacing=cutter.spacing,
        batches=batches,
        warnings=(*target.warnings, *warnings, *flat_notices(patches)),
        fingerprint=fingerprint_of(cutter, drawn, patches),
    )


def flat_notices(patches: Sequence[Patch]) -> list[str]:
    """Say that volumes hold a single value where intensities count."""
    flat = sum(patch.flat for patch in patches)
    if not flat:
        return []
    return [
        f"{flat} of {len(patches)} volumes hold a single value once they are clipped, and are "
        "taken as zeros: look at them, and at --window if it is set."
    ]


def fingerprint_of(cutter: Cutter, drawn: Sequence[Case], patches: Sequence[Patch]) -> str:
    """A hash of how volumes were cut, and of their keys and bytes."""
    meaning = [cutter.class_map.names, cutter.class_map.codes, cutter.class_map.ignore]
    settings = [cutter.patch, cutter.spacing, cutter.window, cutter.seed]
    rows = [[case.key, *patch.digests] for case, patch in zip(drawn, patches, strict=True)]
    return make_fingerprint(settings, meaning, rows)
