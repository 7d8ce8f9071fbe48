"""Read the rules of a gate from options and the ``gate:`` section of a YAML file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from acrank.config import read_run_file
from acrank.errors import ConfigError
from acrank.gate.rules import Policy
from acrank.utils.settings import read_settings, validated

SECTION = "gate"


def read_policy(settings: dict[str, Any], file: Path | None = None) -> Policy:
    """Read the rules of a gate.

    Args:
        settings: fields of :class:`Policy` that were given; they win over those of the file.
        file: YAML; its ``gate:`` section has fields of :class:`Policy`.

    Raises:
        ConfigError: a field is unknown or wrong, or the file unreadable.
    """
    return validated(Policy, {**(_section(file) if file else {}), **settings}, file)


def _section(file: Path) -> dict[str, Any]:
    """Read the rules of a file; what in it would ask for nothing by mistake is refused."""
    for name in read_settings(file):
        if name in Policy.model_fields:
            raise ConfigError(
                f"'{name}' is a rule of the gate, but stands outside the gate section of '{file}'.",
                hint=f"Put it under {SECTION}: with two spaces before it.",
            )
    stored = read_run_file(file)
    section = stored.get(SECTION)
    if SECTION in stored and not section:
        raise ConfigError(
            f"The {SECTION}: section of '{file}' is empty.",
            hint="Put rules under it, such as max_regret: 0.1, or take it out.",
        )
    if section is not None and not isinstance(section, dict):
        raise ConfigError(
            f"The {SECTION}: section of '{file}' must hold rules and values.",
            hint="For example: max_regret: 0.1",
        )
    for name, value in (section or {}).items():
        if value is None:
            raise ConfigError(
                f"Rule '{name}' of '{file}' has no value, so it would not be checked.",
                hint="Give it one, or take it out.",
            )
    return section or {}
