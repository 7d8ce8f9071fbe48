import random
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageFile

from acrank.data import Preprocessing, Sample, Target, draw_sample, open_target, smaller_sample
from acrank.errors import ConfigError, DataError

from .builders import counted_target, encoded, fill_folder, noise, target_of

BALANCED = {"a": 100, "b": 100, "c": 100}


def counts(sample: Sample, batch: int | None = None) -> dict[str, int]:
    labels = sample.labels if batch is None else sample.labels[sample.batches[batch]]
    return dict(Counter(sample.classes[label] for label in labels.tolist()))


def test_sample_is_proportional() -> None:
    sample = draw_sample(counted_target({"a": 300, "b": 150, "c": 50}), 80, 16, 0)
    assert counts(sample) == {"a": 48, "b": 24, "c": 8}
    assert sample.labels.dtype == np.int64
    assert sample.warnings == ()


def test_shares_are_rounded_without_favouring_large_classes() -> None:
    sizes = {"a": 100} | {f"b{index}": 18 for index in range(10)}
    found = counts(draw_sample(counted_target(sizes), 28, 14, 0))
    assert found == {"a": 8} | {f"b{index}": 2 for index in range(10)}


def test_rare_class_gets_one_image() -> None:
    sample = draw_sample(counted_target({"a": 5000, "b": 4000, "rare": 1}), 64, 16, 0)
    assert counts(sample)["rare"] == 1


def test_batches_partition_the_sample_and_are_stratified() -> None:
    sample = draw_sample(counted_target({"a": 300, "b": 150, "c": 50}), 80, 16, 3)
    assert [len(batch) for batch in sample.batches] == [16] * 5
    assert sorted(np.concatenate(sample.batches).tolist()) == list(range(80))
    for batch in range(5):
        found = counts(sample, batch)
        assert found["a"] in (9, 10)
        assert found["b"] in (4, 5)
        assert found["c"] in (1, 2)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize(
    "sizes",
    [
        {"a": 1000, "b": 20},
        {"a": 20, "b": 1000},
        {"a": 2000, "b": 6, "c": 6},
        {"b": 6, "a": 2000, "c": 6},
        {f"c{i}": 3 for i in range(100)},
        {f"c{i}": 1 for i in range(200)},
    ],
)
def test_every_batch_has_two_classes(sizes: dict[str, int], seed: int) -> None:
    sample = draw_sample(counted_target(sizes), 96, 8, seed)
    assert len(sample.batches) == 12
    assert all(len(counts(sample, batch)) >= 2 for batch in range(12))
    assert len(set(sample.keys)) == 96


def test_too_few_of_the_other_classes_limit_the_batches() -> None:
    sample = draw_sample(counted_target({"a": 1000, "b": 3}), 80, 8, 0)
    assert len(sample.batches) == 3
    assert len(sample) == 24
    assert "80 images were requested and 24 are used" in sample.warnings[0]
    assert "only 3 lie outside the largest class" in sample.warnings[0]


def test_single_image_outside_the_largest_class() -> None:
    sample = draw_sample(counted_target({"a": 1000, "b": 1}), 80, 8, 0)
    assert len(sample) == 8
    assert "add images of the other classes" in sample.warnings[1]


def test_keys_labels_and_pixels_belong_together() -> None:
    target = target_of([Image.new("L", (2, 2), value) for value in range(20)])
    sample = draw_sample(target, 8, 4, 0)
    for key, label, image in zip(sample.keys, sample.labels, sample._images, strict=True):
        assert image[0, 0] == int(key[1:])
        assert label == int(key[1:]) % 2


def test_same_seed_same_sample_whatever_the_item_order() -> None:
    target = target_of([noise(index) for index in range(40)])
    items = list(target.items)
    random.Random(1).shuffle(items)
    one, two = (
        draw_sample(target, 16, 4, 7),
        draw_sample(replace(target, items=tuple(items)), 16, 4, 7),
    )
    assert one.keys == two.keys
    assert one.fingerprint == two.fingerprint
    for left, right in zip(one.batches, two.batches, strict=True):
        np.testing.assert_array_equal(left, right)


def test_another_seed_draws_others() -> None:
    target = counted_target(BALANCED)
    assert draw_sample(target, 30, 10, 0).keys != draw_sample(target, 30, 10, 1).keys


def test_choice_is_the_same_for_ever() -> None:
    sample = draw_sample(counted_target({"a": 50, "b": 50}), 4, 2, 0)
    # Pinned values: a change here changes every published score.
    assert sample.keys == ("a/0011", "a/0045", "b/0005", "b/0021")
    assert [batch.tolist() for batch in sample.batches] == [[1, 3], [0, 2]]


def test_images_do_not_depend_on_the_batches() -> None:
    target = counted_target(BALANCED)
    samples = [draw_sample(target, 96, size, 5) for size in (8, 16, 32, 48, 96)]
    assert len({sample.keys for sample in samples}) == 1
    assert len({sample.fingerprint for sample in samples}) == 1


def test_larger_sample_contains_the_smaller() -> None:
    target = counted_target({"a": 70, "b": 31, "c": 9, "d": 2})
    previous: set[str] = set()
    for total in range(8, 112, 4):
        keys = set(draw_sample(target, total, 4, 2).keys)
        assert previous < keys
        previous = keys


def test_rounding_down_is_said() -> None:
    sample = draw_sample(counted_target(BALANCED), 100, 32, 0)
    assert len(sample) == 96
    (notice,) = sample.warnings
    assert "100 images were requested and 96 are used: batches of 32 are filled whole" in notice


def test_fewer_images_than_asked() -> None:
    sample = draw_sample(counted_target({"a": 30, "b": 20}), 512, 16, 0)
    assert len(sample) == 48
    (notice,) = sample.warnings
    assert "512 images were requested and 48 are used: the data have only 50" in notice


def test_less_than_two_batches() -> None:
    sample = draw_sample(counted_target({"a": 30, "b": 20}), 512, 32, 0)
    assert [len(batch) for batch in sample.batches] == [50]
    assert "512 images were requested and 50 are used: the data have only 50." in sample.warnings[0]
    assert "no interval can be given" in sample.warnings[1]
    assert "at least 64 images" in sample.warnings[1]
    assert "batch size of at most 25" in sample.warnings[1]


def test_one_batch_asked_for() -> None:
    sample = draw_sample(counted_target(BALANCED), 40, 32, 0)
    assert [len(batch) for batch in sample.batches] == [40]
    (notice,) = sample.warnings
    assert "no interval can be given" in notice


def test_more_classes_than_images() -> None:
    sample = draw_sample(counted_target({f"c{i}": 2 for i in range(50)}), 8, 4, 0)
    assert len(sample.classes) == 8
    assert sample.labels.tolist() == list(range(8))
    assert [key.split("/")[0] for key in sample.keys] == list(sample.classes)
    assert "8 of the 50 classes" in sample.warnings[0]


@pytest.mark.parametrize(("samples", "batch_size"), [(1, 8), (8, 1), (0, 8), (-3, 8)])
def test_numbers_below_two(samples: int, batch_size: int) -> None:
    with pytest.raises(ConfigError, match=r"Set (samples|batch_size) to 2 or more"):
        draw_sample(counted_target(BALANCED), samples, batch_size, 0)


def test_single_class_is_refused() -> None:
    with pytest.raises(DataError, match="only one class"):
        draw_sample(counted_target({"a": 50}), 8, 4, 0)


def test_fingerprint_follows_content_labels_and_class_names(tmp_path: Path) -> None:
    def fingerprint() -> str:
        return draw_sample(open_target(str(tmp_path)), 8, 4, 0).fingerprint

    fill_folder(tmp_path, {"a": 4, "b": 4})
    seen = [fingerprint()]
    assert len(seen[0]) == 64
    assert fingerprint() == seen[0]
    file = tmp_path / "a" / "0.png"
    file.write_bytes(file.read_bytes() + b"\0")
    seen.append(fingerprint())
    (tmp_path / "b").rename(tmp_path / "c")
    seen.append(fingerprint())
    (tmp_path / "a" / "1.png").rename(tmp_path / "c" / "9.png")
    seen.append(fingerprint())
    assert len(set(seen)) == 4


def test_image_that_fails_to_decode_is_named() -> None:
    bad = encoded(noise(0, (64, 64)), "BMP")[:-2000]  # the cheap check does not see this one
    images: list[Image.Image | bytes] = [bad, noise(1), noise(2), b"", noise(3), noise(4)]
    with pytest.raises(DataError, match=r"2 of 6 images cannot be used") as caught:
        draw_sample(target_of(images), 6, 3, 0)
    assert "\n  i000: image file is truncated" in caught.value.message
    assert "\n  i003: not an image" in caught.value.message
    assert caught.value.hint == "Repair or remove these files."


def test_leniency_set_elsewhere_does_not_count(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ImageFile, "LOAD_TRUNCATED_IMAGES", True)
    bad = encoded(noise(0, (64, 64)), "BMP")[:-2000]
    with pytest.raises(DataError, match="truncated"):
        draw_sample(target_of([bad, noise(1), noise(2), noise(3)]), 4, 2, 0)


def test_images_are_read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    target: Target = target_of([noise(index) for index in range(8)])
    reads: list[str] = []
    kind = type(target.items[0].source)
    opened = kind.open

    def counting(self: object) -> object:
        reads.append(str(self))
        return opened(self)  # type: ignore[arg-type]

    monkeypatch.setattr(kind, "open", counting)
    draw_sample(target, 8, 4, 0)
    assert sorted(reads) == [item.key for item in target.items]


@pytest.mark.parametrize("sizes", [{"a": 300, "b": 150, "c": 50}, {"a": 90, "b": 4}, BALANCED])
def test_a_smaller_sample_is_the_one_that_would_be_drawn(sizes: dict[str, int]) -> None:
    target = counted_target(sizes)
    whole = draw_sample(target, 64, 8, 5)
    for samples in (8, 16, 32, 64):
        small, drawn = (
            smaller_sample(whole, target, samples, 8, 5),
            draw_sample(target, samples, 8, 5),
        )
        assert small.keys == drawn.keys
        assert small.classes == drawn.classes
        assert small.labels.tolist() == drawn.labels.tolist()
        assert [rows.tolist() for rows in small.batches] == [r.tolist() for r in drawn.batches]


def test_a_smaller_sample_may_lack_classes() -> None:
    target = counted_target({f"c{i}": 4 for i in range(20)})
    whole = draw_sample(target, 40, 8, 0)
    small = smaller_sample(whole, target, 8, 8, 0)
    assert len(small.classes) == 8
    assert sorted(set(small.labels.tolist())) == list(range(8))
    other = smaller_sample(draw_sample(target, 80, 8, 0), target, 8, 8, 0)
    # the same images, but the depth of grey values is told from all that were drawn
    assert other.keys == small.keys
    assert other.fingerprint != small.fingerprint


def test_images_of_a_smaller_sample_are_its_own() -> None:
    target = target_of([noise(seed) for seed in range(20)])
    whole, wanted = (
        draw_sample(target, 16, 4, 0),
        Preprocessing((3, 8, 8), "bilinear", 1.0, "center", (0.5,) * 3, (0.5,) * 3),
    )
    small, drawn = smaller_sample(whole, target, 8, 4, 0), draw_sample(target, 8, 4, 0)
    assert bool((small.pixels(wanted) == drawn.pixels(wanted)).all())
