"""Several scores of one set of features: shared work, guards, intervals, and failures."""

import warnings
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from acrank.metrics import METRICS
from acrank.metrics import features as runner
from acrank.metrics.compute import Computed
from acrank.metrics.feature_set import as_feature_set
from acrank.metrics.features import feature_scores
from acrank.metrics.guards import (
    GUARDS,
    NO_INTERVAL,
    GuardWarning,
    checked,
    collect_guards,
    warn_guard,
)
from tests.registered import register

CHEAP = ("log_me", "h_score", "h_score_regularised", "transrate")
GENERATOR = np.random.default_rng(0)
LABELS = np.arange(60) % 3
FEATURES = GENERATOR.normal(size=(60, 8)) + 2 * np.eye(3, 8)[LABELS]


def scores(width: int = 8, **settings: Any) -> Computed:
    return feature_scores(FEATURES[:, :width], LABELS, None, CHEAP, **settings)


def test_values_and_paired_replicates() -> None:
    found = scores(replicates=12, seed=3)
    assert list(found.scores) == list(CHEAP)
    assert found.guards == {}
    assert found.undefined == {}
    counts = {name: len(estimate.replicates) for name, estimate in found.scores.items()}
    assert counts == {"log_me": 12, "h_score": 12, "h_score_regularised": 12, "transrate": 0}
    again = scores(replicates=12, seed=3)
    assert again.scores == found.scores
    other = scores(replicates=12, seed=4)
    assert other.scores["log_me"].value == found.scores["log_me"].value
    assert other.scores["log_me"].replicates != found.scores["log_me"].replicates


def test_one_eigendecomposition_serves_all(monkeypatch: pytest.MonkeyPatch) -> None:
    calls = []
    real = np.linalg.eigh

    def counted(matrix: Any) -> Any:
        calls.append(matrix.shape)
        return real(matrix)

    monkeypatch.setattr(np.linalg, "eigh", counted)
    scores()
    assert calls == [(8, 8)]
    feature_scores(np.pad(FEATURES, ((0, 0), (0, 99))), LABELS, None, CHEAP)
    assert calls[1:] == [(60, 60)]  # of the smaller side


def test_guards_name_the_metric() -> None:
    wide = GENERATOR.normal(size=(60, 99))
    found = feature_scores(wide, LABELS, None, CHEAP)
    assert set(found.guards["h_score"]) == {"n-below-d", "saturated"}
    assert "60 images, 99 channels" in found.guards["h_score"]["n-below-d"]
    assert "h_score_regularised" not in found.guards


def test_what_is_stuck_has_no_interval() -> None:
    wide = GENERATOR.normal(size=(60, 99))
    found = feature_scores(wide, LABELS, None, ("log_me", "h_score"), replicates=5)
    assert len(found.scores["log_me"].replicates) == 5
    assert found.scores["h_score"].replicates == ()


@pytest.mark.parametrize("classes", [30, 24])
def test_one_image_a_class_has_no_interval_and_a_guard(classes: int) -> None:
    """Parts that keep an image of every class would be the whole sample each time."""
    labels = np.minimum(np.arange(30), classes - 1)
    found = feature_scores(FEATURES[:30], labels, None, ("log_me", "transrate"), replicates=5)
    assert found.scores["log_me"].replicates == ()
    single = 30 if classes == 30 else 23
    said = {"few-images": f"{single} of {classes} classes have one image"}
    assert found.guards["log_me"] == said
    assert "few-images" not in found.guards.get("transrate", {})  # it never has an interval


def test_a_sample_says_how_much_its_parts_can_tell() -> None:
    estimate = scores(replicates=5).scores["log_me"]
    assert estimate.freedom == 60 - 3
    pixels = np.repeat(np.arange(4), 15)
    found = scores(replicates=5, images=pixels)
    assert found.scores["log_me"].freedom == 3
    one = scores(replicates=5, images=np.zeros(60, dtype=np.int64))
    assert one.scores["log_me"].replicates == ()
    assert one.guards["log_me"] == {"few-images": "all pixels are of one image"}


def test_what_cannot_be_computed_has_a_reason() -> None:
    found = feature_scores(np.ones((60, 8)), LABELS, None, CHEAP, replicates=2)
    assert found.scores == {}
    assert all("same features" in reason for reason in found.undefined.values())
    broken = FEATURES.copy()
    broken[0, 0] = np.nan
    found = feature_scores(broken, LABELS, None, CHEAP)
    assert found.undefined["log_me"] == "the features are not finite"
    assert set(found.guards["log_me"]) == {"not-finite"}


def test_a_broken_source_head_takes_only_its_own_scores_away() -> None:
    probs = np.full((60, 4), 0.25)
    probs[7] = np.nan
    found = feature_scores(FEATURES, LABELS, probs, ("log_me", "leep", "nce"), replicates=2)
    assert list(found.scores) == ["log_me"]
    assert set(found.undefined) == {"leep", "nce"}
    assert set(found.guards) == {"leep", "nce"}


def test_one_failing_metric_does_not_stop_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*args: object) -> float:
        raise np.linalg.LinAlgError("did not converge")

    monkeypatch.setattr("acrank.metrics.covariance.transrate", fail)
    found = scores(replicates=3)
    assert found.undefined == {"transrate": "LinAlgError: did not converge"}
    assert list(found.scores) == ["log_me", "h_score", "h_score_regularised"]


def test_dear_scores_are_repeated_less(monkeypatch: pytest.MonkeyPatch) -> None:
    dear = replace(METRICS["log_me"], cost="dear")
    register(monkeypatch, METRICS, log_me=dear)
    found = scores(replicates=15)
    assert len(found.scores["log_me"].replicates) == runner.DEAR_REPLICATES
    assert len(found.scores["h_score"].replicates) == 15


def test_a_subset_forgets_classes_that_are_gone() -> None:
    data = as_feature_set(FEATURES, LABELS * 10 + 7)
    part = data.take(np.flatnonzero(LABELS != 1))
    assert part.classes == 2
    assert set(part.labels) == {0, 1}


def test_a_value_is_judged_by_its_range() -> None:
    assert checked(0.5, 0, 1) == 0.5
    for value, guard in ((1.0, "saturated"), (1.5, "out-of-bounds"), (np.inf, "not-finite")):
        with pytest.warns(GuardWarning, match=guard):
            checked(value, 0, 1)
    assert checked(1 + 1e-12, 0, 1, saturates=False) == 1.0  # rounding alone


def collected() -> dict[str, str]:
    with collect_guards() as fired:
        warnings.warn("else", RuntimeWarning, stacklevel=1)
        warn_guard("saturated", "1 of 1")
    return fired


def test_other_warnings_pass_and_names_are_known() -> None:
    with pytest.warns(RuntimeWarning, match="else"):
        fired = collected()
    assert fired == {"saturated": "1 of 1"}
    with pytest.raises(KeyError):
        warn_guard("no-such-guard", "")
    assert set(NO_INTERVAL) <= set(GUARDS)
