"""Small segmentation datasets for the tests."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image

from acrank.data.images import BytesSource
from acrank.data.segmentation import ClassMap, Pair, SegmentationTarget, open_segmentation
from acrank.errors import DataError
from tests.data.builders import encoded, noise

SIZE = (40, 30)


def blocks(values: Sequence[int], size: tuple[int, int] = SIZE) -> npt.NDArray[np.uint8]:
    """A mask of vertical stripes, one per value."""
    width, height = size
    columns = np.array(values, dtype=np.uint8)[np.arange(width) * len(values) // width]
    return np.tile(columns, (height, 1))


def fill(root: Path, masks: Mapping[str, Sequence[int] | bytes | Image.Image]) -> Path:
    """Write one noise image per mask; a mask is stripes of values, an image, or a file's bytes."""
    (root / "images").mkdir(parents=True, exist_ok=True)
    (root / "masks").mkdir(exist_ok=True)
    for number, (name, mask) in enumerate(masks.items()):
        (root / "images" / f"{name}.jpg").write_bytes(encoded(noise(number, SIZE), "JPEG"))
        (root / "masks" / f"{name}.png").write_bytes(_file(mask))
    return root


def _file(mask: Sequence[int] | bytes | Image.Image) -> bytes:
    if isinstance(mask, bytes):
        return mask
    return encoded(mask if isinstance(mask, Image.Image) else Image.fromarray(blocks(mask)))


def message(folder: Path) -> str:
    """What is said of a folder that is refused."""
    with pytest.raises(DataError) as caught:
        open_segmentation(str(folder))
    assert caught.value.hint
    return caught.value.message


def target_of(
    masks: Sequence[Sequence[int]],
    images: Sequence[Image.Image] | None = None,
    **class_map: Any,
) -> SegmentationTarget:
    """A target in memory; its classes are a, b and so on, unless they are given."""
    known = sorted({value for mask in masks for value in mask} - {class_map.get("ignore")})
    meaning = ClassMap(
        **{"names": tuple("abcdef"[: len(known)]), "codes": tuple(known)} | class_map
    )
    pairs = []
    for number, mask in enumerate(masks):
        image = images[number] if images else noise(number, SIZE)
        stripes = Image.fromarray(blocks(mask, image.size))
        sources = (
            BytesSource(f"i{number}", encoded(image)),
            BytesSource(f"m{number}", encoded(stripes)),
        )
        pairs.append(Pair(f"i{number:03}", *sources, image.size))
    return SegmentationTarget("memory", meaning, tuple(pairs))
