"""Small DICOM files for the tests."""

import io
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt


def dicom(values: npt.NDArray[Any], **elements: Any) -> bytes:
    """A DICOM file of grey or RGB values, or of frames of them where ``frames`` is given."""
    from pydicom.dataset import FileDataset, FileMetaDataset
    from pydicom.uid import ExplicitVRLittleEndian, generate_uid

    meta = FileMetaDataset()
    meta.TransferSyntaxUID = elements.pop("syntax", ExplicitVRLittleEndian)
    meta.MediaStorageSOPClassUID = "1.2.840.10008.5.1.4.1.1.7"
    meta.MediaStorageSOPInstanceUID = generate_uid()
    found = FileDataset("", {}, file_meta=meta, preamble=bytes(128))
    found.PatientName, found.PatientID = "Doe^Jane", "SECRET42"
    frames = elements.pop("frames", None)
    shape = values.shape[1:] if frames else values.shape
    found.Rows, found.Columns = shape[:2]
    found.SamplesPerPixel = shape[2] if len(shape) == 3 else 1
    if len(shape) == 3:
        found.PlanarConfiguration = 0
    if frames:
        found.NumberOfFrames = frames
    bits = 8 * values.dtype.itemsize
    found.BitsAllocated = found.BitsStored = bits
    found.HighBit = bits - 1
    found.PixelRepresentation = int(values.dtype.kind == "i")
    found.PhotometricInterpretation = "RGB" if len(shape) == 3 else "MONOCHROME2"
    for name, value in elements.items():
        setattr(found, name, value)
    if "PixelData" not in elements:
        found.PixelData = values.tobytes()
    stream = io.BytesIO()
    found.save_as(stream, enforce_file_format=True)
    return stream.getvalue()


def scatter_dicom(root: Path, count: int, suffix: str = ".dcm", **elements: Any) -> Path:
    """Write class folders ``a`` and ``b`` of so many different files each."""
    for number in range(2 * count):
        folder = root / "ab"[number % 2]
        folder.mkdir(parents=True, exist_ok=True)
        values = np.random.default_rng(number).integers(0, 4096, (8, 6), dtype=np.uint16)
        (folder / f"{number}{suffix}").write_bytes(dicom(values, **elements))
    return root
