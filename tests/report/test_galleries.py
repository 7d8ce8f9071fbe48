"""Images in a page: of the run's own sample, few, small, and nothing but pixels."""

import base64
import io
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image as Pillow

from acrank.data import draw_sample, open_target, smaller_sample
from acrank.data.segmentation import (
    SegmentationSample,
    draw_segmentation,
    open_segmentation,
    smaller_segmentation,
)
from acrank.data.volumes import VolumeSample
from acrank.errors import DataError
from acrank.report.document import Block, Cell, Image, Images, Section, Table, Text
from acrank.report.figures.colours import ACCENT, SECOND
from acrank.report.galleries import (
    MOST,
    MOST_MASKED,
    SIZE,
    gallery_again,
    make_gallery,
    with_labels,
    with_masks,
)
from acrank.results import Ranking
from tests.data.segmentation import builders as masks
from tests.report.rankings import make_ranking, record


def write_images(folder: Path, classes: dict[str, int]) -> Path:
    """Grey images; the level tells the class, and EXIF names a patient."""
    for level, (name, count) in enumerate(classes.items()):
        (folder / name).mkdir(parents=True)
        for number in range(count):
            image = Pillow.new("L", (40, 30), 60 * level + number)
            exif = image.getexif()
            exif[0x010E] = "patient Jane Doe"
            image.save(folder / name / f"jane-doe-{number}.jpg", exif=exif)
    return folder


def ranking_of(sample: Any, **config: Any) -> Ranking:
    told = record(samples=8, batch_size=4, **config)
    told["dataset"] |= {"fingerprint": sample.fingerprint, "sampled": len(sample)}
    return make_ranking(record=told)


def pixels(uri: str) -> np.ndarray[Any, Any]:
    kind, _, encoded = uri.partition(",")
    assert kind == "data:image/jpeg;base64"
    return np.asarray(Pillow.open(io.BytesIO(base64.b64decode(encoded))))


def images(blocks: Iterable[Block]) -> list[Image]:
    """Those of a gallery, sections included."""
    found: list[Image] = []
    for block in blocks:
        if isinstance(block, Images):
            found += block.images
        elif isinstance(block, Section):
            found += images(block.blocks)
    return found


def sections(gallery: Iterable[Block]) -> list[Section]:
    return [block for block in gallery if isinstance(block, Section)]


def legend(gallery: Iterable[Block]) -> list[tuple[str, ...]]:
    """Of each class its name, colour, share and images."""
    (table,) = [block for block in gallery if isinstance(block, Table)]
    found: list[tuple[str, ...]] = []
    for row in table.rows:
        name, share, count = row.cells
        assert isinstance(name, Cell)
        found.append((name.text, name.swatch, str(share), str(count)))
    return found


def test_they_are_of_their_class_and_say_nothing_else(tmp_path: Path) -> None:
    target = open_target(str(write_images(tmp_path / "d", {"<b>": 6, "c": 6})))
    gallery = make_gallery(draw_sample(target, 8, 4, 0))
    assert [group.title for group in sections(gallery)] == ["<b>", "c"]
    for group, low in zip(sections(gallery), (0, 60), strict=True):
        assert group.blocks[0] == Text("4 of 4 drawn", small=True)
        assert len(images([group])) == 4
        for image in images([group]):
            assert pixels(image.uri).shape == (SIZE, SIZE, 3)
            assert low - 2 <= pixels(image.uri).mean() <= low + 8
            assert b"Jane" not in base64.b64decode(image.uri.partition(",")[2])


def test_a_gallery_that_fails_is_said_and_costs_nothing_else(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def broken(target: str) -> None:
        raise ImportError(f"no module for {target}\nsecond line")

    monkeypatch.setattr("acrank.report.galleries.loaded", broken)
    (said,) = make_gallery(sample_of([halves(0, 1)], ("background", "vessel")))
    assert isinstance(said, Text)
    assert said.text.startswith("No images: the gallery of task ")
    assert "failed: ImportError: no module for acrank" in said.text
    assert "second line" not in said.text


def test_many_classes_have_few_images_each(tmp_path: Path) -> None:
    classes = {f"class{number}": 2 for number in range(MOST + 4)}
    target = open_target(str(write_images(tmp_path / "d", dict.fromkeys(classes, 2))))
    gallery = make_gallery(draw_sample(target, 2 * (MOST + 4), 50, 0))
    assert len(sections(gallery)) == MOST
    assert gallery[-1] == Text("4 more classes are not shown.")
    assert {len(images([group])) for group in sections(gallery)} == {1}


def test_a_finished_run_s_sample_is_drawn_again(tmp_path: Path) -> None:
    target = open_target(str(write_images(tmp_path / "d", {"a": 9, "b": 9})))
    sample = draw_sample(target, 8, 4, 0)
    moved = (tmp_path / "d").rename(tmp_path / "elsewhere")
    assert gallery_again(ranking_of(sample), str(moved)) == make_gallery(sample)


def test_so_is_that_of_a_budget_which_was_interrupted(tmp_path: Path) -> None:
    folder = write_images(tmp_path / "d", {"a": 9, "b": 9})
    target = open_target(str(folder))
    fewer = smaller_sample(draw_sample(target, 8, 4, 0), target, 4, 4, 0)
    assert gallery_again(ranking_of(fewer), str(folder)) == make_gallery(fewer)


def test_other_images_are_refused(tmp_path: Path) -> None:
    folder = write_images(tmp_path / "d", {"a": 9, "b": 9})
    ranking = ranking_of(draw_sample(open_target(str(folder)), 8, 4, 0))
    other = write_images(tmp_path / "e", {"b": 9, "a": 9})
    with pytest.raises(DataError, match="not those of the result: their fingerprint differs"):
        gallery_again(ranking, str(other))
    with pytest.raises(DataError, match="not those of the result"):
        gallery_again(ranking_of(draw_sample(open_target(str(folder)), 8, 4, 1)), str(folder))


def masked(folder: Path) -> Path:
    return masks.fill(folder, {f"jane-doe-{number}": (0, 1 + number % 2) for number in range(12)})


def of_masks(sample: SegmentationSample, size: int = 64) -> Ranking:
    return ranking_of(sample, task="segmentation", image_size=size)


def test_masks_are_drawn_over_their_images(tmp_path: Path) -> None:
    sample = draw_segmentation(open_segmentation(str(masked(tmp_path / "d"))), 8, 4, 0, 64)
    gallery = make_gallery(sample)
    assert legend(gallery)[0][2] == "50.0 %"
    assert len(images(gallery)) == 8
    assert "jane" not in repr(gallery)


def test_masks_of_a_finished_run_are_drawn_again(tmp_path: Path) -> None:
    folder = masked(tmp_path / "d")
    target = open_segmentation(str(folder))
    sample = draw_segmentation(target, 8, 4, 0, 64)
    assert gallery_again(of_masks(sample), str(folder)) == make_gallery(sample)
    fewer = smaller_segmentation(sample, target, 4, 4, 0)
    assert gallery_again(of_masks(fewer), str(folder)) == make_gallery(fewer)


def test_masks_of_another_size_or_task_are_refused(tmp_path: Path) -> None:
    folder = masked(tmp_path / "d")
    sample = draw_segmentation(open_segmentation(str(folder)), 8, 4, 0, 64)
    with pytest.raises(DataError, match="not those of the result"):
        gallery_again(of_masks(sample, 32), str(folder))
    classes = write_images(tmp_path / "e", {"a": 9, "b": 9})
    with pytest.raises(DataError):
        gallery_again(of_masks(sample), str(classes))
    with pytest.raises(DataError):
        gallery_again(ranking_of(draw_sample(open_target(str(classes)), 8, 4, 0)), str(folder))
    untold = of_masks(sample)
    untold.record["config"]["image_size"] = None
    with pytest.raises(DataError, match="does not say how its sample was drawn"):
        gallery_again(untold, str(folder))


@pytest.mark.parametrize("told", [{}, {"dataset": {"fingerprint": "0"}, "config": {"data": "x"}}])
def test_a_result_that_does_not_say_is_refused(told: dict[str, Any]) -> None:
    with pytest.raises(DataError, match="does not say how its sample was drawn"):
        gallery_again(make_ranking(record=told), "demo")


SIDE = 64
Pixels = npt.NDArray[np.uint8]


def halves(left: int, right: int) -> Pixels:
    mask = np.full((SIDE, SIDE), left, dtype=np.uint8)
    mask[:, SIDE // 2 :] = right
    return mask


def sample_of(masks: Sequence[Pixels], classes: tuple[str, ...], grey: int = 0) -> Any:
    image = np.full((SIDE, SIDE), grey, dtype=np.uint8)
    return SegmentationSample(
        classes=classes,
        keys=tuple(f"patient-{number}" for number in range(len(masks))),
        images=[image] * len(masks),
        masks=np.stack(masks),
        batches=(np.arange(len(masks)),),
    )


def test_shares_are_of_all_pixels_and_images_of_the_whole_sample() -> None:
    masks = [halves(0, 1), halves(0, 0), halves(0, 255), halves(0, 1)]
    found = with_masks(sample_of(masks, ("background", "vessel", "disc")))
    assert legend(found) == [
        ("background (left plain)", "plain", "62.5 %", "4 of 4"),
        ("vessel", ACCENT, "25.0 %", "2 of 4"),
        ("disc", SECOND, "0.0 %", "0 of 4"),
        ("pixels to ignore (hatched)", "hatched", "12.5 %", "1 of 4"),
    ]
    assert [image.alt for image in images(found)] == [
        "Image 1 with its mask: vessel 50.0 %",
        "Image 2 with its mask: no class but background",
        "Image 3 with its mask: no class but background",
        "Image 4 with its mask: vessel 50.0 %",
    ]


def test_a_few_pixels_are_not_none_and_almost_all_are_not_all() -> None:
    mask = halves(0, 0)
    mask[0, 0] = 1
    found = with_masks(sample_of([mask] + [halves(0, 0)] * 7, ("background", "dot")))
    assert [share for _, _, share, _ in legend(found)] == [">99.9 %", "<0.1 %"]


def test_background_is_the_class_of_that_name_wherever_it_stands() -> None:
    found = with_masks(sample_of([halves(0, 1)], ("vessel", "background")))
    assert [swatch for _, swatch, _, _ in legend(found)] == [ACCENT, "plain"]
    assert images(found)[0].alt.endswith(": vessel 50.0 %")


def test_the_largest_classes_are_told_of_many() -> None:
    mask = np.repeat(np.arange(1, 9, dtype=np.uint8), 8)[:, None].repeat(SIDE, axis=1)
    mask[:8] = 6  # of two stripes now
    classes = tuple("zabcdefgh")
    (image,) = images(with_masks(sample_of([mask], classes)))
    assert image.alt.endswith(": f 25.0 %, b 12.5 %, c 12.5 %, 4 more")


@pytest.mark.parametrize("count", [1, 2, MOST_MASKED, MOST_MASKED + 1, 3 * MOST_MASKED])
def test_images_are_few_and_spread_over_the_sample(count: int) -> None:
    masks = [halves(0, 1)] * count
    sample = sample_of(masks, ("background", "vessel"))
    levels = [np.full((SIDE, SIDE), number, dtype=np.uint8) for number in range(count)]
    sample.images = tuple(levels)
    found = with_masks(sample)
    most = min(count, MOST_MASKED)
    assert Text(f"{most} of the sample's {count} images", small=True) in found
    shown = [pixels(image.uri)[:, :60].mean() for image in images(found)]
    assert shown == pytest.approx(np.linspace(0, count - 1, most), abs=2.5)


def cube(place: int) -> Pixels:
    mask = np.zeros((12, 20, 16), dtype=np.uint8)
    mask[place : place + 3, 3:6, 4:7] = 1
    return mask


def test_volumes_stand_in_three_slices_each() -> None:
    masks = np.stack([cube(number) for number in range(9)])
    sample = VolumeSample(
        classes=("background", "organ"),
        keys=tuple(f"jane-{number}" for number in range(9)),
        images=masks[:, None].astype(np.float32),
        masks=masks,
        spacing=(1, 1, 1),
        batches=(np.arange(9),),
    )
    found = with_labels(sample)
    assert [block.each for block in found if isinstance(block, Images)] == [3]
    shown = images(found)
    for image, plane in zip(shown, ("axial", "coronal", "sagittal"), strict=False):
        assert image.alt == f"Volume 1, {plane} slice, with its labels: organ 0.7 %"
    assert len(shown) == 24
    assert "jane" not in repr(found)
