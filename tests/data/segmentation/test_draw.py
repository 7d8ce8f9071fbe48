import random
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO

import numpy as np
import pytest
from PIL import Image

from acrank.data.images import BytesSource
from acrank.data.segmentation import (
    SegmentationSample,
    SegmentationTarget,
    draw_segmentation,
    open_segmentation,
    smaller_segmentation,
)
from acrank.errors import ConfigError, DataError
from tests.data.builders import encoded, noise

from .builders import SIZE, blocks, fill, target_of


def drawn(
    target: SegmentationTarget, samples: int = 8, batch_size: int = 4, seed: int = 0
) -> SegmentationSample:
    return draw_segmentation(target, samples, batch_size, seed, image_size=32)


def single_batches(sample: SegmentationSample) -> int:
    held = [np.unique(sample.masks[rows]) for rows in sample.batches]
    return sum(len(values[values < 255]) < 2 for values in held)


def test_a_smaller_sample_is_the_start_of_a_larger_one() -> None:
    target = target_of([[0, 1]] * 30)
    whole = drawn(target, 28).keys
    for samples in range(8, 28, 4):
        assert drawn(target, samples).keys == whole[:samples]
    assert drawn(target, 28, 7).keys == whole
    assert drawn(target, 28, seed=1).keys != whole


def test_choice_is_the_same_for_ever() -> None:
    sample = drawn(target_of([[0, 1]] * 20), 4, 2)
    # Pinned values: a change here changes every published score.
    assert sample.keys == ("i018", "i005", "i004", "i019")
    assert [rows.tolist() for rows in sample.batches] == [[0, 2], [1, 3]]


def test_the_order_of_the_items_is_no_matter() -> None:
    target = target_of([[0, 1], [0]] * 10)
    items = list(target.items)
    random.Random(1).shuffle(items)
    one, two = drawn(target), drawn(replace(target, items=tuple(items)))
    assert one.keys == two.keys
    assert one.fingerprint == two.fingerprint
    assert np.array_equal(one.masks, two.masks)


def test_images_and_masks_belong_to_their_keys() -> None:
    images = [Image.new("L", SIZE, number) for number in range(20)]
    sample = drawn(
        target_of(
            [[number, 20] for number in range(20)], images, names=tuple("abcdefghijklmnopqrstu")
        )
    )
    for key, image, mask in zip(sample.keys, sample.images, sample.masks, strict=True):
        assert np.unique(image).tolist() == [int(key[1:])]
        assert np.unique(mask).tolist() == [int(key[1:]), 20]


def test_indices_are_uint8_and_ignored_pixels_255() -> None:
    sample = drawn(target_of([[7, 9, 254]] * 8, ignore=254))
    assert sample.masks.dtype == np.uint8
    assert sample.masks.shape == (8, 32, 32)
    assert all(image.shape == (32, 32, 3) for image in sample.images)
    assert np.array_equal(np.unique(sample.masks), [0, 1, 255])
    assert sample.masks[0, 0, 0] == 0
    assert sample.masks[0, 0, -1] == 255


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize(
    "masks",
    [
        [[0, 1]] * 16,
        [[0, 1]] * 8 + [[0]] * 40,
        [[0]] * 44 + [[1]] * 12,
        [[0, 1]] * 4 + [[1]] * 6 + [[0]] * 30,
        [[0]] * 16 + [[1]] * 16 + [[2]] * 16,
    ],
)
def test_every_batch_holds_two_classes(masks: Sequence[Sequence[int]], seed: int) -> None:
    sample = drawn(target_of(masks), len(masks), len(masks) // 8, seed)
    assert [len(rows) for rows in sample.batches] == [len(masks) // 8] * 8
    assert single_batches(sample) == 0
    assert sorted(np.concatenate(sample.batches).tolist()) == list(range(len(sample)))


def test_batches_of_a_single_class_are_said() -> None:
    sample = drawn(target_of([[0]] * 14 + [[0, 1]] * 2), 16, 4)
    assert single_batches(sample) == 2
    (notice,) = sample.warnings
    assert "2 of 4 batches hold a single class" in notice


def test_a_sample_of_a_single_class_is_refused() -> None:
    target = target_of([[0]] * 40 + [[0, 1]])
    seed = next(seed for seed in range(9) if "i040" not in drawn(target, 41, 41, seed).keys[:4])
    with pytest.raises(DataError, match=r"the 4 masks drawn hold only 'a'") as caught:
        drawn(target, 4, 2, seed)
    assert "more samples" in str(caught.value.hint)


def test_classes_that_the_sample_lacks_keep_their_place() -> None:
    target = target_of([[0, 1]] * 40 + [[0, 2], [0, 3]])
    sample = drawn(
        target, 8, 4, next(s for s in range(9) if drawn(target, 8, 4, s).masks.max() < 2)
    )
    assert sample.classes == ("a", "b", "c", "d")
    assert "The sample holds 2 of the 4 classes" in sample.warnings[0]


def test_fewer_images_than_asked_for() -> None:
    target = target_of([[0, 1]] * 20)
    assert (
        "64 images were requested and 16 are used: the data have only 20, and batches of 8"
        in (drawn(target, 64, 8).warnings[0])
    )
    assert (
        "18 images were requested and 16 are used: batches of 8" in drawn(target, 18, 8).warnings[0]
    )
    assert drawn(target, 20, 4).warnings == ()


def test_a_single_batch() -> None:
    sample = drawn(target_of([[0, 1]] * 20), 64, 16)
    assert [len(rows) for rows in sample.batches] == [20]
    assert "64 images were requested and 20 are used: the data have only 20." in sample.warnings[0]
    assert "no interval can be given" in sample.warnings[1]
    assert "batch size of at most 10" in sample.warnings[1]


def test_warnings_of_the_target_come_first(tmp_path: Path) -> None:
    target = open_segmentation(str(fill(tmp_path, {"a": [0, 1], "b": [0], "c": [0, 1]})))
    assert drawn(target, 2, 2).warnings[0] == target.warnings[0]


@pytest.mark.parametrize(("samples", "batch_size"), [(1, 8), (8, 1), (0, 8)])
def test_numbers_below_two(samples: int, batch_size: int) -> None:
    with pytest.raises(ConfigError, match=r"Set (samples|batch_size) to 2 or more"):
        drawn(target_of([[0, 1]] * 4), samples, batch_size)


def test_an_image_size_that_does_not_fit() -> None:
    with pytest.raises(ConfigError, match="image_size is 100"):
        draw_segmentation(target_of([[0, 1]] * 4), 4, 2, 0, image_size=100)


def test_grey_of_sixteen_bits_has_one_depth() -> None:
    deep = [Image.fromarray(np.full((30, 40), 1000 * k, dtype=np.uint16)) for k in range(4)]
    sample = drawn(target_of([[0, 1]] * 8, [*deep, *[noise(k, SIZE, 1) for k in range(4)]]))
    shades = {key: int(image[0, 0]) for key, image in zip(sample.keys, sample.images, strict=True)}
    assert [shades[f"i00{k}"] for k in range(4)] == [0, 62, 125, 187]
    assert all(image.dtype == np.uint8 for image in sample.images)
    assert "4 of 8 images have 16-bit values; the largest is 3000" in sample.warnings[0]


def test_damage_that_shows_only_now_is_listed(tmp_path: Path) -> None:
    fill(tmp_path, {f"n{number}": [0, 1] for number in range(6)})
    target = open_segmentation(str(tmp_path))
    (tmp_path / "images" / "n1.jpg").write_bytes(b"")
    (tmp_path / "images" / "n2.jpg").write_bytes(encoded(noise(1, (50, 50)), "JPEG"))
    (tmp_path / "masks" / "n3.png").write_bytes(encoded(Image.fromarray(blocks([0, 9]))))
    (tmp_path / "masks" / "n4.png").write_bytes(encoded(noise(0), "JPEG"))
    smaller = Image.fromarray(blocks([0, 1], (20, 15)))
    (tmp_path / "masks" / "n5.png").write_bytes(encoded(smaller))
    with pytest.raises(DataError, match="5 of 12 files cannot be used") as caught:
        drawn(target, 6, 2)
    assert "n2.jpg: its size has changed since it was checked" in caught.value.message
    assert "n3.png: it has changed since it was checked" in caught.value.message
    assert "n5.png: it has changed since it was checked" in caught.value.message
    assert "n4.png: saved as JPEG" in caught.value.message


@pytest.mark.parametrize("masks", [[[0, 1]] * 40, [[0]] * 25 + [[0, 1]] * 15])
def test_a_smaller_sample_is_the_one_that_would_be_drawn(masks: Sequence[Sequence[int]]) -> None:
    target = target_of(masks)
    whole = drawn(target, 32, 4, 5)
    for samples in (6, 8, 16, 18, 32):
        small = smaller_segmentation(whole, target, samples, 4, 5)
        wanted = drawn(target, samples, 4, 5)
        assert small.keys == wanted.keys
        assert small.classes == wanted.classes
        assert np.array_equal(small.masks, wanted.masks)
        assert all(np.array_equal(a, b) for a, b in zip(small.images, wanted.images, strict=True))
        assert [rows.tolist() for rows in small.batches] == [r.tolist() for r in wanted.batches]


def test_fingerprint_follows_everything(tmp_path: Path) -> None:
    fill(tmp_path, {f"n{number}": [0, 1] for number in range(4)})

    def fingerprint(image_size: int = 32) -> str:
        target = open_segmentation(str(tmp_path))
        return draw_segmentation(target, 4, 2, 0, image_size).fingerprint

    seen = [fingerprint(), fingerprint(64)]
    assert len(seen[0]) == 64
    assert fingerprint() == seen[0]
    for part in ("images/n0.jpg", "masks/n0.png"):
        file = tmp_path / part
        file.write_bytes(file.read_bytes() + b"\0")
        seen.append(fingerprint())
    for names in ("{a: 0, b: 1}", "{b: 0, a: 1}", "{b: 1, a: 0}"):
        (tmp_path / "classes.yaml").write_text(f"classes: {names}")
        seen.append(fingerprint())
    for part in ("images/n0.jpg", "masks/n0.png"):
        file = tmp_path / part
        file.rename(file.with_stem("m0"))
    seen.append(fingerprint())
    assert len(set(seen)) == len(seen)


def test_each_file_is_read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    target = target_of([[0, 1]] * 8)
    reads: list[str] = []
    opened = BytesSource.open

    def counting(self: BytesSource) -> BinaryIO:
        reads.append(self.name)
        return opened(self)

    monkeypatch.setattr(BytesSource, "open", counting)
    drawn(target)
    assert sorted(reads) == sorted([f"i{k}" for k in range(8)] + [f"m{k}" for k in range(8)])
