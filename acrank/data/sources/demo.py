"""Read the bundled dataset: 1797 handwritten digits that come with scikit-learn."""

import numpy as np

from acrank.data.images import Opening, PixelSource
from acrank.data.sources.base import DataSource, Recognised, Sure
from acrank.data.target import Item, Target

WORD = "demo"


class Demo(DataSource):
    """Handwritten digits as 8 x 8 greyscale images; nothing is downloaded."""

    name = WORD
    written = f"the word {WORD}"

    def recognise(self, spec: str, *, asked: bool) -> Recognised | None:
        """The word alone."""
        return Recognised("the embedded digits", Sure.WRITTEN) if spec == WORD else None

    def open(self, spec: str, how: Opening) -> Target:
        """Read the digits."""
        from sklearn.datasets import load_digits  # takes a second, and other data do not need it

        digits = load_digits()
        # the grey values run from 0 to 16
        images = np.rint(digits.images * (255 / 16)).astype(np.uint8)
        items = tuple(
            Item(f"digits:{index}", int(label), PixelSource(f"digits:{index}", images, index))
            for index, label in enumerate(digits.target)
        )
        return Target(WORD, tuple(str(name) for name in digits.target_names), items)
