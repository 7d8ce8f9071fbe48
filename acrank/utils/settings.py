"""Settings of users, from files and options, as the configuration that they are of."""

from __future__ import annotations

import difflib
import inspect
from collections.abc import Collection
from pathlib import Path
from typing import Any, TypeVar, get_args

from pydantic import BaseModel, ConfigDict, ValidationError, ValidationInfo, field_validator

from acrank.errors import ConfigError
from acrank.utils.described import described, help_text
from acrank.utils.visible import brief, visible
from acrank.utils.yaml_text import RefusedYamlError, parse, read_text

Fields = TypeVar("Fields", bound=BaseModel)


class Settings(BaseModel):
    """Base of every configuration; it refuses unknown fields, and truths where numbers go.

    ``True`` is 1 to Python: a ``top_k: yes`` would ask for the first place.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    @classmethod
    def __pydantic_init_subclass__(cls, **kwargs: Any) -> None:
        """List the described fields in the docstring."""
        super().__pydantic_init_subclass__(**kwargs)
        if cls.__doc__ and described(cls):
            listed = "\n".join(f"    {name}: {help_text(cls, name)}" for name in described(cls))
            cls.__doc__ = f"{inspect.cleandoc(cls.__doc__)}\n\nAttributes:\n{listed}\n"

    def usual_for(self, task: object) -> dict[str, Any]:
        """The usual values of a task that differ from settings that nobody has set, or to None."""
        settings = described(type(self)).items()
        usual = {name: one.usual(task) for name, one in settings if one.usual}
        given = {n for n in self.model_fields_set if getattr(self, n) is not None}
        free = {n: v for n, v in usual.items() if n not in given}
        return {name: value for name, value in free.items() if getattr(self, name) != value}

    @field_validator("*", mode="before")
    @classmethod
    def _is_no_switch(cls, value: object, info: ValidationInfo) -> object:
        parts = value if isinstance(value, list | tuple) else (value,)
        if any(isinstance(part, bool) for part in parts):
            annotation = cls.model_fields[str(info.field_name)].annotation
            if not _takes_truth(annotation):
                raise ValueError(
                    "it does not accept true or false (quote yes, no, on and off if they are names)"
                )
        return value


def _takes_truth(annotation: object) -> bool:
    return annotation in (bool, Any) or any(map(_takes_truth, get_args(annotation)))


def validated(fields: type[Fields], settings: dict[str, Any], file: Path | None = None) -> Fields:
    """Settings as the configuration that they are of.

    Args:
        fields: the model of the configuration.
        settings: by field.
        file: where some of them are from, for the message.

    Raises:
        ConfigError: a field is unknown or its value out of range.
    """
    try:
        return fields.model_validate(settings)
    except ValidationError as error:
        raise _explained(error, fields, file) from None


def read_settings(file: Path) -> dict[str, Any]:
    """Read the content of a configuration file, before any of it is validated.

    Args:
        file: YAML.

    Raises:
        ConfigError: it cannot be read, or holds no fields.
    """
    try:
        _, content = parse(read_text(file))
    except RefusedYamlError as error:
        where = "it is" if error.line is None else f"line {error.line}:"
        reason = visible(f"{where} {error.reason.rstrip('.')}")
        message = f"Configuration file '{file}' cannot be read: {brief(reason, 400)}."
        raise ConfigError(message, hint=error.hint) from None
    except OSError as error:
        reason = error.strerror or str(error)
        raise ConfigError(f"Configuration file '{file}' cannot be read: {reason}.") from None
    if not isinstance(content, dict):
        raise ConfigError(
            f"Configuration file '{file}' must hold fields and values.",
            hint="For example: samples: 128",
        )
    return content


def unknown_setting(name: str, known: Collection[str], where: str = "") -> ConfigError:
    """Make the error for an unknown setting, naming the one that was most likely meant.

    Args:
        name: as it was written.
        known: names that there are.
        where: it was written, to follow its name.
    """
    plain = name.lower().replace("-", "_")
    near = difflib.get_close_matches(plain, known, n=1, cutoff=0.7)
    meant = f"Did you mean '{near[0]}'? " if near else ""
    return ConfigError(
        f"Unknown setting '{brief(name)}'{where}.",
        hint=f"{meant}Known settings: {', '.join(known)}.",
    )


def _explained(error: ValidationError, fields: type[BaseModel], file: Path | None) -> ConfigError:
    """The first thing that is wrong with settings, in words."""
    where = f" (in '{file}' or on the command line)" if file else ""
    first = error.errors(include_url=False)[0]
    said = first["msg"].removeprefix("Value error, ")
    message = said[0].lower() + said[1:]
    if not first["loc"]:
        return ConfigError(f"The settings contradict each other{where}: {message}.")
    field = str(first["loc"][0])
    if first["type"] == "extra_forbidden":
        return unknown_setting(field, fields.model_fields, where)
    if first["type"] == "missing":
        return ConfigError(
            f"Setting '{field}' is missing{where}.", hint=f"Give --{field}; demo is always there."
        )
    return ConfigError(f"Setting '{field}' is {first['input']!r}{where}: {message}.")
