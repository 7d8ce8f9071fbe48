"""Folders of timm: their weights are checked as those of ``arch`` and ``weights`` are."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file

from acrank.errors import ModelError
from acrank.zoo import Backbone, Hub, ZooEntry, load_backbone
from acrank.zoo.checkpoints.reading import file_sha256
from acrank.zoo.files.checking import Checker

from .conftest import config_bytes, tensors

HALF = dict(list(tensors(7).items())[:120])


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "net").mkdir()
    (tmp_path / "net" / "config.json").write_bytes(config_bytes(7))
    return tmp_path / "net"


def load(folder: Path, **kwargs: Any) -> Backbone:
    entry = ZooEntry(name="x", source="local-dir:net", base=folder.parent, kwargs=kwargs)
    hub = Hub(offline=True, cache_dir=folder.parent / "hub")
    loaded = load_backbone(entry, hub=hub)
    state = loaded.model.state_dict()
    assert all(torch.equal(value, tensors(7)[name]) for name, value in state.items())
    assert Checker(hub)(entry).status == "ok"
    return loaded


@pytest.mark.parametrize("classes", [None, 0, 5])
@pytest.mark.parametrize("lead", ["", "model.", "net.backbone."])
def test_names_with_a_leading_part_fit(folder: Path, classes: int | None, lead: str) -> None:
    save_file({f"{lead}{k}": v for k, v in tensors(7).items()}, folder / "model.safetensors")
    loaded = load(folder, **({} if classes is None else {"num_classes": classes}))
    assert loaded.flags == ({"renamed-weights": f"'{lead}' taken off the names"} if lead else {})
    assert (loaded.head is None) == (classes is not None)  # a head that was drawn is no source's


@pytest.mark.parametrize("classes", [0, 5, 7])
def test_half_of_the_tensors_is_refused(folder: Path, classes: int) -> None:
    save_file(HALF, folder / "model.safetensors")
    with pytest.raises(ModelError, match=r"model.safetensors does not fit .* missing") as caught:
        load(folder, num_classes=classes)
    assert "partial" not in str(caught.value)  # no field of such an entry


def test_a_head_given_by_the_folder_itself(folder: Path) -> None:
    config = json.loads(config_bytes(7)) | {"model_args": {"num_classes": 0}}
    (folder / "config.json").write_text(json.dumps(config))
    save_file(tensors(7), folder / "model.safetensors")
    assert load(folder).head is None
    save_file(HALF, folder / "model.safetensors")
    with pytest.raises(ModelError, match="does not fit the network"):
        load(folder)


def split(folder: Path, *names: str) -> None:
    state = tensors(7)
    keys = [list(state)[:100], list(state)[100:]]
    for name, some in zip(names, keys, strict=True):
        part = {key: state[key] for key in some}
        if name.endswith(".bin"):
            torch.save(part, folder / name)
        else:
            save_file(part, folder / name)


def write_index(path: Path, *names: str) -> None:
    state = list(tensors(7))
    where = {key: names[index >= 100] for index, key in enumerate(state)}
    path.write_text(json.dumps({"metadata": {"total_size": 1}, "weight_map": where}))


@pytest.mark.parametrize("classes", [{}, {"num_classes": 0}])
@pytest.mark.parametrize(("kind", "suffix"), [("model", "safetensors"), ("pytorch_model", "bin")])
def test_weights_in_several_files(
    folder: Path, kind: str, suffix: str, classes: dict[str, int]
) -> None:
    names = [f"{kind}-0000{number}-of-00002.{suffix}" for number in (1, 2)]
    split(folder, *names)
    if suffix == "safetensors":  # their names are enough
        load(folder, **classes)
    write_index(folder / f"{kind}.{suffix}.index.json", *names)
    loaded = load(folder, **classes)
    digest = file_sha256(folder / f"{kind}.{suffix}.index.json")
    assert loaded.info.revision == f"sha256:{digest[:12]}"
    split(folder, *reversed(names))  # the same index, other content
    assert file_sha256(folder / f"{kind}.{suffix}.index.json") != digest
    (folder / names[1]).unlink()
    with pytest.raises(ModelError, match=rf"in 2 file\(s\); {names[1]} is missing"):
        load(folder, **classes)


def test_an_index_may_be_named_as_weights(folder: Path, no_hub: Hub) -> None:
    split(folder, "a.safetensors", "b.safetensors")
    write_index(folder / "x.index.json", "a.safetensors", "b.safetensors")
    fields = {"name": "x", "arch": "lcnet_050", "base": folder, "weights": "x.index.json"}
    entry = ZooEntry.model_validate(fields)
    assert load_backbone(entry, hub=no_hub).flags == {}
    checked = Checker(no_hub)(entry)
    assert checked.size == sum((folder / f"{n}.safetensors").stat().st_size for n in "ab")
    pinned = entry.model_copy(update={"sha256": checked.sha256})
    assert load_backbone(pinned, hub=no_hub).flags == {}
    save_file({"bn1.weight": torch.ones(8)}, folder / "a.safetensors")
    with pytest.raises(ModelError, match="is not the file that the zoo names"):
        load_backbone(pinned, hub=no_hub)


@pytest.mark.parametrize("content", ["[]", '{"weight_map": {}}', '{"weight_map": [1]}', "{", "7"])
def test_an_index_that_is_none(folder: Path, content: str) -> None:
    (folder / "model.safetensors.index.json").write_text(content)
    with pytest.raises(ModelError, match=r"index of a checkpoint|names 0 files"):
        load(folder)


def test_a_tensor_twice_is_refused(folder: Path) -> None:
    split(folder, "a.safetensors", "b.safetensors")
    save_file(tensors(7), folder / "b.safetensors")
    write_index(folder / "model.safetensors.index.json", "a.safetensors", "b.safetensors")
    with pytest.raises(ModelError, match="twice"):
        load(folder)


def test_another_checkpoint_beside_it_is_said(folder: Path) -> None:
    for name in ("best.safetensors", "last.safetensors"):
        save_file(tensors(7), folder / name)
    said = "best.safetensors taken; there is also last.safetensors"
    assert load(folder).flags == {"checkpoint-part": said}
    save_file(tensors(7), folder / "model.safetensors")
    assert load(folder).flags == {}


@pytest.mark.parametrize("classes", [0, 7, 9])
@pytest.mark.parametrize("head", [None, 7, 9])
def test_a_head_that_does_not_fit_says_how_to_leave_it_out(
    folder: Path, classes: int, head: int | None
) -> None:
    (folder / "config.json").write_bytes(config_bytes(classes))
    state = tensors(head or 7)
    if head is None:
        state = {k: v for k, v in state.items() if not k.startswith("classifier")}
    save_file(state, folder / "model.safetensors")
    entry = ZooEntry(name="x", source="local-dir:net", base=folder.parent)
    hub = Hub(offline=True, cache_dir=folder.parent / "hub")
    if (head or 0) == classes:
        assert load_backbone(entry, hub=hub).flags == {}
        return
    with pytest.raises(ModelError, match="num_classes: 0 in kwargs leaves the head out"):
        load_backbone(entry, hub=hub)
    mended = entry.model_copy(update={"kwargs": {"num_classes": 0}})
    loaded = load_backbone(mended, hub=hub)
    assert (loaded.flags, loaded.head) == ({}, None)
    body = loaded.model.state_dict()
    assert all(torch.equal(body[name], state[name]) for name in body)
    assert Checker(hub)(mended).errors == []
