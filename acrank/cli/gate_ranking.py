"""The ranking that ``acrank gate`` judges: of an earlier run, or of one that is scored now."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from acrank.errors import ConfigError
from acrank.utils.visible import visible

if TYPE_CHECKING:
    from acrank.results import Ranking


def ranking_to_judge(
    scores: Path | None,
    settings: dict[str, Any],
    file: Path | None,
    started: float,
    baseline: Path | None,
) -> Ranking:
    """Read an earlier run, or score the zoo.

    Args:
        scores: of the earlier run; None to score.
        settings: of the run to be.
        file: with more of them.
        started: when the command began, by :func:`time.perf_counter`.
        baseline: that the run is to be compared with; a precision of ``auto`` is that of it.

    Raises:
        AcrankError: a setting, a file, the zoo or the data cannot be used.
    """
    if scores:
        if settings:
            name = next(iter(settings)).replace("_", "-")
            raise ConfigError(
                f"--{name} has no meaning with --scores: the models are scored already.",
                hint="Leave one of them out.",
            )
        from acrank.config import read_run_file
        from acrank.results.file import read_ranking

        if file and "gate" not in read_run_file(file):
            typer.echo(
                f"note: {visible(str(file))} has no gate: section, and --scores needs nothing "
                "else of it: the rules are those of the command line",
                err=True,
            )
        return read_ranking(scores)
    from acrank.config import make_config
    from acrank.gate.precision import as_of_baseline
    from acrank.report.progress import ProgressListener
    from acrank.report.renderers.terminal import make_console
    from acrank.runners.rank import rank_zoo

    config, said = make_config(settings, file), ""
    if baseline is not None:  # what is wrong with it is found before anything is scored
        config, said = as_of_baseline(config, baseline)
    with ProgressListener(make_console(stderr=True)) as listener:
        if said:
            listener.message(said)
        return rank_zoo(config, listener, started=started)
