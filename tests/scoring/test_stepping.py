"""Choose the images of single AC-Norm steps."""

import pytest
import torch
from torch import Tensor

from acrank.data import draw_sample, open_target
from acrank.data.sample import Sample
from acrank.scoring.stepping import Stepping, part_of


def sample(samples: int, batch_size: int) -> Sample:
    return draw_sample(open_target("demo"), samples, batch_size, 0)


@pytest.mark.parametrize(
    ("samples", "batch_size", "expected"),
    [
        (256, 32, Stepping(3, 1, 32)),  # the usual: whole batches, the first three of eight
        (128, 32, Stepping(3, 2, 16)),
        (64, 32, Stepping(3, 4, 8)),
        (64, 8, Stepping(3, 1, 8)),
        (16, 4, Stepping(3, 1, 4)),
        (16, 8, Stepping(2, 1, 8)),
        (40, 32, Stepping(1, 1, 40)),  # a single batch
    ],
)
def test_a_step_takes_an_eighth_but_eight_images_at_least_and_a_batch_at_most(
    samples: int, batch_size: int, expected: Stepping
) -> None:
    assert Stepping.on(sample(samples, batch_size), repeats=3) == expected


def test_the_number_of_steps_and_of_their_images_can_be_set() -> None:
    assert Stepping.on(sample(64, 32), repeats=5, images=16) == Stepping(4, 2, 16)
    assert Stepping.on(sample(64, 32), repeats=5, images=500) == Stepping(2, 1, 32)


def test_steps_take_other_images_and_all_classes_where_they_can() -> None:
    drawn = sample(256, 64)
    labels = torch.from_numpy(drawn.labels)

    def batches(index: int) -> tuple[Tensor, Tensor]:
        rows = torch.from_numpy(drawn.batches[index])
        return rows, labels[rows]

    parts = [part_of(batches, 4, 4, step) for step in range(16)]
    assert sorted(torch.cat([rows for rows, _ in parts]).tolist()) == list(range(256))
    for rows, own in parts:
        assert len(rows) == 16
        assert torch.equal(own, labels[rows])
        assert len(set(own.tolist())) == 10


def test_a_part_keeps_the_layout_in_memory() -> None:
    images = torch.rand(8, 3, 4, 4).contiguous(memory_format=torch.channels_last)
    part, _ = part_of(lambda index: (images, torch.arange(8)), 1, 2, 1)
    assert torch.equal(part, images[1::2])
    assert part.is_contiguous(memory_format=torch.channels_last)


def test_no_part_holds_a_single_class() -> None:
    whole = sample(64, 32)
    rare = Sample(
        classes=("many", "few"),
        keys=whole.keys,
        labels=(torch.arange(64) % 32 >= 29).long().numpy(),
        images=whole.images,
        batches=(torch.arange(32).numpy(), torch.arange(32, 64).numpy()),
    )
    assert Stepping.on(rare, repeats=3).parts == 3
