"""Read DICOM files as images: radiographs and slices in class folders or in a table.

- Values: with the file's own rescale slope and intercept, or its modality table (Hounsfield units
  of CT).
- Grey: the window that the user gives, or else the file's own, becomes black to white. A file
  without a window is scaled from its 0.5th to its 99.5th percentile, padding left out; one of
  8 bits and without units is taken as it is. MONOCHROME1, whose 0 is white, is inverted.
- Colour: YBR and palettes become RGB.
- Several frames: the first one of a film, which is told; slices of a volume are refused.
- Refused: files without pixels, floating-point pixels, compression that no decoder is there for.

Nothing that identifies a patient is read, and no text of a file gets into a message.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from acrank.data.bands import UnsupportedPixelsError
from acrank.data.decode import SHORTEST, Decoded, to_eight_bits
from acrank.data.formats.base import ImageFormat
from acrank.data.imagefile import MOST_PIXELS, strict_pillow
from acrank.data.images import MOST_BYTES, ImageSource, Opening, PathSource
from acrank.errors import MissingExtraError
from acrank.utils.first_bytes import LOOKED_AT, Group, kind_of
from acrank.utils.regular import open_regular, read_regular

Values = npt.NDArray[Any]

# Of the values of a file without a window, in per cent; the same as of volumes.
PERCENTILES = (0.5, 99.5)
FULL = 65535
# Elements that only films have.
_FILM = ("FrameTime", "FrameTimeVector", "CineRate", "RecommendedDisplayFrameRate")
# Everything that pixels depend on; no other element of a file is looked at.
_NEEDED = (
    *("Rows", "Columns", "NumberOfFrames", "SamplesPerPixel", "PhotometricInterpretation"),
    *("PlanarConfiguration", "BitsAllocated", "BitsStored", "HighBit", "PixelRepresentation"),
    *("PixelData", "FloatPixelData", "DoubleFloatPixelData", "PixelPaddingValue"),
    *("PixelPaddingRangeLimit", "RescaleSlope", "RescaleIntercept", "ModalityLUTSequence"),
    *("VOILUTSequence", "WindowCenter", "WindowWidth", "VOILUTFunction"),
    *("SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence"),
    *(
        f"{segmented}{colour}PaletteColorLookupTable{part}"
        for colour in ("Red", "Green", "Blue")
        for segmented, part in (("", "Descriptor"), ("", "Data"), ("Segmented", "Data"))
    ),
    *("ExtendedOffsetTable", "ExtendedOffsetTableLengths"),
    *_FILM,
)
# Where a file keeps those of several frames.
_IN_GROUPS = {
    "PixelValueTransformationSequence": ("RescaleSlope", "RescaleIntercept"),
    "FrameVOILUTSequence": ("WindowCenter", "WindowWidth", "VOILUTFunction"),
}
# Files of a folder from which on they may be the slices of a scan, and folders looked at for it.
_FEW, _LOOKED_AT = 4, 20
# How a file begins: with the mark of DICOM, as old files do that have no head, as an image of
# another format, or in no known way (empty or damaged, where its suffix says DICOM).
_MARKED, _OLD, _OTHER, _UNKNOWN = "marked", "old", "other", "unknown"
_REPAIR = "Repair or remove these files."
_FLAT = "Leave out files that hold no image, such as reports, plans and DICOMDIR."
_PLAIN = "Save them without compression (gdcmconv --raw)."
_EXPORT = "Export them as PNG, grey or RGB."
# What decompresses, by a part of the name of the compression.
_DECODERS = {
    "JPEG-LS": "pip install pyjpegls",
    "JPEG 2000": "pip install pylibjpeg pylibjpeg-openjpeg",
    "JPEG": "pip install pylibjpeg pylibjpeg-libjpeg",
}
_OWN_WINDOW = (
    "are DICOM files and are converted with the window that each file gives (--window LOW,HIGH "
    "sets one for all)"
)
_PERCENTILES = (
    "are DICOM files without a window, and are scaled from their own 0.5th to their own 99.5th "
    "percentile (--window LOW,HIGH sets one for all)"
)
_MANY_WINDOWS = "are DICOM files that give several windows, of which the first is used"
_ONE_RESCALE = (
    "are DICOM files with a rescale slope or an intercept alone: the other is taken as 1 or 0"
)
_MORE_PIXELS = (
    "are DICOM files with more pixels than their headers say, of which the first are used"
)


class Dicom(ImageFormat):
    """DICOM files, under their suffixes or without any."""

    name = "DICOM"
    suffixes = frozenset((".dcm", ".dicom", ".ima"))

    def claims(self, path: Path) -> bool:
        """Tell a file with such a suffix, or with none, by its first bytes.

        An image of another format is left alone; what is empty or damaged is refused later. A
        suffix of digits is the end of an identifier. A directory of files (DICOMDIR) is no image.
        """
        suffix = path.suffix.lower()
        if suffix in self.suffixes:
            return _begins(str(path)) != _OTHER
        bare = suffix == "" or suffix[1:].isdigit()
        return bare and path.name.upper() != "DICOMDIR" and _begins(str(path)) == _MARKED

    def require(self) -> None:
        """Say at once that pydicom is missing."""
        try:
            import pydicom  # noqa: F401
        except ImportError as error:  # missing, or incomplete
            raise MissingExtraError("Reading DICOM files", "medical") from error

    def source(self, path: Path, how: Opening) -> ImageSource:
        """An image in a DICOM file."""
        return DicomSource(path, how.window)

    def notices(self, files: Sequence[Path]) -> list[str]:
        """Say that folders hold the slices of one scan each."""
        folders: dict[Path, list[Path]] = {}
        for path in files:
            folders.setdefault(path.parent, []).append(path)
        looked = [paths for paths in folders.values() if len(paths) > _FEW][:_LOOKED_AT]
        with strict_pillow():  # which silences pydicom too
            scans = [paths for paths in looked if _are_slices(paths[0], paths[-1])]
        if not scans:
            return []
        more = f" and {len(scans) - 1} more folder(s)" if len(scans) > 1 else ""
        return [
            f"{scans[0][0].parent}{more} hold slices of one scan each (one series): every slice "
            "counts as an image of its class, and slices of one patient are alike. Scans to be "
            "segmented are given as NIfTI volumes (dcm2niix)."
        ]


@lru_cache(maxsize=100_000)
def _begins(path: str) -> str:
    try:
        with open_regular(Path(path), MOST_BYTES) as file:
            return _kind_of_head(file.read(LOOKED_AT))
    except OSError:
        return _OTHER


def _kind_of_head(head: bytes) -> str:
    if head[128:132] == b"DICM":
        return _MARKED
    if head[:2] in (b"\x08\0", b"\x02\0"):
        return _OLD
    kind = kind_of(head)
    return _OTHER if kind and kind.group in (Group.IMAGE, Group.FOREIGN_IMAGE) else _UNKNOWN


@dataclass(frozen=True)
class DicomSource(PathSource):
    """An image in a DICOM file.

    Attributes:
        window: the lowest and the highest value that count, in the file's units; None for the
            window that the file gives.
    """

    group = Group.DICOM
    windowed = True
    window: tuple[float, float] | None = None

    def check(self) -> str | None:
        """Say what is wrong with the header or with the length of the pixels, without decoding."""
        data = read_regular(self.path, MOST_BYTES)
        if not data:
            return "empty file (0 bytes)"
        _refuse(_read(data))
        return None

    def size(self) -> tuple[int, int]:
        """Width and height, from the header."""
        found = _read(read_regular(self.path, MOST_BYTES))
        return int(found.Columns), int(found.Rows)

    def decode(self, data: bytes) -> Decoded:
        """Decode the first frame by the rules of this module.

        Raises:
            UnsupportedPixelsError: the file has no pixels that can be read, or is damaged.
        """
        found = _read(data)
        _refuse(found)
        stored = _pixels(found)
        try:
            return self._shown(found, stored)
        except (MemoryError, UnsupportedPixelsError):
            raise
        except Exception as error:  # of any type, and its text may quote the file
            raise _damaged(error) from None

    def digest(self, data: bytes) -> str:
        """A hash of the bytes, and of the window if the user has set one."""
        window = b"" if self.window is None else repr(self.window).encode()
        return super().digest(data + window)

    def _shown(self, found: Any, stored: Values) -> Decoded:
        longer = _stored_bytes(found) >= 2 * _expected_bytes(found)
        more = (_MORE_PIXELS,) if longer else ()
        shown = self._by_kind(found, stored)
        return replace(shown, frames=_frames(found), notes=(*more, *shown.notes))

    def _by_kind(self, found: Any, stored: Values) -> Decoded:
        # a window of the user's has no part in colours
        windowed = None if self.window is None else False
        if found.PhotometricInterpretation == "PALETTE COLOR":
            from pydicom.pixels import apply_color_lut

            colours = apply_color_lut(stored, found)[..., :3]
            if colours.dtype != np.uint8:
                colours = (colours >> 8).astype(np.uint8)
            return Decoded(_reduced(colours), windowed=windowed)
        if stored.ndim == 3:
            if int(found.BitsStored) > 8:
                low, high = int(stored.min()), int(stored.max())
                if low < 0 or high > FULL:
                    raise UnsupportedPixelsError(
                        f"pixels from {low} to {high}; only 0 to {FULL} can be read"
                    )
                return Decoded(_reduced(stored.astype(np.int32)), high, windowed=windowed)
            return Decoded(_reduced(stored), windowed=windowed)
        shares, notes = _shares(found, stored, self.window)
        if found.PhotometricInterpretation == "MONOCHROME1":
            shares = 1 - shares
        sixteen = _reduced(np.rint(shares * FULL).astype(np.int32))
        windowed = None if self.window is None else True
        return Decoded(to_eight_bits(sixteen, 16), notes=notes, windowed=windowed)


def _damaged(error: Exception) -> UnsupportedPixelsError:
    return UnsupportedPixelsError(f"a damaged DICOM file ({type(error).__name__})", _REPAIR)


def _read(data: bytes) -> Any:
    """The elements of a file that pixels depend on.

    Raises:
        UnsupportedPixelsError: it is no DICOM file, or one that could unpack to any size.
    """
    from pydicom import dcmread
    from pydicom.uid import DeflatedExplicitVRLittleEndian, ExplicitVRLittleEndian

    if _kind_of_head(data[:LOOKED_AT]) not in (_MARKED, _OLD):
        raise UnsupportedPixelsError("not a DICOM file", _REPAIR)
    if DeflatedExplicitVRLittleEndian.encode() in data[:2000]:
        raise UnsupportedPixelsError("a deflated DICOM file", _PLAIN)
    try:
        found = dcmread(io.BytesIO(data), force=True, specific_tags=list(_NEEDED))
        if "TransferSyntaxUID" not in found.file_meta:  # old files without a head
            found.file_meta.TransferSyntaxUID = (
                "1.2.840.10008.1.2" if found.original_encoding[0] else ExplicitVRLittleEndian
            )
        _take_out_of_groups(found)
    except MemoryError:
        raise
    except Exception as error:  # of any type, and its text may quote the file
        raise _damaged(error) from None
    return found


def _take_out_of_groups(found: Any) -> None:
    """Bring what files of several frames keep in groups to where others have it."""
    for groups in ("SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence"):
        for group in found.get(groups, ())[:1]:
            for sequence, names in _IN_GROUPS.items():
                for entry in group.get(sequence, ())[:1]:
                    for name in names:
                        if name in entry:
                            setattr(found, name, entry[name].value)


def _refuse(found: Any) -> None:
    """Refuse files without pixels that can be read, or with fewer than they say.

    Raises:
        UnsupportedPixelsError: it is such a file.
    """
    if "FloatPixelData" in found or "DoubleFloatPixelData" in found:
        raise UnsupportedPixelsError("floating-point pixels in a DICOM file")
    if "PixelData" not in found or not found.get("Rows") or not found.get("Columns"):
        raise UnsupportedPixelsError("a DICOM file without an image", _FLAT)
    try:
        rows, columns = int(found.Rows), int(found.Columns)
        samples, frames, stored = _samples(found), _frames(found), len(found.PixelData)
        syntax, colours = found.file_meta.TransferSyntaxUID, found.PhotometricInterpretation
        packed = (
            None if syntax.is_private or not syntax.is_transfer_syntax else syntax.is_encapsulated
        )
    except Exception as error:
        raise _damaged(error) from None
    if packed is None:
        raise UnsupportedPixelsError("encoded in a way that DICOM does not define", _PLAIN)
    if samples == 1 and colours not in ("MONOCHROME1", "MONOCHROME2", "PALETTE COLOR"):
        raise UnsupportedPixelsError(
            "a DICOM file whose grey values have no known meaning", _EXPORT
        )
    if rows * columns > MOST_PIXELS:
        raise UnsupportedPixelsError(f"too large: over {MOST_PIXELS} pixels", _REPAIR)
    if frames > 1 and not any(name in found for name in _FILM):
        raise UnsupportedPixelsError(
            f"{frames} frames without times: slices of a volume",
            "To classify, export the slices wanted; to segment, convert to NIfTI (dcm2niix).",
        )
    if packed:
        _require_decoder(syntax)
        return
    expected = _expected_bytes(found)
    if stored < expected:
        raise UnsupportedPixelsError(f"cut short: {stored} of {expected} bytes of pixels", _REPAIR)


def _expected_bytes(found: Any) -> int:
    """Say how many bytes the pixels have without compression, by the header."""
    samples = 2 if found.PhotometricInterpretation == "YBR_FULL_422" else _samples(found)
    pixels = int(found.Rows) * int(found.Columns) * samples * _frames(found)
    return (pixels * int(found.BitsAllocated) + 7) // 8


def _stored_bytes(found: Any) -> int:
    """Count the bytes of pixels without compression; 0 for a compressed file."""
    return 0 if found.file_meta.TransferSyntaxUID.is_encapsulated else len(found.PixelData)


def _samples(found: Any) -> int:
    return int(found.get("SamplesPerPixel", 1))


def _frames(found: Any) -> int:
    return int(found.get("NumberOfFrames") or 1)


def _require_decoder(syntax: Any) -> None:
    from pydicom.pixels import get_decoder

    try:
        available = get_decoder(syntax).is_available
    except NotImplementedError:
        available = False
    if not available:
        raise _undecoded(syntax, "no decoder for it is installed")


def _undecoded(syntax: Any, why: str) -> UnsupportedPixelsError:
    name = str(syntax.name).partition(" (")[0]
    found = (step for part, step in _DECODERS.items() if part in name)
    step = next((f"Install a decoder: {step}." for step in found), _PLAIN)
    return UnsupportedPixelsError(f"compressed as {name}, and {why}", step)


def _pixels(found: Any) -> Values:
    """The stored values of the first frame (H, W), or (H, W, 3) in RGB."""
    from pydicom.pixels import pixel_array

    try:
        stored = np.asarray(pixel_array(found, index=0))
    except MemoryError:
        raise
    except Exception as error:  # of any type, and its text may quote the file
        syntax = found.file_meta.TransferSyntaxUID
        if not syntax.is_encapsulated:
            raise _damaged(error) from None
        why = "the installed decoder fails: damaged, or a form that it does not know"
        raise _undecoded(syntax, why) from None
    if stored.ndim not in (2, 3) or (stored.ndim == 3 and stored.shape[2] != 3):
        raise UnsupportedPixelsError("a DICOM file whose pixels are neither grey nor RGB", _EXPORT)
    return stored


_Shares = tuple[npt.NDArray[np.float64], tuple[str, ...]]


def _shares(found: Any, stored: Values, window: tuple[float, float] | None) -> _Shares:
    """Scale each pixel from 0 (black) to 1 (white), and say what was assumed."""
    values, assumed = _with_units(found, stored)
    if window is not None:
        return _linear(values, *window), assumed
    shares, notes = _by_own_window(found, values) or _without_window(found, stored, values)
    return shares, (*assumed, *notes)


def _with_units(found: Any, stored: Values) -> _Shares:
    """Apply the rescale slope and intercept, or the modality table.

    Raises:
        UnsupportedPixelsError: they give values that are no finite numbers.
    """
    from pydicom.pixels import apply_modality_lut

    given = [name in found for name in ("RescaleSlope", "RescaleIntercept")]
    if any(given) and not all(given):  # pydicom would leave out both
        found.RescaleSlope = found.get("RescaleSlope", 1)
        found.RescaleIntercept = found.get("RescaleIntercept", 0)
    values = np.asarray(apply_modality_lut(stored, found), dtype=np.float64)
    if not np.isfinite(values).all():
        raise UnsupportedPixelsError(
            "a DICOM file whose rescale slope and intercept make no numbers of its pixels", _REPAIR
        )
    return values, (_ONE_RESCALE,) if any(given) and not all(given) else ()


def _by_own_window(found: Any, values: npt.NDArray[np.float64]) -> _Shares | None:
    """Apply the table or the first window of the file; None if it gives none that can be used."""
    from pydicom.pixels import apply_voi

    tables = found.get("VOILUTSequence")
    if tables and "LUTData" in tables[0]:
        depth = int(tables[0].LUTDescriptor[2])
        listed = apply_voi(np.rint(values).astype(np.int64), found)
        return listed.astype(np.float64) / (2**depth - 1), (_OWN_WINDOW,)
    centres, widths = _numbers(found.get("WindowCenter")), _numbers(found.get("WindowWidth"))
    if not centres or not widths or not np.isfinite([centres[0], widths[0]]).all():
        return None
    if widths[0] <= 0:
        return None
    several = (_MANY_WINDOWS,) if len(centres) > 1 else ()
    function = str(found.get("VOILUTFunction") or "LINEAR")
    return _windowed(values, centres[0], widths[0], function), (_OWN_WINDOW, *several)


def _without_window(found: Any, stored: Values, values: npt.NDArray[np.float64]) -> _Shares:
    """Take 8 bits without units as they are, and scale others by their percentiles."""
    units = "ModalityLUTSequence" in found or not np.array_equal(values, stored)
    bits = int(found.BitsStored)
    if bits <= 8 and not units and stored.min() >= 0:
        return values / (2**bits - 1), ()
    seen = values[~_padding(found, stored)]
    low, high = np.percentile(seen if seen.size else values, PERCENTILES)
    return _linear(values, float(low), float(high)), (_PERCENTILES,)


def _windowed(
    values: npt.NDArray[np.float64], centre: float, width: float, function: str
) -> npt.NDArray[np.float64]:
    """Apply a window as the standard defines it (PS3.3 C.11.2.1.2)."""
    if function == "SIGMOID":
        return np.asarray(1 / (1 + np.exp(-4 * (values - centre) / width)))
    if function == "LINEAR_EXACT":
        return _linear(values, centre - width / 2, centre + width / 2)
    middle, half = centre - 0.5, (width - 1) / 2
    return _linear(values, middle - half, middle + half)


def _linear(values: npt.NDArray[np.float64], low: float, high: float) -> npt.NDArray[np.float64]:
    if high <= low:  # a window of one value: what is above it is white
        return (values > low).astype(np.float64)
    return ((values - low) / (high - low)).clip(0, 1)


def _padding(found: Any, stored: Values) -> npt.NDArray[np.bool_]:
    """Find where a scanner has filled up the image: those pixels are none of the patient's."""
    value = found.get("PixelPaddingValue")
    if value is None:
        return np.zeros(stored.shape, dtype=bool)
    limit = found.get("PixelPaddingRangeLimit", value)
    low, high = sorted((int(value), int(limit)))
    return (stored >= low) & (stored <= high)


def _numbers(value: Any) -> list[float]:
    """The numbers of an element, which may hold one, several or none."""
    if value is None or str(value) == "":
        return []
    several = isinstance(value, Sequence) and not isinstance(value, str)
    return [float(one) for one in (value if several else [value])]


def _reduced(values: Values) -> Values:
    """Average blocks of pixels as of other large images: the shorter side stays ``SHORTEST``."""
    factor = min(values.shape[:2]) // SHORTEST
    if factor < 2:
        return values
    if values.ndim == 2 or values.dtype == np.uint8:
        return np.asarray(Image.fromarray(values).reduce(factor))
    bands = [Image.fromarray(band).reduce(factor) for band in np.moveaxis(values, -1, 0)]
    return np.stack([np.asarray(band) for band in bands], axis=-1)


def _are_slices(one: Path, other: Path) -> bool:
    """Tell whether two files are of one series and lie at two places of a patient."""
    from pydicom import dcmread

    tags = ["SeriesInstanceUID", "ImagePositionPatient"]
    try:
        series, places = [], []
        for path in (one, other):
            with open_regular(path, MOST_BYTES) as file:
                found = dcmread(file, force=True, stop_before_pixels=True, specific_tags=tags)
            series.append(found.get("SeriesInstanceUID"))
            places.append([float(value) for value in found.get("ImagePositionPatient") or ()])
    except Exception:  # the check of the images has named it, or will
        return False
    return bool(series[0]) and series[0] == series[1] and places[0] != places[1]
