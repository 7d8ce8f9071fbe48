"""Tasks: what a network's head is, its loss, and what metrics of features see of a target."""

from acrank.tasks.base import Observations, Task
from acrank.tasks.classification import Classification
from acrank.tasks.segmentation import Segmentation

__all__ = ["Classification", "Observations", "Segmentation", "Task"]
