"""The command that repeats a run describes the same run."""

import string
import subprocess
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from acrank.cli.app import app
from acrank.config import RunConfig
from acrank.report.repeat import Repeat, repeat

# What a shell or an option parser could take for something else.
ODD = st.text(string.ascii_letters + " -='\"$`\\*;&|<>#!~{}[]()%,é模", min_size=1, max_size=12)
CONFIGS = st.builds(
    RunConfig,
    data=ODD,
    task=st.sampled_from(["auto", "classification", "segmentation"]),
    zoo=st.none() | ODD,
    models=st.lists(ODD, max_size=2).map(tuple),
    metrics=st.sampled_from([(), ("all",), ("log_me,knn", "params")]),
    rank_by=st.sampled_from(["ac_corr", "consensus", "knn"]),
    bootstrap=st.integers(0, 99),
    samples=st.sampled_from([64, 256]) | st.integers(2, 999),
    batch_size=st.integers(2, 99),
    steps=st.integers(1, 9) | st.just("epoch"),
    repeats=st.integers(1, 9),
    step_images=st.none() | st.integers(2, 99),
    lr=st.floats(1e-12, 10.0),
    head=st.sampled_from(["random", "ridge"]),
    temperature=st.sampled_from([1.0, 0.1, 1e-7]),
    decoder=st.sampled_from(["unet", "fpn", "deeplabv3plus"]),
    image_size=st.sampled_from([64, 256, 512]),
    pixels=st.integers(2, 64),
    layers=st.lists(ODD, max_size=2).map(tuple),
    patch=st.none() | st.just((32, 48, 64)),
    spacing=st.none() | st.just((0.5, 0.5, 1e-2)),
    window=st.none() | st.just((-160.0, 240.0)),
    patches=st.integers(1, 9) | st.just("all"),
    norms=st.sampled_from(["batch", "affine", "mixed"]),
    dead_channels=st.sampled_from(["exclude", "keep"]),
    seed=st.integers(0, 2**32 - 1),
    device=st.sampled_from(["auto", "cpu"]),
    precision=st.sampled_from(["auto", "fp32", "bf16"]),
    threads=st.none() | st.integers(1, 8),
    offline=st.booleans(),
    trust_code=st.booleans(),
    allow_partial=st.booleans(),
    fresh=st.booleans(),
    jobs=st.none() | st.integers(1, 8),
    timeout_per_model=st.none() | st.floats(1e-3, 1e6),
    callbacks=st.lists(ODD, max_size=2).map(tuple),
    budget=st.none() | st.floats(1e-3, 1e6),
)


class AskedError(Exception):
    """Ends a command where its run would begin."""

    def __init__(self, config: RunConfig) -> None:
        super().__init__()
        self.config = config


def words_of(command: str) -> list[str]:
    """What a shell makes of a command."""
    said = subprocess.run(
        ["sh", "-c", f"printf '%s\\0' {command}"], capture_output=True, check=True
    )
    return said.stdout.decode().split("\0")[:-1]


def config_of(told: Repeat) -> RunConfig:
    """What the command line would run."""

    def ask(config: RunConfig, *_: object, **__: object) -> None:
        raise AskedError(config)

    words = words_of(told.command)
    assert words == list(told.words)
    assert words[:2] == ["acrank", "score"]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("acrank.runners.rank.rank_zoo", ask)
        patch.setattr(
            "acrank.runners.from_features.rank_from_features",
            lambda folder, config, listener: ask(config),
        )
        ended = CliRunner().invoke(app, words[1:])
    assert isinstance(ended.exception, AskedError), (words, ended.output, ended.exception)
    return ended.exception.config


@settings(max_examples=25)
@given(config=CONFIGS)
def test_it_is_the_same_run(config: RunConfig) -> None:
    told = repeat({"config": config.model_dump(mode="json")})
    assert config_of(told) == config


@pytest.mark.parametrize("more", [{"shard": "2/8"}, {"engine": "ray", "ray_address": "a:1"}])
def test_settings_that_exclude_others(more: dict[str, Any]) -> None:
    config = RunConfig(data="demo", **more)
    assert config_of(repeat({"config": config.model_dump(mode="json")})) == config


def test_every_setting_is_drawn_above() -> None:
    # a setting that is added later must not be forgotten
    drawn = {"data", "zoo", "models", "metrics", "rank_by", "bootstrap", "samples", "batch_size"}
    drawn |= {
        "steps",
        "repeats",
        "step_images",
        "lr",
        "head",
        "temperature",
        "dead_channels",
        "seed",
        "device",
    }
    drawn |= {"norms", "precision", "threads", "offline", "trust_code", "fresh", "jobs", "budget"}
    drawn |= {"timeout_per_model", "shard", "engine", "ray_address", "callbacks"}
    drawn |= {"task", "decoder", "image_size", "pixels", "layers", "allow_partial"}
    drawn |= {"patch", "spacing", "window", "patches"}
    assert drawn == RunConfig.model_fields.keys()


def test_it_is_short_and_an_option_a_line() -> None:
    told = repeat({"config": RunConfig(data="my scans", seed=3).model_dump(mode="json")})
    assert told.command == "acrank score \\\n  --data 'my scans' \\\n  --seed 3"


def test_features_are_ranked_again() -> None:
    run = {"samples": 64, "lr": 0.5, "data": "gone", "models": [], "metrics": ["knn"]}
    config = {"from_features": "-kept", **run, "rank_by": "knn", "bootstrap": 9, "seed": 0}
    found = config_of(repeat({"config": config}))
    expected = RunConfig(data="-kept", metrics=("knn",), rank_by="knn", bootstrap=9, seed=0)
    assert found == expected
    assert "seed" in found.model_fields_set  # else that of the features would be taken


def test_merged_files_are_merged_again() -> None:
    merged = [{"file": "a b.json"}, {"file": "-c.json"}]
    told = repeat({"config": {"data": "x"}, "merged": merged})
    assert told.command == "acrank merge 'a b.json' ./-c.json"
    assert "comes from its own run" in told.note


@pytest.mark.parametrize(
    ("record", "note"),
    [
        ({}, "does not record how it was made"),
        ({"config": {"data": "x", "samples": "many"}}, "cannot be read: samples"),
        ({"config": {"data": "x", "from_elsewhere": 1}}, "cannot be read: from_elsewhere"),
    ],
)
def test_what_cannot_be_told_is_not_guessed(record: dict[str, Any], note: str) -> None:
    told = repeat(record)
    assert not told.words
    assert note in told.note
