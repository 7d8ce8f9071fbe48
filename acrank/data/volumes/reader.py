"""Open a folder of volumes and labels as a checked dataset."""

from collections import Counter
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np

from acrank.data.checks import Fault, refuse_faults
from acrank.data.imagefile import explain, in_threads
from acrank.data.segmentation.classfile import read_class_map
from acrank.data.segmentation.classmap import ClassMap, has_greys
from acrank.data.segmentation.description import read_description
from acrank.data.segmentation.greys import look_at_greys
from acrank.data.segmentation.labels import (
    Labelled,
    empty_masks,
    infer_classes,
    label_faults,
    require_enough,
)
from acrank.data.volumes.labels import read_labels
from acrank.data.volumes.layout import CaseFiles, VolumeLayout, find_volumes
from acrank.data.volumes.nifti import (
    Volume,
    VolumeError,
    quiet_nibabel,
    read_nifti,
    require_nifti,
)
from acrank.data.volumes.settings import median_spacing
from acrank.data.volumes.target import Case, VolumeTarget
from acrank.errors import DataError
from acrank.utils.paths import user_path

# Millimetres between corresponding voxels that rounding in headers explains.
TOLERANCE = 1e-2
# Longest to shortest side of a voxel from which on a user should know of it; nnU-Net's threshold.
ANISOTROPIC = 3.0

_GEOMETRY = "Resample each image and its labels to the same voxels."
_CHANNELS = "Name the channels in dataset.json, and give every image all of them."
_FINITE = "Replace voxels that are not finite numbers, or remove these files."


class _Seen(NamedTuple):
    """A case, its channels, and the values that its labels hold."""

    case: Case
    channels: int
    label: Labelled


class _Labels(NamedTuple):
    """The labels of a case, and the values that they hold."""

    volume: Volume
    codes: frozenset[int]


def open_volumes(spec: str, class_map: ClassMap | None = None) -> VolumeTarget:
    """Open a folder of volumes with their labels (NIfTI), and check it all.

    The folder is laid out as in the Medical Segmentation Decathlon or for nnU-Net, or has
    ``images/`` and ``labels/`` (or ``masks/``), optionally under ``train/``. The classes are those
    of ``dataset.json`` or ``classes.yaml``, or else the values found.

    Args:
        spec: the folder.
        class_map: of other labels, to read these by where the folder does not say how; classes
            may be missing then.

    Raises:
        DataError: the data are missing, ill-formed or damaged; it lists files at fault.
        MissingExtraError: the libraries that read volumes are missing.
    """
    require_nifti()
    name = str(user_path(spec))
    layout = find_volumes(user_path(spec))
    own, channels = _described(layout)
    given = own or class_map
    seen, faults = _look(layout, channels)
    masks = [found.label for found in seen]
    if given:
        faults += label_faults(given, masks)
    refuse_faults(name, layout.total, faults, things="files")
    known, notices = (given, []) if given else infer_classes(name, layout.total, masks)
    if class_map is None:
        require_enough(name, known, masks)
    cases = tuple(found.case for found in seen)
    warnings = (*notices, *empty_masks(known, masks), *_anisotropy(cases))
    return VolumeTarget(name, known, cases, seen[0].channels, warnings)


def _described(layout: VolumeLayout) -> tuple[ClassMap | None, int | None]:
    """The classes and the number of channels, as far as a file names them."""
    if layout.description:
        found = read_description(layout.description)
        return found.class_map, found.channels
    file = layout.class_file
    if file is None:
        return None, None
    class_map = read_class_map(file)
    if class_map.colour:
        raise DataError(f"{file}: it gives colours.", hint="Labels of volumes are values.")
    return class_map, None


def _look(layout: VolumeLayout, channels: int | None) -> tuple[list[_Seen], list[Fault]]:
    """Check every file; return the sound cases, and what is wrong with the others."""
    cases = layout.cases()
    usual = Counter(len(case.images) for case in cases).most_common(1)[0][0]
    with quiet_nibabel():
        found = in_threads(partial(_check, channels=channels or usual), cases, chunksize=1)
    faults = [
        *layout.faults(),
        *(fault for each in found if isinstance(each, list) for fault in each),
    ]
    return [each for each in found if isinstance(each, _Seen)], faults


def _check(files: CaseFiles, *, channels: int) -> _Seen | list[Fault]:
    """Read a case; its voxels are not kept."""
    labels = _labels(files.label)
    faults = [labels] if isinstance(labels, Fault) else []
    for image in files.images:
        fault = _image_fault(image, len(files.images), channels, labels)
        faults += [fault] if fault else []
    if isinstance(labels, Fault) or faults:
        return faults
    volume, codes = labels
    greys = look_at_greys(volume.voxels.astype(np.int64)) if has_greys(codes) else None
    case = Case(files.key, files.images, files.label, volume.size, volume.spacing)
    return _Seen(case, channels, Labelled(str(files.label), codes, greys))


def _labels(path: Path) -> _Labels | Fault:
    try:
        volume = read_labels(path)
        return _Labels(volume, frozenset(np.unique(volume.voxels).tolist()))
    except MemoryError:
        raise
    except VolumeError as error:
        return Fault(str(path), str(error), error.hint)
    except Exception as error:  # nibabel raises nearly every type on damaged input
        return Fault(str(path), explain(error))


def _image_fault(path: Path, files: int, channels: int, labels: _Labels | Fault) -> Fault | None:
    """Say what is wrong with an image, or a channel of one."""
    try:
        volume = read_nifti(path, dtype=np.float32)
    except MemoryError:
        raise
    except VolumeError as error:
        return Fault(str(path), str(error), error.hint)
    except Exception as error:  # nibabel raises nearly every type on damaged input
        return Fault(str(path), explain(error))
    found = volume.voxels.shape[3] if volume.voxels.ndim == 4 else 1
    if found > 1 and files > 1:
        return Fault(str(path), f"4-D with {found} volumes, where each file is one channel")
    if found * files != channels:
        kind = f"4-D with {found} volumes" if found > 1 else f"{files} channel(s)"
        return Fault(str(path), f"{kind}, where {channels} channel(s) are expected", _CHANNELS)
    wrong = int(volume.voxels.size - np.isfinite(volume.voxels).sum())
    if wrong:
        return Fault(str(path), f"{wrong} voxels are NaN or infinite", _FINITE)
    return None if isinstance(labels, Fault) else _mismatch(path, volume, labels.volume)


def _mismatch(path: Path, image: Volume, labels: Volume) -> Fault | None:
    """Tell whether an image and its labels are of different voxels."""
    if image.size != labels.size:
        one, other = (" x ".join(map(str, volume.size)) for volume in (image, labels))
        return Fault(str(path), f"{one} voxels, but its labels have {other}", _GEOMETRY)
    corners = np.array(np.meshgrid(*((0, side - 1) for side in image.size))).reshape(3, -1)
    apart = (image.affine - labels.affine) @ np.vstack([corners, np.ones(corners.shape[1])])
    distance = float(np.linalg.norm(apart[:3], axis=0).max())
    if distance <= TOLERANCE * min(image.spacing):
        return None
    return Fault(
        str(path), f"its affine puts voxels {distance:.3g} mm from those of its labels", _GEOMETRY
    )


def _anisotropy(cases: Sequence[Case]) -> list[str]:
    """Say that voxels are much longer one way than another."""
    spacing = median_spacing([case.spacing for case in cases])
    ratio = max(spacing) / min(spacing)
    if ratio < ANISOTROPIC:
        return []
    said = " x ".join(f"{side:g}" for side in spacing)
    return [
        f"Voxels are anisotropic: {said} mm in the median, {ratio:.1f} times as long as wide. "
        "Networks see them as cubes: --spacing resamples to others."
    ]
