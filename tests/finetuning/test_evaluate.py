"""Measures of a classifier against scikit-learn's, where classes are missing or losses large."""

import math

import numpy as np
import pytest
import torch
from sklearn.metrics import f1_score, log_loss, recall_score
from torch import nn

from acrank.finetuning.evaluate import JudgedClasses, judge
from acrank.finetuning.masks.judge import MeanLoss
from acrank.finetuning.objective import NotFiniteError
from acrank.tasks.dense import DenseReadout

LABELS = np.array([0, 0, 0, 1, 1, 1])


def judged(said: list[int], classes: int = 3, scale: float = 1.0) -> JudgedClasses:
    return JudgedClasses(scale * np.eye(classes)[said], LABELS)


def test_f1_is_over_the_classes_that_are_there_or_were_predicted() -> None:
    said = [0, 0, 2, 1, 1, 2]
    found = judged(said, classes=4).measures()
    assert found["macro_f1"] == pytest.approx(f1_score(LABELS, said, average="macro"))
    assert found["macro_f1"] == pytest.approx((0.8 + 0.8 + 0) / 3)
    recall = recall_score(LABELS, said, labels=[0, 1], average="macro")
    assert found["balanced_accuracy"] == pytest.approx(recall)


def test_loss_is_that_of_the_logits_however_large() -> None:
    one = judged([0, 0, 1, 1, 1, 1])
    probs = np.exp(one.logits) / np.exp(one.logits).sum(axis=1, keepdims=True)
    assert one.measures()["loss"] == pytest.approx(log_loss(LABELS, probs, labels=range(3)))
    assert math.copysign(1, judged([0, 0, 0, 1, 1, 1], scale=1e15).measures()["loss"]) == 1
    # one image of six is wrong by 1e15
    assert judged([0, 0, 1, 1, 1, 1], scale=1e15).measures()["loss"] == pytest.approx(1e15 / 6)


def test_an_image_is_of_the_class_of_the_largest_logit() -> None:
    # probabilities in double precision are both 1
    logits = np.array([[100.0, 101.0, -1e3]] * 3 + [[2000.0, 1000.0, 0.0]] * 3)
    found = JudgedClasses(logits, np.array([1, 1, 1, 0, 0, 0]))
    assert found.measures()["accuracy"] == 1
    assert found.confusion().tolist() == [[3, 0, 0], [0, 3, 0], [0, 0, 0]]


@pytest.mark.parametrize("bad", [torch.nan, torch.inf, -torch.inf])
def test_outputs_that_are_not_finite_are_refused(bad: float) -> None:
    images = torch.zeros(2, 3)
    images[1, 2] = bad
    with pytest.raises(NotFiniteError):
        judge(nn.Identity(), [(images, torch.tensor([0, 1]))], torch.no_grad)


def test_the_mean_loss_of_masks_leaves_out_what_is_ignored_as_a_whole() -> None:
    task = DenseReadout("unet", (4, 4), 0)
    logits, labels = torch.randn(2, 3, 4, 4), torch.randint(0, 3, (2, 4, 4))
    mean = MeanLoss(task.loss)
    assert np.isnan(mean.mean)
    mean.add(logits, torch.full((2, 4, 4), -100))
    assert np.isnan(mean.mean)
    mean.add(logits, labels)
    assert mean.mean == pytest.approx(float(task.loss(logits, labels)))
    with pytest.raises(NotFiniteError):
        mean.add(logits * torch.nan, labels)
