"""The classes that a dataset of images with masks gives itself, in whichever file."""

from acrank.data.segmentation.classfile import read_class_map
from acrank.data.segmentation.classmap import ClassMap
from acrank.data.segmentation.layouts import Layout, class_file


def own_classes(layout: Layout) -> ClassMap | None:
    """What ``classes.yaml`` says, or ``dataset.json`` of nnU-Net; None where there is neither.

    Args:
        layout: of the dataset.

    Raises:
        DataError: the file cannot be read, or says something else.
    """
    # here, as volumes are read by the classes of masks
    from acrank.data.volumes.description import read_description

    file = class_file(layout.root)
    if file is not None:
        return read_class_map(file)
    return read_description(layout.description).class_map if layout.description else None
