"""Open, check and sample images with masks, and prepare them for each network."""

from acrank.data.segmentation.classmap import ClassMap
from acrank.data.segmentation.draw import draw_segmentation, whole_segmentation
from acrank.data.segmentation.layout import is_segmentation
from acrank.data.segmentation.order import smaller_segmentation
from acrank.data.segmentation.reader import open_segmentation
from acrank.data.segmentation.sample import IGNORE_INDEX, SegmentationSample, loss_labels
from acrank.data.segmentation.target import Pair, SegmentationTarget

__all__ = [
    "IGNORE_INDEX",
    "ClassMap",
    "Pair",
    "SegmentationSample",
    "SegmentationTarget",
    "draw_segmentation",
    "is_segmentation",
    "loss_labels",
    "open_segmentation",
    "smaller_segmentation",
    "whole_segmentation",
]
