"""Which scores of an experiment are compared with one another."""

import csv
from dataclasses import replace

import pytest

from acrank.experiments.benchmark.tables import not_compared, scores_csv
from acrank.metrics.estimate import Estimate
from acrank.norm.types import NormKind
from acrank.report.builders.experiment_words import notes
from acrank.results import ModelResult, Ranking
from tests.report.experiments import make_experiment
from tests.report.rankings import make_ranking


def result(name: str, kind: NormKind) -> ModelResult:
    scores = {metric: Estimate(1.5) for metric in ("ac_corr", "log_me")}
    return ModelResult(name, "ok", scores=scores, norm_kind=kind)


def ranked(norms: str, *results: ModelResult) -> Ranking:
    record = {"config": {"norms": norms}}
    return make_ranking(list(results), "log_me", metrics=("ac_corr", "log_me"), record=record)


@pytest.mark.parametrize(("norms", "told"), [("affine", ""), ("mixed", "1.5")])
def test_ac_corr_of_other_layers_is_left_out_unless_asked(norms: str, told: str) -> None:
    ranking = ranked(norms, result("resnet", "batch"), result("vit", "layer"))
    rows = {row["model"]: row for row in csv.DictReader(scores_csv({"d": ranking}).splitlines())}
    assert (rows["vit"]["ac_corr"], rows["vit"]["log_me"]) == (told, "1.5")
    assert (rows["resnet"]["ac_corr"], rows["resnet"]["dataset"]) == ("1.5", "d")
    done = replace(make_experiment(), rankings={"d": ranking})
    said = [line for line in notes(done) if "These models have no BatchNorm" in line]
    assert len(said) == (norms == "affine")


def test_one_kind_alone_is_compared() -> None:
    assert not_compared(ranked("affine", result("vit", "layer"), result("swin", "layer"))) == set()
