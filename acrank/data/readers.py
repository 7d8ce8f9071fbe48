"""``open_target``: from what the user gave to a checked dataset."""

import re
from dataclasses import replace

from acrank.data.checks import check_images, in_two_classes
from acrank.data.folders.foreign import kind_of_file
from acrank.data.sources.class_folders import open_folder
from acrank.data.sources.demo import open_demo
from acrank.data.sources.hub import PREFIX, open_hfds
from acrank.data.sources.table import open_csv
from acrank.data.target import Target
from acrank.errors import DataError
from acrank.utils.paths import user_path

_ACCEPTED = (
    "Give a folder of class folders, a CSV file with the columns path,label, "
    "a Hugging Face dataset as hfds/NAME, or the word demo."
)
# How people write a dataset of the hub.
_HUB = re.compile(
    r"(?:https?://huggingface\.co/datasets/|hf://datasets/|hf-hub:|hfds:|hf:)(?P<name>[^\s?#]+)"
)
_HUB_NAME = re.compile(r"[\w.-]+/[\w.-]+")


def open_target(spec: str, *, offline: bool = False) -> Target:
    """Open a target dataset and check each of its images.

    Args:
        spec: a folder of class folders (optionally under ``train/``), a CSV file (``path,label``),
            ``hfds/NAME`` or ``hfds/NAME:SPLIT``, or ``demo``.
        offline: make no request; of use for ``hfds/`` alone.

    Raises:
        DataError: the data are missing, ill-formed or damaged.
        MissingExtraError: ``hfds/`` without the package for it.
    """
    target = _read(spec, offline)
    check_images(target.name, target.items)
    copies = in_two_classes(target.items, target.classes)
    return replace(target, warnings=(*target.warnings, *copies))


def _read(spec: str, offline: bool) -> Target:
    if spec == "demo":
        return open_demo()
    if spec.startswith(PREFIX):
        return open_hfds(spec, offline=offline)
    path = user_path(spec)
    if not spec.strip() or not path.exists():
        raise DataError(f"{spec!r}: no such file or folder.", hint=_meant(spec))
    if path.is_dir():
        return open_folder(path)
    if path.suffix.lower() == ".csv":
        return open_csv(path)
    kind = kind_of_file(path)
    if kind is not None:
        raise DataError(
            f"{spec}: neither a folder nor a .csv file: {kind.what} are not read.", hint=kind.step
        )
    raise DataError(f"{spec}: neither a folder nor a .csv file.", hint=_ACCEPTED)


def _meant(spec: str) -> str:
    """What is accepted; for a name of the hub, how it is written."""
    match = _HUB.match(spec)
    if match:
        return f"A dataset of the Hugging Face hub is given as {PREFIX}{match['name']}."
    if _HUB_NAME.fullmatch(spec):
        return f"{_ACCEPTED} If {spec} is a dataset of the hub, write {PREFIX}{spec}."
    return _ACCEPTED
