"""Where in a checkpoint the tensors of a network are, and which of several places is meant."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import timm
import torch
from torch import Tensor

from acrank.errors import ModelError, ZooError
from acrank.zoo import Backbone, Hub, ZooEntry, describe, load_backbone, read_zoo
from acrank.zoo.checkpoints.fit import find_fit
from acrank.zoo.checkpoints.reading import Checkpoint
from acrank.zoo.files.checking import Checker

SMALL: dict[str, Any] = {"channels": [4, 4, 4, 8], "layers": [1] * 4}


def network(seed: int = 1, **kwargs: Any) -> torch.nn.Module:
    torch.manual_seed(seed)
    made: torch.nn.Module = timm.create_model("resnet18", num_classes=7, **SMALL, **kwargs)
    for name, value in made.state_dict().items():
        if "bn" in name and value.is_floating_point():
            value.uniform_(0.5, 1.5)
    return made


STATE = dict(network().state_dict())
BODY = {name: value for name, value in STATE.items() if not name.startswith("fc")}
PARAMETERS = {name: value.detach() for name, value in network().named_parameters()}
TENSORS = 65  # of the body, batch counters left out
OPTIMIZER = {"state": {0: {"exp_avg": torch.ones(3)}}, "param_groups": [{"lr": 0.1}]}
PROJECTION = {"fc.0.weight": torch.ones(8, 8), "fc.2.bias": torch.ones(5)}


def under(lead: str, state: Mapping[str, Tensor] = STATE) -> dict[str, Tensor]:
    return {f"{lead}{name}": value for name, value in state.items()}


@pytest.fixture
def entry(tmp_path: Path) -> ZooEntry:
    fields = {"name": "x", "arch": "resnet18", "weights": "w.pth", "kwargs": SMALL}
    return ZooEntry.model_validate({**fields, "base": tmp_path})


def load(entry: ZooEntry, content: object, **fields: Any) -> Backbone:
    torch.save(content, entry.base / "w.pth")
    entry = entry.model_copy(update=fields)
    hub = Hub(offline=True, cache_dir=entry.base / "hub")
    loaded = load_backbone(entry, hub=hub)
    weight = loaded.model.state_dict()["layer4.0.conv2.weight"]
    assert torch.equal(weight, BODY["layer4.0.conv2.weight"].float())
    assert describe(entry, hub=hub).params == loaded.info.params
    assert Checker(hub)(entry).errors == []
    return loaded


@pytest.mark.parametrize(
    ("lead", "said"),
    [
        ("model.", "model."),
        ("encoder_q.", "encoder_q."),
        ("module.base_encoder.", "base_encoder."),
        ("teacher.backbone.", "teacher.backbone."),
        ("backbone.body.", "backbone.body."),
        ("visual.", "visual."),
        ("model._orig_mod.", "model."),
        ("any.thing.at.all.", "any.thing.at.all."),
        ("_orig_mod.module.", ""),
        ("module.", ""),
    ],
)
def test_any_leading_part_is_found_with_its_head(entry: ZooEntry, lead: str, said: str) -> None:
    for content in (under(lead), {"state_dict": under(lead), "epoch": 3}):
        loaded = load(entry, content)
        assert loaded.flags == (
            {"renamed-weights": f"'{said}' taken off the names"} if said else {}
        )
        assert isinstance(loaded.head, torch.nn.Linear)
        assert loaded.head.out_features == 7


@pytest.mark.parametrize("key", ["model_state_dict", "net", "teacher", "weights", "params"])
def test_the_only_dictionary_of_tensors_is_taken(entry: ZooEntry, key: str) -> None:
    for content in (STATE, {"inner": STATE}, {"a": {"b": STATE}}):
        loaded = load(entry, {key: content, "epoch": 3, "optimizer": OPTIMIZER})
        assert (loaded.flags, loaded.head is None) == ({}, False)


def test_marks_of_wrappers_inside_names_are_taken_out(entry: ZooEntry) -> None:
    inside = {name.replace("layer1.", "layer1._orig_mod."): v for name, v in STATE.items()}
    assert load(entry, {"state_dict": inside}).flags == {}


def test_batch_counters_mean_nothing_whatever_their_form(entry: ZooEntry) -> None:
    counters = {name: value for name, value in STATE.items() if name.endswith("batches_tracked")}
    long = {name: value.reshape(1) for name, value in counters.items()}
    more = {"layer1.0.norm.1.num_batches_tracked": torch.tensor(3)}
    loaded = load(entry, {**STATE, **long, **more})
    assert (loaded.flags, loaded.head is None) == ({}, False)


def test_moco(entry: ZooEntry) -> None:
    query = under("module.encoder_q.", {**BODY, **PROJECTION})
    queue = {"module.queue": torch.ones(8, 9), "module.queue_ptr": torch.zeros(1)}
    flags = load(entry, {"state_dict": {**query, **queue}}).flags
    assert flags["renamed-weights"] == (
        "'encoder_q.' taken off the names; 2 tensor(s) under other names not used"
    )
    assert "another kind is left out (fc.0.weight, fc.2.bias)" in flags["checkpoint-part"]
    both = {"state_dict": {**query, **under("module.encoder_k.", BODY), **queue}}
    with pytest.raises(ModelError) as caught:
        load(entry, both)
    first, second = "state_dict.module.encoder_q", "state_dict.module.encoder_k"
    assert (
        f"2 sets of tensors that fit the network equally well: {first} ({TENSORS}), {second} ("
        in (caught.value.message)
    )
    assert f"key: {first}." in str(caught.value.hint)
    assert load(entry, both, key=first).head is None


def test_a_teacher_and_a_student(entry: ZooEntry) -> None:
    other = under("module.backbone.", dict(network(2).state_dict()))
    both = {"student": other, "teacher": under("backbone."), "loss": {"center": torch.ones(9)}}
    with pytest.raises(ModelError, match=r"student.module.backbone \(65\), teacher.backbone \(65"):
        load(entry, both)
    assert load(entry, both, key="teacher").head is not None
    assert load(entry, both, key="teacher.backbone.").head is not None
    with pytest.raises(ModelError, match=r"no tensors under the key 'pupil'\. There are: student"):
        load(entry, both, key="pupil")


def test_where_timm_looks_first_is_taken_and_the_others_are_said(entry: ZooEntry) -> None:
    other = dict(network(2).state_dict())
    flags = load(entry, {"state_dict": other, "state_dict_ema": under("module.")}).flags
    assert flags == {
        "checkpoint-part": f"'state_dict_ema.module' taken ({TENSORS} tensors fit); there is also "
        f"state_dict ({TENSORS})"
    }
    flags = load(entry, {"ema_state_dict": other, "state_dict": under("backbone.")}).flags
    assert "'state_dict.backbone' taken" in flags["checkpoint-part"]


@pytest.mark.parametrize("partial", [False, True])
def test_an_ema_without_running_statistics_is_passed_over(entry: ZooEntry, partial: bool) -> None:
    flags = load(entry, {"state_dict": STATE, "model_ema": PARAMETERS}, partial=partial).flags
    said = f"'state_dict' taken ({TENSORS} tensors fit); there is also model_ema (39)"
    assert flags == {"checkpoint-part": said}


def test_a_lightning_module_with_other_parts(entry: ZooEntry) -> None:
    state = {**under("model."), "loss.weight": torch.ones(7), "metric.seen": torch.ones(1)}
    flags = load(entry, {"state_dict": state, "hyper_parameters": {"lr": 0.1}}).flags
    assert flags == {
        "renamed-weights": "'model.' taken off the names; 2 tensor(s) under other names not used"
    }


def test_a_detector_whose_body_is_asked_for(entry: ZooEntry) -> None:
    state = {**under("backbone.bottom_up.", BODY), "roi_heads.box.weight": torch.ones(5, 5)}
    loaded = load(entry, {"model": state, "iteration": 3})
    assert "'backbone.bottom_up.' taken off" in loaded.flags["renamed-weights"]
    assert loaded.head is None


def test_dictionaries_of_parts_are_one_network() -> None:
    model = torch.nn.ModuleDict({"encoder": network(), "head": torch.nn.Linear(2, 2)})
    parts = {"encoder": STATE, "head": model["head"].state_dict(), "other": {"x": torch.ones(1)}}
    state = Checkpoint({f"{k}.{name}": v for k, d in parts.items() for name, v in d.items()})
    state.folders = frozenset(("", *parts))
    fit = find_fit(model, state, None)
    assert (fit.share, fit.unused, fit.renamed) == (1, 0, "")


def test_another_network_is_no_leading_part(entry: ZooEntry) -> None:
    other = timm.create_model("lcnet_050", num_classes=7).state_dict()
    with pytest.raises(ModelError, match=r"missing \(conv1.weight, .*blocks.0.0.bn1.bias"):
        load(entry, other)


def test_tensors_at_every_depth_take_no_time(entry: ZooEntry) -> None:
    deep = {"a." * 500 + str(index): torch.zeros(1) for index in range(300)}
    with pytest.raises(ModelError, match="does not fit the network"):
        load(entry, deep)


def test_key_is_a_word_of_the_zoo_file(tmp_path: Path) -> None:
    text = "version: 1\nmodels:\n  - {name: x, %s, key: teacher}\n"
    (tmp_path / "zoo.yaml").write_text(text % "arch: resnet18, weights: w.pth")
    assert read_zoo(str(tmp_path / "zoo.yaml")).entries[0].key == "teacher"
    (tmp_path / "zoo.yaml").write_text(text % "source: 'local-dir:d'")
    assert read_zoo(str(tmp_path / "zoo.yaml")).entries[0].key == "teacher"
    (tmp_path / "zoo.yaml").write_text(text % "source: resnet18")
    with pytest.raises(ZooError, match="key needs weights"):
        read_zoo(str(tmp_path / "zoo.yaml"))


def test_plain_names_go_before_those_with_a_leading_part(entry: ZooEntry) -> None:
    other = dict(network(2).state_dict())
    for content in (
        {**under("ema.", other), **STATE},
        {"state_dict": {**under("ema.", other), **STATE}},
    ):
        assert "there is also" in load(entry, content).flags["checkpoint-part"]


def test_a_part_of_a_larger_network_is_said(entry: ZooEntry) -> None:
    twice = timm.create_model("resnet18", num_classes=7, **{**SMALL, "layers": [2, 1, 1, 1]})
    more = {k: v for k, v in twice.state_dict().items() if k.startswith("layer1.1.")}
    said = load(entry, {"state_dict": {**STATE, **more}}, partial=True).flags["checkpoint-part"]
    assert said.startswith("10 tensor(s) of a larger network not used (layer1.1.bn1.bias, ")
    checked = Checker(Hub(offline=True))(entry.model_copy(update={"partial": True}))
    assert said in checked.warnings
