"""``open_target``: from what the user gave to a checked dataset."""

from acrank.common.files import expanded
from acrank.data.checks import check_images
from acrank.data.demo import open_demo
from acrank.data.folder import open_folder
from acrank.data.hub import PREFIX, open_hfds
from acrank.data.table import open_csv
from acrank.data.target import Target
from acrank.errors import DataError

_ACCEPTED = (
    "Give a folder of class folders, a CSV file with the columns path,label, "
    "a Hugging Face dataset as hfds/NAME, or the word demo."
)


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
    return target


def _read(spec: str, offline: bool) -> Target:
    if spec == "demo":
        return open_demo()
    if spec.startswith(PREFIX):
        return open_hfds(spec, offline=offline)
    path = expanded(spec)
    if not spec.strip() or not path.exists():
        raise DataError(f"{spec!r}: no such file or folder.", hint=_ACCEPTED)
    if path.is_dir():
        return open_folder(path)
    if path.suffix.lower() == ".csv":
        return open_csv(path)
    raise DataError(f"{spec}: neither a folder nor a .csv file.", hint=_ACCEPTED)
