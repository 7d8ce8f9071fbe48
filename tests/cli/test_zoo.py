import json
from pathlib import Path

import pytest

from tests.cli.test_score import Acrank, acrank
from tests.zoo.conftest import config_bytes, standin, weights_bytes
from tests.zoo.standin import StandIn

__all__ = ["acrank", "standin"]  # fixtures
COMMIT = "d" * 40


@pytest.fixture
def hub(acrank: Acrank, standin: StandIn, monkeypatch: pytest.MonkeyPatch) -> StandIn:
    """A hub with one model, which the command line asks."""
    files = {"model.safetensors": weights_bytes(7), "config.json": config_bytes(7)}
    standin.add("me/net", files, COMMIT)
    constants = "huggingface_hub.constants"
    template = f"{standin.endpoint}/{{repo_id}}/resolve/{{revision}}/{{filename}}"
    monkeypatch.setattr(f"{constants}.ENDPOINT", standin.endpoint)
    monkeypatch.setattr(f"{constants}.HUGGINGFACE_CO_URL_TEMPLATE", template)
    return standin


def test_add_check_and_pin(acrank: Acrank, hub: StandIn) -> None:
    added = acrank("zoo", "add", "z.yaml", "hf-hub:me/net", "--no-pin")
    assert (added.returncode, added.stderr) == (
        0,
        "note: net: not pinned to a commit of the hub\n",
    )
    text = Path("z.yaml").read_text()
    assert added.stdout == text
    pinned = acrank("zoo", "check", "z.yaml", "--pin", "--format", "json")
    assert (pinned.returncode, pinned.stderr) == (0, "note: pinned 1 model(s) in z.yaml\n")
    (row,) = json.loads(pinned.stdout)
    assert (row["status"], row["revision"], row["line"]) == ("ok", COMMIT, 3)
    assert Path("z.yaml").read_text() == text.replace("me/net}", f"me/net@{COMMIT}}}")
    Path("z.yaml").write_text(text + "  - {name: gone, source: hf-hub:me/gone}\n")
    checked = acrank("zoo", "check", "z.yaml")
    assert checked.returncode == 3
    assert "2 models, 1 with errors, 1 with warnings" in checked.stdout
    Path("z.yaml").write_text("version: 2\n")
    unusable = acrank("zoo", "check", "z.yaml")
    assert (unusable.returncode, unusable.stdout) == (2, "")
    assert "unknown version" in unusable.stderr


def test_warnings_count_if_asked(acrank: Acrank, hub: StandIn) -> None:
    Path("z.yaml").write_text("version: 1\nmodels: [{name: x, source: hf-hub:me/net}]\n")
    for options, code in (([], 0), (["--strict"], 3)):
        ran = acrank("zoo", "check", "z.yaml", "--offline", *options)
        assert ran.returncode == code, ran.stderr
    assert hub.requests == []


def test_sizes_of_a_listing(acrank: Acrank, hub: StandIn) -> None:
    Path("z.yaml").write_text("version: 1\nmodels: [{name: x, source: hf-hub:me/net}]\n")
    listing = ["list-zoo", "--zoo", "z.yaml", "--format", "json"]
    for options, size in (([], None), (["--sizes", "--offline"], None)):
        (row,) = json.loads(acrank(*listing, *options).stdout)
        assert row["weights_mb"] is size
    assert hub.requests == []
    (row,) = json.loads(acrank(*listing, "--sizes").stdout)
    assert row["weights_mb"] == round(len(weights_bytes(7)) / 1e6, 3)
    hub.status = 503
    ran = acrank(*listing, "--sizes")
    assert ran.returncode == 0
    assert "does not answer" in ran.stderr
