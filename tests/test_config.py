from pathlib import Path
from typing import Any

import pytest

from acrank.config import make_config
from acrank.errors import ConfigError
from acrank.tasks.kinds.classification import CLASSIFICATION
from acrank.tasks.kinds.masks import MASKS
from acrank.tasks.kinds.volumes import VOLUMES
from acrank.tasks.registry import Task


def test_options_win_over_the_file(tmp_path: Path) -> None:
    file = tmp_path / "run.yaml"
    file.write_text("data: demo\nsamples: 64\nmodels: [a, b]\nsteps: epoch\n")
    config = make_config({"samples": 32}, file)
    assert (config.data, config.samples, config.models) == ("demo", 32, ("a", "b"))
    assert config.steps == "epoch"


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({}, "'data' is missing"),
        ({"data": "demo", "sample": 3}, "Unknown setting 'sample'.*samples"),
        ({"data": "demo", "samples": 1}, "'samples' is 1.*greater than or equal to 2"),
        ({"data": "demo", "lr": float("nan")}, "'lr' is nan"),
        ({"data": "demo", "lr": 0}, "'lr' is 0"),
        ({"data": "demo", "steps": "often"}, "'steps' is 'often'"),
        ({"data": "demo", "steps": 0}, "'steps' is 0"),
        ({"data": "demo", "head": "linear"}, "'head' is 'linear'"),
    ],
)
def test_a_wrong_setting_is_named(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        make_config(settings)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: [", "cannot be read"),
        ("lr: 2024-13-45", "cannot be read"),
        ("- a\n- b\n", "fields and values"),
        ("nope: 1\n", "nope"),
    ],
)
def test_a_wrong_file_is_named(tmp_path: Path, text: str, message: str) -> None:
    file = tmp_path / "run.yaml"
    file.write_text(text)
    with pytest.raises(ConfigError, match=message) as caught:
        make_config({"data": "demo"}, file)
    assert "run.yaml" in str(caught.value)
    with pytest.raises(ConfigError, match=r"missing\.yaml"):
        make_config({}, tmp_path / "missing.yaml")


def test_masks_have_sizes_of_their_own_unless_they_are_set() -> None:
    usual = make_config({"data": "scans"}).for_task(MASKS)
    assert (usual.task, usual.samples, usual.batch_size) == ("segmentation", 64, 8)
    given = make_config({"data": "scans", "samples": 256}).for_task(MASKS)
    assert (given.samples, given.batch_size) == (256, 8)
    assert given.for_task(MASKS) == given
    classes = make_config({"data": "scans"}).for_task(CLASSIFICATION)
    assert (classes.samples, classes.batch_size) == (256, 32)


def test_images_have_the_network_s_own_size_or_that_of_masks() -> None:
    def size(task: Task, **settings: Any) -> int | None:
        return make_config({"data": "scans", **settings}).for_task(task).image_size

    assert [size(task) for task in (CLASSIFICATION, MASKS, VOLUMES)] == [None, 256, None]
    assert [size(task, image_size=None) for task in (CLASSIFICATION, MASKS)] == [None, 256]
    assert [size(task, image_size=96) for task in (CLASSIFICATION, MASKS)] == [96, 96]
    assert size(CLASSIFICATION, image_size=97) == 97
    with pytest.raises(ConfigError, match=r"--image-size is 97, .* The nearest are 96 and 128"):
        size(MASKS, image_size=97)
    for wrong in (31, 4097, True, "wide"):
        with pytest.raises(ConfigError, match="'image_size'"):
            size(CLASSIFICATION, image_size=wrong)


def test_all_is_of_the_task() -> None:
    config = make_config({"data": "scans", "metrics": ["all"]})
    assert "knn" in config.metrics_wanted
    assert "cc_fv" not in config.metrics_wanted
    masks = config.for_task(MASKS)
    assert "cc_fv" in masks.metrics_wanted
    assert "knn" not in masks.metrics_wanted
    with pytest.raises(ConfigError, match="knn: not defined for segmentation"):
        make_config({"data": "scans", "metrics": ["knn"]}).for_task(MASKS)
    with pytest.raises(ConfigError, match="ridge"):
        make_config({"data": "scans", "head": "ridge"}).for_task(MASKS)


def test_patches_are_counted_or_all() -> None:
    found = [make_config({"data": "scans", "patches": value}).patches for value in ("3", 3, "all")]
    assert found == [3, 3, "all"]
    with pytest.raises(ConfigError, match="--patches is for volumes"):
        make_config({"data": "scans", "patches": 2}).for_task(MASKS)


def test_volumes_have_usual_sizes_and_settings_of_their_own() -> None:
    usual = make_config({"data": "scans", "patch": "32", "spacing": "1,1,2.5"})
    known = usual.for_task(VOLUMES)
    assert (known.samples, known.batch_size) == (32, 2)
    assert (known.patch, known.spacing) == ((32, 32, 32), (1, 1, 2.5))
    assert known.for_task(VOLUMES) == known
    with pytest.raises(ConfigError, match="--patch, --spacing is for volumes"):
        usual.for_task(MASKS)
    for size in (64, 256):  # its usual value too: whoever gives it expects it to count
        with pytest.raises(ConfigError, match="--image-size is for images"):
            make_config({"data": "scans", "image_size": size}).for_task(VOLUMES)
    with pytest.raises(ConfigError, match="--patches is for volumes"):
        make_config({"data": "scans", "patches": 1}).for_task(MASKS)
    make_config({"data": "scans", "patch": None}).for_task(MASKS)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        *(("patch", value) for value in ("30", "0", "a", "32,32", [32, 32, 32, 32], 1024)),
        *(("spacing", value) for value in ("0", "1,1,nan", "1,,1", -1)),
        *(("window", value) for value in ("5", "5,5", "0,inf", "1,2,3", 7)),
        *(("patches", value) for value in ("0", 0, 101, "-1", "1.5", 1.5, "ALL", None)),
    ],
)
def test_what_volumes_cannot_be_cut_to(field: str, value: object) -> None:
    with pytest.raises(ConfigError, match=f"Setting '{field}' is"):
        make_config({"data": "scans", field: value})


@pytest.mark.parametrize(
    "settings",
    [
        {"rank_by": "ac_corr"},
        {"rank_by": "consensus"},
        {"rank_by": "consensus", "metrics": ("knn", "affine_shift")},
    ],
)
def test_a_ranking_by_ac_corr_takes_a_step(settings: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match="repeats must be 1 or more"):
        make_config({"data": "demo", "repeats": 0, **settings})


def test_scores_of_features_need_no_step() -> None:
    assert make_config({"data": "demo", "repeats": 0, "metrics": ("all",)}).repeats == 0
