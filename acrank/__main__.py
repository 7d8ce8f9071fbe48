"""``python -m acrank``."""

import os
import sys


def _leave_working_folder() -> None:
    """Take the working folder off the import path, where ``python -m`` has put it first.

    It holds somebody's data: a ``torch.py`` in it is not to run. A checkout of acrank stays, for
    else there would be nothing to run.
    """
    package = os.path.dirname(os.path.realpath(__file__))  # noqa: PTH120 - no import before
    try:
        here = os.path.realpath(os.getcwd())  # noqa: PTH109
    except OSError:  # the folder has been removed
        return
    first = sys.path[0] if sys.path else ""
    if os.path.realpath(first) == here and os.path.dirname(package) != here:  # noqa: PTH120
        del sys.path[0]


if __name__ == "__main__":  # worker processes import it under another name
    if not sys.flags.safe_path:
        _leave_working_folder()
    from acrank.cli import main

    main()
