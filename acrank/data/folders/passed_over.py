"""Say which files in a dataset's folders are not read."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from acrank.data.folders.walk import images_in

# Suffixes of two parts, which say together what a file is.
_DOUBLE = (".nii.gz", ".tar.gz", ".tar.bz2", ".tar.xz", ".svs.gz")
_SHOWN = 6
_EACH = 3


def suffix_of(path: Path) -> str:
    """A file's suffix in lower case, of both parts where it takes two; ``no suffix`` for none."""
    name = path.name.lower()
    double = next((suffix for suffix in _DOUBLE if name.endswith(suffix)), None)
    return double or Path(name).suffix or "no suffix"


def suffixes(paths: Iterable[Path]) -> str:
    """The suffixes of some files with their numbers, the most frequent first."""
    counts = Counter(map(suffix_of, paths)).most_common()
    shown = [f"{suffix} {count}" for suffix, count in counts[:_SHOWN]]
    return ", ".join(shown) + (", ..." if len(counts) > _SHOWN else "")


def passed_over(other: Mapping[str, Sequence[Path]]) -> list[str]:
    """Say which files are not read, by their suffixes.

    Args:
        other: the files of each class that have no image's suffix.
    """
    said = []
    left = {name: paths for name, paths in other.items() if paths}
    if len(left) <= _EACH:
        said += [
            f"{_files(len(paths))} of {name}/ {_were(len(paths))} skipped: {suffixes(paths)}."
            for name, paths in left.items()
        ]
    else:
        most = max(left, key=lambda name: len(left[name]))
        every = [path for paths in left.values() for path in paths]
        said.append(
            f"{_files(len(every))} of {len(left)} class folders {_were(len(every))} skipped: "
            f"{suffixes(every)}; most of them, {len(left[most])}, in {most}/."
        )
    return said


def beside_notice(folder: Path) -> list[str]:
    """Say that images lie beside the folders of a folder: they have no label.

    Args:
        folder: that holds the class folders, or the folder of these.
    """
    beside = images_in(folder)
    if not beside:
        return []
    return [
        f"{len(beside)} image(s) beside the class folders {_were(len(beside))} skipped, such as "
        f"{beside[0].name}: they have no label."
    ]


def _files(count: int) -> str:
    return f"{count} file{'s' if count != 1 else ''}"


def _were(count: int) -> str:
    return "were" if count != 1 else "was"
