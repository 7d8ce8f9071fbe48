"""Progress callbacks for a run."""

from __future__ import annotations

import difflib
import logging
from collections.abc import Iterable, Mapping

from acrank.errors import ConfigError
from acrank.results import ModelResult, Ranking
from acrank.utils.plugins import Registry
from acrank.utils.visible import typed_line

# Python prints warnings of a logger nobody has set up on stderr, a line each.
_LOGGER = logging.getLogger("acrank.callbacks")


class Callback:
    """Follows a run; a subclass overrides the methods it needs, the others do nothing.

    All methods are called in the process that was started, wherever the models run.
    """

    def message(self, text: str) -> None:
        """Take a sentence for the user."""

    def start(self, total: int) -> None:
        """Prepare for a number of models; with a budget, at the start of every round."""

    def begin(self, model: str) -> None:
        """Take the name of a model that starts."""

    def done(self, result: ModelResult) -> None:
        """Take the result of a model that has ended."""

    def ranked(self, ranking: Ranking) -> None:
        """Take the ranking at the end of the run, or that of an interrupted one."""


class Callbacks(Callback):
    """Several callbacks as one.

    One that raises costs a line and never the run: it is left out from then on. Objects with
    some of a callback's methods will do as well.

    Args:
        callbacks: in the order in which they are called; of several others too.
    """

    def __init__(self, callbacks: Iterable[Callback]) -> None:
        self.active = list(callbacks)

    def message(self, text: str) -> None:
        """Give every callback a sentence."""
        self._call("message", text)

    def start(self, total: int) -> None:
        """Tell every callback that models are about to run."""
        self._call("start", total)

    def begin(self, model: str) -> None:
        """Tell every callback that a model starts."""
        self._call("begin", model)

    def done(self, result: ModelResult) -> None:
        """Give every callback a result."""
        self._call("done", result)

    def ranked(self, ranking: Ranking) -> None:
        """Give every callback the ranking."""
        self._call("ranked", ranking)

    def _call(self, method: str, given: object) -> None:
        for callback in list(self.active):
            try:
                getattr(callback, method, lambda given: None)(given)
            except (Exception, SystemExit) as error:  # its code may raise anything
                self.active.remove(callback)
                name = type(callback).__name__
                self._complain(
                    f"The callback {name} is not called any more: {method} failed with "
                    f"{typed_line(error)}."
                )

    def _complain(self, line: str) -> None:
        if self.active:
            self.message(line)
        else:
            _LOGGER.warning("%s", line)


def _of_package(name: str, loaded: object) -> type[Callback]:
    """A class of callbacks of another package.

    Raises:
        TypeError: it is none.
    """
    if not (isinstance(loaded, type) and issubclass(loaded, Callback)):
        raise TypeError("it is not a class derived from acrank.Callback")
    return loaded


def _none() -> Mapping[str, type[Callback]]:
    return {}


# acrank has none that is chosen by name: all are of other packages.
CALLBACKS: Registry[type[Callback]] = Registry("acrank.callbacks", "callback", _none, _of_package)


def all_callbacks(*given: Callback | str | None) -> Callbacks:
    """The callbacks of a run as one.

    Args:
        *given: callbacks, or names of installed ones, which are made without arguments.

    Raises:
        ConfigError: there is none of such a name, or it cannot be made.
    """
    found = [one for one in dict.fromkeys(given) if one is not None]
    return Callbacks([_make(one) if isinstance(one, str) else one for one in found])


def _make(name: str) -> Callback:
    if name not in CALLBACKS:
        near = difflib.get_close_matches(name, CALLBACKS, n=1)
        known = f"Installed: {', '.join(CALLBACKS)}." if CALLBACKS else "None is installed."
        hint = f"Did you mean {near[0]}? " if near else ""
        raise ConfigError(f"There is no callback '{name}'.", hint=hint + known)
    try:
        return CALLBACKS[name]()
    except (Exception, SystemExit) as error:
        raise ConfigError(
            f"The callback '{name}' of {CALLBACKS.origin(name)} cannot start: {typed_line(error)}.",
            hint="Omit --callback, or mend what it needs.",
        ) from error
