"""A metric of features and labels."""

import numpy as np
from numpy.typing import NDArray

from acrank.metrics import Metric

from .distances import squared


def nearest_mean(features: NDArray[np.float64], labels: NDArray[np.int64]) -> float:
    """Share of images whose nearest class mean is their own, in [0, 1]; higher is better."""
    means = np.stack([features[labels == label].mean(axis=0) for label in range(labels.max() + 1)])
    return float((squared(features, means).argmin(axis=1) == labels).mean())


NEAREST_MEAN = Metric(
    higher_is_better=True,
    bounds="[0, 1]",
    summary="Share of images whose nearest class mean is their own",
    distrust="It is evaluated on the images to which it was fitted.",
    reference="Fisher, The use of multiple measurements in taxonomic problems, 1936",
    function=nearest_mean,
)
