"""Define a dataset of volumes: classes, and cases of an image and its labels."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

from acrank.data.base import AnySample, Drawing
from acrank.data.segmentation.classmap import ClassMap
from acrank.data.volumes.settings import Size, Spacing, VolumeSettings


@dataclass(frozen=True)
class Case:
    """One volume with its labels, not decoded.

    Attributes:
        key: a stable id: the name of its labels, without extension.
        images: its file, or one a channel.
        label: the file of its labels.
        size: voxels along each axis, from left to right, back to front and foot to head.
        spacing: of the voxels along them, in mm.
    """

    key: str
    images: tuple[Path, ...] = field(repr=False, compare=False)
    label: Path = field(repr=False, compare=False)
    size: Size
    spacing: Spacing


@dataclass(frozen=True)
class VolumeTarget:
    """A dataset of volumes.

    Attributes:
        name: what the user gave.
        class_map: the classes, and how the labels write them.
        items: the cases, in natural order of their keys.
        channels: of each image.
        warnings: plain sentences for the user.
    """

    task: ClassVar[str] = "volumes"
    windowed: ClassVar[bool] = True

    name: str
    class_map: ClassMap
    items: tuple[Case, ...]
    channels: int = 1
    warnings: tuple[str, ...] = ()

    @property
    def classes(self) -> tuple[str, ...]:
        """The class names; every one has at least one voxel."""
        return self.class_map.names

    def draw(self, drawing: Drawing) -> AnySample:
        """See :func:`acrank.data.volumes.draw.draw_volumes`."""
        from acrank.data.volumes.draw import draw_volumes  # it draws from targets

        settings = VolumeSettings(drawing.patch, drawing.spacing, drawing.window, drawing.patches)
        return draw_volumes(self, drawing.samples, drawing.batch_size, drawing.seed, settings)

    def smaller(self, whole: AnySample, drawing: Drawing) -> AnySample:
        """See :func:`acrank.data.segmentation.order.smaller_segmentation`."""
        from acrank.data.segmentation.order import smaller_segmentation

        given = (drawing.samples, drawing.batch_size, drawing.seed)
        return smaller_segmentation(whole, self, *given)
