"""Which source reads what, and sources that other packages bring."""

import logging
from pathlib import Path

import pytest

from acrank.data import known_task, open_target
from acrank.data.sources.registry import SOURCES, _say_left_out, find_source
from acrank.errors import DataError
from tests.data.builders import encoded, fill_folder, noise
from tests.packages import install

GROUP = "acrank.data_sources"
# All of a source that another package brings.
CODE = """
from pathlib import Path
import numpy as np
from acrank.data.images import BytesSource, PixelSource
from acrank.data.sources.base import DataSource, Recognised, Sure
from acrank.data.target import assemble

class Pack(DataSource):
    name = "pack"
    written = "a pack as NAME.pack"

    def recognise(self, spec, *, asked):
        return Recognised("a pack", Sure.WRITTEN) if spec.endswith(".pack") else None

    def open(self, spec, how):
        image = Path(spec).read_bytes()
        rows = [(f"pack:{n}", "ab"[n % 2], BytesSource(f"image {n}", image)) for n in range(6)]
        return assemble(spec, rows, ["A pack is read."])

class Rival(Pack):
    name = "rival"
    written = "a rival's pack"

class Broken(Pack):
    name = "broken"
    def recognise(self, spec, *, asked):
        raise KeyError(spec)

class Nameless(Pack):
    written = None

class Fails(Pack):
    def open(self, spec, how):
        raise RuntimeError("no shelf")

class Empty(Pack):
    def open(self, spec, how):
        return None

def of(pixels, *keys):
    return [(key, "ab"[n % 2], PixelSource(key, pixels, n)) for n, key in enumerate(keys)]

class Floats(Pack):
    def open(self, spec, how):
        return assemble(spec, of(np.zeros((9, 4, 4)), "x", "y"))

class Namesakes(Pack):
    def open(self, spec, how):
        return assemble(spec, of(np.zeros((9, 4, 4), np.uint8), "x", "x"))

class Unclear(Pack):
    def recognise(self, spec, *, asked):
        return "yes"

    def meant(self, spec):
        raise RuntimeError("unsaid")

rival = Rival()
"""


@pytest.fixture(autouse=True)
def fresh(monkeypatch: pytest.MonkeyPatch) -> None:
    """Look entry points up anew in each test and after it."""
    SOURCES.forget()
    _say_left_out.cache_clear()
    monkeypatch.setattr(SOURCES, "_found", None)


def install_pack(monkeypatch: pytest.MonkeyPatch, folder: Path, **points: str) -> None:
    named = {name: f"acrank_pack:{value}" for name, value in points.items()}
    install(monkeypatch, folder / "site", "acrank-pack", {GROUP: named}, CODE)
    SOURCES.forget()


def test_a_package_brings_a_source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install_pack(monkeypatch, tmp_path, pack="Pack")
    (tmp_path / "x.pack").write_bytes(encoded(noise(1)))
    target = open_target(str(tmp_path / "x.pack"))
    assert target.classes == ("a", "b")
    assert target.warnings == ("A pack is read.",)
    with pytest.raises(DataError) as caught:
        open_target("nowhere")
    assert str(caught.value.hint).endswith("or a pack as NAME.pack.")


def test_two_that_are_equally_sure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install_pack(monkeypatch, tmp_path, pack="Pack", rival="rival")
    with pytest.raises(DataError) as caught:
        open_target("x.pack")
    assert caught.value.message == (
        "x.pack: it may be a pack (read by pack) or a pack (read by rival)."
    )
    assert "a pack as NAME.pack or a rival's pack" in str(caught.value.hint)


def test_a_broken_one_costs_a_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    install_pack(
        monkeypatch, tmp_path, broken="Broken", gone="gone", pack="Nameless", wrong="rival"
    )
    with caplog.at_level(logging.WARNING):
        assert len(open_target("demo").items) == 1797
    left_out = "of acrank-pack 1.0 is left out: "
    assert [record.message for record in caplog.records] == [
        f"The data source 'gone' {left_out}importing acrank_pack:gone failed with AttributeError: "
        "module 'acrank_pack' has no attribute 'gone'.",
        f"The data source 'pack' {left_out}it has no text 'written'.",
        f"The data source 'wrong' {left_out}its name is 'rival', and its entry point is called "
        "'wrong'.",
        f"The data source 'broken' {left_out}KeyError: 'demo'.",
    ]


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        ("Fails", "failed: RuntimeError: no shelf."),
        ("Empty", "failed: AttributeError: 'NoneType' object has no attribute 'windowed'."),
        ("Floats", "pixels are an array of float64 (9, 4, 4)."),
        ("Namesakes", "several images are called 'x'."),
    ],
)
def test_one_that_fails_in_use_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str, message: str
) -> None:
    install_pack(monkeypatch, tmp_path, pack=kind)
    with pytest.raises(DataError) as caught:
        open_target("x.pack")
    assert message in caught.value.message
    if "failed" in message:
        assert "The data source 'pack' of acrank-pack 1.0" in caught.value.message


def test_one_that_cannot_say_what_it_sees(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    install_pack(monkeypatch, tmp_path, pack="Unclear")
    with caplog.at_level(logging.WARNING), pytest.raises(DataError, match="no such file"):
        open_target("x.pack")
    told = [record.message for record in caplog.records]
    assert "left out: TypeError: it recognised a str, and no Recognised." in told[0]
    assert "left out: RuntimeError: unsaid." in told[1]
    assert len(told) == 2


def test_a_name_that_is_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    install_pack(monkeypatch, tmp_path, demo="Pack")
    with caplog.at_level(logging.WARNING):
        assert len(open_target("demo").items) == 1797
    (record,) = caplog.records
    assert "there is already one of that name, of acrank itself" in record.message


def test_errors_list_every_source() -> None:
    with pytest.raises(DataError) as caught:
        find_source("nowhere")
    assert all(source.written in str(caught.value.hint) for source in SOURCES.values())
    with pytest.raises(DataError) as caught:
        find_source("nowhere", "segmentation")
    assert str(caught.value.hint) == (
        "Give a folder with images/ and masks/, or a folder of NIfTI volumes with imagesTr/ and "
        "labelsTr/."
    )


def test_images_with_masks_and_volumes_at_once(tmp_path: Path) -> None:
    fill_folder(tmp_path, {"images": 2, "masks": 2})
    (tmp_path / "images" / "x.nii.gz").write_bytes(b"")
    with pytest.raises(DataError) as caught:
        known_task(str(tmp_path), "auto")
    assert "it may be images with masks (read by masks) or volumes with labels" in str(caught.value)
