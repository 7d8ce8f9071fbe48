"""The Python form of ``acrank score``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from acrank.config import make_config
from acrank.listener import Listener
from acrank.results import Ranking
from acrank.run import run


def rank(
    data: str | Path,
    zoo: str | Path | None = None,
    *,
    listener: Listener | None = None,
    **settings: Any,
) -> Ranking:
    """Rank pretrained backbones by how well they would fine-tune on a target dataset.

    Args:
        data: a folder of class folders, a CSV file (``path,label``), ``hfds/NAME`` or ``demo``.
        zoo: a zoo file, ``demo``, or None for the packaged zoo (or, with ``models``, timm).
        listener: is told of the progress; nothing is printed without one.
        **settings: further fields of :class:`acrank.RunConfig`.

    Returns:
        The ranking, best model first; a model that failed has a row with its reason.

    Raises:
        AcrankError: a setting, the zoo or the data cannot be used; says what, where and how to
            mend it.
    """
    given = {"data": str(data), **settings}
    if zoo is not None:
        given["zoo"] = str(zoo)
    return run(make_config(given), listener)
