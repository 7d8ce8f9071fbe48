"""Bring intensities of volumes to one scale.

CT has units: values outside a window are clipped to it. Those of MRI mean nothing by themselves:
each volume is clipped to its own percentiles. Either is then standardised, as by nnU-Net (Isensee
et al., Nature Methods 18, 2021, arXiv 1904.08128), but by the whole volume.
"""

import numpy as np
import numpy.typing as npt

# Of the voxels of a volume, in per cent.
PERCENTILES = (0.5, 99.5)

Intensities = npt.NDArray[np.float32]


def standardise(voxels: Intensities, window: tuple[float, float] | None) -> Intensities:
    """Clip one channel and bring it to mean 0 and standard deviation 1.

    Args:
        voxels: finite, any shape.
        window: lowest and highest value that count; None for the volume's percentiles.

    Returns:
        The same shape; zeros where all voxels are equal.
    """
    low, high = (np.float32(end) for end in window or np.percentile(voxels, PERCENTILES))
    clipped: Intensities = voxels.clip(low, high)
    mean, deviation = clipped.mean(dtype=np.float64), clipped.std(dtype=np.float64)
    if deviation <= 1e-6 * max(1.0, abs(mean)):
        return np.zeros_like(clipped)
    clipped -= np.float32(mean)
    clipped /= np.float32(deviation)
    return clipped
