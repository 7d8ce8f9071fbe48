"""Say which domain the images of each dataset are of."""

from __future__ import annotations

_DOMAINS = {
    "natural": (
        "aircraft caltech101 cars cifar10 cifar100 dtd flowers food pets sun397 voc2007 svhn"
    ),
    "remote sensing": "resisc eurosat",
    "synthetic": (
        "clevr-count clevr-dist dmlab dspr-loc dspr-orient kitti-dist snorb-azim snorb-elev"
    ),
    "radiology": ("breastmnist chestmnist organamnist organcmnist organsmnist pneumoniamnist"),
    "pathology": (
        "pathmnist camelyon bach breakhis crc gleason_arvaniti mhist patch_camelyon "
        "camelyon16_small panda_small consep monusac"
    ),
    "microscopy": "bloodmnist tissuemnist",
    "dermatology": "dermamnist",
    "ophthalmology": "octmnist retinamnist retinopathy",
}
_OF_DATASET = {name: domain for domain, names in _DOMAINS.items() for name in names.split()}
# Tables that are of one domain altogether.
_OF_TABLE = dict.fromkeys(("pathbench-gevaert", "pathbench-hkust", "sinai"), "pathology")


def domain_of(table: str, dataset: str) -> str:
    """The domain of a dataset.

    Raises:
        KeyError: it is not listed.
    """
    return _OF_TABLE.get(table) or _OF_DATASET[dataset]
