"""Draw a sample of volumes: choose cases, cut patches once, part them into batches."""

from collections.abc import Sequence

import numpy as np

from acrank.data.draw import check_numbers
from acrank.data.fingerprint import make_fingerprint
from acrank.data.notices import pair_sample_notices
from acrank.data.segmentation.order import (
    class_warnings,
    deal_batches,
    in_drawing_order,
    plan_pairs,
)
from acrank.data.segmentation.sample import classes_held
from acrank.data.volumes.cutting import Cutter, cut_all
from acrank.data.volumes.decoded import Patch
from acrank.data.volumes.nifti import require_nifti
from acrank.data.volumes.sample import VolumeSample
from acrank.data.volumes.settings import Patches, VolumeSettings
from acrank.data.volumes.target import Case, VolumeTarget
from acrank.data.volumes.windows import Windows


def draw_volumes(
    target: VolumeTarget, samples: int, batch_size: int, seed: int, settings: VolumeSettings
) -> VolumeSample:
    """Draw volumes, decode them once, cut a patch out of each and part them into batches.

    The order of drawing, and where patches lie, depend on the seed and the keys only, so a
    smaller sample is the start of a larger one. Where no spacing or patch is set, they are those
    of the whole dataset. A patch holds a class of the foreground, each in turn, where its volume
    does; where a volume is smaller than the patch, what lies around it is 0 and ignored. What
    further patches there are serves scores of features alone.

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
    warnings = pair_sample_notices(len(target.items), samples, batch_size, plan, "volumes")
    warnings += class_warnings(target.name, target.classes, held, batches, "patch")
    windows = _windows_of(patches)
    return VolumeSample(
        classes=target.classes,
        keys=tuple(case.key for case in drawn),
        images=np.stack([patch.image for patch in patches]),
        masks=masks,
        spacing=cutter.spacing,
        batches=batches,
        warnings=(
            *target.warnings,
            *warnings,
            *flat_notices(patches),
            *_window_notices(windows, settings.patches),
        ),
        fingerprint=fingerprint_of(cutter, drawn, patches),
        windows=windows,
    )


def _windows_of(patches: Sequence[Patch]) -> tuple[Windows, ...]:
    """Lay the windows of each volume that scores see; empty where these are the patches."""
    found = tuple(patch.windows for patch in patches if patch.windows is not None)
    same = (
        np.array_equal(windows.masks, patch.labels[None])
        and np.array_equal(windows.images, patch.image[None])
        for windows, patch in zip(found, patches, strict=False)
    )
    return () if all(same) else found


def _window_notices(windows: Sequence[Windows], patches: Patches) -> list[str]:
    """Say how much more there is to compute, or that there is nothing more."""
    if windows:
        counts = [len(each) for each in windows]
        least, most = min(counts), max(counts)
        each = f"{least}" if least == most else f"{least} to {most}"
        return [f"Feature scores use {sum(counts)} patches, {each} of each volume."]
    if patches == 1:
        return []
    return ["No sampled volume is larger than the patch, so there are no further patches."]


def flat_notices(patches: Sequence[Patch]) -> list[str]:
    """Say that volumes hold a single value where intensities count."""
    flat = sum(patch.flat for patch in patches)
    if not flat:
        return []
    return [
        f"{flat} of {len(patches)} volumes hold a single value after clipping and are set to zero: "
        "check them, and --window if it is set."
    ]


def fingerprint_of(cutter: Cutter, drawn: Sequence[Case], patches: Sequence[Patch]) -> str:
    """A hash of how volumes were cut, and of their keys and bytes."""
    meaning = [cutter.class_map.names, cutter.class_map.codes, cutter.class_map.ignore]
    several = [cutter.patches] if cutter.patches != 1 else []
    settings = [cutter.patch, cutter.spacing, cutter.window, cutter.seed, *several]
    rows = [[case.key, *patch.digests] for case, patch in zip(drawn, patches, strict=True)]
    return make_fingerprint(settings, meaning, rows)
