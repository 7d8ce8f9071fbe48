"""Count what a default run does: passes, decoded images and copies, not seconds of some machine."""

from collections import Counter
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode

from acrank.config import RunConfig
from acrank.data import draw as drawing
from acrank.data import draw_sample, open_target, preprocess
from acrank.scoring.score import score_backbone
from tests.scoring.test_score import small_backbone

IMAGES, BATCHES = 256, 8
STEPS, STEPPED = 3, 96
# In what folding is seen and checked.
LOOKED_AT = 2
# A regression of more than this share fails.
SLACK = 1.1
COPIES = ("clone", "copy", "_to_copy", "cat", "index")


class Elements(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Counts the elements that operations put somewhere else."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.of: Counter[str] = Counter()

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        given = func(*args, **(kwargs or {}))
        name = func.overloadpacket.__name__.rstrip("_")
        if isinstance(given, Tensor):
            self.of[name] += given.numel()
        return given


def counts_of(monkeypatch: pytest.MonkeyPatch, **settings: Any) -> Counter[str]:
    """Counted operations of one network on a default sample."""
    seen: Counter[str] = Counter()
    config = RunConfig(data="demo", samples=IMAGES, **settings)

    def counted(name: str, given: Any) -> Any:
        def call(*args: Any, **kwargs: Any) -> Any:
            seen[name] += 1
            return given(*args, **kwargs)

        return call

    monkeypatch.setattr(drawing, "read_image", counted("decoded", drawing.read_image))
    monkeypatch.setattr("acrank.data.sample.normalise", counted("prepared", preprocess.normalise))
    monkeypatch.setattr(torch.autograd, "grad", counted("backward", torch.autograd.grad))

    def passed(module: nn.Module, args: object, output: Tensor) -> None:
        seen["forward"] += len(output)

    backbone = small_backbone()
    backbone.model.register_forward_hook(passed)
    sample = draw_sample(open_target("demo"), config.samples, config.batch_size, config.seed)
    with Elements() as elements:
        result = score_backbone(backbone, sample, config, torch.device("cpu"))
    assert result.status == "ok"
    seen["copied"] = sum(elements.of[name] for name in COPIES)
    return seen


def test_a_default_run_does_no_more_than_it_must(monkeypatch: pytest.MonkeyPatch) -> None:
    """More of any of them is a regression: every pass over an image costs time."""
    seen = counts_of(monkeypatch)
    assert seen["decoded"] == IMAGES
    assert seen["prepared"] == BATCHES + STEPS
    assert seen["forward"] == IMAGES + LOOKED_AT + STEPPED
    assert seen["backward"] == STEPS
    # each image is gathered once and made a float once for each of the two passes
    pixels = 3 * 32 * 32
    assert seen["copied"] <= SLACK * 2 * pixels * (IMAGES + STEPPED)


@pytest.mark.parametrize(("repeats", "steps"), [(5, 5), (50, BATCHES)])
def test_repeats_decide_how_often_a_step_is_taken_up_to_once_a_batch(
    monkeypatch: pytest.MonkeyPatch, repeats: int, steps: int
) -> None:
    seen = counts_of(monkeypatch, repeats=repeats)
    assert seen["backward"] == steps
    assert seen["forward"] == IMAGES + LOOKED_AT + steps * IMAGES // BATCHES


def test_steps_on_fewer_images_cost_less(monkeypatch: pytest.MonkeyPatch) -> None:
    assert counts_of(monkeypatch, step_images=8)["forward"] == IMAGES + LOOKED_AT + STEPS * 8


def test_without_steps_there_is_one_pass_and_no_ac_corr(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = counts_of(monkeypatch, repeats=0)
    assert (seen["forward"], seen["backward"]) == (IMAGES + LOOKED_AT, 0)
