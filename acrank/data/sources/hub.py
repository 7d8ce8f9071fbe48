"""Read Hugging Face datasets through timm's own reader."""

import re
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple, Protocol, cast

from acrank.data.checks import checked
from acrank.data.folders.part_names import is_split_word
from acrank.data.folders.roots import training_and_held_out
from acrank.data.images import ImageSource, Opening
from acrank.data.labelnames import label_notices
from acrank.data.sources.base import DataSource, Recognised, Sure
from acrank.data.target import Item, Target, require_two_classes
from acrank.errors import DataError, MissingExtraError

PREFIX = "hfds/"
# The split follows the first colon that is not a Windows drive's; slices have colons of their own.
_SPEC = re.compile(r"(?P<name>(?:[A-Za-z]:[\\/])?[^:]*)(?::(?P<split>.+))?")


# How people write a dataset of the hub.
_HUB = re.compile(
    r"(?:https?://huggingface\.co/datasets/|hf://datasets/|hf-hub:|hfds:|hf:)(?P<name>[^\s?#]+)"
)
_HUB_NAME = re.compile(r"\w[\w.-]*/\w[\w.-]*")


class HubDataset(DataSource):
    """A dataset of the Hugging Face hub, or a folder that its package reads."""

    name = "hfds"
    written = f"a Hugging Face dataset as {PREFIX}NAME"

    def recognise(self, spec: str, *, asked: bool) -> Recognised | None:
        """Recognise what begins with ``hfds/``."""
        if not spec.startswith(PREFIX):
            return None
        return Recognised("a Hugging Face dataset", Sure.WRITTEN)

    def open(self, spec: str, how: Opening) -> Target:
        """Load a split and check its images."""
        return checked(open_hfds(spec, offline=how.offline))

    def meant(self, spec: str) -> str | None:
        """Say how a name or an address of the hub is written."""
        match = _HUB.match(spec)
        if match:
            return f"A dataset of the Hugging Face hub is given as {PREFIX}{match['name']}."
        if _HUB_NAME.fullmatch(spec):
            return f"If {spec} is a dataset of the hub, write {PREFIX}{spec}."
        return None


class Rows(Protocol):
    """A reader of timm's: an open file and a label for each row."""

    def __getitem__(self, index: int, /) -> Any:
        """The row of an index."""
        ...


@dataclass(frozen=True)
class RowSource(ImageSource):
    """An image in one row of a dataset."""

    reader: Rows
    index: int

    def open(self) -> BinaryIO:
        """Open the stored bytes, not decoded."""
        return cast("BinaryIO", self.reader[self.index][0])

    def __str__(self) -> str:
        return f"hfds:{self.index}"


def open_hfds(spec: str, *, offline: bool = False) -> Target:
    """Read ``hfds/NAME`` or ``hfds/NAME:SPLIT``; the split is ``train`` if none is given.

    NAME is a dataset of the hub or a local folder that the ``datasets`` package can load. Classes
    keep the order of the dataset; those without an image in the split are left out. Offline,
    only what is in the local cache is found, and what is not fails at once.

    Raises:
        DataError: it cannot be loaded, or has no image and class columns.
        MissingExtraError: ``datasets`` is not installed.
    """
    match = _SPEC.fullmatch(spec.removeprefix(PREFIX))
    if match is None or not match["name"]:
        raise DataError(
            f"{spec!r}: no dataset is named.", hint="Write hfds/NAME or hfds/NAME:SPLIT."
        )
    with _requests(spec, allowed=not offline):
        loaded = _load(spec, match["name"], match["split"] or "train")
    return _as_target(spec, loaded)


@contextmanager
def _requests(spec: str, *, allowed: bool) -> Iterator[None]:
    """Forbid requests for a while: datasets would try for half a minute on a dead network."""
    try:
        from datasets import config
    except ImportError as error:
        raise MissingExtraError(f"Reading {spec}", "datasets") from error
    before = config.HF_HUB_OFFLINE
    config.HF_HUB_OFFLINE = before or not allowed
    try:
        yield
    finally:
        config.HF_HUB_OFFLINE = before


class _Loaded(NamedTuple):
    """A split: timm's reader of it, the column of its labels, and the names of the classes."""

    reader: Rows
    labels: list[int | None]
    names: list[str]


def _load(spec: str, name: str, split: str) -> _Loaded:
    from datasets import ClassLabel, Image, load_dataset

    # Not before: without the package, timm's module prints to stdout as it fails.
    from timm.data.readers.reader_hfds import ReaderHfds

    try:
        features = load_dataset(name, split=split).features
    except Exception as error:  # the hub, the cache and the file readers each have their own
        raise DataError(
            f"{spec}: cannot be loaded: {' '.join(str(error).split()).rstrip('.')}.",
            hint=_step(name, str(error)),
        ) from error
    _refuse_parts_together(spec, name)
    image = _column(spec, features, "image", Image)
    label = _column(spec, features, "label", ClassLabel)
    # The second load finds the data cached; the reader has to be told the columns beforehand.
    reader = ReaderHfds(name, split=split, input_key=image, target_key=label)
    labels = reader.dataset.select_columns([label])[:][label]
    return _Loaded(reader, labels, features[label].names)


def _step(name: str, error: str) -> str:
    """Say what to do about a dataset that cannot be loaded."""
    if "save_to_disk" in error:
        return "Write it to a folder with Dataset.to_parquet, and give hfds/FOLDER."
    if Path(name).is_file():
        return f"Give the folder of the files: {PREFIX}{Path(name).parent}."
    *parts, last = name.split("/")
    if is_split_word(last) and parts and not Path(name).exists():
        return f"A split follows a colon: {PREFIX}{'/'.join(parts)}:{last}."
    return "Check the name, the split and the connection, or load it once while online."


def _refuse_parts_together(spec: str, name: str) -> None:
    """Refuse a local folder whose test images would be read together with the training images.

    The package knows fewer names of parts than people use, and takes the rest for one split.
    """
    from datasets import get_dataset_split_names

    if not Path(name).is_dir():
        return
    training, held_out = training_and_held_out(Path(name))
    if training and held_out and len(get_dataset_split_names(name)) == 1:
        raise DataError(
            f"{spec}: the package datasets takes {training.name}/ and {held_out[0].name}/ for one "
            "split, and would read both.",
            hint=f"Give --data {training} without {PREFIX}, or rename the folders to train and "
            "test.",
        )


def _column(spec: str, features: Any, usual: str, kind: type) -> str:
    """Find the column of a kind: the one with the usual name, or else the only one."""
    found = [name for name, feature in features.items() if isinstance(feature, kind)]
    if usual in found:
        return usual
    if len(found) == 1:
        return str(found[0])
    columns = ", ".join(f"{name} ({type(feature).__name__})" for name, feature in features.items())
    raise DataError(
        f"{spec}: {len(found) or 'no'} columns of type {kind.__name__}, and none named {usual!r}. "
        f"Columns found: {columns}.",
        hint="Export the split to class folders or to a CSV, and give that.",
    )


def _as_target(spec: str, loaded: _Loaded) -> Target:
    labels = _all_labelled(spec, loaded.labels)
    used = sorted(set(labels))
    index = {label: place for place, label in enumerate(used)}
    classes = tuple(loaded.names[label] for label in used)
    require_two_classes(spec, classes)
    items = tuple(
        Item(f"hfds:{row}", index[label], RowSource(loaded.reader, row))
        for row, label in enumerate(labels)
    )
    counts = Counter(item.label for item in items)
    sizes = {name: counts[place] for place, name in enumerate(classes)}
    return Target(spec, classes, items, tuple(label_notices(sizes)))


def _all_labelled(spec: str, labels: list[int | None]) -> list[int]:
    labelled = [label for label in labels if label is not None and label >= 0]
    if len(labelled) < max(1, len(labels)):
        raise DataError(
            f"{spec}: {len(labelled)} of {len(labels)} rows have a label.",
            hint="Choose a split in which every image has one: hfds/NAME:SPLIT.",
        )
    return labelled
