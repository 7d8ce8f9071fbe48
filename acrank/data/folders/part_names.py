"""Tell by its name whether a folder is a part of a split, a numbered part, a patient or none.

Public datasets come as ``Training/`` and ``Testing/``, ``fold1/`` to ``fold5/``, ``images_001/``
or ``patient_07/``. None of these is a class, and each can be told by its name alone.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from enum import Enum
from functools import reduce


class Role(Enum):
    """The purpose of a folder, by its name."""

    TRAINING = "training"
    HELD_OUT = "held out"
    NUMBERED = "numbered part"
    PATIENT = "patient"


_TRAINING = frozenset(("train", "training", "trn", "trainval", "labeled", "labelled"))
_HELD_OUT = frozenset(
    (
        *("test", "testing", "tests", "tst", "val", "valid", "validation", "dev", "devel"),
        *("development", "eval", "evaluation", "holdout", "heldout", "unseen", "pred"),
        *("prediction", "predictions", "unlabeled", "unlabelled"),
    )
)
_PARTS = _TRAINING | _HELD_OUT
_NUMBERED = frozenset(
    (
        *("fold", "folds", "kfold", "cv", "split", "batch", "part", "chunk", "shard", "subset"),
        *("set", "data", "images", "image", "imgs", "img", "archive", "zip", "tar"),
        *("disc", "disk"),
    )
)
# Of these, the words that say so behind the name of the dataset too.
_SERIES = frozenset(
    ("fold", "folds", "batch", "part", "chunk", "shard", "subset", "archive", "images", "imgs")
)
_PATIENTS = frozenset(
    ("patient", "pat", "case", "study", "subject", "sub", "series", "scan", "exam")
)
# Words that say nothing beside one of a split, as in Train_images and test-set.
_PLAIN = frozenset(
    (
        *("the", "set", "sets", "data", "dataset", "datasets", "image", "images", "img", "imgs"),
        *("jpg", "jpeg", "png", "picture", "pictures", "photo", "photos", "sample", "samples"),
        *("folder", "dir", "file", "files", "split", "subset", "part", "phase"),
    )
)
_WORDS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+|[^\W\d_]+")
_COMPOUND = re.compile(
    r"(train(?:ing)?|test(?:ing)?|val(?:id(?:ation)?)?|dev|eval)(set|data|images)"
)
_HOLD = re.compile(r"\b(?:hold|held)[ _-]?out\b", re.IGNORECASE)


def words_of(name: str) -> list[str]:
    """The words and numbers of a name, in lower case: TrainImages_01 has three."""
    found = [word.casefold() for word in _WORDS.findall(_HOLD.sub("holdout", name))]
    return [part for word in found for part in _parted(word)]


def _parted(word: str) -> tuple[str, ...]:
    compound = _COMPOUND.fullmatch(word)
    return compound.groups() if compound else (word,)


def _is_number(word: str) -> bool:
    return word.isdigit() or len(word) == 1  # fold_a is a numbered part too


def _role(words: Sequence[str]) -> Role | None:
    telling = [word for word in words if word not in _PLAIN and not _is_number(word)]
    if telling == ["train", "val"] or (len(telling) == 1 and telling[0] in _TRAINING):
        return Role.TRAINING
    if len(telling) == 1 and telling[0] in _HELD_OUT:
        return Role.HELD_OUT
    named = [word for word in words if not _is_number(word) and word != "of"]
    if not named or not any(map(_is_number, words)):
        return None
    if all(word in _NUMBERED for word in named):
        return Role.NUMBERED
    numbered = any(word.isdigit() for word in words)
    return Role.PATIENT if numbered and len(named) == 1 and named[0] in _PATIENTS else None


def role_of(name: str) -> Role | None:
    """Tell a folder's purpose by its name alone; None where it may be a class.

    Args:
        name: of the folder, such as ``Train_images``, ``val2017``, ``fold_3`` or ``tumour``.
    """
    return _role(words_of(name))


def says_nothing(name: str) -> bool:
    """Tell whether a name says only that there are images: ``images``, ``jpg_files``.

    Args:
        name: of a folder.
    """
    return all(word in _PLAIN or word.isdigit() for word in words_of(name)) and not name.isdigit()


def roles_of(names: Sequence[str]) -> list[Role | None]:
    """Tell the purposes of folders that lie beside one another.

    Words that all names share say nothing: ``seg_train`` and ``seg_test`` are parts of a split.
    So are ``xray_train`` and ``test``, where one is clearly a part and the other has its word, and
    ``HAM_part_1`` and ``HAM_part_2`` are numbered parts.
    None of it counts unless every folder turns out to be a part: ``train_station`` and
    ``bus_station`` are classes.

    Args:
        names: of folders in one folder.
    """
    alone = [role_of(name) for name in names]
    if all(alone) or len(names) < 2:
        return alone
    words = [words_of(name) for name in names]
    if _counted(words):
        return [Role.NUMBERED] * len(names)
    shared = reduce(set.intersection, map(set, words))
    ways = [[_role([word for word in each if word not in shared]) for each in words]]
    if Role.TRAINING in alone or Role.HELD_OUT in alone:
        ways.append([_role([word for word in each if word in _PARTS]) for each in words])
    parts = (Role.TRAINING, Role.HELD_OUT)
    return next((way for way in ways if all(role in parts for role in way)), alone)


def _counted(words: Sequence[Sequence[str]]) -> bool:
    """Tell whether names are parts of one archive: HAM10000_images_part_1 and _part_2."""
    heads = {tuple(each[:-1]) for each in words}
    return (
        len(heads) == 1
        and all(len(each) > 1 and each[-1].isdigit() for each in words)
        and words[0][-2] in _SERIES
    )


def split_by_class(names: Sequence[str]) -> bool:
    """Tell whether names join classes and parts of a split: ``cat_train``, ``cat_test``.

    Args:
        names: of folders in one folder.
    """
    parts: dict[tuple[str, ...], set[str]] = {}
    for name in names:
        words = words_of(name)
        said = [word for word in words if word in _PARTS]
        if len(said) != 1:
            return False
        parts.setdefault(tuple(word for word in words if word != said[0]), set()).add(said[0])
    return len(parts) > 1 and any(len(said) > 1 for said in parts.values())


def is_training_word(text: str) -> bool:
    """Tell whether a cell of a table names the training part.

    Args:
        text: such as ``train``.
    """
    return role_of(text) is Role.TRAINING


def is_split_word(text: str) -> bool:
    """Tell whether a cell of a table names a part of a split.

    Args:
        text: such as ``train`` or ``val``.
    """
    return role_of(text) in (Role.TRAINING, Role.HELD_OUT)
