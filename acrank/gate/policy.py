"""What a gate asks of a backbone, from options or the ``gate:`` section of a YAML file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import Field, field_validator, model_validator

from acrank.config import read_run_file
from acrank.errors import ConfigError
from acrank.metrics.guards import GUARDS
from acrank.utils.described import Setting
from acrank.utils.licences import split_licenses
from acrank.utils.settings import Settings, read_settings, validated

SECTION = "gate"
RULES = "Rules"  # title of their options in the help


class Policy(Settings):
    """Rules of a gate; one that is None is not asked for."""

    require: Annotated[
        str | None,
        Field(min_length=1),
        Setting("Backbone to judge.", RULES, metavar="NAME", default="the best within the limits"),
    ] = None
    top_k: Annotated[
        int | None,
        Field(ge=1),
        Setting(
            "The backbone is among the first K, or cannot be told apart from one of them.",
            RULES,
            metavar="K",
            default="1 where a backbone is required and no other rule is given",
        ),
    ] = None
    fail_under: Annotated[
        float | None,
        Field(allow_inf_nan=False),
        Setting("The score is at least X; at most X for a metric of which lower is better.", RULES),
    ] = None
    max_regret: Annotated[
        float | None,
        Field(ge=0, allow_inf_nan=False),
        Setting("The score is at most X below the best.", RULES),
    ] = None
    baseline: Annotated[
        Path | None,
        Setting("The score has not dropped since this earlier run (acrank score --json).", RULES),
    ] = None
    max_drop: Annotated[
        float | None,
        Field(ge=0, allow_inf_nan=False),
        Setting(
            "The score is at most X below that of the baseline.",
            RULES,
            default="0 where a baseline is given",
        ),
    ] = None
    min_margin: Annotated[
        float | None,
        Field(ge=0, allow_inf_nan=False),
        Setting("The backbone is first, and its score X above the next.", RULES),
    ] = None
    max_params: Annotated[
        float | None,
        Field(gt=0, allow_inf_nan=False),
        Setting("Millions of parameters at most; larger models are no candidates.", RULES),
    ] = None
    license: Annotated[
        tuple[str, ...],
        Setting(
            "Accepted licences: permissive, or SPDX names and wildcards; models under others are "
            "no candidates; repeatable.",
            RULES,
            metavar="NAME",
        ),
    ] = ()
    allow_different: Annotated[
        bool, Setting("Compare with a baseline of other data or settings.", RULES)
    ] = False
    allow_failed: Annotated[
        bool,
        Setting("Judge although models failed, any of which might have been better.", RULES),
    ] = False
    allow_guard: Annotated[
        tuple[str, ...],
        Setting("Guard that may speak against the score; repeatable.", RULES, metavar="NAME"),
    ] = ()

    @field_validator("license", "allow_guard", mode="before")
    @classmethod
    def _several(cls, value: object) -> object:
        values = [value] if isinstance(value, str) else value
        if not isinstance(values, list | tuple):
            return value
        return [part for text in values for part in split_licenses(str(text))]

    @field_validator("license", mode="after")
    @classmethod
    def _names_some(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if not value:  # of a variable that is not set: every licence would do
            raise ValueError("it names no licence")
        return value

    @field_validator("allow_guard")
    @classmethod
    def _are_guards(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for name in value:
            if name not in GUARDS:
                raise ValueError(f"there is no guard {name!r}; there are {', '.join(GUARDS)}")
        return value

    @model_validator(mode="after")
    def _go_together(self) -> Self:
        if self.baseline is None and (self.max_drop is not None or self.allow_different):
            raise ValueError("max_drop and allow_different are for a baseline")
        if self.top_k is not None and self.require is None:
            raise ValueError("top_k is for a backbone that is required; the chosen one is first")
        return self

    @property
    def places(self) -> int | None:
        """Among how many first the backbone must be."""
        if self.top_k is None and self.require is not None and not self.has_rules:
            return 1
        return self.top_k

    @property
    def has_rules(self) -> bool:
        """Whether anything is asked beyond which backbone is judged."""
        values = (self.top_k, self.fail_under, self.max_regret, self.baseline, self.min_margin)
        return any(v is not None for v in (*values, self.max_params)) or bool(self.license)


def read_policy(settings: dict[str, Any], file: Path | None = None) -> Policy:
    """The rules of a gate.

    Args:
        settings: fields of :class:`Policy` that were given; they win over those of the file.
        file: YAML; its ``gate:`` section has fields of :class:`Policy`.

    Raises:
        ConfigError: a field is unknown or wrong, or the file unreadable.
    """
    return validated(Policy, {**(_section(file) if file else {}), **settings}, file)


def _section(file: Path) -> dict[str, Any]:
    """The rules of a file; whatever in it asks for nothing by mistake is refused."""
    for name in read_settings(file):
        if name in Policy.model_fields:
            raise ConfigError(
                f"'{name}' is a rule of the gate, and stands outside its section in '{file}'.",
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
                f"Rule '{name}' of '{file}' has no value: it would not be asked.",
                hint="Give it one, or take it out.",
            )
    return section or {}
