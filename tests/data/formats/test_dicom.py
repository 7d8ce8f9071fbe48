"""DICOM files: units, windows, colours, frames, what is refused, and what is never said."""

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("pydicom")

from acrank.data import draw_sample, open_target
from acrank.data.checks import Fault
from acrank.data.decode import Pixels
from acrank.data.formats import format_of, image_source
from acrank.data.formats.dicom import Dicom, DicomSource
from acrank.data.imagefile import strict_pillow
from acrank.data.images import Opening, PathSource
from acrank.data.segmentation.maskfile import read_mask
from acrank.errors import AcrankError, ConfigError, DataError, MissingExtraError
from tests.data.builders import encoded, fill_folder, noise
from tests.data.formats.builders import dicom, scatter_dicom

RAMP = np.arange(0, 4096, dtype=np.uint16).reshape(64, 64)


def bundled(name: str) -> Path:
    """A file that comes with pydicom; nothing is downloaded."""
    import pydicom

    return Path(pydicom.__file__).parent / "data" / "test_files" / name


def pixels(data: bytes, window: tuple[float, float] | None = None) -> Pixels:
    source = image_source(Path("x.png"), Opening())  # to keep the import of formats honest
    assert source.file == Path("x.png")
    decoded = DicomSource(Path("x.dcm"), window).decode(data)
    assert decoded.peak is None or decoded.values.ndim == 3
    return decoded.pixels(16)


def refusal(data: bytes, folder: Path) -> AcrankError:
    """Return what is said of a folder with one such file among sound ones."""
    scatter_dicom(folder, 2)
    (folder / "a" / "x.dcm").write_bytes(data)
    with pytest.raises(DataError) as caught:
        draw_sample(open_target(str(folder)), 5, 5, 0)
    assert "Doe" not in str(caught.value)
    assert "SECRET42" not in str(caught.value)
    assert "1 of 5 images" in caught.value.message
    return caught.value


def test_a_window_of_the_file_is_the_standards() -> None:
    # PS3.3 C.11.2.1.2.1: centre 2048, width 4096 maps 0 to black and 4095 to white
    shown = pixels(dicom(RAMP, WindowCenter=2048, WindowWidth=4096))
    assert np.array_equal(shown, np.rint(RAMP / 4095 * 255).astype(np.uint8))
    narrow = pixels(dicom(RAMP, WindowCenter=100, WindowWidth=51))
    assert (narrow[RAMP <= 74].max(), narrow[RAMP >= 125].min()) == (0, 255)
    assert narrow.flat[100] == round(255 * ((100 - 99.5) / 50 + 0.5))


@pytest.mark.parametrize(
    ("function", "expected"),
    [("LINEAR_EXACT", 0.25), ("SIGMOID", 1 / (1 + np.exp(1)))],
)
def test_other_functions_of_a_window(function: str, expected: float) -> None:
    data = dicom(RAMP, WindowCenter=1000, WindowWidth=400, VOILUTFunction=function)
    assert pixels(data).flat[900] == pytest.approx(255 * expected, abs=0.51)


def test_values_have_units_before_the_users_window_counts() -> None:
    data = dicom(RAMP, RescaleSlope=2, RescaleIntercept=-1024, WindowCenter=0, WindowWidth=9)
    shown = pixels(data, window=(-160, 240))
    units = 2.0 * RAMP - 1024
    assert np.array_equal(shown, np.rint(((units + 160) / 400).clip(0, 1) * 255).astype(np.uint8))


def test_signed_values_and_padding_without_a_window() -> None:
    values = np.linspace(-1000, 1000, 4000).astype(np.int16).reshape(40, 100)
    values[:5] = -32768
    shown = pixels(dicom(values, PixelPaddingValue=-32768, RescaleIntercept=0, RescaleSlope=1))
    low, high = np.percentile(values[5:], (0.5, 99.5))
    expected = np.rint(((values.astype(float) - low) / (high - low)).clip(0, 1) * 255)
    assert np.abs(shown - expected).max() <= 1


def sequence(**elements: Any) -> Any:
    """A sequence of one item."""
    from pydicom.dataset import Dataset
    from pydicom.sequence import Sequence

    item = Dataset()
    for name, value in elements.items():
        setattr(item, name, value)
    return Sequence([item])


def words(*values: int) -> bytes:
    return np.array(values, "<u2").tobytes()


def test_tables_in_place_of_slope_and_window() -> None:
    values = np.arange(4, dtype=np.uint16).reshape(2, 2)
    units = sequence(
        LUTDescriptor=[4, 0, 16],
        LUTData=words(10, 20, 30, 40),
        ModalityLUTType="US",
        LUTExplanation="",
    )
    steps = words(*[0] * 10, *[51] * 10, *[255] * 11)
    window = sequence(LUTDescriptor=[31, 10, 8], LUTData=steps)
    shown = pixels(dicom(values, ModalityLUTSequence=units, VOILUTSequence=window))
    assert shown.tolist() == [[0, 51], [255, 255]]
    assert pixels(dicom(values, ModalityLUTSequence=units), window=(10, 40)).tolist() == [
        [0, 85],
        [170, 255],
    ]


def test_what_files_of_frames_keep_in_groups() -> None:
    groups = sequence(
        PixelValueTransformationSequence=sequence(
            RescaleSlope=2, RescaleIntercept=-100, RescaleType="HU"
        ),
        FrameVOILUTSequence=sequence(WindowCenter=1000, WindowWidth=400),
    )
    data = dicom(RAMP[None], frames=1, SharedFunctionalGroupsSequence=groups)
    plain = dicom(RAMP, RescaleSlope=2, RescaleIntercept=-100, WindowCenter=1000, WindowWidth=400)
    assert np.array_equal(pixels(data), pixels(plain))


def test_white_that_is_zero_is_inverted() -> None:
    plain = dicom(RAMP, WindowCenter=2048, WindowWidth=4096)
    inverted = dicom(
        RAMP, WindowCenter=2048, WindowWidth=4096, PhotometricInterpretation="MONOCHROME1"
    )
    assert np.abs(pixels(plain).astype(int) + pixels(inverted) - 255).max() <= 1


def test_eight_bits_without_units_stay_as_they_are() -> None:
    values = np.arange(256, dtype=np.uint8).reshape(16, 16)
    assert np.array_equal(pixels(dicom(values)), values)


def test_large_images_are_reduced_as_others_are() -> None:
    values = np.tile(np.arange(0, 2000, dtype=np.uint16), (1600, 1))
    shown = pixels(dicom(values, WindowCenter=1000, WindowWidth=2001))
    assert shown.shape == (800, 1000)
    assert abs(int(shown[0, 500]) - 127) <= 1


def test_bundled_files_of_other_kinds() -> None:
    for name, shape in {
        "examples_palette.dcm": (350, 800, 3),
        "examples_ybr_color.dcm": (240, 320, 3),
        "MR_small_RLE.dcm": (64, 64),
        "MR_small_bigendian.dcm": (64, 64),
        "examples_jpeg2k.dcm": (480, 640, 3),
        "SC_rgb_rle_16bit.dcm": (100, 100, 3),
        "ExplVR_BigEnd.dcm": (60, 80, 3),
    }.items():
        assert pixels(bundled(name).read_bytes()).shape == shape
    same = [pixels(bundled(f"MR_small{e}.dcm").read_bytes()) for e in ("", "_RLE", "_bigendian")]
    assert np.array_equal(same[0], same[1])
    assert np.array_equal(same[0], same[2])


def test_a_palette_is_its_colours() -> None:
    from pydicom import dcmread
    from pydicom.pixels import apply_color_lut

    found = dcmread(bundled("examples_palette.dcm"))
    colours = apply_color_lut(found.pixel_array, found)
    assert np.array_equal(pixels(bundled("examples_palette.dcm").read_bytes()), colours >> 8)


@pytest.mark.parametrize(
    ("name", "reason", "hint"),
    [
        ("JPEGLSNearLossless_16.dcm", "no decoder for it is installed", "pip install pyjpegls"),
        ("JPGExtended.dcm", "the installed decoder fails", "pylibjpeg pylibjpeg-libjpeg"),
        ("image_dfl.dcm", "a deflated DICOM file", "gdcmconv --raw"),
        ("MR_truncated.dcm", "cut short: 8130 of 8192 bytes of pixels", "Repair or remove"),
        ("test-SR.dcm", "a DICOM file without an image", "reports, plans and DICOMDIR"),
        ("rtdose.dcm", "15 frames without times: slices of a volume", "NIfTI (dcm2niix)"),
        ("SC_rgb_rle_32bit.dcm", "only 0 to 65535 can be read", ""),
        ("badVR.dcm", "a damaged DICOM file (ValueError)", "Repair or remove"),
    ],
)
def test_what_is_refused(tmp_path: Path, name: str, reason: str, hint: str) -> None:
    error = refusal(bundled(name).read_bytes(), tmp_path)
    assert reason in error.message
    assert hint in str(error.hint)
    assert error.message.count("\n") == 1


@pytest.mark.parametrize(
    "elements",
    [
        {"Rows": 60000, "Columns": 60000},
        {"BitsAllocated": 24},
        {"PhotometricInterpretation": "YBR_PARTIAL_420"},
        {"SamplesPerPixel": 4, "PlanarConfiguration": 0},
        {"PixelData": b""},
    ],
)
def test_hostile_headers(tmp_path: Path, elements: dict[str, Any]) -> None:
    refusal(dicom(np.zeros((8, 8), np.uint8), **elements), tmp_path)


def test_damage_anywhere_is_one_line(tmp_path: Path) -> None:
    data = dicom(RAMP[:8, :8], WindowCenter=1, WindowWidth=2)
    from acrank.data.checks import Fault
    from acrank.data.draw import read_image
    from acrank.data.imagefile import strict_pillow
    from acrank.data.target import Item

    generator = np.random.default_rng(0)
    path = tmp_path / "x.dcm"
    with strict_pillow():
        for _ in range(150):
            damaged = bytearray(data)
            for place in generator.integers(132, len(data), 3):
                damaged[place] = int(generator.integers(256))
            path.write_bytes(damaged[: int(generator.integers(200, len(data)))])
            found = read_image(Item("k", 0, image_source(path, Opening())))
            if isinstance(found, Fault):
                assert "\n" not in found.reason
                assert "Doe" not in found.reason


def test_the_first_frame_of_a_film(tmp_path: Path) -> None:
    for number in range(4):
        folder = tmp_path / "ab"[number % 2]
        folder.mkdir(exist_ok=True)
        frames = np.random.default_rng(number).integers(0, 256, (3, 8, 8), dtype=np.uint8)
        (folder / f"{number}.dcm").write_bytes(dicom(frames, frames=3, FrameTime="33"))
    sample = draw_sample(open_target(str(tmp_path)), 4, 2, 0)
    assert any("4 of 4 images have 3 pages or frames" in text for text in sample.warnings)


@pytest.mark.parametrize("suffix", [".dcm", ".DCM", "", ".12345"])
def test_class_folders_and_tables(tmp_path: Path, suffix: str) -> None:
    scatter_dicom(tmp_path, 3, suffix)
    (tmp_path / "DICOMDIR").write_bytes(bytes(128) + b"DICM")
    (tmp_path / "a" / "LICENSE").write_text("text")
    target = open_target(str(tmp_path))
    assert len(target.items) == 6
    sample = draw_sample(target, 6, 3, 0)
    assert any("6 of 6 images are DICOM files without a window" in text for text in sample.warnings)
    table = tmp_path / "t.csv"
    rows = [f"{item.key},{target.classes[item.label]}\n" for item in target.items]
    table.write_text("path,label\n" + "".join(rows))
    listed = draw_sample(open_target(str(table)), 6, 3, 0)
    assert all(map(np.array_equal, listed.images, sample.images))


def test_a_window_changes_the_fingerprint_and_the_notes(tmp_path: Path) -> None:
    scatter_dicom(tmp_path, 3, WindowCenter=[2048, 100], WindowWidth=[4096, 10])
    own = draw_sample(open_target(str(tmp_path)), 6, 3, 0)
    users = draw_sample(open_target(str(tmp_path), window=(0, 500)), 6, 3, 0)
    assert own.fingerprint != users.fingerprint
    assert not np.array_equal(own.images[0], users.images[0])
    assert users.warnings == ()
    told = " ".join(own.warnings)
    assert "6 of 6 images are DICOM files and are converted with the window that each" in told
    assert "6 of 6 images are DICOM files that give several windows" in told


def test_a_window_where_nothing_has_units(tmp_path: Path) -> None:
    fill_folder(tmp_path, {"a": 1, "b": 1})
    with pytest.raises(ConfigError, match="--window is for volumes and DICOM images"):
        open_target(str(tmp_path), window=(0, 1))


def test_several_formats_are_said(tmp_path: Path) -> None:
    scatter_dicom(tmp_path, 2)
    fill_folder(tmp_path, {"a": 1})
    (tmp_path / "a" / "7.png").write_bytes(encoded(noise(3)))
    told = " ".join(open_target(str(tmp_path)).warnings)
    assert "4 are DICOM" in told
    assert "2 are PNG, JPEG or similar." in told
    assert "1 have the same name as a file in the other format: are they copies?" in told


def test_slices_of_one_scan_are_said(tmp_path: Path) -> None:
    for name in "ab":
        (tmp_path / name).mkdir()
        for place in range(5):
            values = np.random.default_rng(place).integers(0, 99, (8, 8), dtype=np.uint16)
            position = {
                "ImagePositionPatient": [0, 0, place],
                "SeriesInstanceUID": f"1.2.{ord(name)}",
            }
            (tmp_path / name / f"{place}.dcm").write_bytes(dicom(values + ord(name), **position))
    (note,) = open_target(str(tmp_path)).warnings
    assert note.startswith(f"{tmp_path / 'a'} and 1 more folder(s) hold slices of one scan each")


@pytest.mark.parametrize(
    "elements",
    [
        {"WindowCenter": "NaN", "WindowWidth": "400"},
        {"WindowCenter": "40", "WindowWidth": "inf"},
        {"WindowCenter": "40", "WindowWidth": "-1"},
    ],
)
def test_a_window_of_no_numbers_is_none(elements: dict[str, Any]) -> None:
    with strict_pillow():
        assert np.array_equal(pixels(dicom(RAMP, **elements)), pixels(dicom(RAMP)))


@pytest.mark.parametrize("slope", ["NaN", "inf", "1e308"])
def test_a_slope_that_makes_no_numbers(tmp_path: Path, slope: str) -> None:
    with strict_pillow():
        data = dicom(RAMP, RescaleSlope=slope, RescaleIntercept=0)
    assert "make no numbers" in refusal(data, tmp_path).message


def test_a_slope_or_an_intercept_alone_counts() -> None:
    both = dicom(RAMP, RescaleSlope=1, RescaleIntercept=-1024)
    alone = dicom(RAMP, RescaleIntercept=-1024)
    assert np.array_equal(pixels(alone, (0, 80)), pixels(both, (0, 80)))
    (note,) = DicomSource(Path("x.dcm"), (0, 80)).decode(alone).notes
    assert "the other is taken as 1 or 0" in note
    slope = dicom(RAMP, RescaleSlope=2)
    assert np.array_equal(pixels(slope, (0, 80)), pixels(dicom(RAMP), (0, 40)))


def test_more_pixels_than_the_header_says() -> None:
    with strict_pillow():
        found = DicomSource(Path("x.dcm")).decode(dicom(RAMP, Rows=32))
    assert "more pixels than their headers say" in found.notes[0]


def test_a_window_has_no_part_in_colours(tmp_path: Path) -> None:
    scatter_dicom(tmp_path, 3)
    colours = np.random.default_rng(5).integers(0, 256, (8, 6, 3), dtype=np.uint8)
    (tmp_path / "a" / "rgb.dcm").write_bytes(dicom(colours))
    (tmp_path / "b" / "x.png").write_bytes(encoded(noise(3)))
    target = open_target(str(tmp_path), window=(0, 500))
    told = " ".join(draw_sample(target, 8, 4, 0).warnings)
    assert "2 of 8 images are left as they are by --window" in told


def test_another_encoding_and_no_warnings(tmp_path: Path) -> None:
    with strict_pillow():
        data = dicom(RAMP, syntax="1.2.3.4.5")
    for name in "ab":
        (tmp_path / name).mkdir()
        for number in range(5):
            (tmp_path / name / f"{number}.dcm").write_bytes(data)
    with pytest.raises(DataError, match="encoded in a way that DICOM does not define"):
        open_target(str(tmp_path))  # and warnings are errors here


@pytest.mark.parametrize(
    ("content", "reason"),
    [(b"", "empty file"), (bytes(999), "not a DICOM file"), (b"<html>", "but an HTML page")],
)
def test_a_failed_download_is_refused(tmp_path: Path, content: bytes, reason: str) -> None:
    assert reason in refusal(content, tmp_path).message


def test_masks_are_no_dicom_files(tmp_path: Path) -> None:
    (tmp_path / "x.dcm").write_bytes(dicom(RAMP))
    found = read_mask(PathSource(tmp_path / "x.dcm"), colour=False)
    assert isinstance(found, Fault)
    assert found.reason.endswith("but a DICOM file")
    assert "Save masks as PNG" in found.hint


def test_files_that_are_no_dicom_are_no_images(tmp_path: Path) -> None:
    (tmp_path / "x.dcm").write_bytes(encoded(noise(1)))
    assert format_of(tmp_path / "x.dcm") is None
    (tmp_path / "y.dcm").mkdir()
    assert format_of(tmp_path / "y.dcm") is None


def test_without_the_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scatter_dicom(tmp_path, 1)
    monkeypatch.setitem(sys.modules, "pydicom", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'acrank\[medical\]'"):
        open_target(str(tmp_path))


def test_a_package_that_cannot_be_imported(tmp_path: Path) -> None:
    """As an incomplete installation: found, and not importable."""
    (tmp_path / "stub" / "pydicom").mkdir(parents=True)
    (tmp_path / "stub" / "pydicom" / "__init__.py").write_text("raise ImportError('incomplete')")
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(tmp_path / "stub"))
        for name in [name for name in sys.modules if name.partition(".")[0] == "pydicom"]:
            patch.delitem(sys.modules, name)
        with pytest.raises(MissingExtraError, match=r"pip install 'acrank\[medical\]'"):
            Dicom().require()


def test_images_with_masks(tmp_path: Path) -> None:
    from PIL import Image

    from acrank.data import Drawing, open_any

    for folder in ("images", "masks"):
        (tmp_path / folder).mkdir()
    for number in range(4):
        values = np.random.default_rng(number).integers(0, 4096, (40, 36), dtype=np.uint16)
        (tmp_path / "images" / f"{number}.dcm").write_bytes(dicom(values))
        mask = np.zeros((40, 36), np.uint8)
        mask[number : number + 20, 5:20] = 255
        Image.fromarray(mask).save(tmp_path / "masks" / f"{number}.png")
    target = open_any(str(tmp_path), "auto")
    assert target.task == "masks"
    assert len(target.draw(Drawing(4, 2, 0, image_size=32))) == 4
