"""Open, check and sample target datasets, and prepare them for each network."""

from acrank.data.base import AnySample, AnyTarget, Drawing
from acrank.data.draw import draw_sample, smaller_sample, whole_sample
from acrank.data.preprocess import Preprocessing
from acrank.data.sample import Sample
from acrank.data.sources.registry import blamed, find_source, known_task, open_any, open_target
from acrank.data.target import Item, Target

__all__ = [
    "AnySample",
    "AnyTarget",
    "Drawing",
    "Item",
    "Preprocessing",
    "Sample",
    "Target",
    "blamed",
    "draw_sample",
    "find_source",
    "known_task",
    "open_any",
    "open_target",
    "smaller_sample",
    "whole_sample",
]
