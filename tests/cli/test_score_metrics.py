"""``acrank score`` with further metrics, as a user calls it."""

import csv
import io
import json
from pathlib import Path

import pytest

from tests.cli.test_score import DEMO, FAST, Acrank, acrank, transformer, write_zoo

__all__ = ["acrank"]  # the fixture

NAMES = "log_me,h_score,leep"


def rows(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def test_metrics_become_columns_between_ac_corr_and_params(acrank: Acrank) -> None:
    done = acrank(*DEMO, "--metric", NAMES, "--metric", "params", "--format", "csv")
    assert done.returncode == 0
    header = done.stdout.splitlines()[0]
    assert "ac_corr_zero,log_me,h_score,leep,params,params_m" in header
    untrained = next(row for row in rows(done.stdout) if row["model"] == "demo-untrained")
    assert untrained["ac_corr"] == ""
    assert float(untrained["log_me"]) < 0.1  # other scores do not need its affines
    assert "h_score: n-below-d (16 images" in untrained["flags"]


def test_ranking_by_another_metric(acrank: Acrank, tmp_path: Path) -> None:
    several = ("--samples", "32", "--rank-by", "log_me", "--bootstrap", "8")  # images a class
    done = acrank(*DEMO, *several, "--json", "out.json")
    assert done.returncode == 0
    assert "log_me ↑" in done.stdout
    assert "random parts of the sample" in done.stdout
    document = json.loads((tmp_path / "out.json").read_text())
    assert document["rank_by"] == "log_me"
    assert document["metrics"] == ["ac_corr", "ac_corr_channel", "ac_corr_zero", "log_me"]
    values = [model["log_me"] for model in document["models"]]
    assert values == sorted(values, reverse=True)
    assert all(len(model["replicates"]["log_me"]) == 8 for model in document["models"])
    ranked = {model["model"]: model["rank"] for model in document["models"]}
    assert ranked["demo-untrained"] is not None


def test_a_network_without_batchnorm_has_its_other_scores(acrank: Acrank, tmp_path: Path) -> None:
    zoo = write_zoo(tmp_path, {"name": "vit", **transformer(tmp_path)})
    score = ("score", "--data", "demo", "--zoo", zoo, *FAST, "--format", "csv")
    alone = acrank(*score, "--rank-by", "ac_corr")
    assert alone.returncode == 4  # nothing has an AC-Corr
    assert "--rank-by log_me" in rows(alone.stdout)[0]["reason"]
    for name in ("log_me", "params"):
        done = acrank(*score, "--rank-by", name, "--features", "kept")
        assert done.returncode == 0
        assert rows(done.stdout)[0]["rank"] == "1"
    again = acrank("score", "--from-features", "kept", "--rank-by", "knn", "--format", "csv")
    assert rows(again.stdout)[0]["rank"] == "1"


def test_consensus_says_who_voted(acrank: Acrank) -> None:
    done = acrank(*DEMO, "--rank-by", "consensus")
    assert done.returncode == 0
    assert "consensus ↑" in done.stdout
    assert "places" in done.stdout
    assert "mean rank by 2 metrics: ac_corr, log_me" in done.stderr


def test_a_guard_is_marked_explained_and_strict(acrank: Acrank) -> None:
    done = acrank(*DEMO, "--metric", "h_score", "--bootstrap", "0", "--strict")
    assert done.returncode == 3
    assert "9.000!" in done.stdout
    assert "! saturated: the score is at the end of its range" in done.stdout
    assert "h_score of 10 models" in done.stdout


def test_features_are_written_and_ranked_again(acrank: Acrank, tmp_path: Path) -> None:
    first = acrank(*DEMO, "--metric", "log_me", "--features", "kept", "--format", "csv")
    assert len(list((tmp_path / "kept").glob("*.safetensors"))) == 10
    again = acrank("score", "--from-features", "kept", "--metric", "log_me", "--format", "csv")
    assert again.returncode == 0

    assert "no accuracy after fine-tuning is expected of them" in again.stderr

    def of_features(text: str) -> list[dict[str, str]]:
        # what is expected goes by entries of a zoo, which files of features have not
        other = {"seconds", "p_best_accuracy", "points_lost"}
        begin = ("prior", "history", "expected")
        return [
            {k: v for k, v in row.items() if k not in other and not k.startswith(begin)}
            for row in rows(text)
        ]

    assert of_features(again.stdout) == of_features(first.stdout)
    assert all(row["expected"] for row in rows(first.stdout))
    assert not any(row.get("expected") for row in rows(again.stdout))


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--metric", "logme"), ("no metric 'logme'", "Did you mean log_me?")),
        (("--rank-by", "best"), ("no metric 'best'", "Known: ac_corr,")),
        (("--bootstrap", "-1"), ("Setting 'bootstrap' is -1",)),
    ],
)
def test_names_that_are_wrong(acrank: Acrank, arguments: tuple[str], words: tuple[str]) -> None:
    done = acrank(*DEMO, *arguments)
    assert done.returncode == 2
    assert done.stdout == ""
    assert all(word in done.stderr for word in words)


def test_from_features_goes_with_nothing_of_a_network(acrank: Acrank) -> None:
    for option in (("--data", "demo"), ("--lr", "1"), ("--features", "x")):
        done = acrank("score", "--from-features", "kept", *option)
        assert done.returncode == 2
        assert f"{option[0]} cannot be used with --from-features" in done.stderr


def test_features_that_cannot_be_written_lose_no_score(
    acrank: Acrank, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*arguments: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("acrank.cache.features.save_file", full)
    done = acrank(*DEMO, "--features", "kept")
    assert done.returncode == 3
    assert "features-not-written" in done.stdout
    assert "No space left" in done.stdout
    assert "1.3" in done.stdout
