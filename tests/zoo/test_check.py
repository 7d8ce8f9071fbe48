import re
from collections.abc import Callable
from pathlib import Path

import pytest
from safetensors.torch import save

from acrank.errors import ConfigError
from acrank.zoo import Hub, ZooEntry, load_backbone
from acrank.zoo.checkpoints.reading import file_sha256
from acrank.zoo.files.checking import Checked, Checker
from acrank.zoo.files.pinning import check_zoo, pin_zoo
from acrank.zoo.sources.checkpoint import NO_SHA256
from acrank.zoo.sources.hub import UNPINNED

from .conftest import TIMM_NAME, TIMM_REPO, config_bytes, offline_twin, tensors, weights_bytes
from .standin import Repo, StandIn
from .test_hub import dead_endpoint

SAFE = "model.safetensors"
Make = Callable[..., ZooEntry]


@pytest.fixture
def stocked(standin: StandIn) -> StandIn:
    sound = {SAFE: weights_bytes(7), "config.json": config_bytes(7)}
    standin.add(TIMM_REPO, {SAFE: weights_bytes()}, "c" * 40)
    standin.repos["me/net"] = Repo({"d" * 40: sound, "e" * 40: sound}, {"main": "d" * 40})
    standin.repos["me/net"].refs["v1"] = "e" * 40
    standin.add("me/files", {"sub/own.safetensors": weights_bytes(7)}, "f" * 40)
    standin.add("me/misfit", {SAFE: weights_bytes(7), "config.json": config_bytes(9)})
    standin.add("me/damaged", {SAFE: b"x" * 200, "config.json": config_bytes(9)})
    standin.add("me/empty", {"README.md": b""})
    return standin


def one_error(checked: Checked) -> str:
    assert checked.status == "error"
    assert len(checked.errors) == 1
    return checked.errors[0]


@pytest.mark.usefixtures("stocked")
def test_what_is_on_the_hub(standin: StandIn, hub: Hub) -> None:
    check = Checker(hub)
    timm = check(ZooEntry(name=TIMM_NAME), 3)
    assert (timm.status, timm.commit, timm.line) == ("ok", "c" * 40, 3)
    assert (timm.license, timm.size) == ("apache-2.0", len(weights_bytes()))
    net = check(ZooEntry(name="x", source="hf-hub:me/net@v1"))
    assert (net.status, net.warnings, net.commit) == ("warning", [UNPINNED], "e" * 40)
    assert (net.license, net.size) == ("mit", len(weights_bytes(7)))
    own = ZooEntry(name="o", arch="lcnet_050", weights="hf-hub:me/files/sub/own.safetensors")
    assert check(own).warnings == ["no licence", UNPINNED]
    got = [request for request in standin.requests if request.startswith("GET /me/")]
    assert not hub.cached_commit("me/files", "main")
    assert len(got) == 3  # two headers and a config.json
    pinned = own.model_copy(
        update={"weights": f"hf-hub:me/files@{'f' * 40}/sub/own.safetensors", "license": "mit"}
    )
    assert check(pinned).status == "ok"


@pytest.mark.usefixtures("stocked")
@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"source": "hf-hub:me/gone"}, "no such repository"),
        ({"source": f"hf-hub:me/net@{'9' * 40}"}, "no revision"),
        ({"source": "hf-hub:me/empty"}, "holds no model.safetensors"),
        ({"source": "hf-hub:me/misfit"}, r"2 of another shape \(classifier.bias, "),
        ({"source": "hf-hub:me/damaged"}, "not a readable safetensors file"),
        (
            {"arch": "lcnet_050", "weights": "hf-hub:me/files/sub/gone.safetensors"},
            "holds no sub/gone.safetensors",
        ),
        (
            {"arch": "resnet10t", "weights": "hf-hub:me/files/sub/own.safetensors"},
            "does not fit the network: .* missing",
        ),
    ],
)
def test_faults_on_the_hub(hub: Hub, fields: dict[str, str], message: str) -> None:
    checked = Checker(hub)(ZooEntry(name="x", **fields))  # type: ignore[arg-type]
    assert re.search(message, one_error(checked))


@pytest.mark.usefixtures("stocked")
def test_what_is_cached_is_checked_without_a_request(standin: StandIn, hub: Hub) -> None:
    entry = ZooEntry(name="x", source="hf-hub:me/net")
    load_backbone(entry, hub=hub)
    load_backbone(ZooEntry(name=TIMM_NAME), hub=hub)
    standin.requests.clear()
    checked = Checker(hub)(entry)
    assert (checked.warnings, checked.commit) == ([UNPINNED], "d" * 40)
    assert Checker(hub)(ZooEntry(name=TIMM_NAME)).status == "ok"
    assert standin.requests == []


def test_offline_what_is_not_cached_is_a_warning(standin: StandIn, hub: Hub) -> None:
    checked = Checker(offline_twin(hub))(ZooEntry(name=TIMM_NAME))
    assert checked.status == "warning"
    assert "not in the local cache" in checked.warnings[0]
    assert standin.requests == []


def test_local_checkpoints(arch_entry: Make, no_hub: Hub, tmp_path: Path) -> None:
    check = Checker(no_hub)
    entry = arch_entry(license="mit")
    sha256 = file_sha256(tmp_path / "own.safetensors")
    checked = check(entry)
    assert (checked.warnings, checked.sha256) == ([NO_SHA256], sha256)
    assert checked.revision == f"sha256:{sha256[:12]}"
    assert check(arch_entry(license="mit", sha256=sha256)).status == "ok"
    assert "SHA-256 starts with" in one_error(check(arch_entry(sha256="0" * 64)))
    assert "no weights file" in one_error(check(arch_entry(weights="gone.pth")))
    assert "cannot build" in one_error(check(arch_entry(kwargs={"bla": 1})))
    (tmp_path / "cut.safetensors").write_bytes(weights_bytes(7)[:999])
    assert "cannot be read" in one_error(check(arch_entry(weights="cut.safetensors")))
    fewer = tensors(7)
    fewer.pop("conv_stem.weight")
    assert "1 missing (conv_stem.weight)" in one_error(check(arch_entry(fewer)))


def test_no_weights_are_loaded_if_the_shapes_fit(
    arch_entry: Make, no_hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*args: object, **kwargs: object) -> None:
        raise AssertionError

    for name in ("load_backbone", "read_state"):
        monkeypatch.setattr(f"acrank.zoo.files.checking.{name}", refuse)
    assert Checker(no_hub)(arch_entry()).errors  # the test sees that it is asked
    monkeypatch.undo()
    monkeypatch.setattr("acrank.zoo.files.checking.load_backbone", refuse)
    assert not Checker(no_hub)(arch_entry()).errors


def test_folders(no_hub: Hub, tmp_path: Path) -> None:
    entry = ZooEntry(name="x", source="local-dir:net", base=tmp_path)
    check = Checker(no_hub)
    assert "no config.json" in one_error(check(entry))
    (tmp_path / "net").mkdir()
    (tmp_path / "net" / "config.json").write_bytes(config_bytes(7))
    assert "no model.safetensors" in one_error(check(entry))
    (tmp_path / "net" / SAFE).write_bytes(weights_bytes(7))
    assert check(entry).status == "ok"
    assert check(entry).license == "mit"
    (tmp_path / "net" / SAFE).write_bytes(weights_bytes(9))
    assert "2 of another shape (classifier.bias, " in one_error(check(entry))
    (tmp_path / "net" / "config.json").write_bytes(b"{")
    assert "not a readable JSON" in one_error(check(entry))


def test_tensors_that_timm_renames_as_it_loads(no_hub: Hub, tmp_path: Path) -> None:
    """Only loading tells that such a folder is sound."""
    (tmp_path / "config.json").write_bytes(config_bytes(7))
    wrapped = {f"module.{key}": value for key, value in tensors(7).items()}
    (tmp_path / SAFE).write_bytes(save(wrapped))
    entry = ZooEntry(name="x", source=f"local-dir:{tmp_path}")
    assert Checker(no_hub)(entry).status == "ok"


def test_factories_run_only_with_trust(no_hub: Hub, tmp_path: Path) -> None:
    (tmp_path / "nets_checked.py").write_text(
        "import timm\ndef make():\n    return timm.create_model('lcnet_050', num_classes=7)\n"
    )
    (tmp_path / "w.safetensors").write_bytes(weights_bytes(9))
    fields = {"name": "f", "factory": "nets_checked:make", "license": "mit", "base": tmp_path}
    bare = ZooEntry(**fields)  # type: ignore[arg-type]
    assert Checker(no_hub)(bare).warnings == ["factory not run: that needs --trust-code"]
    assert Checker(no_hub, trust_code=True)(bare).status == "ok"
    misfit = bare.model_copy(update={"weights": "w.safetensors"})
    assert "does not fit" in one_error(Checker(no_hub, trust_code=True)(misfit))


ZOO = """\
# ours
version: 1
models:
  - {name: a, source: 'hf-hub:me/net'}   # branch
  - name: b
    source: hf-hub:me/net@v1
  - {name: far, arch: lcnet_050, weights: hf-hub:me/files/sub/own.safetensors}
  - name: own
    arch: lcnet_050
    weights: own.safetensors  # ours
  - {name: typo, source: resnet81}
  - lcnet_050.ra2_in1k
"""


@pytest.mark.usefixtures("stocked", "arch_entry")
def test_pinning_a_file(
    hub: Hub, write_zoo: Callable[[str], Path], arch_entry: Make, tmp_path: Path
) -> None:
    arch_entry()
    path = write_zoo(ZOO)
    told: list[str] = []
    report = check_zoo(str(path), hub, tell=told.append)
    statuses = [checked.status for checked in report.checks]
    assert statuses == ["warning", "warning", "warning", "warning", "error", "ok"]
    assert pin_zoo(report) == f"pinned 4 model(s) in {path}"
    sha256 = file_sha256(tmp_path / "own.safetensors")
    wanted = (
        ZOO.replace("hf-hub:me/net'", f"hf-hub:me/net@{'d' * 40}'")
        .replace("@v1", f"@{'e' * 40}")
        .replace("me/files/", f"me/files@{'f' * 40}/")
        .replace("  # ours\n", f"  # ours\n    sha256: {sha256}\n")
    )
    assert path.read_text() == wanted
    assert [checked.line for checked in report.checks] == [4, 5, 7, 8, 12, 13]
    assert "line 12" in report.checks[4].errors[0]
    assert report.checks[0].status == "ok"
    mtime = path.stat().st_mtime_ns
    again = pin_zoo(check_zoo(str(path), hub, tell=told.append))
    assert again == f"nothing to pin in {path}"
    assert path.stat().st_mtime_ns == mtime
    assert told == []


def test_what_cannot_be_pinned_is_an_error(
    tmp_path: Path, write_zoo: Callable[[str], Path]
) -> None:
    path = write_zoo("version: 1\nmodels: [{name: a, source: hf-hub:me/net, license: mit}]\n")
    hub = Hub(endpoint=dead_endpoint(), cache_dir=tmp_path / "hub")
    told: list[str] = []
    report = check_zoo(str(path), hub, tell=told.append)
    assert "does not answer" in told[0]
    assert report.checks[0].status == "warning"
    before = path.read_bytes()
    assert pin_zoo(report).startswith("nothing to pin")
    assert report.checks[0].errors == ["cannot be pinned: its commit is not known"]
    assert path.read_bytes() == before


def test_packaged_zoos_are_not_changed(no_hub: Hub) -> None:
    report = check_zoo("demo", no_hub, tell=print)
    assert all(not checked.errors for checked in report.checks)
    with pytest.raises(ConfigError, match="comes with acrank"):
        pin_zoo(report)
