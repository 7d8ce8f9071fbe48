"""Open and check volumes with labels, and cut them into patches for all networks."""

from acrank.data.volumes.draw import draw_volumes
from acrank.data.volumes.layout import is_volumes
from acrank.data.volumes.reader import open_volumes
from acrank.data.volumes.sample import VolumeSample
from acrank.data.volumes.settings import VolumeSettings
from acrank.data.volumes.target import Case, VolumeTarget

__all__ = [
    "Case",
    "VolumeSample",
    "VolumeSettings",
    "VolumeTarget",
    "draw_volumes",
    "is_volumes",
    "open_volumes",
]
