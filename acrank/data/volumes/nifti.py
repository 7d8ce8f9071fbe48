"""Read NIfTI files: voxels in one orientation, or why there are none.

- Orientation: the axes nearest to left to right, back to front and foot to head (RAS), each
  reversed or exchanged as the file's affine says; oblique axes stay as they are.
- Values: with the file's own slope and intercept.
- Refused: colours, complex numbers, a geometry without volume, more voxels than any scan has.
"""

import hashlib
import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from acrank.data.volumes.settings import Size, Spacing
from acrank.errors import MissingExtraError
from acrank.utils.regular import open_regular

# Above any scan: a file or a header that claims more is damaged or hostile.
MOST_BYTES = 8_000_000_000
MOST_VOXELS = 1_000_000_000
# Bytes of a file that are hashed at a time.
_PART = 2**20
FEATURE = "Segmentation of volumes"

Voxels = npt.NDArray[Any]


class VolumeError(ValueError):
    """A sound file that holds no usable volume.

    Args:
        reason: why.
        hint: how to mend it.
    """

    def __init__(self, reason: str, hint: str = "Repair or remove these files.") -> None:
        super().__init__(reason)
        self.hint = hint


@dataclass(frozen=True)
class Volume:
    """One decoded file.

    Attributes:
        voxels: (X, Y, Z), or (X, Y, Z, C) of several.
        affine: from indices to millimetres, (4, 4).
        digest: the hash of the file.
        slope: what the header had stored values multiplied by.
        intercept: what it then had added to them.
    """

    voxels: Voxels
    affine: npt.NDArray[np.float64]
    digest: str
    slope: float = 1.0
    intercept: float = 0.0

    @property
    def size(self) -> Size:
        """Voxels along each axis."""
        x, y, z = self.voxels.shape[:3]
        return x, y, z

    @property
    def spacing(self) -> Spacing:
        """The spacing of the voxels, in mm."""
        x, y, z = (float(side) for side in np.linalg.norm(self.affine[:3, :3], axis=0))
        return x, y, z

    @property
    def scaled(self) -> bool:
        """Tell whether the header makes other values of those stored."""
        return (self.slope, self.intercept) != (1, 0)

    @property
    def channels(self) -> list[Voxels]:
        """Each channel (X, Y, Z)."""
        if self.voxels.ndim == 3:
            return [self.voxels]
        return list(np.moveaxis(self.voxels, 3, 0))


def require_nifti() -> None:
    """Say at once that the libraries for volumes are missing.

    Raises:
        MissingExtraError: they are.
    """
    if any(find_spec(name) is None for name in ("nibabel", "monai")):
        raise MissingExtraError(FEATURE, "medical")


@contextmanager
def quiet_nibabel() -> Iterator[None]:
    """Keep nibabel from printing of headers that it mends; for the whole process."""
    from nibabel.imageglobals import LoggingOutputSuppressor

    with LoggingOutputSuppressor():
        yield


def read_nifti(path: Path, *, dtype: npt.DTypeLike | None = None) -> Volume:
    """Read a file and turn it to RAS.

    Args:
        path: of the file.
        dtype: of the voxels; None for that of the file.

    Raises:
        VolumeError: it holds no volume.
        Exception: whatever nibabel raises on a damaged file.
    """
    import nibabel
    from nibabel.orientations import apply_orientation, inv_ornt_aff, io_orientation

    digest = _digest(path)
    image: Any = nibabel.load(path)
    affine = np.asarray(image.affine, dtype=np.float64)
    _check(image, affine)
    with np.errstate(all="ignore"):  # what does not fit becomes infinite, which is looked for
        voxels = np.asanyarray(image.dataobj, dtype=dtype)
    if voxels.ndim == 4 and voxels.shape[3] == 1:
        voxels = voxels[..., 0]
    turns = io_orientation(affine)
    turned = affine @ inv_ornt_aff(turns, voxels.shape[:3])
    slope, intercept = float(image.dataobj.slope), float(image.dataobj.inter)
    return Volume(apply_orientation(voxels, turns), turned, digest, slope, intercept)


def _digest(path: Path) -> str:
    digest, size = hashlib.sha256(), 0
    with open_regular(path, MOST_BYTES) as file:
        while part := file.read(_PART):
            digest.update(part)
            size += len(part)
    if not size:
        raise VolumeError("empty file (0 bytes)")
    return digest.hexdigest()


def _check(image: Any, affine: npt.NDArray[np.float64]) -> None:
    """Refuse what the header says, before the voxels are read."""
    shape = tuple(int(side) for side in image.shape)
    kind = image.get_data_dtype()
    if kind.names or kind.kind not in "iuf":
        raise VolumeError(f"voxels of type {kind}, not numbers", "Save one number a voxel.")
    if len(shape) not in (3, 4):
        raise VolumeError(f"{len(shape)} dimensions, where 3 or 4 are expected")
    if math.prod(shape) > MOST_VOXELS:
        raise VolumeError(f"it claims {math.prod(shape):,} voxels, more than any scan has")
    if min(shape[:3]) < 2:
        raise VolumeError(
            f"{_said(shape)} voxels: a single slice, not a volume",
            "Save slices as images and masks (PNG) instead.",
        )
    if not np.isfinite(affine).all() or abs(np.linalg.det(affine[:3, :3])) < 1e-9:
        raise VolumeError("its affine maps voxels to no volume", "Mend the header's geometry.")


def _said(shape: tuple[int, ...]) -> str:
    return " x ".join(map(str, shape))
