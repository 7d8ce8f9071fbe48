"""Tell by the names of folders and files whether they are images, masks, or neither."""

from __future__ import annotations

import re
from typing import NamedTuple

from acrank.data.folders.part_names import words_of

_IMAGE = (
    "image images img imgs im ims original originals input inputs data photo photos picture "
    "pictures pic pics frame frames rgb raw scan scans slice slices sat satellite cxr xray xrays "
    "tile tiles patch patches src source"
)
_MASK = (
    "mask masks label labels lbl lbls annotation annotations annot annots ann anns anno annos gt "
    "gts groundtruth groundtruths segmentation segmentations seg segs segmented segment segments "
    "segmap segmaps labelmap labelmaps trimap trimaps manual manuals target targets matte mattes"
)
# Words that say nothing beside the others, as in img_dir, mask_png and label_images_semantic.
_PLAIN = "jpeg jpg png tif tiff bmp gif dir folder files semantic binary part task v version"
_IMAGE_WORDS, _MASK_WORDS, _PLAIN_WORDS = (
    frozenset(words.split()) for words in (_IMAGE, _MASK, _PLAIN)
)
_PART = re.compile("train(ing)?|test(ing)?|val(id(ation)?)?")
_TRUTH = re.compile(r"ground[ _-]?truth(s?)", re.IGNORECASE)


class Meaning(NamedTuple):
    """The meaning of a folder's name.

    Attributes:
        mask: masks; images otherwise.
        rest: the other words, which the folder it goes with has too: ``train`` of ``train_masks``.
    """

    mask: bool
    rest: tuple[str, ...]


def meaning_of(name: str) -> Meaning | None:
    """Tell what a folder's name means: images, masks, or None for neither.

    Args:
        name: of the folder, such as ``imgs``, ``train_masks`` or ``Ground Truth``.
    """
    words = _words(name)
    mask = any(word in _MASK_WORDS for word in words)
    if not mask and not any(word in _IMAGE_WORDS for word in words):
        return None
    known = _IMAGE_WORDS | _MASK_WORDS | _PLAIN_WORDS
    rest = tuple(word for word in words if word not in known and not word.isdigit())
    return Meaning(mask, rest)


def without_mask_word(name: str) -> set[str]:
    """Strip a name of a word for masks before or behind it, in lower case.

    Args:
        name: of a folder, such as ``trainannot`` or ``gt_train``, which go with ``train``.
    """
    lower = name.casefold()
    ends = {lower.removesuffix(word) for word in _MASK_WORDS} | {
        lower.removeprefix(word) for word in _MASK_WORDS
    }
    return {end.strip("_-. ") for end in ends - {lower, ""}}


def is_mask_name(stem: str) -> bool:
    """Tell whether a file is called a mask: the word comes first or last, but for numbers.

    Args:
        stem: its name without extension, such as ``cell_01_mask``, ``gt-7`` or ``x_mask_1``.
    """
    words = [word for word in _words(stem) if not word.isdigit()]
    return bool(words) and (words[0] in _MASK_WORDS or words[-1] in _MASK_WORDS)


def _words(name: str) -> list[str]:
    words = words_of(_TRUTH.sub(r" groundtruth\1 ", name))
    return [part for word in words for part in _apart(word)]


def _apart(word: str) -> tuple[str, ...]:
    """A part of a split and what it is of, where one word says both: trainmasks."""
    found = _PART.match(word)
    of = word[found.end() :] if found else ""
    return (found[0], of) if found and of in _IMAGE_WORDS | _MASK_WORDS else (word,)
