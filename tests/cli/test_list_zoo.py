import csv
import io
import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from acrank.cli.app import app
from acrank.errors import ConfigError, PriorsError
from acrank.priors import book
from acrank.zoo import read_zoo


@pytest.fixture(autouse=True)
def _empty_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))


def listed(*arguments: str) -> list[dict[str, str]]:
    result = CliRunner().invoke(app, ["list-zoo", "--format", "csv", *arguments])
    assert result.exit_code == 0, result.output
    return list(csv.DictReader(io.StringIO(result.stdout)))


def test_the_demo_zoo() -> None:
    rows = {row["name"]: row for row in listed("--zoo", "demo")}
    assert 8 <= len(rows) <= 10
    row = rows["demo-cifar10"]
    assert row["cached"] == "True"
    assert row["revision"].startswith("sha256:")
    assert row["input_size"] == "3x64x64"
    assert float(row["params_m"]) < 0.2


def test_the_default_zoo_is_as_promised() -> None:
    rows = listed()
    assert 35 <= len(rows) <= 50
    for row in rows:
        assert row["license"], row["name"]
        assert "nc" not in row["license"].split("-"), row["name"]
        assert row["cached"] == "False"
        assert 1 < float(row["params_m"]) < 100
        assert int(row["norm_layers"]) > 5
    assert len({row["tags"].split()[0] for row in rows}) > 15


def test_filters_hold_together() -> None:
    small = listed("--max-params", "6")
    assert 0 < len(small) < len(read_zoo("default").entries)
    assert all(float(row["params_m"]) <= 6 for row in small)
    tagged = listed("--tag", "resnet", "--license", "bsd*")
    assert tagged
    assert all("resnet" in row["tags"].split() for row in tagged)
    assert all(row["license"].startswith("bsd") for row in tagged)
    assert listed("--cached", "--zoo", "default", "--model", "resnet*") == []
    names = [row["name"] for row in listed("--zoo", "default", "--model", "resnet18*")]
    assert names == ["resnet18.a1_in1k", "resnet18.tiatoolbox-kather100k"]


def test_names_come_from_timm_without_a_zoo() -> None:
    names = [row["name"] for row in listed("--model", "resnet10t.*", "--model", "resnet18")]
    assert names[0] == "resnet10t.c3_in1k"
    assert names[-1].startswith("resnet18.")


@pytest.mark.parametrize("output", ["table", "json", "md"])
def test_other_formats(output: str) -> None:
    result = CliRunner().invoke(app, ["list-zoo", "--zoo", "demo", "--format", output])
    assert result.exit_code == 0
    assert "demo-untrained" in result.stdout
    if output == "json":
        assert json.loads(result.stdout)[0]["norm_layers"] > 0


def test_ranges_and_order() -> None:
    models = ("--model", "lcnet_*", "--model", "resnet10t.*")
    rows = listed(*models, "--min-params", "2", "--max-params", "5", "--sort", "params")
    sizes = [float(row["params_m"]) for row in rows]
    assert sizes == sorted(sizes)
    assert [row["name"][:9] for row in rows] == ["lcnet_075", "lcnet_100"]
    assert all(not row["macs_g"] and not row["memory_mb"] for row in rows)
    names = [row["name"] for row in listed(*models, "--sort", "name")]
    assert names == sorted(names)
    assert len(names) == 4


def test_costs_on_demand() -> None:
    rows = listed("--tag", "mobilenetv3", "--costs")
    assert {row["macs_g"] for row in rows} == {"0.217"}
    half = listed("--tag", "mobilenetv3", "--costs", "--batch-size", "16")
    assert float(half[0]["memory_mb"]) < 0.6 * float(rows[0]["memory_mb"])
    small = listed("--model", "lcnet_*", "--max-macs", "0.1", "--sort", "macs")
    assert [row["name"][:9] for row in small] == ["lcnet_050", "lcnet_075"]


def test_licences() -> None:
    chosen = ("--tag", "histology")
    assert len(listed(*chosen, "--license", "permissive")) == 2
    assert not listed(*chosen, "--license", "gpl-*,agpl-*")
    both = listed(*chosen, "--license", "MIT", "--license", "isc, cc-by-*")
    assert {row["license"] for row in both} == {"cc-by-4.0"}


def test_one_bad_entry_does_not_end_a_listing(tmp_path: Path) -> None:
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "config.json").write_text("{")
    (tmp_path / "odd").mkdir()
    config = {"architecture": "lcnet_050", "pretrained_cfg": {"mean": "x"}}
    (tmp_path / "odd" / "config.json").write_text(json.dumps(config))
    zoo = tmp_path / "zoo.yaml"
    zoo.write_text("version: 1\nmodels: [local-dir:broken, local-dir:odd, lcnet_050]\n")
    for options in ([], ["--max-params", "5", "--costs", "--sort", "macs"]):
        arguments = ["list-zoo", "--zoo", str(zoo), "--format", "csv", *options]
        result = CliRunner().invoke(app, arguments)
        assert result.exit_code == 3
        rows = {row["name"]: row for row in csv.DictReader(io.StringIO(result.stdout))}
        assert "not a readable JSON" in rows["local-dir:broken"]["reason"]
        assert "could not convert" in rows["local-dir:odd"]["reason"]
        assert rows["lcnet_050"]["reason"] == ""
        assert float(rows["lcnet_050"]["params_m"]) > 1
    shown = CliRunner().invoke(app, ["list-zoo", "--zoo", str(zoo)])
    assert "3 models, 2 cannot be described" in shown.stdout
    only_sound = ["list-zoo", "--zoo", str(zoo), "--model", "lcnet*"]
    assert CliRunner().invoke(app, only_sound).exit_code == 0


def test_priors(tmp_path: Path) -> None:
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "config.json").write_text("{")
    zoo = tmp_path / "zoo.yaml"
    zoo.write_text(
        "version: 1\nmodels:\n- resnet18.a1_in1k\n- lcnet_050\n- local-dir:broken\n"
        "- {name: ours, arch: resnet18, weights: ours.safetensors}\n"
    )
    arguments = ["list-zoo", "--zoo", str(zoo), "--priors", "--format"]
    result = CliRunner().invoke(app, [*arguments, "csv"])
    assert result.exit_code == 3  # one is broken
    rows = {row["name"]: row for row in csv.DictReader(io.StringIO(result.stdout))}
    known = rows["resnet18.a1_in1k"]
    assert known["prior_basis"] == "measured"
    assert int(known["history_n"]) == 12
    assert "medmnistplus: sdoerrich97/" in known["prior_sources"]
    assert [rows[name]["prior_basis"] for name in ("lcnet_050", "ours")] == ["facts", "facts"]
    assert float(rows["ours"]["prior_deviation"]) > float(known["prior_deviation"])
    unknown = rows["local-dir:broken"]
    assert unknown["prior_basis"] == "nothing is published under this name"
    assert not unknown["prior"]
    for output in ("table", "md"):
        shown = CliRunner().invoke(app, [*arguments, output], env={"COLUMNS": "400"}).stdout
        assert f"{float(known['history']):.2f} (12)" in shown
        assert f"{float(known['prior']):.2f} ± {float(known['prior_deviation']):.2f}" in shown
        assert "standard deviations of their accuracies" in " ".join(shown.split())
    (first, *_) = json.loads(CliRunner().invoke(app, [*arguments, "json"]).stdout)
    assert first["prior"] == float(known["prior"])


def test_a_domain_sharpens_priors_and_says_what_it_did() -> None:
    arguments = ("--priors", "--model", "resnet18.a1_in1k", "--model", "lcnet_050")
    plain = {row["name"]: row for row in listed(*arguments)}
    told = {row["name"]: row for row in listed(*arguments, "--domain", "radiology")}
    for name, row in told.items():
        assert float(row["prior_deviation"]) < float(plain[name]["prior_deviation"])
        assert (row["prior_domain"], plain[name]["prior_domain"]) == ("radiology", "")
        assert row["history"] == plain[name]["history"]
    shown = CliRunner().invoke(app, ["list-zoo", *arguments, "--domain", "radiology"]).stdout
    assert "Domain radiology (with pathology, microscopy" in shown
    alone = CliRunner().invoke(app, ["list-zoo", "--domain", "radiology"])
    assert isinstance(alone.exception, ConfigError)
    assert "Add --priors" in str(alone.exception)


def test_without_being_asked_no_priors_are_shown() -> None:
    assert {row["prior_basis"] for row in listed("--zoo", "demo")} == {""}
    shown = CliRunner().invoke(app, ["list-zoo", "--zoo", "demo"]).stdout
    assert "prior" not in shown


def test_damaged_priors_end_a_listing_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "bad.gz").write_bytes(b"bad")
    monkeypatch.setattr("acrank.priors.published.FILE", tmp_path / "bad.gz")
    book.cache_clear()
    try:
        with pytest.raises(PriorsError, match="cannot be read"):
            CliRunner().invoke(app, ["list-zoo", "--priors"], catch_exceptions=False)
        assert CliRunner().invoke(app, ["list-zoo", "--zoo", "demo"]).exit_code == 0
    finally:
        book.cache_clear()
