"""The Python forms of ``acrank choose``, ``acrank score`` and ``acrank finetune``."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from acrank.config import make_config
from acrank.finetuning.config import make_finetune_config
from acrank.finetuning.result import Finetuned
from acrank.finetuning.run import finetune as run_finetuning
from acrank.race.config import make_choose_config
from acrank.race.result import Choice
from acrank.race.run import choose as run_choice
from acrank.results import Ranking
from acrank.runners.callbacks import Callback, all_callbacks
from acrank.runners.from_features import rank_from_features
from acrank.runners.rank import rank_zoo


def rank(
    data: str | Path,
    zoo: str | Path | None = None,
    *,
    features: str | Path | None = None,
    callbacks: Sequence[Callback | str] = (),
    listener: Callback | None = None,
    **settings: Any,
) -> Ranking:
    """Rank pretrained backbones by how well they would fine-tune on a target dataset.

    Args:
        data: a folder of class folders, a CSV file (``path,label``), ``hfds/NAME`` or ``demo``.
        zoo: a zoo file, ``demo``, or None for the packaged zoo (or, with ``models``, timm).
        features: folder to write every model's features into, for :func:`rank_features`.
        callbacks: follow the run: objects of :class:`acrank.Callback`, or names of installed
            ones. Nothing is printed without one.
        listener: one more callback, by the name that this argument had before.
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
    callback = all_callbacks(listener, *callbacks)
    return rank_zoo(make_config(given), callback, None if features is None else Path(features))


def rank_features(
    folder: str | Path,
    *,
    callbacks: Sequence[Callback | str] = (),
    listener: Callback | None = None,
    **settings: Any,
) -> Ranking:
    """Rank the features that a run has written, without images and networks.

    Args:
        folder: written by :func:`rank` or by ``acrank score --features``.
        callbacks: follow the run, as in :func:`rank`.
        listener: one more callback, by the name that this argument had before.
        **settings: ``models``, ``metrics``, ``rank_by``, ``bootstrap`` and ``seed``, as in
            :class:`acrank.RunConfig`.

    Raises:
        AcrankError: a setting or the folder cannot be used.
    """
    return rank_from_features(
        Path(folder),
        make_config({"data": str(folder), **settings}),
        all_callbacks(listener, *callbacks),
    )


def finetune(
    data: str | Path,
    model: str,
    output: str | Path,
    zoo: str | Path | None = None,
    *,
    fresh: bool = False,
    **settings: Any,
) -> Finetuned:
    """Fine-tune a backbone on a target dataset, by AC-Norm or one of its peers.

    Args:
        data: training images, as for :func:`rank`.
        model: its name in the zoo; without a zoo that of timm, ``hf-hub:`` or ``local-dir:``.
        output: folder for the result; an interrupted fine-tuning in it is resumed.
        zoo: a zoo file, ``demo`` or ``default``; None for timm.
        fresh: start again from the first epoch and replace what is in the folder.
        **settings: ``method`` and further fields of
            :class:`acrank.finetuning.config.FinetuneConfig`.

    Returns:
        The measures of the best epoch, and the folder that timm loads as ``local-dir:``.

    Raises:
        NotScoredError: the backbone cannot be fine-tuned in this way; gives the reason.
        AcrankError: a setting or the data cannot be used.
    """
    given = {"data": str(data), "model": model, **settings}
    if zoo is not None:
        given["zoo"] = str(zoo)
    return run_finetuning(make_finetune_config(given), Path(output), fresh=fresh)


def choose(
    data: str | Path,
    output: str | Path,
    zoo: str | Path | None = None,
    *,
    budget: float | str | None = None,
    fresh: bool = False,
    callbacks: Sequence[Callback | str] = (),
    **settings: Any,
) -> Choice:
    """Choose a backbone by racing the best candidates, and leave the fine-tuned winner.

    Args:
        data: training images, as for :func:`rank`; with a part test/ or val/, that judges.
        output: folder for the network, ``choice.json`` and ``choice.html``; a choice that was
            stopped in it goes on.
        zoo: a zoo file, ``demo``, or None for the packaged zoo (or, with ``models``, timm).
        budget: time for everything, in seconds or as text such as ``2h``; None for no limit.
        fresh: start again and replace what is in the folder.
        callbacks: follow the ranking, as in :func:`rank`.
        **settings: further fields of :class:`acrank.race.config.ChooseConfig`.

    Returns:
        The choice; ``choice.folder`` loads in timm as ``local-dir:``.

    Raises:
        NotScoredError: no candidate could be scored or fine-tuned.
        AcrankError: a setting, the zoo or the data cannot be used, or the budget is too short.
    """
    from acrank.report.builders.choice import write_choice

    given = {"data": str(data), "budget": budget, **settings}
    if zoo is not None:
        given["zoo"] = str(zoo)
    given = {name: value for name, value in given.items() if value is not None}
    callback = all_callbacks(*callbacks)
    done = run_choice(make_choose_config(given), Path(output), fresh=fresh, callback=callback)
    for note in write_choice(done):
        callback.message(note)
    return done
