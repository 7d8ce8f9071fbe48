"""Target datasets: opened, checked, sampled and prepared for each network."""

from acrank.data.datasets import (
    AnySample,
    AnyTarget,
    draw_any,
    draw_smaller,
    known_task,
    open_any,
    open_target,
)
from acrank.data.draw import draw_sample, smaller_sample, whole_sample
from acrank.data.preprocess import Preprocessing
from acrank.data.sample import Sample
from acrank.data.target import Item, Target

__all__ = [
    "AnySample",
    "AnyTarget",
    "Item",
    "Preprocessing",
    "Sample",
    "Target",
    "draw_any",
    "draw_sample",
    "draw_smaller",
    "known_task",
    "open_any",
    "open_target",
    "smaller_sample",
    "whole_sample",
]
