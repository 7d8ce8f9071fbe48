"""Results on disk: whole or not at all, whatever happens to the disk and beside it."""

import json
import multiprocessing
import os
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from acrank.cache import Key, ResultStore, cache_folder
from acrank.metrics.estimate import Estimate
from acrank.norm.types import LayerCorrelation
from acrank.results import ModelResult
from acrank.results.record import from_record, to_record

KEY = Key({"model": "net"}, {"ac_corr": "1", "knn": "2"})
RESULT = ModelResult(
    "net, *x* | 😀",
    "ok",
    scores={"ac_corr": Estimate.of_trials([1.0, 2.0]), "knn": Estimate(0.5, (), (0.1, 0.2))},
    undefined={"log_me": "why not"},
    guards={"knn": {"saturated": "text"}},
    flags={"dead-channels": "1 of 2"},
    layers=(LayerCorrelation("bn1", 8, 1, False, False, 1.2, 0.2, 1.0),),
    params=10,
    imagenet_top1=70.5,
    norm_layers=1,
    norm_channels=8,
    input_size=(3, 32, 32),
    license="mit",
    revision="abc",
    seconds=1.5,
)


@pytest.fixture
def told() -> list[str]:
    return []


@pytest.fixture
def store(tmp_path: Path, told: list[str]) -> ResultStore:
    return ResultStore(tmp_path / "results", tell=told.append)


def only_file(store: ResultStore) -> Path:
    (path,) = store.folder.glob("??/*/*.json")
    return path


def test_what_was_put_is_got_again(store: ResultStore, told: list[str]) -> None:
    assert store.get(KEY) is None
    assert store.put(KEY, RESULT, "demo") == ""
    # what is not among the metrics asked for is left out
    assert store.get(KEY) == replace(RESULT, kept=True, undefined={})
    assert store.get(Key({"model": "other"}, KEY.metrics)) is None
    assert told == []


def test_metrics_of_other_code_are_not_taken(store: ResultStore) -> None:
    store.put(KEY, RESULT, "demo")
    assert store.get(Key(KEY.fields, {"knn": "2"})) is not None
    assert store.get(Key(KEY.fields, {"knn": "3"})) is None
    assert store.get(Key(KEY.fields, {"ac_corr": "1", "log_me": "1"})) is None


def test_a_file_under_the_wrong_name_is_not_taken(store: ResultStore) -> None:
    store.put(KEY, RESULT, "demo")
    entry = json.loads(only_file(store).read_text())
    entry["key"]["model"] = "another"
    only_file(store).write_text(json.dumps(entry))
    assert store.get(KEY) is None


@pytest.mark.parametrize(
    "damage",
    [b"", b"{", b"[]", b"null", b"\xff\xfe", b"{}", b'{"key": {}, "metrics": [], "result": {}}'],
)
def test_an_unreadable_entry_is_a_miss_with_a_warning(
    store: ResultStore, told: list[str], damage: bytes
) -> None:
    store.put(KEY, RESULT, "demo")
    path = only_file(store)
    path.write_bytes(damage)
    assert store.get(KEY) is None
    assert len(told) == 1
    assert str(path) in told[0]
    assert store.put(KEY, RESULT, "demo") == ""
    assert store.get(KEY) is not None


@given(place=st.integers(0, 10_000), byte=st.integers(0, 255))
def test_no_damage_of_one_byte_raises(
    tmp_path_factory: pytest.TempPathFactory, place: int, byte: int
) -> None:
    store = ResultStore(tmp_path_factory.mktemp("results"))
    store.put(KEY, RESULT, "demo")
    path = only_file(store)
    content = bytearray(path.read_bytes())
    content[place % len(content)] = byte
    path.write_bytes(bytes(content))
    found = store.get(KEY)
    assert found is None or found.model


def test_a_cut_file_is_a_miss(store: ResultStore) -> None:
    store.put(KEY, RESULT, "demo")
    content = only_file(store).read_bytes()
    for length in range(0, len(content) - 1, 7):
        only_file(store).write_bytes(content[:length])
        assert store.get(KEY) is None


def test_a_full_disk_leaves_what_was_there(
    store: ResultStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.put(KEY, RESULT, "demo")
    before = only_file(store).read_bytes()

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    assert "No space left" in store.put(KEY, replace(RESULT, params=11), "demo")
    assert only_file(store).read_bytes() == before
    assert store.get(KEY) is not None


def test_a_place_that_is_no_folder_is_a_reason(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    store = ResultStore(tmp_path / "file")
    assert store.get(KEY) is None
    assert str(tmp_path) in store.put(KEY, RESULT, "demo")


def test_a_folder_that_cannot_be_looked_into_is_a_miss_and_a_reason(told: list[str]) -> None:
    store = ResultStore(Path("a" * 300), told.append)
    assert store.get(KEY) is None
    assert any("File name too long" in text for text in told)
    assert "File name too long" in store.put(KEY, RESULT, "demo")


def put_many(folder: Path, worker: int) -> None:
    store = ResultStore(folder)
    for number in range(20):
        key = Key({"model": number}, {"ac_corr": "1"})
        assert store.put(key, replace(RESULT, params=worker), "demo") == ""
        assert store.get(key) is not None


def test_two_processes_at_once_leave_whole_entries(store: ResultStore, told: list[str]) -> None:
    context = multiprocessing.get_context("spawn")
    processes = [context.Process(target=put_many, args=(store.folder, i)) for i in range(2)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(120)
    assert [process.exitcode for process in processes] == [0, 0]
    assert len(list(store)) == 20
    assert told == []
    assert not list(store.folder.glob("**/.acrank-*"))


def test_listing_and_removing(store: ResultStore) -> None:
    other = Key({"model": "b"}, {"ac_corr": "1"})
    store.put(KEY, RESULT, "demo")
    store.put(other, replace(RESULT, model="b"), "here")
    assert [(kept.model, kept.data, kept.metrics) for kept in store] == [
        ("b", "here", 1),
        (RESULT.model, "demo", 2),
    ]
    assert store.remove([kept for kept in store if kept.model == "b"]) == 1
    assert [kept.model for kept in store] == [RESULT.model]
    assert len(list(store.folder.glob("??/*"))) == 1


def test_the_cache_folder_can_be_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("ACRANK_CACHE", str(tmp_path))
    assert cache_folder() == tmp_path
    assert ResultStore().folder == tmp_path / "results"
    monkeypatch.delenv("ACRANK_CACHE")
    assert cache_folder().name == "acrank"


def test_nothing_is_lost_in_a_record() -> None:
    nan = float("nan")
    odd = replace(
        RESULT,
        status="unranked",
        reason="why",
        scores={"knn": Estimate(0.1 + 0.2, (), (nan, 1e-300))},
        layers=(LayerCorrelation("bn", 8, 8, True, False, nan, nan, nan),),
        input_size=None,
        params=None,
    )
    for result in (RESULT, odd, ModelResult.failed("x", 'said "no",\n')):
        text = json.dumps(to_record(result), allow_nan=False)
        assert to_record(from_record(json.loads(text))) == to_record(result)
        assert repr(from_record(json.loads(text))) == repr(result)


@pytest.mark.parametrize(
    "change",
    [
        {"status": "splendid"},
        {"scores": [1]},
        {"scores": {"knn": "high"}},
        {"trials": None},
        {"layers": [1]},
        {"layers": [{"name": "bn"}]},
        {"params": "many"},
        {"reason": ...},
    ],
)
def test_what_is_no_record_is_refused(change: dict[str, object]) -> None:
    record = {**to_record(RESULT), **change}
    with pytest.raises(ValueError, match=r".+"):
        from_record({name: value for name, value in record.items() if value is not ...})
