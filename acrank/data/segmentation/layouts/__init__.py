"""Recognise the ways in which people lay out images with masks, and pair them."""

from acrank.data.segmentation.layouts.found import CLASS_FILES, Layout, Refused, class_file
from acrank.data.segmentation.layouts.registry import LAYOUTS, search

__all__ = ["CLASS_FILES", "LAYOUTS", "Layout", "Refused", "class_file", "search"]
