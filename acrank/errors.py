"""The errors that acrank raises on purpose, and the exit codes they end a command with."""

from enum import IntEnum


class ExitCode(IntEnum):
    """Exit codes, the same for every command."""

    OK = 0
    GATE_FAILED = 1
    USAGE = 2
    SOME_FAILED = 3
    NOTHING_SCORED = 4
    INTERNAL = 70
    INTERRUPTED = 130


class AcrankError(Exception):
    """Root of every error that acrank raises on purpose.

    Args:
        message: what is wrong and where; it names the offending input.
        hint: how to fix it.
    """

    exit_code = ExitCode.USAGE

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message} {self.hint}" if self.hint else self.message


class ConfigError(AcrankError):
    """A setting of the run is wrong."""


class DataError(AcrankError):
    """The target dataset cannot be used as it is."""


class ZooError(AcrankError):
    """The list of candidate models is wrong."""


class ModelError(AcrankError):
    """One candidate cannot be scored: its row keeps the reason and the run goes on."""


class NoNormError(ModelError):
    """AC-Corr is not defined on this network; other scores may be."""


class NotScoredError(ModelError):
    """The one model that a command is about cannot be scored."""

    exit_code = ExitCode.NOTHING_SCORED


class ExportError(AcrankError):
    """A finished network cannot be written in another format; the network itself is there."""

    exit_code = ExitCode.SOME_FAILED


class MetricError(AcrankError, ValueError):
    """The arrays are invalid for this metric."""


class MissingExtraError(AcrankError):
    """An optional package is needed.

    Args:
        what: the feature that needs it.
        extra: the extra of this package that installs it.
    """

    def __init__(self, what: str, extra: str) -> None:
        super().__init__(
            f"{what} needs an optional package.",
            hint=f"Install it with: pip install 'acrank[{extra}]'",
        )


class ExpectationError(AcrankError):
    """The learned weights of the expected accuracy that acrank ships cannot be read."""


class PriorsError(AcrankError):
    """The published numbers that acrank ships cannot be read."""
