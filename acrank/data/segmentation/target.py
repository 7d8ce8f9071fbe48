"""Define a dataset of images with masks: classes, and pairs of an image and its mask."""

from dataclasses import dataclass, field
from typing import ClassVar

from acrank.data.base import AnySample, Drawing, not_told
from acrank.data.images import ImageSource
from acrank.data.segmentation.classmap import ClassMap
from acrank.data.target import Item


@dataclass(frozen=True)
class Pair:
    """One image with its mask, not decoded.

    Attributes:
        key: a stable id: the name of both files, without extension.
        image: where the image's bytes are.
        mask: where the mask's bytes are.
        size: width and height of both, as shown.
    """

    key: str
    image: ImageSource = field(repr=False, compare=False)
    mask: ImageSource = field(repr=False, compare=False)
    size: tuple[int, int]

    @property
    def item(self) -> Item:
        """The image alone."""
        return Item(self.key, 0, self.image)


@dataclass(frozen=True)
class SegmentationTarget:
    """A segmentation dataset.

    Attributes:
        name: what the user gave.
        class_map: the classes, and how the masks write them.
        items: the pairs, in natural order of their keys.
        warnings: plain sentences for the user.
    """

    task: ClassVar[str] = "masks"

    name: str
    class_map: ClassMap
    items: tuple[Pair, ...]
    warnings: tuple[str, ...] = ()

    @property
    def classes(self) -> tuple[str, ...]:
        """The class names; every one has at least one pixel."""
        return self.class_map.names

    @property
    def windowed(self) -> bool:
        """Tell whether images have units, so that the window of the user applies."""
        return any(pair.image.windowed for pair in self.items)

    def draw(self, drawing: Drawing) -> AnySample:
        """See :func:`acrank.data.segmentation.draw.draw_segmentation`."""
        from acrank.data.segmentation.draw import draw_segmentation  # it draws from targets

        if drawing.image_size is None:
            raise not_told()
        given = (drawing.samples, drawing.batch_size, drawing.seed, drawing.image_size)
        return draw_segmentation(self, *given)

    def smaller(self, whole: AnySample, drawing: Drawing) -> AnySample:
        """See :func:`acrank.data.segmentation.order.smaller_segmentation`."""
        from acrank.data.segmentation.order import smaller_segmentation

        given = (drawing.samples, drawing.batch_size, drawing.seed)
        return smaller_segmentation(whole, self, *given)
