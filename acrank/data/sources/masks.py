"""Read a folder of images with masks, in one of many layouts."""

from acrank.data.images import Opening
from acrank.data.segmentation.layout import is_segmentation
from acrank.data.segmentation.reader import open_segmentation
from acrank.data.segmentation.target import SegmentationTarget
from acrank.data.sources.base import (
    DataSource,
    HeldOut,
    Recognised,
    Sure,
    existing,
    held_out_folder,
)


class Masks(DataSource):
    """Images with masks; see :mod:`acrank.data.segmentation.layouts`."""

    name = "masks"
    task = "masks"
    written = "a folder with images/ and masks/"

    def recognise(self, spec: str, *, asked: bool) -> Recognised | None:
        """A folder whose names and masks say so; any folder, if the user asked for segmentation.

        Raises:
            DataError: it looks so, but which mask belongs to which image cannot be told.
        """
        if asked:
            path = existing(spec)
            return Recognised("a folder", Sure.POSSIBLE) if path and path.is_dir() else None
        return Recognised("images with masks", Sure.LAYOUT) if is_segmentation(spec) else None

    def open(self, spec: str, how: Opening) -> SegmentationTarget:
        """Read and check the images and the masks."""
        return open_segmentation(spec, how=how)

    def held_out(self, spec: str) -> HeldOut:
        """The folder of test images beside the training part."""
        return held_out_folder(spec)
