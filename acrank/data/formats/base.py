"""Define what a format of image files is."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

from acrank.data.images import ImageSource, Opening


class ImageFormat(ABC):
    """One format, or one family of formats with one reader.

    Attributes:
        name: of the format, as in "a DICOM file" without article and noun.
        suffixes: of its files, in lower case and with the dot.
    """

    name: ClassVar[str]
    suffixes: ClassVar[frozenset[str]]

    def claims(self, path: Path) -> bool:
        """Tell whether a file is of this format by its suffix, and by its first bytes if need be.

        Args:
            path: may lead to anything; it is opened only if it is a regular file.
        """
        return path.suffix.lower() in self.suffixes

    def require(self) -> None:
        """Say at once which optional package is missing.

        Raises:
            MissingExtraError: one is.
        """
        return

    @abstractmethod
    def source(self, path: Path, how: Opening) -> ImageSource:
        """Return the object that reads, checks and decodes a file of this format.

        Args:
            path: of the file.
            how: it is to be opened.
        """

    def notices(self, files: Sequence[Path]) -> list[str]:
        """Sentences on the files of a dataset that a user should know.

        Args:
            files: those of this format.
        """
        return []
